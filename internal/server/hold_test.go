package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

// pipes is an in-memory listener, so that tests can use fake time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects from an address.
func (p *pipes) dial(from string) net.Conn {
	mine, theirs := net.Pipe()
	p.conns <- addressed{theirs, from}
	return mine
}

type addressed struct {
	net.Conn
	from string
}

func (a addressed) RemoteAddr() net.Addr { return pipeAddr(a.from) }

type pipeAddr string

func (a pipeAddr) Network() string { return "tcp" }
func (a pipeAddr) String() string  { return net.JoinHostPort(string(a), "1234") }

// serveIn serves rows on pipes within a bubble. It returns a function that stops the server.
func serveIn(t *testing.T, o server.Options, rows ...route.Route) (*pipes, func()) {
	p := newPipes()
	s := newServer(t, o, rows...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(ctx, p, server.Run{Drain: time.Second}) }()
	return p, func() { cancel(); <-ended }
}

// upload reads a body and reports how reading ended.
func uploadRow(auth route.Auth, took *time.Duration, got *int64, ended *error) route.Route {
	return route.Route{
		Method: "POST", Path: "/up", Auth: auth, Limit: route.LimitUpload,
		Handle: func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
			start := time.Now()
			*got, *ended = io.Copy(io.Discard, r.Body)
			*took = time.Since(start)
			return *ended
		},
	}
}

// trickle writes bytes at a rate, in steps, until the peer closes the connection or everything is written. It reads the
// response at the same time.
func trickle(conn net.Conn, total, step int, every time.Duration) (sent int) {
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	chunk := []byte(strings.Repeat("x", step))
	for sent < total {
		if _, err := conn.Write(chunk[:min(step, total-sent)]); err != nil {
			return sent
		}
		sent += min(step, total-sent)
		time.Sleep(every)
	}
	return sent
}

// The total time of a body is bounded by its size. A body that makes only the required progress of each minute is
// aborted soon after the grace period. A body at the minimum rate succeeds however long it takes, and so does one that
// is processed slowly.
func TestBodyHasALeastRate(t *testing.T) {
	for _, c := range []struct {
		name        string
		rate        int64
		total, step int
		every       time.Duration
		ok          bool
		longest     time.Duration
	}{
		{"64 kB each 50 s", 50_000, 2 << 30, 66_000, 50 * time.Second, false, 2 * time.Minute},
		{"half the rate", 50_000, 2 << 30, 25_000, time.Second, false, 4 * time.Minute},
		{"the rate", 50_000, 30 << 20, 50_000, time.Second, true, time.Hour},
		{"a slow start", 50_000, 20 << 20, 1 << 20, 15 * time.Second, true, time.Hour},
		{"slow, without a bound", 0, 20 << 20, 70_000, 50 * time.Second, true, 10 * time.Hour},
		{"nothing", 50_000, 100, 10, 61 * time.Second, false, 2 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var took time.Duration
				var got int64
				var ended error
				p, stop := serveIn(t, server.Options{MinRate: c.rate}, uploadRow(route.Open, &took, &got, &ended))
				conn := p.dial("192.0.2.1")
				fmt.Fprintf(conn, "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", c.total)
				trickle(conn, c.total, c.step, c.every)
				time.Sleep(5 * time.Minute)
				conn.Close()
				stop()
				if (ended == nil) != c.ok || took > c.longest {
					t.Errorf("the body ended with %v after %v and %d bytes, want accepted %v and at most %v", ended, took, got, c.ok,
						c.longest)
				}
			})
		})
	}
}

// The time in which the server processes data is not measured.
func TestBodyIsNotBlamedForTheServersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended error
		row := route.Route{
			Method: "POST", Path: "/up", Auth: route.Open, Limit: route.LimitUpload,
			Handle: func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
				buffer := make([]byte, 1<<10)
				for {
					n, err := io.ReadFull(r.Body, buffer)
					time.Sleep(3 * time.Minute)
					if n < len(buffer) || err != nil {
						ended = err
						return nil
					}
				}
			},
		}
		p, stop := serveIn(t, server.Options{MinRate: 50_000}, row)
		conn := p.dial("192.0.2.1")
		fmt.Fprintf(conn, "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 20480\r\n\r\n")
		trickle(conn, 20480, 20480, 0)
		time.Sleep(2 * time.Hour)
		conn.Close()
		stop()
		if ended != io.EOF {
			t.Errorf("a body that was handled slowly ended with %v, want all of it", ended)
		}
	})
}

// The body of a refused request without a valid credential is read for at most ten seconds and 8 MiB. The client
// receives the response in any case.
func TestRefusedBodyOfAStrangerIsNotHeldOpen(t *testing.T) {
	for _, c := range []struct {
		name         string
		step         int
		every, until time.Duration
		most         int64
	}{
		{"slow", 10_000, time.Second, 11 * time.Second, 9 << 20},
		{"fast", 1 << 20, 0, time.Second, 10 << 20},
		{"silent", 1, time.Hour, 11 * time.Second, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var took time.Duration
				var got int64
				var ended error
				p, stop := serveIn(t, server.Options{MinRate: 50_000}, uploadRow(route.Writer, &took, &got, &ended))
				conn := p.dial("192.0.2.1")
				start := time.Now()
				fmt.Fprintf(conn, "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", 1<<30)
				closed := make(chan time.Duration, 1)
				var answer strings.Builder
				go func() {
					_, _ = io.Copy(&answer, conn)
					conn.Close()
					closed <- time.Since(start)
				}()
				var sent atomic.Int64
				chunk := []byte(strings.Repeat("x", c.step))
				go func() {
					for {
						n, err := conn.Write(chunk)
						if sent.Add(int64(n)); err != nil {
							return
						}
						time.Sleep(c.every)
					}
				}()
				if held := <-closed; held > c.until || sent.Load() > c.most {
					t.Errorf("the connection was held for %v and %d bytes, want at most %v and %d", held, sent.Load(), c.until, c.most)
				}
				if !strings.HasPrefix(answer.String(), "HTTP/1.1 401") {
					t.Errorf("the answer is %.60q, want 401", answer.String())
				}
				stop()
				time.Sleep(2 * time.Hour) // the writer's last pause
			})
		})
	}
}

// lines counts the log lines that contain a text.
type lines struct {
	slog.Handler
	text string
	n    atomic.Int64
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, l.text) {
		l.n.Add(1)
	}
	return nil
}

// The connections of one address are limited, and so is their total. Those of a proxy are limited only in total. An
// idle connection gives way to a new one, and a closed one frees its place. Refusals are logged.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{text: "too many connections"}
		proxies := server.Options{Log: slog.New(log), ConnectionsPerAddress: 3, Connections: 10}
		proxies.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		p, stop := serveIn(t, proxies, get("/a", route.Open))
		alive := func(c net.Conn) bool {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, err := c.Read(make([]byte, 1))
			return !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe)
		}
		var open []net.Conn
		dial := func(from string, want bool) net.Conn {
			t.Helper()
			c := p.dial(from)
			if alive(c) != want {
				t.Errorf("connection %d, from %s: open %v, want %v", len(open)+1, from, !want, want)
			}
			if want {
				open = append(open, c)
			}
			return c
		}
		first := dial("192.0.2.1", true)
		dial("192.0.2.1", true)
		dial("192.0.2.1", true)
		dial("192.0.2.1", false)
		dial("192.0.2.1", false)
		if n := log.n.Load(); n < 1 || n > 2 {
			t.Errorf("%d lines about refused connections, want one a second", n)
		}
		first.Close()
		synctest.Wait()
		dial("192.0.2.1", true)
		dial("2001:db8::1", true)
		dial("2001:db8::2", true)
		dial("2001:db8::3", true)
		dial("2001:db8::4", false) // one /64 is one client
		for range 4 {
			dial("10.1.2.3", true)
		}
		dial("10.1.2.3", false) // ten in all
		// An idle connection gives way.
		idle := open[1]
		_ = idle.SetReadDeadline(time.Time{})
		go io.WriteString(idle, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
		answer := make([]byte, 2048)
		if n, err := idle.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200") {
			t.Errorf("an open connection answers %q, %v", answer[:n], err)
		}
		synctest.Wait()
		dial("198.51.100.7", true)
		for _, c := range open {
			c.Close()
		}
		stop()
	})
}
