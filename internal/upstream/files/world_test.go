package files_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/packaging"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

var public = upstream.Upstream{Name: "public", URL: "http://upstream.test/simple/"}

// content returns n bytes that look random.
func content(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(p)
	return p
}

func sum(p []byte) string {
	s := sha256.Sum256(p)
	return hex.EncodeToString(s[:])
}

// reply is what the upstream of a test sends for a URL.
type reply struct {
	body    []byte
	size    int64 // stated, -1 for none, 0 for len(body)
	kind    string
	fails   int           // the body fails after so many bytes, if positive
	gate    chan struct{} // the body stops after stopAt bytes until gate is closed
	stopAt  int
	err     error         // instead of a body
	asked   atomic.Int64  // number of requests
	ended   chan struct{} // closed when a request was ended before its body
	endOnce sync.Once
	piece   int // bytes of one read, 0 for as many as fit
}

// fetcher is an upstream.
type fetcher struct {
	mu      sync.Mutex
	replies map[string]*reply
}

func (f *fetcher) Page(context.Context, upstream.Upstream, packaging.ProjectName, upstream.Validators,
) (upstream.Response, error) {
	return upstream.Response{}, errors.New("not asked in these tests")
}

func (f *fetcher) List(context.Context, upstream.Upstream, upstream.Validators) (upstream.Response, error) {
	return upstream.Response{}, errors.New("not asked in these tests")
}

func (f *fetcher) set(url string, r *reply) *reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.ended = make(chan struct{})
	f.replies[url] = r
	return r
}

func (f *fetcher) Open(ctx context.Context, u upstream.Upstream, at string, limit int64) (upstream.Body, error) {
	f.mu.Lock()
	r := f.replies[at]
	f.mu.Unlock()
	if r == nil {
		return upstream.Body{}, &upstream.Failure{
			Upstream: u.Name, Kind: upstream.Absent, Status: 404, Err: errors.New("it is not there"),
		}
	}
	r.asked.Add(1)
	if r.err != nil {
		return upstream.Body{}, r.err
	}
	size := r.size
	if size == 0 {
		size = int64(len(r.body))
	}
	return upstream.Body{ReadCloser: &sending{ctx: ctx, of: r}, Size: size, ContentType: r.kind}, nil
}

// sending is one body of a reply.
type sending struct {
	ctx context.Context
	of  *reply
	at  int
}

func (s *sending) Read(p []byte) (int, error) {
	r := s.of
	if r.gate != nil && s.at >= r.stopAt {
		select {
		case <-r.gate:
		case <-s.ctx.Done():
		}
	}
	switch {
	case s.ctx.Err() != nil:
		r.endOnce.Do(func() { close(r.ended) })
		return 0, s.ctx.Err()
	case r.fails > 0 && s.at >= r.fails:
		return 0, &upstream.Failure{Upstream: "public", Kind: upstream.Silent, Err: errors.New("the connection broke")}
	case s.at >= len(r.body):
		return 0, io.EOF
	}
	rest := r.body[s.at:]
	if r.gate != nil && s.at < r.stopAt {
		rest = rest[:min(len(rest), r.stopAt-s.at)]
	}
	if r.fails > 0 {
		rest = rest[:min(len(rest), r.fails-s.at)]
	}
	if r.piece > 0 {
		rest = rest[:min(len(rest), r.piece)]
	}
	n := copy(p, rest)
	s.at += n
	return n, nil
}

func (s *sending) Close() error { return nil }

// world is the files of one process, or of two that share database and store.
type world struct {
	*testing.T
	url, folder string
	up          *fetcher
	db          *db.DB
	blobs       *storagetest.FaultyBlobs
	keeper      *custody.Keeper
	files       *files.Files
	log         *bytes.Buffer
	now         atomic.Int64 // added to the clock, in nanoseconds
}

func (w *world) clock() time.Time { return time.Now().Add(time.Duration(w.now.Load())) }

func newWorld(t *testing.T, o files.Options) *world {
	t.Helper()
	w := &world{
		T: t, url: storagetest.SQLite(t), folder: filepath.Join(t.TempDir(), "blobs"),
		up: &fetcher{replies: map[string]*reply{}},
	}
	w.open(o)
	return w
}

// replica opens the same database and store once more.
func (w *world) replica(o files.Options) *world {
	w.Helper()
	other := &world{T: w.T, url: w.url, folder: w.folder, up: w.up}
	other.open(o)
	return other
}

// wrap lets a test put something between the keeper and the store.
var _ custody.Blobs = (*storagetest.FaultyBlobs)(nil)

func (w *world) open(o files.Options) {
	w.Helper()
	w.db = storagetest.OpenDB(w.T, w.url, db.Options{})
	inner, err := blobs.Open(w.Context(), w.folder, blobs.Options{})
	if err != nil {
		w.Fatal(err)
	}
	w.blobs = &storagetest.FaultyBlobs{Blobs: inner}
	w.openOver(w.blobs, o)
}

func (w *world) openOver(b custody.Blobs, o files.Options) {
	w.log = &bytes.Buffer{}
	if o.Limit == 0 {
		o.Limit = 1 << 30
	}
	o.Now = w.clock
	o.Log = slog.New(slog.NewTextHandler(&locked{to: w.log}, nil))
	w.keeper = custody.New(keeping{w.db.Catalog()}, b, custody.Options{Log: o.Log})
	w.files = files.New(w.db.UpstreamFiles(), w.keeper, w.up, o)
	w.files.SetTimes(5*time.Second, 5*time.Second, 10*time.Second, 50*time.Millisecond)
	w.Cleanup(w.files.Close)
}

type locked struct {
	mu sync.Mutex
	to io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// file returns a file as a page lists it, which the upstream sends.
func (w *world) file(name string, p []byte) (page.File, *reply) {
	f := page.File{
		Filename: name, URL: "http://files.test/" + name, Kind: packaging.KindOf(name), Version: "1.0",
		SHA256: sum(p), Size: int64(len(p)),
	}
	return f, w.up.set(f.URL, &reply{body: p})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// read opens a file and reads all of it.
func (w *world) read(f page.File) ([]byte, files.Opened, error) {
	w.Helper()
	o, err := w.files.Open(w.Context(), public, f)
	if err != nil {
		return nil, o, err
	}
	got, err := readAll(o)
	return got, o, err
}

func readAll(o files.Opened) ([]byte, error) {
	defer o.Close()
	if o.Blob != nil {
		return io.ReadAll(o.Blob)
	}
	return io.ReadAll(o.Stream)
}

// settle waits until no download is under way.
func (w *world) settle() {
	w.Helper()
	w.eventually("the downloads to end", func() bool { return w.files.Flights() == 0 })
}

func (w *world) eventually(what string, f func() bool) {
	w.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); {
		if time.Now().After(end) {
			w.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (w *world) row(f page.File) files.Row {
	w.Helper()
	var r files.Row
	w.must(w.db.UpstreamFiles().View(w.Context(), func(tx files.Tx) (err error) {
		r, err = tx.UpstreamFile(w.Context(), files.Key{Upstream: "public", Path: f.Path("")})
		return err
	}))
	return r
}

func (w *world) entries(action string) (out []audit.Entry) {
	w.Helper()
	w.must(w.db.UpstreamFiles().View(w.Context(), func(tx files.Tx) (err error) {
		out, err = tx.Entries(w.Context(), audit.Filter{Actions: []string{action}, Limit: 1000})
		return err
	}))
	return out
}

// objects returns the number of objects in the store.
func (w *world) objects() (n int) {
	w.Helper()
	w.must(w.blobs.Each(w.Context(), func(custody.Object) error { n++; return nil }))
	return n
}

func kindOf(err error) upstream.FailureKind {
	var f *upstream.Failure
	if errors.As(err, &f) {
		return f.Kind
	}
	return ""
}

// keeping is the database as package custody sees it.
type keeping struct{ catalog.Store }

func (k keeping) View(ctx context.Context, f func(custody.Tx) error) error {
	return k.Store.View(ctx, func(tx catalog.Tx) error { return f(tx.(custody.Tx)) })
}

func (k keeping) Update(ctx context.Context, f func(custody.Tx) error) error {
	return k.Store.Update(ctx, func(tx catalog.Tx) error { return f(tx.(custody.Tx)) })
}
