package files

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Pins returns the digests of a project's files, by path, that are not what the upstream stated first: this index
// computed them because the upstream states none, or an administrator accepted them. The text differs whenever they do,
// and is "" if there are none. Another process may know more for some seconds.
func (f *Files) Pins(ctx context.Context, u upstream.Upstream,
	project packaging.ProjectName) (map[string]string, string,
	error,
) {
	k, now := projectKey{u.Name, project.String()}, f.o.Now()
	return f.pins.get(k, now, now.Add(-f.times.row), func() (paths map[string]string, text string, err error) {
		err = f.store.View(ctx, func(tx Tx) error {
			paths, text = nil, ""
			rows, err := tx.FoundUpstreamFiles(ctx, k.upstream, k.project)
			if err != nil || len(rows) == 0 {
				return err
			}
			paths = make(map[string]string, len(rows))
			h := sha256.New()
			for _, r := range rows {
				paths[r.Path] = r.SHA256
				fmt.Fprintln(h, r.Path, r.SHA256)
			}
			text = hex.EncodeToString(h.Sum(nil)[:8])
			return nil
		})
		return paths, text, err
	})
}

// Noted returns the names of the projects of an upstream for which Pins or Examined may return something.
func (f *Files) Noted(ctx context.Context, u upstream.Upstream) (map[string]bool, error) {
	out := map[string]bool{}
	err := f.store.View(ctx, func(tx Tx) error {
		names, err := tx.NotedUpstreamProjects(ctx, u.Name)
		for _, name := range names {
			out[name] = true
		}
		return err
	})
	return out, err
}

// Digest returns the SHA-256 of a file, in hex: the one that the upstream states or that is known, or that of its
// content, which it downloads then. It returns an *upstream.Failure as Open does.
func (f *Files) Digest(ctx context.Context, u upstream.Upstream, file page.File) (string, error) {
	row, err := f.read(ctx, keyOf(u, file))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	switch {
	case row.SHA256 != "":
		return row.SHA256, nil
	case file.SHA256 != "":
		return file.SHA256, nil
	}
	s, _ := f.join(ctx, u, file)
	defer s.Close()
	if err := s.finish(ctx); err != nil {
		return "", err
	}
	if row, err = f.read(ctx, keyOf(u, file)); err != nil {
		return "", err
	}
	return row.SHA256, nil
}

// Fetch downloads a file into the store, unless it is there. It returns an *upstream.Failure as Open does.
func (f *Files) Fetch(ctx context.Context, u upstream.Upstream, file page.File) error {
	o, err := f.openStored(ctx, u, file, asking{look: true, keep: true})
	if err == nil {
		return o.Close()
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	s, _ := f.join(ctx, u, file)
	defer s.Close()
	return s.finish(ctx)
}

// queue are the files whose digests are to be found, newest first. The lock of Files guards it.
type queue struct {
	waiting waiting
	known   map[Key]bool      // in waiting, or being fetched
	tried   map[Key]time.Time // when a fetch failed
	count   map[projectKey]int
	workers int
	coming  int64 // bytes that the workers are fetching, as stated
}

// queued is a file that waits.
type queued struct {
	u       upstream.Upstream
	file    page.File
	key     Key
	project projectKey
	newness time.Time
}

// Limits of the queue.
const (
	mostWaiting  = 20_000
	queueWorkers = 2
	retryAfter   = 10 * time.Minute // a failed file is not queued again before
)

func newQueue() queue {
	return queue{known: map[Key]bool{}, tried: map[Key]time.Time{}, count: map[projectKey]int{}}
}

// Queue notes files of a project for which the upstream states no digest. They are downloaded in the background, the
// newest first and while the limit has room, so that Pins has their digests. It ignores files that have one.
func (f *Files) Queue(u upstream.Upstream, project packaging.ProjectName, all []page.File) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.o.Now()
	if len(f.queue.tried) >= mostWaiting {
		clear(f.queue.tried)
	}
	for _, file := range all {
		k := keyOf(u, file)
		if file.SHA256 != "" || f.queue.known[k] || len(f.queue.waiting) >= mostWaiting ||
			now.Sub(f.queue.tried[k]) < retryAfter {
			continue
		}
		q := queued{u: u, file: file, key: k, project: projectKey{u.Name, project.String()}, newness: file.Uploaded}
		if q.newness.IsZero() {
			q.newness = file.FirstSeen
		}
		f.queue.known[k] = true
		f.queue.count[q.project]++
		heap.Push(&f.queue.waiting, q)
	}
	f.startWorkers()
}

// startWorkers starts the workers of the queue if something waits. The lock is held.
func (f *Files) startWorkers() {
	for len(f.queue.waiting) > 0 && f.queue.workers < queueWorkers && f.base.Err() == nil {
		f.queue.workers++
		f.work.Go(f.findDigests)
	}
}

// Waiting returns the number of a project's files whose digests are still to be found.
func (f *Files) Waiting(u upstream.Upstream, project packaging.ProjectName) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queue.count[projectKey{u.Name, project.String()}]
}

// findDigests works on the queue until it is empty or there is no room. Tend starts it again.
func (f *Files) findDigests() {
	for f.base.Err() == nil {
		q, ok := f.next()
		if !ok {
			return
		}
		_, err := f.Digest(f.base, q.u, q.file)
		f.mu.Lock()
		f.dequeued(q)
		if err != nil {
			f.queue.tried[q.key] = f.o.Now()
		}
		f.mu.Unlock()
		if err != nil && f.base.Err() == nil {
			f.log.Warn("the digest of an upstream's file cannot be found", "upstream", q.u.Name, "file", q.file.Filename,
				"error", err)
		}
	}
	f.mu.Lock()
	f.queue.workers--
	f.mu.Unlock()
}

// next takes the newest file off the queue, if there is room for it. Otherwise the worker ends.
func (f *Files) next() (queued, bool) {
	room := f.lacking(0) <= 0
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue.waiting) == 0 || !room ||
		f.kept.Load()+f.queue.coming+max(0, f.queue.waiting[0].file.Size) > f.o.Limit {
		f.queue.workers--
		return queued{}, false
	}
	q := heap.Pop(&f.queue.waiting).(queued)
	f.queue.coming += max(0, q.file.Size)
	return q, true
}

// dequeued notes that a file no longer waits. The lock is held.
func (f *Files) dequeued(q queued) {
	delete(f.queue.known, q.key)
	f.queue.coming -= max(0, q.file.Size)
	if f.queue.count[q.project]--; f.queue.count[q.project] <= 0 {
		delete(f.queue.count, q.project)
	}
}

// waiting is a heap of files, the newest first.
type waiting []queued

// Len implements heap.Interface.
func (w waiting) Len() int { return len(w) }

// Less implements heap.Interface.
func (w waiting) Less(i, j int) bool { return w[i].newness.After(w[j].newness) }

// Swap implements heap.Interface.
func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push implements heap.Interface.
func (w *waiting) Push(x any) { *w = append(*w, x.(queued)) }

// Pop implements heap.Interface.
func (w *waiting) Pop() any {
	last := len(*w) - 1
	q := (*w)[last]
	*w = (*w)[:last]
	return q
}

// Accept makes a digest that an upstream states, or sent, instead of the known one that of the file from now on. It
// needs an administrator, and a reason. It returns fault.NotFound if the file was never refused because of a digest,
// and fault.Conflict if that digest was another one.
func (f *Files) Accept(ctx context.Context, who access.Caller, k Key, sha256, reason string) error {
	if reason == "" {
		return fault.InField("reason", "a reason is required")
	}
	entry := f.changes.Entry(who, "upstream.accept", map[string]any{"upstream": k.Upstream, "reason": reason})
	entry.Subject = k.Path
	if !who.Admin() {
		return f.changes.Deny(ctx, entry, fault.New(fault.Denied, "only an administrator may accept another digest"))
	}
	var row Row
	var waste []string
	err := f.changes.Update(ctx, who, entry, func(tx Tx, who access.Caller) (err error) {
		waste = nil
		if !who.Admin() {
			return fault.New(fault.Denied, "only an administrator may accept another digest")
		}
		if row, err = tx.UpstreamFile(ctx, k); err != nil {
			return err
		}
		switch row.Changed {
		case "":
			return fault.New(fault.NotFound, "no other digest of %s was refused", row.Filename)
		case sha256:
		default:
			return fault.New(fault.Conflict, "the digest that was refused is %s", row.Changed)
		}
		entry.Project, entry.Filename, entry.Subject = row.Project, row.Filename, ""
		entry.Detail["was"], entry.Detail["is"] = row.SHA256, sha256
		if waste, _, err = evictRow(ctx, tx, &row); err != nil {
			return err
		}
		row.SHA256, row.Found, row.Size, row.Changed = sha256, true, -1, ""
		row.Metadata, row.Provenance, row.BlockedUntil, row.Startup = Sibling{}, Sibling{}, time.Time{}, ""
		if err := tx.PutUpstreamFile(ctx, row); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, entry)
	})
	if err != nil {
		return err
	}
	f.remember(row)
	f.pins.forget(row)
	f.examined.forget(row)
	f.keeper.Drop(ctx, waste)
	return nil
}

// Evict deletes the stored content of an upstream, of all if upstream is "". It returns the number of files and bytes.
// Their digests remain. It needs an administrator.
func (f *Files) Evict(ctx context.Context, who access.Caller, upstream string) (files int, bytes int64, err error) {
	if !who.Admin() {
		return 0, 0, fault.New(fault.Denied, "only an administrator may evict the content of upstreams")
	}
	if err := f.keeper.Free(ctx); err != nil {
		return 0, 0, err
	}
	f.evicting.Lock()
	defer f.evicting.Unlock()
	for {
		n, freed, err := f.evictSome(ctx, upstream, 0, 0)
		files, bytes = files+n, bytes+freed
		if err != nil || n == 0 {
			return files, bytes, err
		}
	}
}

// Limit returns the size, in bytes, up to which content is kept.
func (f *Files) Limit() int64 { return f.o.Limit }
