package pages

import (
	"context"
	"errors"
	"sync"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

const (
	listEvery   = 24 * time.Hour
	listRetry   = time.Hour   // after a failure
	listMissing = time.Minute // for which a missing row is remembered
)

// lists are the lists of projects in memory.
type lists struct {
	mu      sync.RWMutex
	m       map[string]*list
	updates sync.Mutex // held by UpdateLists
}

// list is a list in memory.
type list struct {
	List
	names page.Names
	known bool      // the upstream has a list that was read
	until time.Time // of a list that is not known
}

func newLists() lists { return lists{m: map[string]*list{}} }

// of returns the list of an upstream in memory, or nil if it is not known.
func (l *lists) of(name string) *list {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if found := l.m[name]; found != nil && found.known {
		return found
	}
	return nil
}

// Listed compares a name with the lists of all public upstreams, without asking any. It returns the first upstream
// whose list has the name. If none has it, known reports whether all of them have lists: otherwise nothing was compared
// with those that have none.
func (p *Pages) Listed(ctx context.Context, name packaging.ProjectName) (by string, listed, known bool) {
	if p.o.Upstreams == nil {
		return "", false, false
	}
	all, err := p.o.Upstreams(ctx)
	if err != nil {
		p.report("reading the upstreams", err)
		return "", false, false
	}
	known = true
	for _, u := range all {
		if u.Kind == upstream.Private {
			continue
		}
		names, ok, err := p.Names(ctx, u)
		p.report("reading the list of an upstream", err)
		if ok && names.Contains(name) {
			return u.Name, true, true
		}
		known = known && ok
	}
	return "", false, known
}

// Names returns the list of an upstream's projects as it was last read, and whether there is one.
func (p *Pages) Names(ctx context.Context, u upstream.Upstream) (page.Names, bool, error) {
	p.lists.mu.RLock()
	l := p.lists.m[u.Name]
	p.lists.mu.RUnlock()
	if l == nil || !l.known && p.now().After(l.until) {
		var err error
		if l, err = p.loadList(ctx, u.Name); err != nil {
			return page.Names{}, false, err
		}
	}
	return l.names, l.known, nil
}

// loadList reads the list of an upstream into memory.
func (p *Pages) loadList(ctx context.Context, name string) (*list, error) {
	l := &list{List: List{Upstream: name}, until: p.now().Add(listMissing)}
	err := p.o.Store.View(ctx, func(tx Tx) (err error) {
		l.List, err = tx.UpstreamList(ctx, name)
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err == nil && !l.FetchedAt.IsZero() {
		if l.names, err = page.DecodeNames(l.Hashes); err != nil {
			p.log.Error("the stored list of an upstream is damaged", "upstream", name, "error", err)
		}
		l.known = err == nil
	}
	l.Hashes = nil
	p.lists.mu.Lock()
	p.lists.m[name] = l
	p.lists.mu.Unlock()
	return l, nil
}

// UpdateLists reads the list of projects of each upstream whose list is a day old, on condition that it changed. One
// replica does it. After a failure the old list stays.
func (p *Pages) UpdateLists(ctx context.Context) error {
	if p.o.Upstreams == nil {
		return nil
	}
	p.lists.updates.Lock()
	defer p.lists.updates.Unlock()
	all, err := p.o.Upstreams(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, u := range all {
		errs = append(errs, p.updateList(ctx, u))
	}
	return errors.Join(errs...)
}

func (p *Pages) updateList(ctx context.Context, u upstream.Upstream) error {
	head, err := p.listHead(ctx, u.Name)
	if err != nil {
		return err
	}
	if !p.o.Offline && p.listDue(head, u) {
		due := false // still, with the lease
		k := Key{Upstream: u.Name}
		now := p.now()
		err := p.o.Store.Update(ctx, func(tx Tx) error {
			got, err := tx.LeaseUpstream(ctx, k, p.holder, now, now.Add(leaseTime))
			if err != nil || !got {
				return err
			}
			head, err = findHead(ctx, tx, u.Name)
			due = p.listDue(head, u)
			return err
		})
		if err != nil || !due {
			return err
		}
		p.heldLease(k, now)
		defer p.endLease(k)
		if err := p.fetchList(ctx, u, head); err != nil {
			return err
		}
		_, err = p.loadList(ctx, u.Name)
		return err
	}
	p.lists.mu.RLock()
	l := p.lists.m[u.Name]
	p.lists.mu.RUnlock()
	if l != nil && !l.FetchedAt.Equal(head.FetchedAt) {
		_, err = p.loadList(ctx, u.Name)
	}
	return err
}

func (p *Pages) listHead(ctx context.Context, name string) (head List, err error) {
	err = p.o.Store.View(ctx, func(tx Tx) (err error) {
		head, err = findHead(ctx, tx, name)
		return err
	})
	return head, err
}

// findHead returns the list of an upstream without its hashes, or one that was never read.
func findHead(ctx context.Context, tx Tx, name string) (List, error) {
	all, err := tx.UpstreamLists(ctx)
	if err != nil {
		return List{}, err
	}
	for _, l := range all {
		if l.Upstream == name {
			return l, nil
		}
	}
	return List{Upstream: name}, nil
}

func (p *Pages) listDue(l List, u upstream.Upstream) bool {
	since := p.now().Sub(l.CheckedAt)
	switch {
	case l.CheckedAt.IsZero(), since < -skew, since >= listEvery:
		return true
	case l.Problem != "":
		return since >= listRetry
	}
	return l.OfURL != u.Revision
}

// fetchList asks an upstream for its list and stores the answer.
func (p *Pages) fetchList(ctx context.Context, u upstream.Upstream, old List) error {
	var v upstream.Validators
	if old.OfURL == u.Revision && !old.FetchedAt.IsZero() {
		v = old.Validators
	}
	r, err := p.o.Fetcher.List(ctx, u, v)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := p.now()
	next := List{Upstream: u.Name, OfURL: u.Revision, CheckedAt: now, Validators: old.Validators}
	switch {
	case err != nil:
	case r.NotModified && v == (upstream.Validators{}):
		err = errUnconditional
	case !r.NotModified:
		var names page.Names
		if names, err = page.ParseList(r.Body, r.ContentType, page.DefaultBounds()); err == nil {
			next.Hashes, next.Names, next.FetchedAt, next.Validators = names.Encode(), names.Count(), now, validators(&r)
		}
	}
	if err != nil {
		next.OfURL, next.Problem = old.OfURL, fault.Scrub(err.Error())
		p.log.Warn("the list of an upstream was not read", "upstream", u.Name, "error", next.Problem)
	}
	return p.o.Store.Update(ctx, func(tx Tx) error { return tx.PutUpstreamList(ctx, next) })
}
