package pages

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

const (
	batchEvery   = time.Second
	encodeDelay  = 250 * time.Millisecond // after a page was read, so that its first reader is served before
	maxUnencoded = 64                     // pages
	maxDirty     = 10_000                 // rows that wait while the database is away
	maxWritten   = 16 << 20               // bytes of records in one batch
	maxRenewing  = 64                     // pages that are renewed in the background or about to be
	renewers     = 8                      // at the same time
)

// queue is the work of the next batch.
type queue struct {
	unencoded []*entry
	dirty     map[Key]dirty
	later     map[Key]upstream.Upstream // to ask in the background
	renewing  map[Key]struct{}          // which the last batches took from later
	slots     chan struct{}             // of renewers
	leases    map[Key]time.Time         // held, with the time of the last renewal
	ended     map[Key]struct{}          // leases to give back
}

// dirty is a row to write. renewal says that the stored record is that of the row already.
type dirty struct {
	row     Row
	renewal bool
	left    bool // what is remembered of files that left the page is to be written, too
}

func newQueue() queue {
	return queue{
		dirty:    map[Key]dirty{},
		later:    map[Key]upstream.Upstream{},
		renewing: map[Key]struct{}{},
		slots:    make(chan struct{}, renewers),
		leases:   map[Key]time.Time{},
		ended:    map[Key]struct{}{},
	}
}

// revalidateLater has a page asked for in the background.
func (p *Pages) revalidateLater(u *upstream.Upstream, k Key) {
	p.mu.Lock()
	_, waiting := p.queue.later[k]
	_, taken := p.queue.renewing[k]
	busy := waiting || taken || p.flights[k] != nil || len(p.queue.later) >= maxDirty
	p.mu.Unlock()
	if busy {
		return
	}
	if _, soon := p.refuses(u, k, Normal, true, p.now()); soon {
		return
	}
	p.mu.Lock()
	p.queue.later[k] = *u
	p.mu.Unlock()
	p.wake()
}

// wake has Run work on the next batch.
func (p *Pages) wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// encodeLater has the record of a page made and written. If many wait, it makes this one at once.
func (p *Pages) encodeLater(e *entry) {
	p.mu.Lock()
	many := len(p.queue.unencoded) >= maxUnencoded
	if !many {
		p.queue.unencoded = append(p.queue.unencoded, e)
	}
	p.mu.Unlock()
	if many {
		p.encode(e)
	}
	p.wake()
}

// encode replaces a page in memory by its record and has it written, unless a newer one is there.
func (p *Pages) encode(e *entry) {
	row := e.Row
	if len(e.page.Files)+len(e.page.Gone) >= largeFiles {
		p.encoding.parsed()
		defer p.freeing.free()
	}
	row.Record = e.page.Encode()
	encoded := &entry{Row: row, up: e.up, left: e.left}
	encoded.used.Store(e.used.Load())
	encoded.remember(e.page)
	if now := p.records.get(e.Key); now != nil && now != e {
		return
	}
	p.records.replace(e, encoded)
	p.write(encoded, false)
}

// write has a row written by the next batch. renewal says that its record is stored already.
func (p *Pages) write(e *entry, renewal bool) {
	p.mu.Lock()
	p.queue.add(dirty{row: e.Row, renewal: renewal, left: e.left})
	p.mu.Unlock()
	p.wake()
}

// add adds a row to write. It may be lost if very many wait.
func (q *queue) add(d dirty) {
	if was, ok := q.dirty[d.row.Key]; ok {
		if was.row.CheckedAt.After(d.row.CheckedAt) {
			was.left = was.left || d.left
			q.dirty[d.row.Key] = was
			return
		}
		d.left = d.left || was.left
		d.renewal = d.renewal && (was.renewal || was.row.Revision != d.row.Revision)
	}
	for k := range q.dirty {
		if len(q.dirty) < maxDirty {
			break
		}
		if !q.dirty[k].left {
			delete(q.dirty, k)
		}
	}
	q.dirty[d.row.Key] = d
}

func (p *Pages) heldLease(k Key, now time.Time) {
	p.mu.Lock()
	p.queue.leases[k] = now
	delete(p.queue.ended, k)
	p.mu.Unlock()
}

// endLease gives back the lease of a page, after the rows that are written before.
func (p *Pages) endLease(k Key) {
	p.mu.Lock()
	_, ok := p.queue.leases[k]
	if delete(p.queue.leases, k); ok {
		p.queue.ended[k] = struct{}{}
	}
	p.mu.Unlock()
	if ok {
		p.wake()
	}
}

// work is what one batch does.
type work struct {
	rows  []dirty
	left  []Left
	ended []Key
	renew []Key
	later []upstreamKey
	taken []upstreamKey // of later, with the lease
	newer []Row         // of later, as other replicas have written them
}

type upstreamKey struct {
	Key
	u upstream.Upstream
}

func byKey(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Name.String(), b.Name.String()))
}

// Batch encodes and writes what has been read, gives back and renews leases, and begins to renew pages in the
// background: all in one transaction, or in none if there is nothing to do. Run calls it at most once a second.
func (p *Pages) Batch(ctx context.Context) error { return p.batch(ctx, true) }

func (p *Pages) batch(ctx context.Context, renew bool) error {
	p.mu.Lock()
	unencoded := p.queue.unencoded
	p.queue.unencoded = nil
	p.mu.Unlock()
	for _, e := range unencoded {
		p.encode(e)
	}
	w := p.takeWork(renew)
	w.left = p.left(w.rows)
	if len(w.rows)+len(w.ended)+len(w.renew) > 0 || len(w.later) > 0 && !p.o.Alone {
		if err := p.o.Store.Update(ctx, func(tx Tx) error { return p.do(ctx, tx, &w) }); err != nil {
			p.putBack(w)
			return err
		}
	}
	if p.o.Alone {
		w.taken = w.later
	}
	p.begin(ctx, w)
	return nil
}

// left returns what is to be remembered of files that left the pages of rows.
func (p *Pages) left(rows []dirty) (all []Left) {
	for _, d := range rows {
		if !d.left {
			continue
		}
		pg, err := page.Decode(d.row.Record)
		if err != nil {
			p.log.Error("a page cannot be read again", "upstream", d.row.Upstream, "project", d.row.Name.String(),
				"error", err)
			continue
		}
		all = append(all, leftOf(d.row, &pg))
	}
	return all
}

// leftOf returns what is to be remembered of files that left the page of a row.
func leftOf(row Row, pg *page.Page) Left {
	l := Left{Key: row.Key, OfURL: row.OfURL, At: row.CheckedAt}
	if content, any := pg.Left(); any {
		l.Record = content.Encode()
	}
	return l
}

// takeWork takes the work of a batch from the queue.
func (p *Pages) takeWork(renew bool) (w work) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	q := &p.queue
	size := 0
	for k, d := range q.dirty {
		if size > maxWritten {
			break
		}
		if !d.renewal {
			size += len(d.row.Record)
		}
		w.rows = append(w.rows, d)
		delete(q.dirty, k)
	}
	w.ended = slices.Collect(maps.Keys(q.ended))
	clear(q.ended)
	for k, at := range q.leases {
		if d := now.Sub(at); d >= leaseRenew || d < 0 {
			w.renew = append(w.renew, k)
			q.leases[k] = now
		}
	}
	if renew {
		for k, u := range q.later {
			if len(q.renewing) >= maxRenewing {
				break
			}
			delete(q.later, k)
			q.renewing[k] = struct{}{}
			w.later = append(w.later, upstreamKey{Key: k, u: u})
		}
	}
	// in one order in all processes, so that two batches do not wait for each other
	slices.SortFunc(w.rows, func(a, b dirty) int { return byKey(a.row.Key, b.row.Key) })
	slices.SortFunc(w.ended, byKey)
	slices.SortFunc(w.renew, byKey)
	slices.SortFunc(w.later, func(a, b upstreamKey) int { return byKey(a.Key, b.Key) })
	return w
}

// do is the transaction of a batch.
func (p *Pages) do(ctx context.Context, tx Tx, w *work) error {
	now := p.now()
	w.taken, w.newer = nil, nil
	for _, d := range w.rows {
		store := tx.PutUpstreamPage
		if d.renewal {
			store = tx.RenewUpstreamPage
		}
		if err := store(ctx, d.row); err != nil {
			return err
		}
	}
	for _, l := range w.left {
		if err := tx.PutUpstreamLeft(ctx, l); err != nil {
			return err
		}
	}
	for _, k := range w.ended {
		if err := tx.EndUpstreamLease(ctx, k, p.holder); err != nil {
			return err
		}
	}
	for _, k := range w.renew {
		if _, err := tx.LeaseUpstream(ctx, k, p.holder, now, now.Add(leaseTime)); err != nil {
			return err
		}
	}
	if p.o.Alone {
		return nil
	}
	for _, l := range w.later {
		got, err := tx.LeaseUpstream(ctx, l.Key, p.holder, now, now.Add(leaseTime))
		if err != nil {
			return err
		}
		var after time.Time
		if e := p.lookup(l.Key); e != nil {
			after = e.CheckedAt
		}
		row, err := tx.UpstreamPage(ctx, l.Key, after)
		switch {
		case err == nil:
			w.newer = append(w.newer, row)
		case !fault.Is(err, fault.NotFound):
			return err
		}
		if got {
			w.taken = append(w.taken, l)
		}
	}
	return nil
}

// putBack returns the work of a batch that failed. Renewals are left to the next reader.
func (p *Pages) putBack(w work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range w.rows {
		p.queue.add(d)
	}
	for _, k := range w.ended {
		if _, held := p.queue.leases[k]; !held {
			p.queue.ended[k] = struct{}{}
		}
	}
	for _, l := range w.later {
		delete(p.queue.renewing, l.Key)
	}
}

// begin begins to renew the pages that a batch took.
func (p *Pages) begin(ctx context.Context, w work) {
	for _, row := range w.newer {
		if p.readable(row) {
			p.adopt(row)
		}
	}
	taken := map[Key]bool{}
	now := p.now()
	for _, l := range w.taken {
		taken[l.Key] = true
		if !p.o.Alone {
			p.heldLease(l.Key, now)
		}
		p.working.Go(func() { p.renew(context.WithoutCancel(ctx), l) })
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range w.later {
		if !taken[l.Key] { // another replica renews it
			delete(p.queue.renewing, l.Key)
		}
	}
}

// renew asks for a page in the background, unless another replica has just done so, or nobody has used it lately.
func (p *Pages) renew(ctx context.Context, l upstreamKey) {
	p.queue.slots <- struct{}{}
	defer func() { <-p.queue.slots }()
	e := p.lookup(l.Key)
	idle := e == nil || e.fresh(&l.u, p.now(), Normal) // evicted, or renewed meanwhile
	p.mu.Lock()
	delete(p.queue.renewing, l.Key)
	if p.flights[l.Key] != nil { // a caller waits for it; the flight gives back the lease
		p.mu.Unlock()
		return
	}
	if idle {
		p.mu.Unlock()
		p.endLease(l.Key)
		return
	}
	fl := p.takeOff(l.Key, e)
	p.mu.Unlock()
	p.fly(ctx, &l.u, l.Key, Normal, fl, true)
}
