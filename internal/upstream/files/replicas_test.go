package files_test

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"

	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
)

// TestThreeReplicasFetchThreeTimesAtMost checks that of many clients of three processes, each gets the file, that every
// process asks once at most, and that one object is stored.
func TestThreeReplicasFetchThreeTimesAtMost(t *testing.T) {
	w := newWorld(t, files.Options{})
	replicas := []*world{w, w.replica(files.Options{}), w.replica(files.Options{})}
	p := content(5 << 20)
	f, r := w.file("p-1.0.tar.gz", p)
	r.piece = 50_000
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			o, err := replicas[i%3].files.Open(t.Context(), public, f)
			if err == nil {
				err = same(o, p)
			}
			if err != nil {
				t.Errorf("a client got %v", err)
			}
		})
	}
	all.Wait()
	for _, replica := range replicas {
		replica.settle()
	}
	if n := r.asked.Load(); n > 3 {
		t.Errorf("%d requests, want 3 at most", n)
	}
	if n := w.objects(); n != 1 {
		t.Errorf("%d objects, want 1", n)
	}
	if row := w.row(f); !row.Stored {
		t.Error("the file is not stored")
	}
}

// monitor knows nothing but a number of pages.
type monitor struct{}

func (monitor) Health(context.Context, upstream.Upstream) (upstream.Health, bool, error) {
	return upstream.Health{Pages: 7}, false, nil
}

// TestHealthCountsWhatIsKept checks that the files of one upstream, and the bytes of all, are added to its health.
func TestHealthCountsWhatIsKept(t *testing.T) {
	w := newWorld(t, files.Options{Limit: 1 << 20})
	f, _ := w.file("p-1.0.tar.gz", content(1000))
	w.must(w.files.Fetch(t.Context(), public, f))
	m := files.Measured{Of: monitor{}, Files: w.files}
	for u, want := range map[string]upstream.Health{
		"public": {Pages: 7, Files: 1, Bytes: 1000, Limit: 1 << 20},
		"other":  {Pages: 7, Bytes: 1000, Limit: 1 << 20},
	} {
		got, known, err := m.Health(t.Context(), upstream.Upstream{Name: u})
		if err != nil || got != want || known != (u == "public") {
			t.Errorf("Health(%s) = %+v, %v, %v, want %+v", u, got, known, err, want)
		}
	}
}

// TestAnObjectStore checks that files go to a store that is not a folder, are read from it with ranges, and that the
// metadata of a wheel is read from it.
func TestAnObjectStore(t *testing.T) {
	w := newWorld(t, files.Options{})
	w.files.Close()
	store, err := blobs.Open(t.Context(), "mem://", blobs.Options{})
	w.must(err)
	w.openOver(store, files.Options{})
	wheel := packagingtest.Wheel("p", "1.0", "content")
	f, r := w.file(wheel.Name, wheel.Bytes)
	for range 2 {
		got, _, err := w.read(f)
		if err != nil || !bytes.Equal(got, wheel.Bytes) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		w.settle()
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	o, err := w.files.Open(t.Context(), public, f)
	w.must(err)
	defer o.Close()
	if _, err := o.Blob.Seek(-10, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o.Blob); err != nil || !bytes.Equal(got, wheel.Bytes[len(wheel.Bytes)-10:]) {
		t.Errorf("the last ten bytes are %q, %v", got, err)
	}
	if b, _, err := w.metadata(f, false); err != nil || !bytes.Equal(b, wheel.Metadata) {
		t.Errorf("Metadata() = %q, %v", b, err)
	}
}
