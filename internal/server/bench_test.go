package server_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

// The benchmark serves the same 20 kB from a bare handler and from a route with a credential and a log line, over real
// connections.
func BenchmarkAnswer(b *testing.B) {
	page := bytes.Repeat([]byte("x"), 20<<10)
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html")
		h.Set("Content-Length", "20480")
		w.Write(page)
	})
	row := get("/simple/:project/", route.Reader)
	row.Handle = func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
		bare(w, r)
		return nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	full := newServer(b, server.Options{Keyring: keyring{closed: true}, Log: slog.New(slog.NewTextHandler(null, nil))},
		row)
	b.Run("bare", func(b *testing.B) { measure(b, bare) })
	b.Run("server", func(b *testing.B) { measure(b, full) })
}

// measure sends requests over a few connections that stay open.
func measure(b *testing.B, h http.Handler) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	hs := &http.Server{Handler: h}
	go hs.Serve(l)
	defer hs.Close()
	request := []byte("GET /simple/foo/ HTTP/1.1\r\nHost: h\r\nAuthorization: " + basicAuth("__token__", goodToken) +
		"\r\n\r\n")
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		buf := make([]byte, 64<<10)
		for pb.Next() {
			if err := exchange(conn, request, buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// exchange sends a request and reads the response, with as little client work as possible.
func exchange(conn net.Conn, request, buf []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	want, have := 0, 0
	for want == 0 || have < want {
		n, err := conn.Read(buf[have:])
		if err != nil {
			return err
		}
		have += n
		if end := bytes.Index(buf[:have], []byte("\r\n\r\n")); want == 0 && end >= 0 {
			want = end + 4 + 20<<10
			if !bytes.HasPrefix(buf, []byte("HTTP/1.1 200")) {
				return io.ErrUnexpectedEOF
			}
		}
	}
	return nil
}
