package db

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func openTest(t *testing.T, path string) *DB {
	t.Helper()
	d, err := Open(t.Context(), "sqlite:"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func commit(t *testing.T, d *DB) int64 {
	t.Helper()
	var n int64
	err := d.update(t.Context(), func(tx *Tx) (err error) {
		n, err = tx.NextSerial(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func serialIs(t *testing.T, d *DB, want int64) {
	t.Helper()
	if got, err := d.Serial(t.Context()); err != nil || got != want {
		t.Fatalf("Serial() = %d, %v, want %d", got, err, want)
	}
}

// TestQuick checks that an unchanged serial is served from memory until a commit or a timeout.
func TestQuick(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	a, b := openTest(t, path), openTest(t, path)
	if a.watcher.index.Load() == nil {
		if runtime.GOOS == "linux" {
			t.Fatal("the wal-index is not mapped")
		}
		t.Skip("this system's wal-index is not mapped")
	}
	n := commit(t, a)
	serialIs(t, b, n)
	if got, ok := b.watcher.quick(); !ok || got.Value != n {
		t.Errorf("quick() = %v, %v after a look, want %d", got, ok, n)
	}
	n = commit(t, a)
	if got, ok := b.watcher.quick(); ok {
		t.Errorf("quick() = %v after a commit elsewhere, want no answer", got)
	}
	serialIs(t, b, n)
	old := *b.watcher.seen.Load()
	old.at = old.at.Add(-trust - time.Millisecond)
	b.watcher.seen.Store(&old)
	if got, ok := b.watcher.quick(); ok {
		t.Errorf("quick() = %v when the look is old, want no answer", got)
	}
}

// TestWithoutMapping: where the wal-index cannot be mapped, SQLite itself is asked each time.
func TestWithoutMapping(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	a, b := openTest(t, path), openTest(t, path)
	b.watcher.index.Store(nil)
	for range 10 {
		serialIs(t, b, commit(t, a))
		serialIs(t, a, commit(t, b))
	}
}

// TestMappingOutlives checks that closing one handle keeps the mapping and SQLite's locks of another in this process,
// and that checkpoints, which rewrite the log from its start, are harmless.
func TestMappingOutlives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	a := openTest(t, path)
	for range 5 {
		b := openTest(t, path)
		serialIs(t, a, commit(t, b))
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.write.Exec(`PRAGMA wal_checkpoint(truncate)`); err != nil {
			t.Fatal(err)
		}
		serialIs(t, a, commit(t, a))
	}
}

// TestClosedForGood checks that Close leaves no file of the database open, and that the database can be opened again.
func TestClosedForGood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	for i := range int64(3) {
		d := openTest(t, path)
		serialIs(t, d, i)
		commit(t, d)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(path + "-*"); len(left) != 0 {
			t.Errorf("after Close: %v is left, want the log folded into the file", left)
		}
	}
}
