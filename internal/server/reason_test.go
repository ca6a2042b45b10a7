package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

// refusing responds to every upload with a reason, before it reads any of it.
func refusing(reason string) route.Route {
	return route.Route{
		Method: "POST", Path: "/legacy/", Auth: route.Open, Limit: route.LimitMint,
		Handle: func(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
			w.Header().Set("X-Custom", "a")
			return w.(route.ReasonWriter).WriteReason(400, reason, []byte(reason))
		},
	}
}

func TestReasonOverTheWire(t *testing.T) {
	tests := []struct{ name, reason, want string }{
		{"plain", "File already exists", "400 File already exists"},
		{"latin 1", "naïve", "400 na\xefve"},
		{"beyond latin 1", "a→b 日本", "400 a?b ??"},
		{"header injection", "a\r\nSet-Cookie: x=y\x00\u0085", "400 a  Set-Cookie: x=y"},
		{"empty", "", "400 "},
		{"long", strings.Repeat("x", 9000), "400 " + strings.Repeat("x", 397) + "..."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hs := httptest.NewServer(newServer(t, server.Options{}, refusing(tt.reason)))
			defer hs.Close()
			conn, err := net.Dial("tcp", hs.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "POST /legacy/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
			raw, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			line, rest, _ := bytes.Cut(raw, []byte("\r\n"))
			if got := string(line); got != "HTTP/1.1 "+tt.want {
				t.Errorf("status line %q, want %q", got, "HTTP/1.1 "+tt.want)
			}
			got, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
			if err != nil {
				t.Fatalf("the answer cannot be read: %v\n%s", err, rest)
			}
			if text := body(t, got); text != tt.reason || !got.Close || got.Header.Get("Set-Cookie") != "" ||
				got.Header.Get("X-Request-Id") == "" || got.Header.Get("X-Custom") != "a" {
				t.Errorf("body %q, close %v, header %v", text, got.Close, got.Header)
			}
		})
	}
}

// A client that writes its whole body before it reads must receive the response. That holds for a body of any size if
// uploads are refused with a reason, and otherwise up to the limit for unauthenticated clients.
func TestReasonAfterLargeBody(t *testing.T) {
	plain := route.Route{
		Method: "POST", Path: "/plain", Auth: route.Open, Limit: route.LimitMint,
		Handle: func(http.ResponseWriter, *http.Request, access.Caller) error {
			return fault.New(fault.Denied, "no")
		},
	}
	hs := httptest.NewServer(newServer(t, server.Options{}, refusing("too bad"), plain))
	defer hs.Close()
	for path, size := range map[string]int64{"/legacy/": 16 << 20, "/plain": 7 << 20, "/none": 7 << 20} {
		conn, err := net.Dial("tcp", hs.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", path, size)
		if _, err := io.CopyN(conn, zeros{}, size); err != nil {
			t.Errorf("%s: sending: %v", path, err)
		}
		got, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || got.StatusCode < 400 {
			t.Errorf("%s: %v, %v, want a refusal", path, got, err)
		}
		conn.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A client that expects "100 Continue" gets the response without sending its body.
func TestReasonBeforeContinue(t *testing.T) {
	hs := httptest.NewServer(newServer(t, server.Options{}, refusing("too bad")))
	defer hs.Close()
	conn, err := net.Dial("tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "POST /legacy/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != "HTTP/1.1 400 too bad\r\n" {
		t.Errorf("answer begins %q, %v, want the refusal", line, err)
	}
}

func TestReasonOverHTTP2(t *testing.T) {
	hs := httptest.NewUnstartedServer(newServer(t, server.Options{}, refusing("too bad")))
	hs.EnableHTTP2 = true
	hs.StartTLS()
	defer hs.Close()
	got, err := hs.Client().Post(hs.URL+"/legacy/", "text/plain", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if text := body(t, got); got.ProtoMajor != 2 || got.StatusCode != 400 || text != "too bad" {
		t.Errorf("HTTP/%d %d %q, want HTTP/2 400 and the reason in the body", got.ProtoMajor, got.StatusCode, text)
	}
}

// A stalled body is aborted, and its sender gets an error.
func TestStalledUpload(t *testing.T) {
	row := route.Route{
		Method: "POST", Path: "/legacy/", Auth: route.Open, Limit: route.LimitMint,
		Handle: func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		},
	}
	hs := httptest.NewServer(newServer(t, server.Options{Stall: 200 * time.Millisecond}, row))
	defer hs.Close()
	conn, err := net.Dial("tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stop, cancel := context.WithCancel(context.Background())
	defer cancel()
	fmt.Fprint(conn, "POST /legacy/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
	go func() { // a byte now and then is no progress
		for stop.Err() == nil {
			fmt.Fprint(conn, "x")
			time.Sleep(20 * time.Millisecond)
		}
	}()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || got.StatusCode != 400 {
		t.Fatalf("answer %v, %v, want 400", got, err)
	}
	if text := body(t, got); !strings.Contains(text, "made no progress") {
		t.Errorf("body %q, want \"made no progress\" in it", text)
	}
}

// An upload that makes progress may take longer than the stall timeout, and so may its processing.
func TestSlowUpload(t *testing.T) {
	row := route.Route{
		Method: "POST", Path: "/legacy/", Auth: route.Open, Limit: route.LimitMint,
		Handle: func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				return err
			}
			time.Sleep(400 * time.Millisecond)
			fmt.Fprint(w, n, r.Context().Err())
			return nil
		},
	}
	hs := httptest.NewServer(newServer(t, server.Options{Stall: 200 * time.Millisecond}, row))
	defer hs.Close()
	in, out := io.Pipe()
	go func() {
		for range 10 {
			out.Write(make([]byte, 128<<10))
			time.Sleep(50 * time.Millisecond)
		}
		out.Close()
	}()
	got, err := http.Post(hs.URL+"/legacy/", "x/y", in)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if text := body(t, got); text != fmt.Sprint(10*128<<10, nil) {
		t.Errorf("answer %q, want all bytes and a live context", text)
	}
}
