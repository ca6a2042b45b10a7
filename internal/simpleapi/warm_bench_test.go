//go:build unix

package simpleapi_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"pyindex/internal/access"
	"pyindex/internal/journal"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

// BenchmarkWarmRequest measures a warm page of 20 files and its 304 through the whole server, with a token and a log,
// beside the bare handler. The requests come over connections in memory, with HTTP/1.1 and HTTP/2, which needs TLS.
// Beside the time, it reports the processor time of a request outside the kernel, which depends less on other work on
// the machine.
func BenchmarkWarmRequest(b *testing.B) {
	s := indextest.New(b)
	fill(s, "demo", 20)
	table := simpleapi.New(resolve.New(s.Index, resolve.Options{}), simpleapi.Options{}).Table()
	log := slog.New(journal.New(io.Discard, false, func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }))
	ours, token := s.ServeLogged(log, table), basic(s.Token(access.NoRole, "", ""))
	fields := [][2]string{
		{"accept", "application/vnd.pypi.simple.v1+html"}, {"accept-encoding", "gzip"}, {"authorization", token},
	}
	page := call(ours, "GET /simple/demo/", "Accept", fields[0][1], "Accept-Encoding", "gzip", "Authorization", token)
	if page.Code != 200 {
		b.Fatalf("%d %s", page.Code, page.Body)
	}
	forms := map[string][][2]string{
		"page": fields, "held": append(fields, [2]string{"if-none-match", page.Header().Get("Etag")}),
	}
	handlers := map[string]http.Handler{"index": ours, "bare": bareOf(page.Header(), page.Body.Bytes())}
	for _, form := range []string{"page", "held"} {
		for _, transport := range []string{"http", "tls", "h2"} {
			for _, name := range []string{"index", "bare"} {
				b.Run(form+"/"+transport+"/"+name, func(b *testing.B) {
					measureWarm(b, handlers[name], transport, forms[form])
				})
			}
		}
	}
}

// bareOf is bare with all headers of the page.
func bareOf(headers http.Header, body []byte) http.Handler {
	held := headers.Clone()
	held.Del("Content-Length")
	held.Del("Content-Encoding")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := headers
		if r.Header.Get("If-None-Match") == headers.Get("Etag") {
			from = held
		}
		h := w.Header()
		for name, values := range from {
			h[name] = values
		}
		if r.Header.Get("If-None-Match") == headers.Get("Etag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(body)
	})
}

// measureWarm measures requests of one connection: "http", "tls" with HTTP/1.1, or "h2".
func measureWarm(b *testing.B, h http.Handler, transport string, fields [][2]string) {
	l := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	hs := httptest.NewUnstartedServer(h)
	hs.Listener.Close()
	hs.Listener, hs.EnableHTTP2 = l, true
	hs.Config.WriteTimeout, hs.Config.IdleTimeout = time.Minute, time.Minute
	server, client := memoryConns()
	if transport == "http" {
		hs.Start()
	} else {
		hs.StartTLS()
		protocol := map[string]string{"tls": "http/1.1", "h2": "h2"}[transport]
		client = tls.Client(client, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	}
	defer hs.Close()
	l.conns <- server
	defer client.Close()
	exchange := http1Client(client, fields)
	if transport == "h2" {
		exchange = http2Client(client, fields)
	}
	for range 100 {
		exchange(b)
	}
	b.ReportAllocs()
	before := userTime()
	for b.Loop() {
		exchange(b)
	}
	b.ReportMetric(float64((userTime()-before).Nanoseconds())/float64(b.N), "user-ns/op")
}

// userTime returns the processor time of this process outside the kernel.
func userTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano())
}

// http1Client returns a function that sends a request and reads the response.
func http1Client(conn net.Conn, fields [][2]string) func(testing.TB) {
	request := []byte("GET /simple/demo/ HTTP/1.1\r\nHost: localhost\r\n")
	for _, f := range fields {
		request = append(request, f[0]+": "+f[1]+"\r\n"...)
	}
	request = append(request, "\r\n"...)
	buf, length := make([]byte, 64<<10), 0
	return func(t testing.TB) {
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		for got := 0; length == 0 || got < length; {
			n, err := conn.Read(buf[got:])
			if err != nil {
				t.Fatal(err)
			}
			got += n
			if end := bytes.Index(buf[:got], []byte("\r\n\r\n")); length == 0 && end >= 0 {
				_, rest, _ := bytes.Cut(buf[:end], []byte("Content-Length: "))
				digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
				for _, d := range digits {
					length = 10*length + int(d-'0')
				}
				length += end + 4
			}
		}
	}
}

// http2Client is http1Client for HTTP/2, with one request at a time.
func http2Client(conn net.Conn, fields [][2]string) func(testing.TB) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, f := range append([][2]string{
		{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/simple/demo/"},
	}, fields...) {
		e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: true})
	}
	const data, headers, settings, window, ends, complete = 0, 1, 4, 8, 1, 4
	conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	conn.Write(frame(settings, 0, 0, nil))
	conn.Write(frame(settings, 1, 0, nil))
	request, stream := frame(headers, ends|complete, 1, block.Bytes()), uint32(1)
	buf, left := make([]byte, 64<<10), 0
	read := func(t testing.TB, p []byte) {
		if _, err := io.ReadFull(conn, p); err != nil {
			t.Fatal(err)
		}
	}
	return func(t testing.TB) {
		if left < 1<<20 {
			conn.Write(frame(window, 0, 0, binary.BigEndian.AppendUint32(nil, 1<<29)))
			left += 1 << 29
		}
		binary.BigEndian.PutUint32(request[5:], stream)
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		for {
			read(t, buf[:9])
			kind, flags, from := buf[3], buf[4], binary.BigEndian.Uint32(buf[5:])
			size := int(binary.BigEndian.Uint32(buf) >> 8)
			read(t, buf[:size])
			if kind == data {
				left -= size
			}
			if kind <= headers && from == stream && flags&ends != 0 {
				stream += 2
				return
			}
		}
	}
}

// frame returns an HTTP/2 frame.
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	f := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(f, stream), payload...)
}

// memoryListener accepts the connections of a channel.
type memoryListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// memoryConn is one end of a connection that stores what was written until it is read. It has no deadlines.
type memoryConn struct {
	net.Conn
	in, out *flow
}

// flow is one direction of a connection.
type flow struct {
	mu     sync.Mutex
	filled sync.Cond
	b      bytes.Buffer
	closed bool
}

func memoryConns() (server, client net.Conn) {
	x, y := new(flow), new(flow)
	x.filled.L, y.filled.L = &x.mu, &y.mu
	return &memoryConn{in: x, out: y}, &memoryConn{in: y, out: x}
}

func (c *memoryConn) Read(p []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for c.in.b.Len() == 0 {
		if c.in.closed {
			return 0, io.EOF
		}
		c.in.filled.Wait()
	}
	return c.in.b.Read(p)
}

func (c *memoryConn) Write(p []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.closed {
		return 0, net.ErrClosed
	}
	c.out.filled.Signal()
	return c.out.b.Write(p)
}

func (c *memoryConn) Close() error {
	for _, f := range []*flow{c.in, c.out} {
		f.mu.Lock()
		f.closed = true
		f.filled.Broadcast()
		f.mu.Unlock()
	}
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (c *memoryConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
}
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
