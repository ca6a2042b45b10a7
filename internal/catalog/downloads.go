package catalog

import (
	"context"
	"sync"
	"time"
)

// downloads counts downloads in memory, to be written periodically. Losing counts in a crash is acceptable; a database
// write for each download is not.
type downloads struct {
	mu      sync.Mutex
	pending map[downloaded]int64
}

type downloaded struct {
	day                time.Time
	projectID, version string
}

// maxPending limits the counters waiting to be written. Beyond it, new releases are not counted until the next write.
const maxPending = 20_000

// NoteDownload counts a download of a file. Call it only for requests that read the beginning of the file, not for
// later ranges, metadata or HEAD requests.
func (x *Index) NoteDownload(f File) {
	k := downloaded{today(x.changes.Clock()), f.ProjectID, f.Version}
	x.downloads.mu.Lock()
	defer x.downloads.mu.Unlock()
	if x.downloads.pending == nil {
		x.downloads.pending = map[downloaded]int64{}
	}
	if _, ok := x.downloads.pending[k]; ok || len(x.downloads.pending) < maxPending {
		x.downloads.pending[k]++
	}
}

// FlushDownloads writes the downloads counted since the last call. Counts that cannot be written are kept for the next
// call.
func (x *Index) FlushDownloads(ctx context.Context) error {
	x.downloads.mu.Lock()
	pending := x.downloads.pending
	x.downloads.pending = nil
	x.downloads.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	err := x.store.Update(ctx, func(tx Tx) error {
		for k, n := range pending {
			if err := tx.AddDownloads(ctx, k.day, k.projectID, k.version, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	x.downloads.mu.Lock()
	defer x.downloads.mu.Unlock()
	for k, n := range x.downloads.pending {
		pending[k] += n
	}
	x.downloads.pending = pending
	return err
}

// SweepDownloads deletes counts older than keepDownloads.
func (x *Index) SweepDownloads(ctx context.Context) error {
	return x.store.Update(ctx,
		func(tx Tx) error { return tx.DeleteDownloadsBefore(ctx, x.changes.Clock().Add(-keepDownloads)) })
}
