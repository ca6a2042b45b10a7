package db

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"pyindex/internal/audit"
)

// writePages changes about 1,000 pages in one update.
func writePages(t *testing.T, d *DB, name string) {
	t.Helper()
	err := d.update(t.Context(), func(tx *Tx) error {
		for i := range 250 {
			e := audit.Entry{
				ID: fmt.Sprintf("%s-%d", name, i), At: d.options.Now(), Action: "test", Outcome: audit.Granted,
				Detail: map[string]any{"noise": fmt.Sprintf("%016384d", i)},
			}
			if err := tx.InsertAudit(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCheckpoint: the log is copied into the file beside updates, none of which waits for that, and begins anew.
func TestCheckpoint(t *testing.T) {
	d := openAt(t, freshSQLite(t), Options{})
	for n := range 12 {
		writePages(t, d, fmt.Sprint(n))
		d.checkpoints.ended.Wait()
		if left := d.pendingPages(); left >= checkpointAt+2_000 {
			t.Fatalf("after %d updates, %d pages are not in the file", n, left)
		}
	}
	log, err := os.Stat(d.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(2 * checkpointAt * 4096); log.Size() > most {
		t.Errorf("the log has %d bytes, want at most %d: it did not begin anew", log.Size(), most)
	}
}

// TestCheckpointLeavesTheWriter: the writer copies nothing itself as long as the copies keep up.
func TestCheckpointLeavesTheWriter(t *testing.T) {
	d := openAt(t, freshSQLite(t), Options{})
	if d.watcher.index.Load() == nil {
		t.Skip("this system has no shared memory of SQLite to read")
	}
	if !d.checkpoints.begin() { // as one that takes long
		t.Fatal("begin() = false")
	}
	for n := range 8 {
		writePages(t, d, fmt.Sprint(n))
	}
	if left := d.pendingPages(); left < 2*checkpointAt {
		t.Errorf("%d pages are left: the writer copied the others", left)
	}
	d.checkpoints.end()
	writePages(t, d, "next")
	d.checkpoints.ended.Wait()
	if left := d.pendingPages(); left != 0 {
		t.Errorf("%d pages are left without other updates, want 0", left)
	}
}

// TestCheckpointBesideUpdates: many updates at once lose nothing, and the log does not grow without end.
func TestCheckpointBesideUpdates(t *testing.T) {
	url := freshSQLite(t)
	d := openAt(t, url, Options{})
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			for n := range 6 {
				writePages(t, d, fmt.Sprintf("%d-%d", client, n))
			}
		})
	}
	all.Wait()
	d.checkpoints.ended.Wait()
	count := func(d *DB) (n int64) {
		err := d.view(t.Context(), func(tx *Tx) (err error) {
			n, err = one(context.Background(), tx, "number", scanNumber, `SELECT COUNT(*) FROM audit WHERE action = 'test'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := count(d); got != 8*6*250 {
		t.Errorf("%d rows, want %d", got, 8*6*250)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got := count(openAt(t, url, Options{})); got != 8*6*250 {
		t.Errorf("%d rows after opening it again, want %d", got, 8*6*250)
	}
}

// TestCheckpointBesideReader: as long as a reader needs the file as it was, copies are tried now and then, and the log is
// copied after the reader has ended.
func TestCheckpointBesideReader(t *testing.T) {
	d := openAt(t, freshSQLite(t), Options{})
	if d.watcher.index.Load() == nil {
		t.Skip("this system has no shared memory of SQLite to read")
	}
	err := d.view(t.Context(), func(tx *Tx) error {
		if _, err := tx.counter(t.Context()); err != nil {
			return err
		}
		for n := range 8 {
			writePages(t, d, fmt.Sprint(n))
			d.checkpoints.ended.Wait()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, from := d.pendingPages(), d.checkpoints.from.Load(); left < 2*checkpointAt || from <= checkpointAt {
		t.Errorf("beside a reader, %d pages are left and the next try is from %d", left, from)
	}
	for n := range 3 {
		writePages(t, d, fmt.Sprint("after-", n))
		d.checkpoints.ended.Wait()
	}
	if left := d.pendingPages(); left >= checkpointAt {
		t.Errorf("%d pages are left after the reader has ended", left)
	}
}

// TestCheckpointAfterClose: Close waits for a copy, and none begins after it.
func TestCheckpointAfterClose(t *testing.T) {
	d := openAt(t, freshSQLite(t), Options{})
	if !d.checkpoints.begin() {
		t.Fatal("begin() = false")
	}
	go d.checkpoint()
	if err := d.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if d.checkpoints.begin() {
		t.Error("begin() = true after Close()")
	}
}
