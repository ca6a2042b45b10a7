package pages

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

const (
	lowerTime = time.Hour // for which the upstream must state a lower serial before its page is taken
	maxHeader = 4096      // bytes of a header that is kept
	statusOK  = 200       // of HTTP
)

// ask returns the flight that asks an upstream for a page, and starts it if there is none. The flight continues if all
// callers leave. e is the page that is held, or nil. mine reports whether the flight is for this caller's demand.
func (p *Pages) ask(ctx context.Context, u *upstream.Upstream, k Key, f Freshness, e *entry) (fl *flight, mine bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if fl := p.flights[k]; fl != nil {
		return fl, false
	}
	if now := p.lookup(k); now != nil && now != e && now.fresh(u, p.now(), f) { // a flight has landed meanwhile
		return landed(now), false
	}
	fl = p.takeOff(k, e)
	asked := *u
	p.working.Go(func() { p.fly(context.WithoutCancel(ctx), &asked, k, f, fl, false) })
	return fl, true
}

// landed returns a flight that is over.
func landed(e *entry) *flight {
	fl := &flight{done: make(chan struct{}), entry: e}
	fl.counted.Store(true)
	close(fl.done)
	return fl
}

// takeOff registers a flight. The caller holds the lock.
func (p *Pages) takeOff(k Key, e *entry) *flight {
	fl := &flight{done: make(chan struct{}), was: e}
	p.flights[k] = fl
	delete(p.queue.later, k)
	return fl
}

// fly runs a flight. leased says that the lease is held already.
func (p *Pages) fly(ctx context.Context, u *upstream.Upstream, k Key, f Freshness, fl *flight, leased bool) {
	ctx, cancel := context.WithTimeout(ctx, p.wait.total)
	defer cancel()
	fl.err = &upstream.Failure{Upstream: u.Name, Kind: upstream.Wrong, Err: errors.New("its page cannot be read")}
	land := func() {
		p.mu.Lock()
		delete(p.flights, k)
		p.mu.Unlock()
		close(fl.done)
	}
	defer func() {
		if r := recover(); r != nil { // a handler would survive it
			p.log.Error("reading the page of an upstream failed", "upstream", u.Name, "project", k.Name.String(), "panic", r)
			p.failed(u, k, fl.err)
			p.endLease(k)
			land()
		}
	}()
	e, err := p.bring(ctx, u, k, f, fl.was, leased)
	fl.entry, fl.err = e, err
	land()
	if err == nil && e.page != nil {
		p.encodeLater(e)
	}
	p.endLease(k)
}

// bring returns a page that is fresh: the row of another replica, or the answer of the upstream.
func (p *Pages) bring(ctx context.Context, u *upstream.Upstream, k Key, f Freshness, was *entry, leased bool,
) (*entry, error) {
	if !leased && !p.o.Alone {
		e, err := p.awaitLease(ctx, u, k, f, was)
		if err != nil || e != nil {
			return e, err
		}
	}
	up := p.source(k.Upstream)
	if f := up.begin(k, p.now()); f != nil {
		return nil, f
	}
	p.noteAsked(k)
	e, err := p.question(ctx, u, k, was, up)
	if err != nil {
		return nil, p.failed(u, k, err)
	}
	up.succeeded(p.now())
	p.forgetNote(k)
	return e, nil
}

// newest returns the page in memory, or the given one if that was read later. Either may be nil, or of an upstream that
// had the name before.
func (p *Pages) newest(u *upstream.Upstream, k Key, was *entry) *entry {
	e := p.lookup(k).of(u)
	if e == nil || was != nil && was.FetchedAt.After(e.FetchedAt) {
		return was
	}
	return e
}

// question asks the upstream for a page and puts the answer into memory.
func (p *Pages) question(ctx context.Context, u *upstream.Upstream, k Key, was *entry, up *source) (*entry, error) {
	was = p.newest(u, k, was)
	var v upstream.Validators
	if was != nil && was.OfURL == u.Revision {
		v = was.Validators
	}
	began := p.now()
	r, err := p.o.Fetcher.Page(ctx, *u, k.Name, v)
	up.asked.Add(1)
	took := p.now().Sub(began)
	up.latency.add(took)
	up.latencies.Add(took)
	var failure *upstream.Failure
	switch {
	case errors.As(err, &failure) && failure.Kind == upstream.Absent:
		if err := p.confirmAbsence(ctx, u, k); err != nil {
			return nil, err
		}
		return p.gone(ctx, u, k, p.newest(u, k, was), up), nil
	case err != nil:
		return nil, err
	case r.NotModified:
		if v == (upstream.Validators{}) {
			return nil, wrong(u, errUnconditional)
		}
		return p.confirmed(was, &r, up), nil
	}
	return p.changed(ctx, u, p.newest(u, k, was), k, &r, up)
}

var errUnconditional = errors.New("it answered 304 to a request that was not conditional")

// wrong returns the failure for an answer that is not usable.
func wrong(u *upstream.Upstream, err error) error {
	return &upstream.Failure{Upstream: u.Name, Kind: upstream.Wrong, Status: statusOK, Err: err}
}

// confirmed renews a page that did not change.
func (p *Pages) confirmed(was *entry, r *upstream.Response, up *source) *entry {
	row := was.Row
	row.CheckedAt, row.LowerSince = p.now(), time.Time{}
	if v := validators(r); v != (upstream.Validators{}) {
		row.Validators = v
	}
	return p.keep(row, was.page, was, up)
}

// gone keeps the answer that there is no such project. The files that it once had stay in the record, so that their
// digests and times still hold if the project returns.
func (p *Pages) gone(ctx context.Context, u *upstream.Upstream, k Key, was *entry, up *source) *entry {
	now := p.now()
	row := Row{Key: k, Revision: "absent", OfURL: u.Revision, Absent: true, FetchedAt: now, CheckedAt: now}
	if was == nil {
		return p.put(row, nil, up)
	}
	_, err := Held{entry: was, pages: p}.Page()
	if was.Absent && was.Revision != lost && err == nil {
		row.Revision, row.Record = was.Revision, was.Record
		return p.keep(row, was.page, was, up)
	}
	old := p.past(ctx, was)
	merged := page.Leave(old, now)
	row.Revision = digest(&merged)
	return p.keepAnew(row, old, &merged, was, up)
}

// changed reads a new page, and keeps the held one if the new one has a lower serial.
func (p *Pages) changed(ctx context.Context, u *upstream.Upstream, was *entry, k Key, r *upstream.Response, up *source,
) (*entry, error) {
	next, err := page.Parse(r.Body, r.ContentType, r.URL, k.Name, page.DefaultBounds())
	if err != nil {
		return nil, wrong(u, err)
	}
	large := len(r.Body) >= largeBody
	r.Body = nil // which the garbage collector may take before the page is merged
	if large {
		p.reading.parsed()
	}
	now := p.now()
	row := Row{
		Key:        k,
		OfURL:      u.Revision,
		Validators: validators(r),
		Serial:     next.Serial,
		FetchedAt:  now,
		CheckedAt:  now,
	}
	if row.Serial == "" {
		row.Serial = legible(r.Serial)
	}
	if r.URL != nil {
		row.URL = legible(r.URL.Redacted())
	}
	if was != nil && was.OfURL == u.Revision && lower(row.Serial, was.Serial) {
		since := was.LowerSince
		if since.IsZero() {
			since = now
		}
		if now.Sub(since) < lowerTime {
			kept := was.Row
			kept.CheckedAt, kept.LowerSince = now, since
			return p.keep(kept, was.page, was, up), nil
		}
		p.alarm(ctx, u, k, was.Serial, row.Serial)
	}
	old := p.past(ctx, was)
	if replaced(u, &next, &old) {
		old.Away = was.CheckedAt
	}
	merged := page.MergeOwned(old, next, now)
	row.Revision = digest(&merged)
	if was != nil && was.Revision == row.Revision && was.Absent == row.Absent {
		row.Record, row.FetchedAt = was.Record, was.FetchedAt
		if was.page == nil {
			return p.keep(row, nil, was, up), nil
		}
	}
	return p.keepAnew(row, old, &merged, was, up), nil
}

// replaced reports whether the new page of a project has nothing of the old one, as if the project had been deleted and
// its name given to somebody else between two questions. The names of a private upstream are not free for everybody.
func replaced(u *upstream.Upstream, next, old *page.Page) bool {
	return u.Kind != upstream.Private && old.Away.IsZero() && next.Replaces(*old)
}

// past returns the content of an entry, which may be nil, as the past of the next page. Of a damaged record, only what
// is remembered of files that left is known.
func (p *Pages) past(ctx context.Context, e *entry) page.Page {
	if e == nil {
		return page.Page{}
	}
	pg, err := Held{entry: e, pages: p}.Page()
	if err != nil {
		var l Left
		err = p.o.Store.View(ctx, func(tx Tx) (err error) {
			l, err = tx.UpstreamLeft(ctx, e.Key)
			return err
		})
		if err == nil {
			pg, err = page.Decode(l.Record)
		}
		if err != nil {
			return page.Page{}
		}
	}
	return absentSince(e.Row, pg)
}

// absentSince returns the content of a row, with Away if the row says that there is no such project. Rows of earlier
// versions do not have it.
func absentSince(row Row, pg page.Page) page.Page {
	if row.Absent && row.Revision != lost && pg.Away.IsZero() {
		pg.Away = row.FetchedAt
	}
	return pg
}

// keepAnew is keep for a new content after an old one.
func (p *Pages) keepAnew(row Row, old page.Page, pg *page.Page, was *entry, up *source) *entry {
	e := p.keep(row, pg, was, up)
	e.left = e.left || !pg.SameLeft(old)
	return e
}

// keep puts a page into memory and has it written.
func (p *Pages) keep(row Row, pg *page.Page, was *entry, up *source) *entry {
	e := p.put(row, pg, up)
	e.left = was != nil && was.page != nil && was.left // which is not encoded yet
	if pg == nil && (len(row.Record) > 0 || !row.Absent) {
		p.write(e, was != nil && was.Revision == row.Revision && was.Absent == row.Absent)
	}
	return e
}

// alarm logs and records that the page of an upstream with a lower serial was taken.
func (p *Pages) alarm(ctx context.Context, u *upstream.Upstream, k Key, was, now string) {
	text := fmt.Sprintf("upstream %s: it has stated serial %s of %s for an hour, lower than %s before; its page was taken",
		u.Name, now, k.Name, was)
	p.log.Error(text)
	p.source(u.Name).lastFailure.Store(&lastFailure{p.now(), text})
	e := audit.Entry{
		ID:      p.o.NewID(),
		At:      p.now().UTC().Truncate(time.Microsecond),
		Action:  "upstream.serial",
		Outcome: audit.Granted,
		Actor:   audit.Actor{Name: "upstream " + u.Name},
		Project: k.Name.String(),
		Detail:  map[string]any{"upstream": u.Name, "known": was, "stated": now},
	}
	p.working.Go(func() { // not while readers wait
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
		defer cancel()
		p.report("recording an alarm", p.o.Store.Update(ctx, func(tx Tx) error { return tx.InsertAudit(ctx, e) }))
	})
}

// legible returns a text of a header, or "" if it is too long or if databases cannot store it.
func legible(s string) string {
	if len(s) > maxHeader || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return ""
	}
	return s
}

// validators returns the validators of a response that can be stored.
func validators(r *upstream.Response) upstream.Validators {
	return upstream.Validators{ETag: legible(r.Validators.ETag), LastModified: legible(r.Validators.LastModified)}
}

// lower reports whether serial a is lower than b. Serials are compared as numbers of any length; others cannot be.
func lower(a, b string) bool {
	if !digits(a) || !digits(b) {
		return false
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// awaitLease takes the lease of a page. While another replica holds it, it waits for that replica's answer. It returns
// the page if the row turns out to be fresh, or what is held if the wait was in vain. It returns nil if the caller
// shall ask.
func (p *Pages) awaitLease(ctx context.Context, u *upstream.Upstream, k Key, f Freshness, was *entry,
) (*entry, error) {
	until := time.Now().Add(p.wait.replica)
	for {
		e := p.newest(u, k, was)
		var after time.Time
		if e != nil {
			after = e.CheckedAt
		}
		row, got, err := p.lease(ctx, k, after)
		if err != nil {
			p.log.Debug("no lease for the page of an upstream", "upstream", u.Name, "error", fault.Explain(err))
			return nil, nil
		}
		if row != nil && p.readable(*row) {
			if e := p.adopt(*row); e.fresh(u, p.now(), f) {
				if got {
					p.endLease(k)
				}
				return e, nil
			}
		}
		if got {
			return nil, nil
		}
		if err := p.awaitReplica(ctx, k, after, until); err != nil {
			return nil, &upstream.Failure{Upstream: u.Name, Kind: upstream.Silent, Err: err}
		}
		if time.Until(until) <= 0 {
			if e := p.newest(u, k, was); e.usable(u, p.now()) {
				return e, nil
			}
			return nil, nil
		}
	}
}

// awaitReplica waits until the row of a page was checked after a time, its lease is free, or the time runs out.
func (p *Pages) awaitReplica(ctx context.Context, k Key, after, until time.Time) error {
	for {
		left := time.Until(until)
		if left <= 0 {
			return nil
		}
		if err := pause(ctx, min(left, p.wait.poll)); err != nil {
			return err
		}
		changed := false
		err := p.o.Store.View(ctx, func(tx Tx) error {
			free, err := tx.UpstreamLeaseFree(ctx, k, p.now())
			if changed = free; err != nil || free {
				return err
			}
			changed, err = tx.UpstreamPageChecked(ctx, k, after)
			return err
		})
		if err != nil || changed {
			return nil //nolint:nilerr // the next lease reports it
		}
	}
}

// lease tries to take the lease of a page, and returns its row if it was checked after a time.
func (p *Pages) lease(ctx context.Context, k Key, after time.Time) (row *Row, got bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.wait.lease)
	defer cancel()
	now := p.now()
	err = p.o.Store.Update(ctx, func(tx Tx) error {
		row = nil
		if got, err = tx.LeaseUpstream(ctx, k, p.holder, now, now.Add(leaseTime)); err != nil {
			return err
		}
		r, err := tx.UpstreamPage(ctx, k, after)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		row = &r
		return err
	})
	if err == nil && got {
		p.heldLease(k, now)
	}
	return row, got && err == nil, err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
