package pages

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// ErrOffline is the error for a page that is not held while the index is offline. Clients repeat a request that answers
// 503, so it is a refusal.
var ErrOffline = fault.New(fault.Denied, "offline: not held here")

// ErrNotHeld is the error for a page that is not held, or too old, if the caller may not have it fetched.
var ErrNotHeld = fault.New(fault.Unauthenticated,
	"the page of this project is not held here, and only known callers may have it fetched; send a token")

// Defaults of Options.
const (
	DefaultMemory = 64 << 20
	DefaultRest   = 30 * time.Second
)

// Options are the parts and settings of Pages.
type Options struct {
	Store   Store
	Fetcher upstream.Fetcher
	// Upstreams returns all configured upstreams, for the lists of their projects.
	Upstreams func(context.Context) ([]upstream.Upstream, error)
	Now       func() time.Time // time.Now if nil
	Log       *slog.Logger     // slog.Default() if nil
	NewID     func() string    // of audit entries; UUIDv7 if nil
	Offline   bool             // ask nobody
	Memory    int64            // bytes of records in memory; DefaultMemory if 0
	Rest      time.Duration    // for an upstream after three failures in a row; DefaultRest if 0
	// Alone says that no other process asks upstreams with the same rows, so that no leases are needed.
	Alone bool
}

// Pages keeps the project pages of upstreams. It is safe for concurrent use. What is read is stored by Run and by
// Close; only Run renews pages in the background.
type Pages struct {
	o      Options
	now    func() time.Time
	log    *slog.Logger
	holder string // of leases
	wait   waits

	records *cache   // pages, and projects that are gone
	absent  *cache   // projects that an upstream never had; they have no row
	sources sync.Map // by name, of *source

	mu      sync.Mutex
	loads   map[Key]*flight
	flights map[Key]*flight
	notes   map[Key]*note
	unread  map[Key]string // revisions of damaged records
	queue   queue

	reading, encoding, freeing collector

	kick    chan struct{}
	working sync.WaitGroup
	lists   lists
}

// waits are the times that callers wait, which tests shorten.
type waits struct {
	client  time.Duration // a client that wants a page that was checked just now
	slow    time.Duration // a caller for whom a stale page is held
	replica time.Duration // for another replica to fetch
	poll    time.Duration // between looks at the row meanwhile
	lease   time.Duration // for the database to give a lease
	total   time.Duration // for an upstream; its client has smaller limits of its own
}

const (
	leaseTime  = 10 * time.Second
	leaseRenew = 4 * time.Second
)

// New returns Pages with nothing in memory.
func New(o Options) *Pages {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	if o.Rest == 0 {
		o.Rest = DefaultRest
	}
	return &Pages{
		o:      o,
		now:    o.Now,
		log:    o.Log,
		holder: strconv.FormatUint(rand.Uint64(), 36),
		wait: waits{
			client:  3 * time.Second,
			slow:    10 * time.Second,
			replica: 2 * time.Second,
			poll:    50 * time.Millisecond,
			lease:   500 * time.Millisecond,
			total:   5 * time.Minute,
		},
		records: newCache(o.Memory),
		absent:  newCache(maxAbsent * entrySize),
		loads:   map[Key]*flight{},
		flights: map[Key]*flight{},
		notes:   map[Key]*note{},
		unread:  map[Key]string{},
		queue:   newQueue(),
		kick:    make(chan struct{}, 1),
		lists:   newLists(),
	}
}

// maxAbsent is the number of projects known not to exist that are kept in memory.
const maxAbsent = 20_000

// Get returns the page of a project at an upstream, which the caller must have found to be responsible for the name. If
// mayFetch is false, it returns what is held, or ErrNotHeld.
//
// The error is a *upstream.Failure if the upstream fails and nothing is held that may still be used. A Failure is never
// about a missing project: that is Held.Absent.
func (p *Pages) Get(ctx context.Context, u upstream.Upstream, name packaging.ProjectName, f Freshness, mayFetch bool,
) (Held, error) {
	k := Key{u.Name, name}
	if e := p.lookup(k); e != nil {
		if now := p.now(); e.fresh(&u, now, f) {
			e.touch(now)
			e.up.hits.Add(1)
			return p.held(e, &u, now), nil
		}
	}
	slow := u // so that only this path needs memory for it
	return p.get(ctx, &slow, k, f, mayFetch)
}

// lookup returns the entry in memory, or nil.
func (p *Pages) lookup(k Key) *entry {
	if e := p.records.get(k); e != nil {
		return e
	}
	return p.absent.get(k)
}

// get is Get for a page that is not in memory, or not fresh.
func (p *Pages) get(ctx context.Context, u *upstream.Upstream, k Key, f Freshness, mayFetch bool) (Held, error) {
	e := p.lookup(k)
	if e == nil && !p.flying(k) {
		var err error
		if e, err = p.load(ctx, k); err != nil {
			return Held{}, err
		}
	}
	e = e.of(u)
	up, now := p.source(k.Upstream), p.now()
	serve := func(e *entry) (Held, error) {
		now := p.now()
		e.touch(now)
		h := p.held(e, u, now)
		switch {
		case h.Stale > 0:
			up.stale.Add(1)
		default:
			up.hits.Add(1)
		}
		return h, nil
	}
	if e != nil && e.fresh(u, now, f) {
		return serve(e)
	}
	if p.o.Offline {
		if e = p.imported(ctx, k, e).of(u); e != nil && (!e.Absent || e.usable(u, now)) {
			return serve(e)
		}
		return Held{}, ErrOffline
	}
	if !mayFetch {
		if e.usable(u, now) {
			return serve(e)
		}
		return Held{}, ErrNotHeld
	}
	if e != nil && f == Normal && e.soon(u, now) {
		p.revalidateLater(u, k)
		return serve(e)
	}
	return p.fetchNow(ctx, u, k, f, e, serve)
}

// fetchNow asks the upstream while the caller waits, and falls back on what is held.
func (p *Pages) fetchNow(ctx context.Context, u *upstream.Upstream, k Key, f Freshness, e *entry,
	serve func(*entry) (Held, error),
) (Held, error) {
	up := p.source(k.Upstream)
	for attempt := 0; ; attempt++ {
		now := p.now()
		if failure, soon := p.refuses(u, k, f, e.usable(u, now), now); soon {
			if e.usable(u, now) {
				return serve(e)
			}
			if failure != nil {
				return Held{}, p.answered(up, failure)
			}
		}
		fl, mine := p.ask(ctx, u, k, f, e)
		late, err := fl.wait(ctx, p.patience(u, e, f, now))
		if err != nil {
			return Held{}, err
		}
		now = p.now()
		if late {
			if e.usable(u, now) {
				return serve(e)
			}
			if late, err = fl.wait(ctx, p.wait.total); err != nil {
				return Held{}, err
			}
			now = p.now()
		}
		if !mine && attempt == 0 && kindOf(fl.err) == upstream.Loop { // the request of another caller went in a circle
			continue
		}
		if late || fl.err != nil {
			if e.usable(u, now) {
				return serve(e)
			}
			if !late && !mine && attempt == 0 && ofTheWay(fl.err) {
				continue // the flight was for a request that came another way
			}
			return Held{}, p.answered(up, fl.err)
		}
		// The flight may have begun for a caller who demanded less.
		if got := fl.entry; mine || attempt > 0 || got.fresh(u, now, f) {
			if !fl.counted.Swap(true) {
				up.misses.Add(1)
				got.touch(now)
				return p.held(got, u, now), nil
			}
			return serve(got)
		}
		e = fl.entry
	}
}

// ofTheWay reports whether a question failed because of the index servers that the request had passed through.
func ofTheWay(err error) bool {
	var f *upstream.Failure
	return errors.As(err, &f) && f.Kind == upstream.Loop
}

// patience returns how long a caller waits for the upstream before what is held is served.
func (p *Pages) patience(u *upstream.Upstream, e *entry, f Freshness, now time.Time) time.Duration {
	switch {
	case !e.usable(u, now):
		return p.wait.total
	case f != Normal || e.OfURL != u.Revision:
		return p.wait.client
	}
	return p.wait.slow
}

// kindOf returns the kind of a failure, or "" for another error.
func kindOf(err error) upstream.FailureKind {
	if f, ok := errors.AsType[*upstream.Failure](err); ok {
		return f.Kind
	}
	return ""
}

// answered counts a failure and returns it with a time after which a client may try again: from 1 to 5 seconds, so that
// clients of one outage do not return together.
func (p *Pages) answered(up *source, err error) error {
	var f *upstream.Failure
	if !errors.As(err, &f) {
		return err
	}
	up.failed(f.Kind)
	out := *f
	out.RetryAfter = time.Second + rand.N(4*time.Second)
	return &out
}

// lookAgain is the time after which an offline index looks whether another process has imported a newer page.
const lookAgain = 5 * time.Second

// imported returns a page in memory, or the newer one that another process has stored.
func (p *Pages) imported(ctx context.Context, k Key, e *entry) *entry {
	if e == nil {
		return nil
	}
	now, looked := p.now(), e.looked.Load()
	if d := now.Sub(time.Unix(looked, 0)); d >= 0 && d < lookAgain || !e.looked.CompareAndSwap(looked, now.Unix()) {
		return e
	}
	row, ok, err := p.read(ctx, k, e.CheckedAt)
	if err != nil || !ok {
		return e
	}
	return p.adopt(row)
}

// flying reports whether the upstream is being asked about a page that has no row.
func (p *Pages) flying(k Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	fl := p.flights[k]
	return fl != nil && fl.was == nil
}

// flight is a look-up or a question that callers wait for together.
type flight struct {
	done    chan struct{}
	was     *entry // that was held before, or nil
	entry   *entry
	err     error
	counted atomic.Bool
}

// wait waits for the flight. It reports whether the time ran out before, and returns the error of the context.
func (f *flight) wait(ctx context.Context, d time.Duration) (late bool, err error) {
	select {
	case <-f.done:
		return false, nil
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-f.done:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-t.C:
		return true, nil
	}
}

// load reads the row of a page into memory. It returns nil if there is none.
func (p *Pages) load(ctx context.Context, k Key) (*entry, error) {
	p.mu.Lock()
	fl := p.loads[k]
	if fl == nil {
		fl = &flight{done: make(chan struct{})}
		p.loads[k] = fl
		p.working.Go(func() { p.loadNow(context.WithoutCancel(ctx), k, fl) })
	}
	p.mu.Unlock()
	if _, err := fl.wait(ctx, p.wait.total); err != nil {
		return nil, err
	}
	return fl.entry, fl.err
}

func (p *Pages) loadNow(ctx context.Context, k Key, fl *flight) {
	fl.err = errors.New("the look-up of a page was interrupted") // by a panic
	defer func() {
		p.mu.Lock()
		delete(p.loads, k)
		p.mu.Unlock()
		close(fl.done)
	}()
	row, ok, err := p.readOrLeft(ctx, k)
	if fl.err = err; err != nil || !ok {
		return
	}
	fl.entry = p.adopt(row)
}

// lost is the revision of a page that was lost, of which only the files that had left it before are remembered. It
// counts as the page of a project that does not exist and was never checked, so that it is asked for.
const lost = "lost"

// readOrLeft returns the row of a page, or if there is none what is remembered of files that left it.
func (p *Pages) readOrLeft(ctx context.Context, k Key) (row Row, ok bool, err error) {
	err = p.o.Store.View(ctx, func(tx Tx) (err error) {
		row, err = tx.UpstreamPage(ctx, k, time.Time{})
		if ok = err == nil && p.readable(row); ok || err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		l, err := tx.UpstreamLeft(ctx, k)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		row = Row{Key: k, Revision: lost, OfURL: l.OfURL, Record: l.Record, Absent: true}
		ok = err == nil && p.readable(row)
		return err
	})
	return row, ok, err
}

// read returns the row of a page if it was checked after a time and can be used.
func (p *Pages) read(ctx context.Context, k Key, after time.Time) (row Row, ok bool, err error) {
	err = p.o.Store.View(ctx, func(tx Tx) (err error) {
		row, err = tx.UpstreamPage(ctx, k, after)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return Row{}, false, nil
	}
	return row, err == nil && p.readable(row), err
}

// adopt puts a row into memory, unless memory has a newer page.
func (p *Pages) adopt(row Row) *entry {
	if e := p.lookup(row.Key); e != nil && !row.CheckedAt.After(e.CheckedAt) {
		return e
	}
	return p.put(row, nil, p.source(row.Upstream))
}

// put puts a page into memory.
func (p *Pages) put(row Row, pg *page.Page, up *source) *entry {
	e := &entry{Row: row, page: pg, up: up}
	e.touch(p.now())
	if e.Absent && e.page == nil && len(e.Record) == 0 {
		p.absent.put(e)
		return e
	}
	if was := p.absent.get(e.Key); was != nil {
		p.absent.drop(was)
	}
	p.records.put(e)
	return e
}

// readable reports whether the record of a row is not known to be damaged.
func (p *Pages) readable(row Row) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	bad, ok := p.unread[row.Key]
	return !ok || bad != row.Revision
}

// discard forgets a page whose record is damaged, so that it is fetched again.
func (p *Pages) discard(e *entry) {
	p.log.Error("the stored page of an upstream is damaged", "upstream", e.Upstream, "project", e.Name.String())
	p.mu.Lock()
	if len(p.unread) > maxAbsent {
		clear(p.unread)
	}
	p.unread[e.Key] = e.Revision
	p.mu.Unlock()
	p.records.drop(e)
}
