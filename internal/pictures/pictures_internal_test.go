package pictures

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"pyindex/internal/fault"
)

func pngOf(w, h int) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)))
	return b.Bytes()
}

// wide returns a PNG whose header claims dimensions that its few bytes do not have.
func wide(w, h uint32) []byte {
	b := pngOf(1, 1)
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func hostOf(t *testing.T, server *httptest.Server) string {
	t.Helper()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestFetch(t *testing.T) {
	var jpg, gifs bytes.Buffer
	if err := jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 3, 2)), nil); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&gifs, image.NewGray(image.Rect(0, 0, 3, 2)), nil); err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(pngOf(3, 2))
	z.Close()
	webp := "RIFF\x24\x00\x00\x00WEBPVP8L\x18\x00\x00\x00\x2f\x02\x40\x00\x00" + strings.Repeat("\x00", 19)
	bodies := map[string][]byte{
		"/a.png": pngOf(3, 2), "/a.jpg": jpg.Bytes(), "/a.gif": gifs.Bytes(), "/a.webp": []byte(webp),
		"/html.png": []byte("<html><script>alert(1)</script>"),
		"/svg.png":  []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"),
		"/a.svg":    []byte("<?xml version='1.0'?><svg/>"), "/empty.png": {}, "/magic.png": []byte("\x89PNG\r\n\x1a\n"),
		"/fits.png": wide(4_000, 4_000), "/wide.png": wide(1_000_000, 1), "/tall.png": wide(1, 1_000_000),
		"/both.png": wide(8_000, 8_000),
		"/big.png":  append(pngOf(3, 2), make([]byte, maxSize)...), "/bmp": []byte("BM" + strings.Repeat("\x00", 60)),
		"/limit.png": append(pngOf(3, 2), make([]byte, maxSize-len(pngOf(3, 2)))...),
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("%s was asked for with %v", r.URL, r.Header)
		}
		switch body, ok := bodies[r.URL.Path]; {
		case ok:
			w.Header().Set("Set-Cookie", "a=b; Path=/")
			_, _ = w.Write(body)
		case r.URL.Path == "/zipped.png":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped.Bytes())
		case r.URL.Path == "/endless.png":
			_, _ = w.Write(pngOf(3, 2))
			for range maxSize >> 10 * 8 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		case strings.HasPrefix(r.URL.Path, "/hops/"):
			var n int
			_, _ = fmt.Sscanf(r.URL.Path, "/hops/%d", &n)
			if n == 0 {
				_, _ = w.Write(pngOf(3, 2))
				return
			}
			http.Redirect(w, r, fmt.Sprintf("/hops/%d", n-1), http.StatusFound)
		case r.URL.Path == "/to":
			http.Redirect(w, r, r.URL.Query().Get("u"), http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a server on a loopback address was asked")
	}))
	defer other.Close()

	f := New(Options{Hosts: []string{hostOf(t, server)}})
	for path, kind := range map[string]string{
		"/a.png": "image/png", "/a.jpg": "image/jpeg", "/a.gif": "image/gif", "/a.webp": "image/webp", "/hops/3": "image/png",
		"/limit.png": "image/png", "/fits.png": "image/png",
		// no pictures
		"/html.png": "", "/svg.png": "", "/a.svg": "", "/empty.png": "", "/magic.png": "", "/wide.png": "", "/tall.png": "",
		"/both.png": "", "/big.png": "", "/bmp": "", "/zipped.png": "", "/endless.png": "", "/missing.png": "", "/hops/4": "",
		// redirects
		"/to?u=" + url.QueryEscape(other.URL+"/a.png"): "", "/to?u=file:///etc/passwd": "", "/to?u=ftp://a.example/a": "",
		"/to?u=" + url.QueryEscape("http://169.254.169.254/latest/meta-data/"):                                "",
		"/to?u=" + url.QueryEscape("http://u:p@"+hostOf(t, server)+"/a.png"):                                  "",
		"/to?u=" + url.QueryEscape("http://localhost"+other.URL[strings.LastIndex(other.URL, ":"):]+"/a.png"): "",
	} {
		p, err := f.Fetch(t.Context(), server.URL+path)
		if p.Type != kind || (err == nil) != (kind != "") {
			t.Errorf("%s: %q, %v, want %q", path, p.Type, err, kind)
		}
		if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v is an internal error", path, err)
		}
		before := asked.Load()
		if again, err2 := f.Fetch(t.Context(), server.URL+path); again.Digest != p.Digest || (err2 == nil) != (err == nil) ||
			asked.Load() != before {
			t.Errorf("%s is fetched again", path)
		}
	}
}

// Every address that is not on the Internet is refused, however it is written.
func TestPrivateAddressesAreRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("a server on a loopback address was asked")
		_, _ = w.Write(pngOf(1, 1))
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(hostOf(t, server))
	f := New(Options{Hosts: []string{"other.example"}})
	for _, address := range []string{
		server.URL, "http://localhost:" + port, "http://[::1]:" + port, "http://0.0.0.0:" + port, "http://[::]:" + port,
		"http://[::ffff:127.0.0.1]:" + port, "http://127.1.2.3", "http://10.0.0.1", "http://172.16.0.1", "http://192.168.0.1",
		"http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://[fe80::1]/", "http://[fe80::1%25lo]/",
		"http://100.64.0.1", "http://224.0.0.1", "http://255.255.255.255", "http://[64:ff9b::7f00:1]/",
		"http://[2002:7f00:1::]/",
		"http://192.0.2.1:8080", "http://u:p@192.0.2.1/", "ftp://192.0.2.1/", "file:///etc/passwd", "gopher://192.0.2.1/",
		"//192.0.2.1",
		"data:image/png;base64,AA", "http://", "", ":", "http://192.0.2.1/" + strings.Repeat("a", maxAddress),
	} {
		if _, err := f.Fetch(t.Context(), address); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v, want it refused", address, err)
		}
	}
}

// A name that has a public address when it is looked at, and a private one when it is used, is refused: the address is
// checked when the connection opens.
func TestRebindingIsRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a server on a loopback address was asked")
	}))
	defer server.Close()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var asked atomic.Int64
	go answer(conn, &asked)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	f := newFetcher(Options{}, resolver)
	_, port, _ := net.SplitHostPort(hostOf(t, server))
	for _, address := range []string{"http://rebind.example/a.png", "http://rebind.example:" + port + "/a.png"} {
		if _, err := f.Fetch(t.Context(), address); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v, want it refused", address, err)
		}
	}
	if asked.Load() == 0 {
		t.Error("the name was not resolved")
	}
}

// answer answers questions for addresses with 127.0.0.1.
func answer(conn net.PacketConn, asked *atomic.Int64) {
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
		q := m.Questions[0]
		if q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		if out, err := m.Pack(); err == nil {
			_, _ = conn.WriteTo(out, from)
		}
	}
}

// A host that answers slowly has few places, for a bounded time, and holds up no other host: further requests are
// refused at once, also those of redirects to it, and it is not asked again for a minute.
func TestSlowHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the time limit")
	}
	var open, most, asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		n := open.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		defer open.Add(-1)
		w.WriteHeader(http.StatusOK)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "\x89")
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	}))
	defer server.Close()
	quick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		_, _ = w.Write(pngOf(1, 1))
	}))
	defer quick.Close()
	var now atomic.Int64
	f := New(Options{
		Hosts: []string{hostOf(t, server), hostOf(t, quick)},
		Now:   func() time.Time { return time.Unix(now.Load(), 0) },
	})
	unavailable := func(address string) {
		t.Helper()
		if _, err := f.Fetch(t.Context(), address); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("a slow host: %v", err)
		}
	}
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() { unavailable(fmt.Sprintf("%s/%d.png", server.URL, i)) })
	}
	time.Sleep(200 * time.Millisecond)
	for i := range 2 * fetchesAtOnce {
		if _, err := f.Fetch(t.Context(), fmt.Sprintf("%s/%d.png", quick.URL, i)); err != nil {
			t.Errorf("another host: %v", err)
		}
	}
	_, err := f.Fetch(t.Context(), server.URL+"/more.png")
	if fault.KindOf(err) != fault.Unavailable || fault.WaitOf(err) == 0 {
		t.Errorf("more of the slow host: %v", err)
	}
	if took := time.Since(start); took > maxWait {
		t.Errorf("another host, and a refusal, took %s", took)
	}
	wg.Wait()
	if took := time.Since(start); took > maxTime+maxWait {
		t.Errorf("slow hosts were waited for during %s", took)
	}
	if most.Load() != fetchesOfSite || asked.Load() != fetchesOfSite {
		t.Errorf("%d fetches at once of %d, want %d", most.Load(), asked.Load(), fetchesOfSite)
	}
	start = time.Now()
	unavailable(server.URL + "/later.png")
	unavailable(quick.URL + "/?to=" + url.QueryEscape(server.URL+"/redirected.png"))
	if _, err := f.Fetch(t.Context(), quick.URL+"/last.png"); err != nil {
		t.Errorf("a host that redirected to the slow one: %v", err)
	}
	if took := time.Since(start); asked.Load() != fetchesOfSite || took > time.Second {
		t.Errorf("after a timeout, the host was asked %d times in %s", asked.Load()-fetchesOfSite, took)
	}
	now.Add(int64(keepSlow / time.Second))
	gone, leave := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer leave()
	if _, err := f.Fetch(gone, server.URL+"/later.png"); err == nil || asked.Load() != fetchesOfSite+1 {
		t.Errorf("after a minute, the host was asked %d times, %v", asked.Load()-fetchesOfSite, err)
	}
}

// A page with as many pictures of one host as browsers ask for at once is complete.
func TestPicturesOfOneHostWait(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(20 * time.Millisecond)
		_, _ = w.Write(pngOf(1, 1))
	}))
	defer server.Close()
	f := New(Options{Hosts: []string{hostOf(t, server)}})
	var wg sync.WaitGroup
	for i := range fetchesOfSite + waitingForSite {
		wg.Go(func() {
			if _, err := f.Fetch(t.Context(), fmt.Sprintf("%s/%d.png", server.URL, i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.hosts.mu.Lock()
	defer f.hosts.mu.Unlock()
	if len(f.hosts.all) != 0 {
		t.Errorf("%d sites are kept", len(f.hosts.all))
	}
}

// The site that took most of the time is to blame for a timeout.
func TestSlowestSiteIsBlamed(t *testing.T) {
	h := newHosts(time.Now, nil)
	for _, late := range []bool{false, true} {
		trail := &trail{hosts: h}
		for _, address := range []string{"https://www.a.example", "https://b.example", "https://img.a.example"} {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			if err := trail.visit(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			if trail.since = time.Now(); (trail.visits[len(trail.visits)-1].name == "b.example") == late {
				trail.since = trail.since.Add(-time.Second)
			}
		}
		trail.leave(true)
		want := "a.example"
		if late {
			want = "b.example"
		}
		if len(h.all) != 1 || h.all[want] == nil || !h.all[want].expired {
			t.Errorf("slow sites are %v, want %s", h.all, want)
		}
		clear(h.all)
	}
}

func TestSiteOf(t *testing.T) {
	h := newHosts(time.Now, map[string]bool{"git.acme.example": true, "files.acme.example:8080": true})
	for address, want := range map[string]string{
		"https://a.b.acme.example/x": "acme.example", "https://ACME.example.": "acme.example",
		"https://git.acme.example": "git.acme.example", "http://files.acme.example:8080": "files.acme.example:8080",
		"http://files.acme.example": "acme.example", "https://a.co.uk": "a.co.uk", "https://co.uk": "co.uk",
		"https://a.github.io": "a.github.io", "https://intranet": "intranet", "https://8.8.8.8:443": "8.8.8.8",
		"https://[2a00:1:2:3::4]/": "2a00:1:2::/48", "https://[::ffff:8.8.8.8]/": "8.8.8.8",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.siteOf(u); got != want {
			t.Errorf("siteOf(%s) = %s, want %s", address, got, want)
		}
	}
}

// Requests for the same picture share a fetch, a reader who leaves does not end it, and the rate is bounded.
func TestFetchesAreShared(t *testing.T) {
	var asked atomic.Int64
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-release
		_, _ = w.Write(pngOf(1, 1))
	}))
	defer server.Close()
	now := time.Now()
	f := New(Options{Hosts: []string{hostOf(t, server)}, Now: func() time.Time { return now }})
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := f.Fetch(gone, server.URL+"/a.png"); err == nil {
		t.Error("a reader who left got the picture")
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := f.Fetch(t.Context(), server.URL+"/a.png"); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	close(release)
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("the picture was fetched %d times", asked.Load())
	}
	now = now.Add(keepPicture)
	if _, err := f.Fetch(t.Context(), server.URL+"/a.png"); err != nil || asked.Load() != 2 {
		t.Errorf("after its time, the picture was fetched %d times, %v", asked.Load(), err)
	}
	f.rate.SetBurst(0)
	if _, err := f.Fetch(t.Context(), server.URL+"/b.png"); fault.KindOf(err) != fault.Unavailable || asked.Load() != 2 {
		t.Errorf("over the rate: %v", err)
	}
}
