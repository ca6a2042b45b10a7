package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"pyindex/internal/upstream"
)

// small are options with limits that a test reaches quickly.
func small() Options { return quick(Options{PageSize: 1 << 20, ListSize: 2 << 20}) }

// TestDecompressionBomb: the limit is on the decoded bytes.
func TestDecompressionBomb(t *testing.T) {
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	for range 20 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	z.Close()
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	c := New(small())
	if bomb.Len() > 1<<20 {
		t.Fatalf("the bomb has %d bytes", bomb.Len())
	}
	_, err := get(t, c, u)
	fails(t, "page", err, upstream.Wrong, "larger than 1 MiB")
	_, err = c.List(t.Context(), u, upstream.Validators{})
	fails(t, "list", err, upstream.Wrong, "larger than 2 MiB")
}

// TestEndlessPages: neither a page that never ends, nor one that decodes to nothing for ever, is read for ever.
func TestEndlessPages(t *testing.T) {
	empty := gzipped(t, nil)
	var sent atomic.Int64
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		piece := bytes.Repeat([]byte("<a>"), 10_000)
		switch {
		case strings.HasSuffix(r.URL.Path, "/members/"):
			w.Header().Set("Content-Encoding", "gzip")
			piece = bytes.Repeat(empty, 1000)
		case strings.HasSuffix(r.URL.Path, "/length/"):
			w.Header().Set("Content-Length", fmt.Sprint(int64(10<<30)))
		case strings.HasSuffix(r.URL.Path, "/gone/"):
			w.WriteHeader(http.StatusNotFound)
		}
		for r.Context().Err() == nil {
			n, err := w.Write(piece)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	c := New(small())
	for _, project := range []string{"chunks", "members", "length", "gone"} {
		sent.Store(0)
		_, err := c.Page(t.Context(), u, name(t, project), upstream.Validators{})
		fails(t, project, err, upstream.Wrong, "")
		if n := sent.Load(); n > 32<<20 {
			t.Errorf("%s: %d bytes were sent", project, n)
		}
	}
}

// TestPageAtTheLimit: a page of exactly the limit is read.
func TestPageAtTheLimit(t *testing.T) {
	var size int
	var encoded bool
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		b := bytes.Repeat([]byte(" "), size)
		w.Header().Set("Content-Type", typeJSON)
		if encoded {
			w.Header().Set("Content-Encoding", "gzip")
			b = gzipped(t, b)
		}
		_, _ = w.Write(b)
	})
	c := New(small())
	for _, encoded = range []bool{false, true} {
		size = 1 << 20
		if r, err := get(t, c, u); err != nil || len(r.Body) != size {
			t.Errorf("%d bytes, encoded %v: %v", size, encoded, err)
		}
		size++
		_, err := get(t, c, u)
		fails(t, fmt.Sprint("a byte more, encoded ", encoded), err, upstream.Wrong, "larger")
	}
}

// TestHugeHeader: a header of 10 GB ends at 64 KiB.
func TestHugeHeader(t *testing.T) {
	var sent atomic.Int64
	u := raw(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		line := strings.Repeat("X-Long: "+strings.Repeat("y", 1000)+"\r\n", 100)
		for sent.Load() < 10<<30 {
			n, err := io.WriteString(conn, line)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	_, err := get(t, New(small()), u)
	fails(t, "header", err, upstream.Wrong, "header")
	oneLine := raw(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Long: ")
		for range 1 << 10 {
			if _, err := conn.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	_, err = get(t, New(small()), oneLine)
	fails(t, "one line", err, upstream.Wrong, "")
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%d bytes of header were sent", n)
	}
}

// TestEndlessRedirects: five redirects are followed, a sixth is not, wherever they lead.
func TestEndlessRedirects(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Query().Get("n"), "%d", &n)
		switch {
		case strings.HasSuffix(r.URL.Path, "/loop/"):
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		case n > 0:
			http.Redirect(w, r, fmt.Sprintf("%s?n=%d", r.URL.Path, n-1), []int{301, 302, 303, 307, 308}[n%5])
		default:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, pageHTML)
		}
	})
	c := New(small())
	_, err := c.Page(t.Context(), u, name(t, "loop"), upstream.Validators{})
	fails(t, "loop", err, upstream.Wrong, "redirected more than 5 times")
	for n, want := range map[int]bool{0: true, 1: true, 5: true, 6: false, 100: false} {
		b, err := c.Open(t.Context(), u, fmt.Sprintf("%s/f/foo-1.tar.gz?n=%d", u.Origin(), n), 0)
		if want {
			got, readErr := io.ReadAll(b)
			if err != nil || readErr != nil || string(got) != pageHTML {
				t.Errorf("%d redirects: %q, %v, %v", n, got, err, readErr)
			}
			b.Close()
		} else {
			fails(t, fmt.Sprint(n), err, upstream.Wrong, "redirected more than 5 times")
		}
	}
}

// TestBadRedirects: a redirect to no usable address is a wrong answer or a forbidden one.
func TestBadRedirects(t *testing.T) {
	var location string
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Location"] = []string{location}
		w.WriteHeader(http.StatusFound)
	})
	c := New(small())
	for l, kind := range map[string]upstream.FailureKind{
		"": upstream.Wrong, "http://[::1": upstream.Wrong, "http://u:p@127.0.0.1/": upstream.Wrong, "%zz": upstream.Wrong,
		"/" + strings.Repeat("x", 9<<10): upstream.Wrong,
		"ftp://127.0.0.1/":               upstream.Forbidden, "file:///etc/passwd": upstream.Forbidden,
		"data:text/html,x": upstream.Forbidden, "javascript:1": upstream.Forbidden, "http:///x": upstream.Forbidden,
		"gopher://127.0.0.1:70/": upstream.Forbidden, "unix:/var/run/docker.sock": upstream.Forbidden,
	} {
		location = l
		_, err := get(t, c, u)
		fails(t, l, err, kind, "")
		_, err = c.Open(t.Context(), u, u.Origin()+"/foo-1.tar.gz", 0)
		fails(t, l, err, kind, "")
	}
}

// TestSignInPage: a redirect to a sign-in page is no empty page, and its 404 does not mean that there is no project.
func TestSignInPage(t *testing.T) {
	status := 200
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/simple/foo/": "/login?next=/simple/foo/", "/simple/renamed/": "/simple/other/",
			"/simple/some-name/": "/simple/Some.Name", "/simple/file/": "/simple/file/index.html",
			"/simple/stored/": "/blob/0123?sig=1", "/simple/": "/users/sign_in",
		}[r.URL.Path]
		switch {
		case to != "":
			http.Redirect(w, r, to, http.StatusFound)
			return
		case r.URL.Path == "/blob/0123":
			w.Header().Set("Content-Type", typeJSON)
		default:
			w.Header().Set("Content-Type", "text/html")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, pageHTML)
	})
	c := New(small())
	for status = range map[int]bool{200: true, 404: true, 410: true} {
		for _, project := range []string{"foo", "renamed"} {
			_, err := c.Page(t.Context(), u, name(t, project), upstream.Validators{})
			fails(t, fmt.Sprintf("%s with %d", project, status), err, upstream.Wrong, "another page")
		}
		_, err := c.List(t.Context(), u, upstream.Validators{})
		fails(t, fmt.Sprintf("list with %d", status), err, upstream.Wrong, "another page")
	}
	status = 200
	for project, at := range map[string]string{
		"some-name": "/simple/Some.Name", "file": "/simple/file/index.html", "stored": "/blob/0123",
	} {
		r, err := c.Page(t.Context(), u, name(t, project), upstream.Validators{})
		if err != nil || r.URL.String() != u.Origin()+at {
			t.Errorf("%s: %v, %v, want a page at %s without a query", project, r.URL, err, at)
		}
	}
	status = 404
	_, err := c.Page(t.Context(), u, name(t, "some-name"), upstream.Validators{})
	fails(t, "404 of another spelling", err, upstream.Absent, "404")
}

// TestAbsentIsComplete: a 404 of which only a part arrives, or that another server gives without the credential, does
// not mean that there is no project.
func TestAbsentIsComplete(t *testing.T) {
	c := New(small())
	for _, text := range []string{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nnot",
		"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
	} {
		_, err := get(t, c, answer(t, text))
		fails(t, text, err, upstream.Wrong, "not complete")
	}
	_, err := get(t, c, answer(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nnot"))
	fails(t, "whole", err, upstream.Absent, "404")

	other := serve(t, http.NotFound)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.Origin()+r.URL.Path, http.StatusFound)
	})
	_, err = get(t, c, u)
	fails(t, "an open upstream on two servers", err, upstream.Absent, "404")
	u.Username = "somebody"
	_, err = get(t, c, u)
	fails(t, "without the credential", err, upstream.Wrong, "without the credential")
}

// TestSlowFirstByte: an upstream that accepts a connection and does not answer is silent.
func TestSlowFirstByte(t *testing.T) {
	o := quick(Options{FirstByte: 40 * time.Millisecond})
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	for what, write := range map[string]func(net.Conn){
		"nothing": func(net.Conn) { <-hold },
		"half a header": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: ")
			<-hold
		},
		"header byte by byte": func(c net.Conn) {
			for range 500 {
				if _, err := io.WriteString(c, "H"); err != nil {
					return
				}
				time.Sleep(2 * time.Millisecond)
			}
		},
		"hints for ever": func(c net.Conn) {
			for range 4 {
				_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
				time.Sleep(30 * time.Millisecond)
			}
			<-hold
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			u, began := raw(t, write), time.Now()
			c := New(o)
			_, err := get(t, c, u)
			if what == "header byte by byte" {
				if f, ok := errors.AsType[*upstream.Failure](err); !ok || f.Kind == upstream.Absent {
					t.Errorf("%v, want a failure", err)
				}
			} else {
				fails(t, what, err, upstream.Silent, "")
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestTrickle: a body that stops, or that comes a byte at a time, ends; one that makes progress does not, however long
// it takes.
func TestTrickle(t *testing.T) {
	o := quick(Options{Stall: 100 * time.Millisecond, PageTime: 300 * time.Millisecond})
	patient := quick(Options{Stall: 800 * time.Millisecond}) // for what must go well on a busy machine
	pace := func(piece string, every time.Duration) upstream.Upstream {
		return raw(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1048576\r\n\r\n")
			for range min(1<<20/len(piece), 200) {
				if _, err := io.WriteString(c, piece); err != nil {
					return
				}
				time.Sleep(every)
			}
		})
	}
	read := func(o Options, u upstream.Upstream) (int, error) {
		b, err := New(o).Open(t.Context(), u, u.Origin()+"/foo-1.tar.gz", 0)
		if err != nil {
			return 0, err
		}
		defer b.Close()
		n, err := io.Copy(io.Discard, b)
		return int(n), err
	}
	t.Run("file stops", func(t *testing.T) {
		t.Parallel()
		_, err := read(o, pace(strings.Repeat("x", 64<<10), time.Hour))
		fails(t, "file", err, upstream.Silent, "stopped sending")
	})
	t.Run("file byte by byte", func(t *testing.T) {
		t.Parallel()
		_, err := read(o, pace("x", 20*time.Millisecond))
		fails(t, "file", err, upstream.Silent, "stopped sending")
	})
	t.Run("slow file", func(t *testing.T) {
		t.Parallel()
		if n, err := read(patient, pace(strings.Repeat("x", 128<<10), 120*time.Millisecond)); n != 1<<20 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
	t.Run("slow reader", func(t *testing.T) {
		t.Parallel()
		u := pace(strings.Repeat("x", 64<<10), 0)
		b, err := New(patient).Open(t.Context(), u, u.Origin()+"/foo-1.tar.gz", 0)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		p := make([]byte, 10)
		for range 2 {
			if _, err := b.Read(p); err != nil {
				t.Errorf("after a pause of the reader: %v", err)
			}
			time.Sleep(450 * time.Millisecond)
		}
		if n, err := io.Copy(io.Discard, b); n != 1<<20-20 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
	t.Run("page byte by byte", func(t *testing.T) {
		t.Parallel()
		u := pace("x", 20*time.Millisecond)
		_, err := get(t, New(o), u)
		fails(t, "page", err, upstream.Silent, "stopped sending")
	})
	t.Run("page a kilobyte at a time", func(t *testing.T) {
		t.Parallel()
		u := pace(strings.Repeat("x", 1<<10), 10*time.Millisecond)
		_, err := get(t, New(quick(Options{PageTime: 300 * time.Millisecond})), u)
		fails(t, "page", err, upstream.Silent, "whole page")
	})
}

// TestConnectionReset: no answer is silence; an answer that breaks off is a wrong one.
func TestConnectionReset(t *testing.T) {
	reset := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }
	c := New(small())
	_, err := get(t, c, raw(t, reset))
	fails(t, "reset", err, upstream.Silent, "")
	_, err = get(t, c, answer(t, ""))
	fails(t, "closed", err, upstream.Silent, "without an answer")
	broken := raw(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<html>")
		time.Sleep(20 * time.Millisecond)
		reset(c)
	})
	_, err = get(t, c, broken)
	fails(t, "reset in the page", err, upstream.Wrong, "not complete")
	b, err := c.Open(t.Context(), broken, broken.Origin()+"/x", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, err = io.ReadAll(b)
	fails(t, "reset in the file", err, upstream.Wrong, "not complete")
	if _, again := b.Read(make([]byte, 1)); again == nil || errors.Is(again, io.EOF) {
		t.Errorf("after the failure: %v", again)
	}

	l, _ := net.Listen("tcp", "127.0.0.1:0")
	l.Close()
	_, err = get(t, c, local("http://"+l.Addr().String()))
	fails(t, "nobody listens", err, upstream.Silent, "refused")
}

// TestCancel: a caller that goes away is no failure of the upstream, and its deadline is one.
func TestCancel(t *testing.T) {
	arrived := make(chan struct{}, 2)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	c := New(small())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := c.Page(ctx, u, name(t, "foo"), upstream.Validators{})
	if _, failure := errors.AsType[*upstream.Failure](err); failure || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = c.Page(ctx, u, name(t, "foo"), upstream.Validators{})
	fails(t, "deadline", err, upstream.Silent, "deadline")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
}

// TestAllowed: which addresses an upstream may have, also in the notations in which an address is embedded in another.
func TestAllowed(t *testing.T) {
	for address, want := range map[string][2]bool{ // public upstream, one with allow_private
		"8.8.8.8": {true, true}, "2606:50c0:8000::154": {true, true}, "::ffff:8.8.8.8": {true, true},
		"64:ff9b::808:808": {true, true}, "64:ff9b::a9fe:a9fe": {false, true}, "64:ff9b::7f00:1": {false, true},
		"127.0.0.1": {false, true}, "127.8.8.8": {false, true}, "::1": {false, true}, "10.0.0.1": {false, true},
		"172.16.0.1": {false, true}, "192.168.1.1": {false, true}, "169.254.169.254": {false, true},
		"::ffff:169.254.169.254": {false, true}, "::ffff:127.0.0.1": {false, true}, "::127.0.0.1": {false, true},
		"100.64.0.1": {false, true}, "fd00::1": {false, true}, "fe80::1": {false, true}, "fe80::1%eth0": {false, true},
		"2002:7f00:1::": {false, true}, "2002:a9fe:a9fe::": {false, true}, "64:ff9b:1::7f00:1": {false, true},
		"0.0.0.0": {false, false}, "::": {false, false}, "224.0.0.1": {false, false}, "ff02::1": {false, false},
		"255.255.255.255": {false, false}, "::ffff:0.0.0.0": {false, false}, "::ffff:224.0.0.1": {false, false},
	} {
		a := netip.MustParseAddr(address)
		if got := [2]bool{allowed(a, false), allowed(a, true)}; got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

// guarded starts a server that is reached although it is on a loopback address, and a second one that must not be.
func guarded(t *testing.T, handle http.HandlerFunc) (c *Client, u upstream.Upstream, secret *url.URL) {
	t.Helper()
	s := httptest.NewTLSServer(handle)
	t.Cleanup(s.Close)
	forbidden := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a server on a loopback address was asked for %s", r.URL)
	}))
	t.Cleanup(forbidden.Close)
	secret, _ = url.Parse(forbidden.URL)
	u = local(s.URL)
	u.AllowPrivate, u.CAFile = false, caFile(t, s)
	c = New(small())
	c.guard = exempting(s.Listener.Addr().String())
	return c, u, secret
}

// TestRedirectToOwnNetwork: a redirect, or the address of a file, that leads to a private address is not followed,
// however it is written.
func TestRedirectToOwnNetwork(t *testing.T) {
	var location string
	c, u, secret := guarded(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, location, http.StatusFound)
	})
	port := secret.Port()
	for _, location = range []string{
		"https://127.0.0.1:" + port, "https://localhost:" + port, "https://[::1]:" + port, "https://0.0.0.0:" + port,
		"https://[::]:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://[::ffff:169.254.169.254]/latest/meta-data/",
		"https://[::ffff:a9fe:a9fe]/", "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/",
		"https://192.168.0.1/", "https://172.16.0.1/", "https://100.64.0.1/", "https://224.0.0.1/", "https://[fe80::1]/",
		"https://[fd00:ec2::254]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[::7f00:1]/",
		"http://127.0.0.1:" + port, "http://8.8.8.8/", "//127.0.0.1:" + port, "HTTPS://LOCALHOST:" + port,
	} {
		_, err := get(t, c, u)
		fails(t, "redirect to "+location, err, upstream.Forbidden, "")
		if strings.HasPrefix(location, "//") {
			continue
		}
		_, err = c.Open(t.Context(), u, location, 0)
		fails(t, "file at "+location, err, upstream.Forbidden, "")
	}
	u.URL = "https://127.0.0.1:" + port + "/simple/"
	_, err := get(t, c, u)
	fails(t, "the upstream itself", err, upstream.Forbidden, "not a public address")
	u.URL = secret.String() + "/simple/"
	_, err = get(t, c, u)
	fails(t, "plain http", err, upstream.Forbidden, "not https")
}

// TestRebinding: a name is resolved for each connection, and the address that is connected to is checked.
func TestRebinding(t *testing.T) {
	var location string
	c, u, secret := guarded(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, location, http.StatusFound)
	})
	resolver, asked := resolving(t, [4]byte{127, 0, 0, 1})
	c.o.Resolver = resolver
	location = "https://rebind.example:" + secret.Port() + "/simple/foo/"
	_, err := get(t, c, u)
	fails(t, "redirect", err, upstream.Forbidden, "not a public address")
	_, err = c.Open(t.Context(), u, location, 0)
	fails(t, "file", err, upstream.Forbidden, "not a public address")
	if asked.Load() == 0 {
		t.Error("the name was not resolved")
	}
}

// resolving returns a resolver for which every name has one address.
func resolving(t *testing.T, address [4]byte) (*net.Resolver, *atomic.Int64) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	asked := new(atomic.Int64)
	go func() {
		b := make([]byte, 1_500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			asked.Add(1)
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: address},
				}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}, asked
}

// TestUnknownName: a name that does not resolve is silence.
func TestUnknownName(t *testing.T) {
	c := New(small())
	c.o.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no resolver")
	}}
	_, err := get(t, c, local("http://upstream.example"))
	fails(t, "name", err, upstream.Silent, "upstream.example")
}

// TestLoop: a request that has come through this index, or through more than three others, asks nobody.
func TestLoop(t *testing.T) {
	var via string
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		via = r.Header.Get("Via")
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, pageHTML)
	})
	c := New(small())
	for header, want := range map[string]string{
		"": "1.1 index-me", "1.1 proxy": "1.1 index-me", "1.1 index-a": "1.1 index-a, 1.1 index-me",
		"1.1 index-a, 1.1 index-b, 1.1 index-c": "1.1 index-a, 1.1 index-b, 1.1 index-c, 1.1 index-me",
		"1.1 index-me":                          "", "1.1 index-a, 1.1 index-ME": "",
		"1.1 index-a, 1.1 index-b, 1.1 index-c, 1.1 index-d": "",
	} {
		via = ""
		ctx := upstream.WithVisited(t.Context(), upstream.ParseVia([]string{header}))
		_, err := c.Page(ctx, u, name(t, "foo"), upstream.Validators{})
		if want == "" {
			fails(t, header, err, upstream.Loop, "already")
		} else if err != nil {
			t.Errorf("%q: %v", header, err)
		}
		if via != want {
			t.Errorf("%q: the upstream got Via: %q, want %q", header, via, want)
		}
		_, err = c.Open(ctx, u, u.Origin()+"/f", 0)
		if want == "" {
			fails(t, header, err, upstream.Loop, "already")
		}
	}
}

// TestLimitedAnswer: an answer for which another index asked no upstream, because of the way of the request, is neither
// a page nor the absence of one. The way may be made up. If this index itself is meant, the answer is complete: it asks
// its own upstreams.
func TestLimitedAnswer(t *testing.T) {
	var by string
	status := 200
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(upstream.LimitedHeader, by)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		if status != 304 {
			_, _ = io.WriteString(w, pageHTML)
		}
	})
	c := New(small())
	v := upstream.Validators{ETag: `"x"`}
	for _, status = range []int{200, 304, 404, 410} {
		for _, by = range []string{"other", "me, other", "OTHER"} {
			_, err := c.Page(t.Context(), u, name(t, "foo"), v)
			f := fails(t, fmt.Sprint(status, " by ", by), err, upstream.Loop, "asked none of its upstreams")
			if len(f.Limited) != 1 || f.Limited[0] != "other" {
				t.Errorf("limited by %q", f.Limited)
			}
		}
		for _, by = range []string{"me", "", "not an id"} {
			_, err := c.Page(t.Context(), u, name(t, "foo"), v)
			if status >= 400 {
				fails(t, fmt.Sprint(status, " by ", by), err, upstream.Absent, "")
			} else if err != nil {
				t.Errorf("%d by %q: %v", status, by, err)
			}
		}
	}
}
