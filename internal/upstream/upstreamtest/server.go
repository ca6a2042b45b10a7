package upstreamtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options configures a server. The zero value serves JSON and HTML without any delay.
type Options struct {
	HTMLOnly  bool          // serve HTML whatever Accept says
	Bare      bool          // state only URLs and digests: no sizes, times, metadata, provenance
	Folder    bool          // files below /files/PROJECT/NAME instead of /packages/aa/bb/HEX/NAME
	OneHost   bool          // files at the address of the pages
	NoList    bool          // no root list
	Dated     bool          // pages have Last-Modified instead of an ETag
	Latency   time.Duration // before each response
	Bandwidth int64         // bytes a second of all responses together, 0 for no limit
	Username  string        // with Password: what a request must present; "" for an open index
	Password  string
	Token     string  // a bearer token that a request must present instead
	Catalog   Catalog // generated projects beside those that are added

	Listen, ListenFiles string // addresses, 127.0.0.1 with a free port by default
}

// Server is a running upstream.
type Server struct {
	options Options
	pages   *listener
	files   *listener // the same as pages with OneHost
	link    link

	mu       sync.Mutex
	projects map[string]*Project
	paths    map[string]*File // of files, by path
	faults   []Fault
	asked    []Request
	serial   int64
}

// New starts a server, which stops when t ends.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server. The caller closes it.
func Start(o Options) (*Server, error) {
	s := &Server{
		options: o, projects: map[string]*Project{}, paths: map[string]*File{}, serial: 30_000_000,
		link: link{rate: o.Bandwidth},
	}
	s.pages = &listener{address: o.Listen, handler: s.handler(s.servePages)}
	if err := s.pages.open(); err != nil {
		return nil, err
	}
	s.files = s.pages
	if !o.OneHost {
		s.files = &listener{address: o.ListenFiles, handler: s.handler(s.serveFile)}
		if err := s.files.open(); err != nil {
			s.pages.close()
			return nil, err
		}
	}
	return s, nil
}

// URL returns the simple root, which ends with "/".
func (s *Server) URL() string { return s.Base() + "/simple/" }

// Base returns scheme, host and port of the pages.
func (s *Server) Base() string { return "http://" + s.pages.address }

// FilesBase returns scheme, host and port of the files.
func (s *Server) FilesBase() string { return "http://" + s.files.address }

// Close stops the server.
func (s *Server) Close() {
	s.pages.close()
	s.files.close()
}

// Kill refuses connections and breaks the open ones, until Revive.
func (s *Server) Kill() { s.Close() }

// Revive accepts connections again at the same addresses.
func (s *Server) Revive() error {
	err := s.pages.open()
	if s.files != s.pages {
		err = errors.Join(err, s.files.open())
	}
	return err
}

// listener is an address with a server that can be stopped and started.
type listener struct {
	address string
	handler http.Handler

	mu     sync.Mutex
	server *http.Server
	ended  chan struct{}
}

func (l *listener) open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return nil
	}
	if l.address == "" {
		l.address = "127.0.0.1:0"
	}
	on, err := listen(l.address)
	if err != nil {
		return err
	}
	l.address = on.Addr().String()
	server, ended := &http.Server{Handler: l.handler, ReadHeaderTimeout: time.Minute}, make(chan struct{})
	l.server, l.ended = server, ended
	go func() {
		defer close(ended)
		_ = server.Serve(on)
	}()
	return nil
}

// listen retries for a moment: connections that were broken may still hold the address.
func listen(address string) (on net.Listener, err error) {
	for range 50 {
		if on, err = net.Listen("tcp", address); err == nil || strings.HasSuffix(address, ":0") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return on, nil
}

func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil {
		return
	}
	_ = l.server.Close()
	<-l.ended
	l.server = nil
}

// link is the connection of the server to the world, which all responses share.
type link struct {
	rate int64 // bytes a second, 0 for no limit
	mu   sync.Mutex
	free time.Time // when what was sent so far has passed
}

// pass waits until n bytes have passed, or ctx ends.
func (l *link) pass(ctx context.Context, n int) error {
	if l.rate <= 0 {
		return nil
	}
	l.mu.Lock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	until := l.free
	l.mu.Unlock()
	return pause(ctx, time.Until(until))
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
