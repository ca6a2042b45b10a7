package db

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
)

const (
	// checkpointAt is the number of pages of the write-ahead log from which they are copied into the file: 16 MB. Eight
	// clients upload a twelfth faster than with SQLite's 1,000, and reading such a log after a crash takes negligible time.
	checkpointAt = 4_000

	// checkpointRest is the number of pages that may be copied between two updates: two commits that eight clients share.
	checkpointRest = 1_000

	// checkpointPasses limits how often the pages that were written meanwhile are copied as well.
	checkpointPasses = 4

	// checkpointAgain is how many more pages there are before the next try after a reader prevented one, as a backup does.
	checkpointAgain = 1_000

	// pagesOfUpdate is how many pages an update writes about, where the log itself does not tell.
	pagesOfUpdate = 32
)

// checkpoints copies the write-ahead log of a SQLite database into its file, on a connection of its own. The writer would
// do so within the update that fills the log, which then takes as long as all the pages of a large database that the
// updates before it changed.
type checkpoints struct {
	conns   *sql.DB
	updates atomic.Int64 // since the last copy, where the log itself does not tell
	last    atomic.Bool  // only a few pages are left, and no update may run while they are copied
	from    atomic.Int64 // number of pages for the next try if it is more than checkpointAt

	mu      sync.Mutex
	running bool
	closed  bool
	ended   sync.WaitGroup
}

// noteCommit begins to copy the log if it is long enough. It runs after each commit.
func (d *DB) noteCommit() {
	c := d.checkpoints
	if c == nil {
		return
	}
	c.updates.Add(1)
	if d.pendingPages() >= max(checkpointAt, c.from.Load()) && c.begin() {
		go d.checkpoint()
	}
}

// pendingPages returns the number of pages in the log that are not copied yet.
func (d *DB) pendingPages() int64 {
	if d.watcher != nil {
		if index := d.watcher.index.Load(); index != nil {
			return index.pending()
		}
	}
	return d.checkpoints.updates.Load() * pagesOfUpdate
}

func (c *checkpoints) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running || c.closed {
		return false
	}
	c.running = true
	c.ended.Add(1)
	return true
}

func (c *checkpoints) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
	c.ended.Done()
}

// checkpoint copies the log while updates run, which append to it meanwhile. SQLite begins the log anew only if all of it
// was copied, so the next update to end copies what is left at last; see finishCheckpoint.
func (d *DB) checkpoint() {
	c := d.checkpoints
	defer c.end()
	for range checkpointPasses {
		before := d.pendingPages()
		err := c.pass()
		c.updates.Store(0)
		if err != nil {
			d.options.Log.Warn("the write-ahead log of the database cannot be copied into its file", "error", err)
			return
		}
		switch left := d.pendingPages(); {
		case left <= checkpointRest:
			c.from.Store(0)
			c.last.Store(left > 0)
			return
		case left >= before:
			c.from.Store(left + checkpointAgain)
			return
		}
	}
}

// finishCheckpoint copies the few pages that checkpoint left, if it did. The caller lets no other update begin. A reader
// that began before the last update can prevent it; then it is tried after the next update.
func (d *DB) finishCheckpoint() {
	c := d.checkpoints
	if c == nil || !c.last.Load() || !c.begin() {
		return
	}
	defer c.end()
	if d.pendingPages() > checkpointRest {
		c.last.Store(false)
		return
	}
	err := c.pass()
	c.last.Store(err == nil && d.pendingPages() > 0)
	if err != nil {
		d.options.Log.Warn("the write-ahead log of the database cannot be copied into its file", "error", err)
	}
}

// pass copies the pages that no reader still needs in the file as they were. It copies none if another process does.
func (c *checkpoints) pass() error {
	var busy, pages, copied int64
	return c.conns.QueryRowContext(context.Background(), `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &pages, &copied)
}

// close waits until no copy runs, and lets none begin.
func (c *checkpoints) close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.ended.Wait()
	return c.conns.Close()
}
