package files_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/upstream/files"
)

// A file of another index is stored if it is what the page states, and then nobody is asked for it.
func TestImport(t *testing.T) {
	w := newWorld(t, files.Options{})
	p, wrong := content(1000), content(1001)[:1000]
	f, r := w.file("p-1.0.tar.gz", p)
	put := func(b []byte, digest string, size int) (bool, error) {
		return w.files.Import(t.Context(), public, f, digest, int64(size), bytes.NewReader(b))
	}
	for what, err := range map[string]error{
		"other content":        second(put(wrong, sum(p), 1000)),
		"too short":            second(put(p[:999], sum(p), 1000)),
		"too long":             second(put(append(bytes.Clone(p), 1), sum(p), 1000)),
		"not the stated file":  second(put(wrong, sum(wrong), 1000)),
		"not of the true size": second(put(p, sum(p), 999)),
	} {
		if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := w.objects(); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	if added, err := put(p, sum(p), 1000); !added || err != nil {
		t.Errorf("Import() = %v, %v", added, err)
	}
	if added, err := put(p, sum(p), 1000); added || err != nil {
		t.Errorf("Import() again = %v, %v", added, err)
	}
	got, o, err := w.read(f)
	if err != nil || !bytes.Equal(got, p) || !o.Stored || r.asked.Load() != 0 {
		t.Errorf("read %d bytes of %+v, %v; asked %d times", len(got), o, err, r.asked.Load())
	}
}

// The first digest of a file for which the upstream states none stays.
func TestImportOfAnUnstatedDigest(t *testing.T) {
	w := newWorld(t, files.Options{})
	p, other := content(1000), content(1001)
	f, _ := w.file("p-1.0.tar.gz", p)
	f.SHA256, f.Size = "", -1
	if added, err := w.files.Import(t.Context(), public, f, sum(p), 1000, bytes.NewReader(p)); !added || err != nil {
		t.Fatalf("Import() = %v, %v", added, err)
	}
	if row := w.row(f); row.SHA256 != sum(p) || !row.Found || row.Size != 1000 || !row.Stored {
		t.Errorf("the row is %+v", row)
	}
	_, err := w.files.Import(t.Context(), public, f, sum(other), 1001, bytes.NewReader(other))
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("Import() of other content: %v", err)
	}
}

// A file for which there is no room is refused.
func TestImportWithoutRoom(t *testing.T) {
	w := newWorld(t, files.Options{Limit: 999})
	p := content(1000)
	f, _ := w.file("p-1.0.tar.gz", p)
	_, err := w.files.Import(t.Context(), public, f, sum(p), 1000, bytes.NewReader(p))
	if !fault.Is(err, fault.TooLarge) {
		t.Errorf("Import() = %v", err)
	}
}

// Metadata and provenance are taken as far as the page states them; a newer provenance document stays.
func TestImportSiblings(t *testing.T) {
	w := newWorld(t, files.Options{})
	ctx := t.Context()
	f, _ := w.file("p-1.0-py3-none-any.whl", content(1000))
	right := []byte("Name: p\n")
	if err := w.files.ImportMetadata(ctx, public, f, right); !fault.Is(err, fault.Conflict) {
		t.Errorf("metadata that is not stated: %v", err)
	}
	f.Metadata, f.MetadataSHA256 = true, sum(right)
	if err := w.files.ImportMetadata(ctx, public, f, []byte("Name: q\n")); !fault.Is(err, fault.Conflict) {
		t.Errorf("other metadata: %v", err)
	}
	w.must(w.files.ImportMetadata(ctx, public, f, right))
	if b, _, err := w.files.Metadata(ctx, public, f, false); err != nil || !bytes.Equal(b, right) {
		t.Errorf("Metadata() = %q, %v", b, err)
	}
	if err := w.files.ImportProvenance(ctx, public, f, []byte("{}"), w.clock()); !fault.Is(err, fault.Conflict) {
		t.Errorf("provenance that is not stated: %v", err)
	}
	f.Provenance = f.URL + ".provenance"
	err := errors.Join(
		w.files.ImportProvenance(ctx, public, f, []byte(`{"n":2}`), w.clock().Add(-time.Hour)),
		w.files.ImportProvenance(ctx, public, f, []byte(`{"n":1}`), w.clock().Add(-2*time.Hour)),
	)
	w.must(err)
	if b, err := w.files.Provenance(ctx, public, f, false); err != nil || string(b) != `{"n":2}` {
		t.Errorf("Provenance() = %q, %v", b, err)
	}
}

func second(_ bool, err error) error { return err }
