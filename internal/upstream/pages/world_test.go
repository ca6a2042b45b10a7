package pages_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.t = c.t.Add(d)
	c.mu.Unlock()
}

// fetcher is an upstream that answers from fields and counts questions.
type fetcher struct {
	mu      sync.Mutex
	answers map[string]func(v upstream.Validators) (upstream.Response, error)
	list    func(v upstream.Validators) (upstream.Response, error)
	asked   map[string]int
	block   chan struct{} // if not nil, answers wait until it is closed

	open, total atomic.Int64
}

func newFetcher() *fetcher {
	return &fetcher{answers: map[string]func(upstream.Validators) (upstream.Response, error){}, asked: map[string]int{}}
}

func (f *fetcher) Page(ctx context.Context, u upstream.Upstream, name packaging.ProjectName, v upstream.Validators,
) (upstream.Response, error) {
	f.total.Add(1)
	f.open.Add(1)
	defer f.open.Add(-1)
	f.mu.Lock()
	f.asked[name.String()]++
	answer, block := f.answers[name.String()], f.block
	f.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return upstream.Response{}, ctx.Err()
		}
	}
	if answer == nil {
		return upstream.Response{}, failure(u, upstream.Absent, 404)
	}
	return answer(v)
}

func (f *fetcher) List(_ context.Context, u upstream.Upstream, v upstream.Validators) (upstream.Response, error) {
	f.mu.Lock()
	f.asked[""]++
	answer := f.list
	f.mu.Unlock()
	if answer == nil {
		return upstream.Response{}, failure(u, upstream.Absent, 404)
	}
	return answer(v)
}

func (f *fetcher) Open(context.Context, upstream.Upstream, string, int64) (upstream.Body, error) {
	return upstream.Body{}, errors.New("not asked for in these tests")
}

// says sets the answer about a project.
func (f *fetcher) says(name string, answer func(upstream.Validators) (upstream.Response, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[name] = answer
}

// holds makes answers wait until the returned function is called.
func (f *fetcher) holds() (release func()) {
	c := make(chan struct{})
	f.mu.Lock()
	f.block = c
	f.mu.Unlock()
	return sync.OnceFunc(func() {
		f.mu.Lock()
		f.block = nil
		f.mu.Unlock()
		close(c)
	})
}

func (f *fetcher) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[name]
}

func failure(u upstream.Upstream, kind upstream.FailureKind, status int) error {
	return &upstream.Failure{Upstream: u.Name, Kind: kind, Status: status, Err: fmt.Errorf("it answered %d", status)}
}

// fails is an answer that fails.
func fails(kind upstream.FailureKind, status int) func(upstream.Validators) (upstream.Response, error) {
	return func(upstream.Validators) (upstream.Response, error) {
		return upstream.Response{}, failure(public(), kind, status)
	}
}

// body is a page of files of these versions.
func body(name, serial string, versions ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"meta":{"api-version":"1.1"%s},"name":%q,"files":[`, serial, name)
	for i, v := range versions {
		if i > 0 {
			b.WriteString(",")
		}
		file := fmt.Sprintf("%s-%s.tar.gz", name, v)
		fmt.Fprintf(&b, `{"filename":%q,"url":"https://files.test/%s","hashes":{"sha256":"%064x"},"size":%d}`,
			file, file, len(v)*1000+i, 1000+i)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// has is an answer with a page of files, which answers 304 to its ETag.
func has(name, etag string, versions ...string) func(upstream.Validators) (upstream.Response, error) {
	return hasSerial(name, etag, "", versions...)
}

// hasSerial is has with a serial, as JSON.
func hasSerial(name, etag, serial string, versions ...string) func(upstream.Validators) (upstream.Response, error) {
	if serial != "" {
		serial = `,"_last-serial":` + serial
	}
	content := body(name, serial, versions...)
	at := &url.URL{Scheme: "https", Host: "upstream.test", Path: "/simple/" + name + "/"}
	return func(v upstream.Validators) (upstream.Response, error) {
		if etag != "" && v.ETag == etag {
			return upstream.Response{NotModified: true}, nil
		}
		return upstream.Response{
			Body:        content,
			ContentType: "application/vnd.pypi.simple.v1+json",
			URL:         at,
			Validators:  upstream.Validators{ETag: etag},
		}, nil
	}
}

func public() upstream.Upstream {
	return upstream.Upstream{
		Name:                 "public",
		URL:                  "https://upstream.test/simple/",
		Kind:                 upstream.Public,
		TTL:                  upstream.DefaultTTL,
		NegativeTTL:          upstream.DefaultNegativeTTL,
		StaleWhileRevalidate: upstream.DefaultStaleWhileRevalidate,
		StaleIfError:         upstream.DefaultStaleIfError,
		Revision:             1,
	}
}

// counted counts the transactions of a store.
type counted struct {
	pages.Store
	views, updates atomic.Int64
	fails          atomic.Bool
}

func (s *counted) View(ctx context.Context, f func(pages.Tx) error) error {
	s.views.Add(1)
	return s.Store.View(ctx, f)
}

func (s *counted) Update(ctx context.Context, f func(pages.Tx) error) error {
	s.updates.Add(1)
	if s.fails.Load() {
		return errors.New("the database is away")
	}
	return s.Store.Update(ctx, f)
}

// world is a process that asks an upstream.
type world struct {
	*testing.T
	p     *pages.Pages
	f     *fetcher
	c     *clock
	db    *db.DB
	store *counted
	u     upstream.Upstream
}

// newWorld returns a process on a new SQLite database that no other process uses.
func newWorld(t *testing.T, set ...func(*pages.Options)) *world {
	t.Helper()
	return newWorldOn(t, storagetest.SQLite(t), newFetcher(), newClock(),
		append([]func(*pages.Options){func(o *pages.Options) { o.Alone = true }}, set...)...)
}

// newWorldOn returns a process on a database.
func newWorldOn(t *testing.T, at string, f *fetcher, c *clock, set ...func(*pages.Options)) *world {
	t.Helper()
	w := &world{T: t, f: f, c: c, u: public()}
	w.db = storagetest.OpenDB(t, at, db.Options{})
	w.store = &counted{Store: w.db.Pages()}
	o := pages.Options{
		Store:     w.store,
		Fetcher:   f,
		Now:       c.Now,
		Log:       slog.New(slog.DiscardHandler),
		Upstreams: func(context.Context) ([]upstream.Upstream, error) { return []upstream.Upstream{w.u}, nil },
	}
	for _, f := range set {
		f(&o)
	}
	w.p = pages.New(o)
	t.Cleanup(w.p.Settle)
	w.p.SetWaits(100*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond)
	return w
}

// again returns another process on the same database, or the same one after a restart.
func (w *world) again() *world {
	next := *w
	next.p = pages.New(pages.Options{
		Store:   w.store,
		Fetcher: w.f,
		Now:     w.c.Now,
		Log:     slog.New(slog.DiscardHandler),
		Alone:   true,
	})
	w.Cleanup(next.p.Settle)
	next.p.SetWaits(100*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond)
	return &next
}

func name(s string) packaging.ProjectName {
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		panic(err)
	}
	return n
}

func (w *world) ask(s string, f pages.Freshness) (pages.Held, error) {
	return w.p.Get(w.Context(), w.u, name(s), f, true)
}

// get returns the page of a project, and fails the test on an error.
func (w *world) get(s string, f pages.Freshness) pages.Held {
	w.Helper()
	h, err := w.ask(s, f)
	if err != nil {
		w.Fatalf("Get(%s) = %v", s, err)
	}
	return h
}

// refused asks for a page and returns the failure.
func (w *world) refused(s string, f pages.Freshness) *upstream.Failure {
	w.Helper()
	h, err := w.ask(s, f)
	var failure *upstream.Failure
	if !errors.As(err, &failure) {
		w.Fatalf("Get(%s) = %+v, %v, want a failure", s, h, err)
	}
	return failure
}

// batch runs a batch and waits for what it begins.
func (w *world) batch() {
	w.Helper()
	w.p.Settle()
	if err := w.p.Batch(w.Context()); err != nil {
		w.Fatalf("Batch() = %v", err)
	}
	w.p.Settle()
}

// asked checks the number of questions about a project.
func (w *world) asked(s string, want int) {
	w.Helper()
	if got := w.f.count(s); got != want {
		w.Errorf("%d questions about %q, want %d", got, s, want)
	}
}

// versions checks the versions on a page.
func (w *world) versions(h pages.Held, want ...string) {
	w.Helper()
	p, err := h.Page()
	if err != nil {
		w.Fatalf("Page() = %v", err)
	}
	got := []string{}
	for _, f := range p.Files {
		got = append(got, f.Version)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("versions %v, want %v", got, want)
	}
}

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
