package files

import (
	"context"
	"time"

	"pyindex/internal/custody"
)

// reserve returns the free space, in bytes, below which nothing more is kept on a disk.
func reserve(total int64) int64 { return max(2<<30, total/20) }

// low reports whether the disk has no room for n more bytes, after trying to make some.
func (f *Files) low(ctx context.Context, n int64) bool {
	lacking := f.lacking(n)
	if lacking <= 0 {
		return false
	}
	f.evict(ctx, lacking, f.times.idle)
	return f.lacking(n) > 0
}

// lacking returns the number of bytes that must be freed before n more bytes leave the reserve free.
func (f *Files) lacking(n int64) int64 {
	if f.o.Space == nil {
		return 0
	}
	free, total, ok := f.o.Space()
	if !ok {
		return 0
	}
	return reserve(total) + n - free
}

// fits reports whether a file of n bytes may be kept within the limit, and evicts others for it.
func (f *Files) fits(ctx context.Context, n int64) bool {
	if n > f.o.Limit {
		return false
	}
	if over := f.kept.Load() + n - f.o.Limit; over > 0 {
		f.evict(ctx, over, f.times.idle)
	}
	return f.kept.Load()+n <= f.o.Limit
}

// leastFreed is the number of bytes that are freed at least for an upload on a full disk, so that it does not ask for
// each piece.
const leastFreed = 64 << 20

// makeRoom frees at least need bytes for an upload. It reports whether it freed any.
func (f *Files) makeRoom(ctx context.Context, need int64) bool {
	return f.evict(ctx, max(need, leastFreed), 0) > 0
}

// evictAtOnce is the number of files that are evicted in one transaction, for which uploads wait.
const evictAtOnce = 100

// evict deletes content of upstreams until it freed some bytes, the least recently used first, if it was not used for
// idle. It returns how many it freed. Files of this index keep content that they share.
func (f *Files) evict(ctx context.Context, need int64, idle time.Duration) (freed int64) {
	f.evicting.Lock()
	defer f.evicting.Unlock()
	if err := f.Flush(ctx); err != nil {
		f.log.Warn("the last uses of files cannot be written", "error", err)
		return 0
	}
	for freed < need && ctx.Err() == nil {
		some, bytes, err := f.evictSome(ctx, "", need-freed, idle)
		if err != nil {
			f.log.Error("content of upstreams cannot be evicted", "error", err)
			break
		}
		freed += bytes
		if some == 0 {
			break
		}
	}
	return freed
}

// evictSome evicts one batch and returns the number of files and bytes. It evicts nothing while a lease holds back
// deletions.
func (f *Files) evictSome(ctx context.Context, upstream string, need int64, idle time.Duration) (int, int64, error) {
	before := f.changes.Clock().Add(-idle)
	var rows []Row
	var waste []string
	var bytes int64
	err := f.store.Update(ctx, func(tx Tx) (err error) {
		waste, bytes, rows = nil, 0, nil
		if _, held, err := tx.Leased(ctx); err != nil || held {
			return err
		}
		rows, err = tx.IdleUpstreamFiles(ctx, upstream, before, evictAtOnce)
		if err != nil {
			return err
		}
		for i := range rows {
			if need > 0 && bytes >= need {
				rows = rows[:i]
				break
			}
			keys, n, err := evictRow(ctx, tx, &rows[i])
			if err != nil {
				return err
			}
			waste, bytes = append(waste, keys...), bytes+n
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	for _, r := range rows {
		f.remember(r)
	}
	f.counters.evictions.Add(int64(len(rows)))
	f.kept.Add(-bytes)
	f.keeper.Drop(ctx, waste)
	return len(rows), bytes, nil
}

// evictRow marks the content of a row as not stored. It returns the keys that nothing else needs, and their size.
func evictRow(ctx context.Context, tx Tx, r *Row) (waste []string, bytes int64, err error) {
	type part struct {
		of     custody.Stored
		size   int64
		stored *bool
	}
	parts := []part{
		{r.stored(), r.Size, &r.Stored},
		{r.Metadata.stored(), r.Metadata.Size, &r.Metadata.Stored},
		{r.Provenance.stored(), r.Provenance.Size, &r.Provenance.Stored},
	}
	var gone []part
	for _, p := range parts {
		if *p.stored {
			*p.stored = false
			gone = append(gone, p)
		}
	}
	if err := tx.PutUpstreamFile(ctx, *r); err != nil {
		return nil, 0, err
	}
	for _, p := range gone {
		drop, err := tx.ReleaseBlob(ctx, p.of.Key(), false)
		if err != nil {
			return nil, 0, err
		}
		if drop {
			waste, bytes = append(waste, p.of.Key()), bytes+p.size
		}
	}
	return waste, bytes, nil
}

// Tend is the work of each minute: it writes the last uses, counts what is kept, and evicts what is too much.
func (f *Files) Tend(ctx context.Context) error {
	if err := f.Flush(ctx); err != nil {
		return err
	}
	if _, err := f.Usage(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	f.startWorkers()
	f.mu.Unlock()
	over := max(f.kept.Load()-f.o.Limit, f.lacking(0))
	if over > 0 {
		f.evict(ctx, over, f.times.idle)
	}
	return nil
}

// Usage returns what is kept of each upstream.
func (f *Files) Usage(ctx context.Context) (all []Usage, err error) {
	err = f.store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.UpstreamUsage(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	var sum int64
	for _, u := range all {
		sum += u.Bytes
	}
	f.kept.Store(sum)
	return all, nil
}
