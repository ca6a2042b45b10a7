package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"sync"
	"testing"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// Blobs checks the guarantees of custody.Blobs. open creates a store and opens it twice, as two processes would. A
// store that can be opened only once is returned twice.
func Blobs(t *testing.T, open func(t *testing.T) (custody.Blobs, custody.Blobs)) {
	for name, check := range map[string]func(*testing.T, custody.Blobs, custody.Blobs){
		"stage":   checkStage,
		"keep":    checkKeep,
		"put":     checkPutBytes,
		"delete":  checkDelete,
		"missing": checkMissing,
		"keys":    checkKeys,
		"seek":    checkSeek,
		"sweep":   checkSweep,
		"race":    checkKeepRace,
		"large":   checkLarge,
		"replace": checkReplace,
		"size":    checkSize,
		"each":    checkEach,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t)
			check(t, a, b)
		})
	}
}

func staged(t *testing.T, b custody.Blobs, p []byte) custody.Stage {
	t.Helper()
	s, err := b.Stage(t.Context())
	if err != nil {
		t.Fatalf("Stage() = %v", err)
	}
	t.Cleanup(func() { s.Discard() })
	if n, err := s.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write(%d bytes) = %d, %v", len(p), n, err)
	}
	return s
}

func stored(t *testing.T, b custody.Blobs, key string, p []byte) {
	t.Helper()
	r, size, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("Open(%s) = %v", key, err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || size != int64(len(p)) || !bytes.Equal(got, p) {
		t.Errorf("Open(%s) = %d bytes of %d, %v, want the %d that were kept", key, len(got), size, err, len(p))
	}
}

func absent(t *testing.T, b custody.Blobs, key string) {
	t.Helper()
	r, _, err := b.Open(t.Context(), key)
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("Open(%s) = %v, want not found", key, err)
	}
	if err == nil {
		r.Close()
	}
}

func checkStage(t *testing.T, a, _ custody.Blobs) {
	s := staged(t, a, []byte("hello, "))
	if _, err := s.Write([]byte("world")); err != nil || s.Size() != 12 {
		t.Errorf("Write() = %v with size %d, want nil and 12", err, s.Size())
	}
	p := make([]byte, 5)
	if n, err := s.ReadAt(p, 7); n != 5 || string(p) != "world" || (err != nil && !errors.Is(err, io.EOF)) {
		t.Errorf("ReadAt(7) = %d, %v with %q, want world", n, err, p)
	}
	for range 2 {
		if err := s.Discard(); err != nil {
			t.Errorf("Discard() = %v, want nil each time", err)
		}
	}
	if _, err := s.Write([]byte("x")); err == nil {
		t.Error("Write(after Discard) = nil, want an error")
	}
}

func checkKeep(t *testing.T, a, b custody.Blobs) {
	p := []byte("some bytes")
	key := custody.FileKey(digest(string(p)))
	s := staged(t, a, p)
	absent(t, a, key)
	for range 2 { // the second time, the key exists
		if err := a.Keep(t.Context(), key, s); err != nil {
			t.Fatalf("Keep() = %v", err)
		}
		stored(t, a, key, p)
		stored(t, b, key, p)
	}
	if err := s.Discard(); err != nil {
		t.Errorf("Discard(after Keep) = %v", err)
	}
	if err := b.Keep(t.Context(), key, staged(t, b, p)); err != nil {
		t.Errorf("Keep(existing key) = %v, want nil", err)
	}
	stored(t, a, key, p)
	absent(t, a, custody.MetadataKey(digest(string(p))))
}

func checkPutBytes(t *testing.T, a, b custody.Blobs) {
	for _, p := range []string{"Metadata-Version: 2.4\n", ""} {
		key := custody.MetadataKey(digest(p))
		for range 2 {
			if err := a.Put(t.Context(), key, []byte(p)); err != nil {
				t.Fatalf("Put(%q) = %v", p, err)
			}
		}
		stored(t, b, key, []byte(p))
	}
}

func checkDelete(t *testing.T, a, b custody.Blobs) {
	one, two := custody.FileKey(digest("1")), custody.FileKey(digest("2"))
	for _, key := range []string{one, two} {
		if err := a.Put(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := b.Delete(t.Context(), one); err != nil {
			t.Errorf("Delete() = %v, want nil also for what is gone", err)
		}
	}
	absent(t, a, one)
	stored(t, a, two, []byte(two))
	if err := a.Put(t.Context(), one, []byte("back")); err != nil {
		t.Errorf("Put(deleted key) = %v", err)
	}
	stored(t, b, one, []byte("back"))
}

func checkMissing(t *testing.T, a, _ custody.Blobs) {
	absent(t, a, custody.FileKey(digest("nothing")))
	if err := a.Delete(t.Context(), custody.FileKey(digest("nothing"))); err != nil {
		t.Errorf("Delete(nothing) = %v, want nil", err)
	}
}

// checkKeys checks that other keys than those of the catalog are rejected.
func checkKeys(t *testing.T, a, _ custody.Blobs) {
	sum := digest("x")
	for _, key := range []string{
		"", "/", "files", "files/", "files/" + sum, "files/" + sum[:2] + "/" + sum + "/", "/files/" + sum[:2] + "/" + sum,
		"files/zz/" + sum, "files/" + sum[:2] + "/" + sum[:63], "other/" + sum[:2] + "/" + sum, "files/../" + sum,
		"../files/" + sum[:2] + "/" + sum, ".stage/" + sum[:2] + "/" + sum, "files/" + sum[:2] + "/" + sum + "\n",
		"files/" + sum[:2] + "\\" + sum, "FILES/" + sum[:2] + "/" + sum, "files/" + sum[:2] + "/" + sum + ".attrs",
	} {
		errs := []error{
			a.Put(t.Context(), key, []byte("x")), a.Keep(t.Context(), key, staged(t, a, []byte("x"))),
			a.Delete(t.Context(), key),
		}
		_, _, err := a.Open(t.Context(), key)
		for _, err := range append(errs, err) {
			if err == nil {
				t.Errorf("key %q was taken, want an error from Put, Keep, Delete and Open", key)
			}
		}
	}
}

func checkSeek(t *testing.T, a, _ custody.Blobs) {
	key := custody.FileKey(digest("seek"))
	if err := a.Put(t.Context(), key, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	r, _, err := a.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, row := range []struct {
		offset int64
		whence int
		want   string
	}{
		{0, io.SeekEnd, ""},
		{0, io.SeekStart, "012"},
		{4, io.SeekCurrent, "789"},
		{-3, io.SeekEnd, "789"},
		{2, io.SeekStart, "234"},
	} {
		if _, err := r.Seek(row.offset, row.whence); err != nil {
			t.Fatalf("Seek(%d, %d) = %v", row.offset, row.whence, err)
		}
		p := make([]byte, len(row.want))
		if _, err := io.ReadFull(r, p); err != nil || string(p) != row.want {
			t.Errorf("after Seek(%d, %d): %q, %v, want %q", row.offset, row.whence, p, err, row.want)
		}
	}
}

// checkSweep checks that old stages are removed, and new stages and stored blobs remain.
func checkSweep(t *testing.T, a, b custody.Blobs) {
	p := []byte("kept")
	key := custody.FileKey(digest("kept"))
	if err := a.Put(t.Context(), key, p); err != nil {
		t.Fatal(err)
	}
	s := staged(t, a, p)
	if err := b.SweepStages(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Errorf("SweepStages(an hour ago) = %v", err)
	}
	if err := a.Keep(t.Context(), custody.MetadataKey(digest("kept")), s); err != nil {
		t.Errorf("Keep(young stage after a sweep) = %v", err)
	}
	if err := b.SweepStages(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Errorf("SweepStages(in an hour) = %v", err)
	}
	if err := s.Discard(); err != nil {
		t.Errorf("Discard(swept) = %v, want nil", err)
	}
	stored(t, a, key, p)
	stored(t, b, custody.MetadataKey(digest("kept")), p)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	staged(t, a, p)
	if err := a.SweepStages(done, time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("SweepStages(cancelled) = %v, want the context's error", err)
	}
}

// checkKeepRace checks that all concurrent callers of Keep succeed, and that readers never see a partial blob.
func checkKeepRace(t *testing.T, a, b custody.Blobs) {
	p := bytes.Repeat([]byte("bytes "), 50_000)
	key := custody.FileKey(digest(string(p)))
	var group sync.WaitGroup
	for i := range 16 {
		store := a
		if i%2 == 1 {
			store = b
		}
		s := staged(t, store, p)
		group.Go(func() {
			if err := store.Keep(t.Context(), key, s); err != nil {
				t.Errorf("Keep() at once = %v", err)
			}
		})
		group.Go(func() {
			r, size, err := store.Open(t.Context(), key)
			if err != nil {
				return
			}
			if r.Close(); size != int64(len(p)) {
				t.Errorf("Open() while it is being kept = %d bytes, want none or all", size)
			}
		})
	}
	group.Wait()
	stored(t, a, key, p)
}

func checkLarge(t *testing.T, a, b custody.Blobs) {
	p := bytes.Repeat([]byte{0, 1, 2, 3, 4, 5, 6}, 700_000)
	s := staged(t, a, p[:1_000_000])
	if _, err := s.Write(p[1_000_000:]); err != nil {
		t.Fatal(err)
	}
	if err := a.Keep(t.Context(), custody.FileKey(digest("large")), s); err != nil {
		t.Fatal(err)
	}
	stored(t, b, custody.FileKey(digest("large")), p)
}

// checkReplace checks that Keep replaces any existing content, even with a stage that was kept before.
func checkReplace(t *testing.T, a, b custody.Blobs) {
	right := []byte("the right bytes")
	key := custody.WithGeneration(custody.FileKey(digest(string(right))), "0123456789abcdef")
	s := staged(t, a, right)
	for _, wrong := range []string{"the wrong bytes", "", "the right", "the right bytes and more"} {
		if err := b.Put(t.Context(), key, []byte(wrong)); err != nil {
			t.Fatal(err)
		}
		stored(t, a, key, []byte(wrong))
		r, _, err := a.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Keep(t.Context(), key, s); err != nil {
			t.Errorf("Keep(over %q) = %v", wrong, err)
		}
		stored(t, b, key, right)
		if got, err := io.ReadAll(r); err == nil && string(got) != wrong && string(got) != string(right) {
			t.Errorf("a reader who began before got %q, want what was there or an error", got)
		}
		r.Close()
	}
	absent(t, a, custody.FileKey(digest(string(right))))
}

func checkSize(t *testing.T, a, b custody.Blobs) {
	for n, key := range map[int]string{
		0: custody.FileKey(digest("0")), 7: custody.MetadataKey(digest("7")),
		9: custody.FileKey(digest("9")) + ".00000000000000ff",
	} {
		if _, err := b.Size(t.Context(), key); !fault.Is(err, fault.NotFound) {
			t.Errorf("Size(nothing) = %v, want not found", err)
		}
		if err := a.Put(t.Context(), key, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Size(t.Context(), key); got != int64(n) || err != nil {
			t.Errorf("Size() = %d, %v, want %d", got, err, n)
		}
	}
	if _, err := a.Size(t.Context(), "../x"); err == nil || fault.Is(err, fault.NotFound) {
		t.Errorf("Size(no key) = %v, want an error of ours", err)
	}
}

// checkEach checks that all objects are listed, and stages are not.
func checkEach(t *testing.T, a, b custody.Blobs) {
	want := map[string]int64{}
	for i := range 30 {
		key := custody.FileKey(digest(string(rune('a' + i))))
		switch i % 3 {
		case 1:
			key = custody.MetadataKey(digest(string(rune('a' + i))))
		case 2:
			key += ".0123456789abcdef"
		}
		want[key] = int64(i)
		if err := a.Put(t.Context(), key, make([]byte, i)); err != nil {
			t.Fatal(err)
		}
	}
	staged(t, a, []byte("a stage"))
	got := map[string]int64{}
	err := b.Each(t.Context(), func(o custody.Object) error {
		if age := time.Since(o.Changed); age < -time.Hour || age > time.Hour {
			t.Errorf("%s was changed at %v, want now", o.Key, o.Changed)
		}
		got[o.Key] = o.Size
		return nil
	})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("Each() = %v, %v, want %v", got, err, want)
	}
	stop := fault.New(fault.Denied, "stop")
	if err := b.Each(t.Context(), func(custody.Object) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Each(of what stops) = %v, want its error", err)
	}
}
