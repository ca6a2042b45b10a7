package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
	"pyindex/internal/packaging/packagingtest"
)

func parsed(t *testing.T, f packagingtest.File) packaging.Filename {
	t.Helper()
	project, err := packaging.ParseProjectName(f.Project)
	if err != nil {
		t.Fatal(err)
	}
	name, err := packaging.ParseFilename(f.Name, project)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func digestsOf(t *testing.T, f packagingtest.File) archive.Digests {
	t.Helper()
	got, err := archive.ReadDigests(t.Context(), bytes.NewReader(f.Bytes), int64(len(f.Bytes)), parsed(t, f),
		archive.DefaultDigestLimits())
	if err != nil {
		t.Fatalf("ReadDigests(%s): %v", f.Name, err)
	}
	return got
}

func TestReadDigests(t *testing.T) {
	sum := sha256.Sum256([]byte("content"))
	for member, f := range map[string]packagingtest.File{
		"demo.py":          packagingtest.Wheel("demo", "1.0", "content"),
		"demo-1.0/demo.py": packagingtest.SDist("demo", "1.0", "content"),
	} {
		got := digestsOf(t, f)
		if got[member] != hex.EncodeToString(sum[:]) || len(got) < 3 {
			t.Errorf("ReadDigests(%s)[%s] = %q of %v, want %x", f.Name, member, got[member],
				slices.Sorted(maps.Keys(got)), sum)
		}
	}
}

// A wheel's RECORD is not verified, so the digests must be those of the content.
func TestDigestsAreOfTheContent(t *testing.T) {
	a, b := packagingtest.Wheel("demo", "1.0", "content A"), packagingtest.Wheel("demo", "1.0", "content A")
	b.Bytes = bytes.Replace(b.Bytes, []byte("content A"), []byte("content B"), 1) // and no other byte
	_, err := archive.ReadDigests(t.Context(), bytes.NewReader(b.Bytes), int64(len(b.Bytes)), parsed(t, b),
		archive.DefaultDigestLimits())
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("content with a wrong checksum: %v, want fault.Invalid", err)
	}
	if maps.Equal(digestsOf(t, a), digestsOf(t, packagingtest.Wheel("demo", "1.0", "content B"))) {
		t.Error("different content has equal digests")
	}
}

func TestReadDigestsWithinLimits(t *testing.T) {
	for _, f := range []packagingtest.File{
		packagingtest.Wheel("demo", "1.0", "content"), packagingtest.SDist("demo", "1.0", "content"),
	} {
		for name, change := range map[string]func(*archive.DigestLimits){
			"size":     func(l *archive.DigestLimits) { l.Size = int64(len(f.Bytes)) - 1 },
			"unpacked": func(l *archive.DigestLimits) { l.Unpacked = 20 },
			"members":  func(l *archive.DigestLimits) { l.Members = 2 },
		} {
			lim := archive.DefaultDigestLimits()
			change(&lim)
			got, err := archive.ReadDigests(t.Context(), bytes.NewReader(f.Bytes), int64(len(f.Bytes)), parsed(t, f), lim)
			if !fault.Is(err, fault.TooLarge) {
				t.Errorf("%s beyond %s: %v, %v, want fault.TooLarge", f.Name, name, got, err)
			}
		}
	}
}

type lostDisk struct{ io.ReadSeeker }

var errBroken = errors.New("the disk is gone")

func (lostDisk) Read([]byte) (int, error) { return 0, errBroken }

// An error of the store is not taken for a damaged archive.
func TestReadDigestsErrors(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, f := range []packagingtest.File{
		packagingtest.Wheel("demo", "1.0", "content"), packagingtest.SDist("demo", "1.0", "content"),
	} {
		r, size, lim := bytes.NewReader(f.Bytes), int64(len(f.Bytes)), archive.DefaultDigestLimits()
		if _, err := archive.ReadDigests(t.Context(), lostDisk{r}, size, parsed(t, f), lim); !errors.Is(err, errBroken) ||
			fault.KindOf(err) != fault.Internal {
			t.Errorf("%s from a broken store: %v, want %v", f.Name, err, errBroken)
		}
		if _, err := archive.ReadDigests(ended, r, size, parsed(t, f), lim); !errors.Is(err, context.Canceled) {
			t.Errorf("%s for nobody: %v, want %v", f.Name, err, context.Canceled)
		}
		short := bytes.NewReader(f.Bytes[:size/2])
		if _, err := archive.ReadDigests(t.Context(), short, size/2, parsed(t, f), lim); !fault.Is(err, fault.Invalid) {
			t.Errorf("half of %s: %v, want fault.Invalid", f.Name, err)
		}
	}
}

func TestClaimedDigests(t *testing.T) {
	claimed := func(f packagingtest.File) (archive.Digests, error) {
		return archive.ClaimedDigests(t.Context(), bytes.NewReader(f.Bytes), int64(len(f.Bytes)), parsed(t, f),
			archive.DefaultDigestLimits())
	}
	a, err := claimed(packagingtest.Wheel("demo", "1.0", "content A"))
	b, err2 := claimed(packagingtest.Wheel("demo", "1.0", "content B"))
	if err != nil || err2 != nil || a["demo.py"] == "" || a["demo.py"] == b["demo.py"] {
		t.Errorf("ClaimedDigests = %q, %v and %q, %v, want different ones", a["demo.py"], err, b["demo.py"], err2)
	}
	if _, err := claimed(packagingtest.SDist("demo", "1.0", "x")); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a source distribution claims something: %v", err)
	}
}

func FuzzReadDigests(f *testing.F) {
	wheel, sdist := packagingtest.Wheel("demo", "1.0", "x"), packagingtest.SDist("demo", "1.0", "x")
	f.Add(wheel.Bytes, true)
	f.Add(sdist.Bytes, false)
	project, err := packaging.ParseProjectName("demo")
	if err != nil {
		f.Fatal(err)
	}
	names := map[bool]packaging.Filename{}
	for wheeled, name := range map[bool]string{true: wheel.Name, false: sdist.Name} {
		if names[wheeled], err = packaging.ParseFilename(name, project); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, wheeled bool) {
		lim := archive.DigestLimits{Size: 1 << 20, Unpacked: 4 << 20, Members: 100, Record: 1 << 20}
		got, err := archive.ReadDigests(t.Context(), bytes.NewReader(b), int64(len(b)), names[wheeled], lim)
		if err == nil && len(got) > lim.Members {
			t.Errorf("%d members", len(got))
		}
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Errorf("an archive caused an internal error: %v", err)
		}
		if _, err := archive.ClaimedDigests(t.Context(), bytes.NewReader(b), int64(len(b)), names[wheeled],
			lim); err != nil &&
			fault.KindOf(err) == fault.Internal {
			t.Errorf("an archive caused an internal error: %v", err)
		}
	})
}
