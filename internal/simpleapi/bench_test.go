package simpleapi_test

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

// fill adds n files without content to a project of the site.
func fill(s *indextest.Site, name string, n int) catalog.Project {
	p := s.Project(name)
	files := make([]indextest.File, n)
	for i := range files {
		v := fmt.Sprintf("%d.%d", i/100, i%100)
		files[i].File = catalog.File{
			Filename: name + "-" + v + "-cp311-cp311-manylinux_2_17_x86_64.whl", Version: v, RequiresPython: ">=3.9",
			Size:           12_345,
			SHA256:         fmt.Sprintf("%x", sha256.Sum256([]byte(name+v))),
			MetadataSHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(v+name))),
		}
	}
	s.Add(p, files...)
	return p
}

// discard is a response that discards its content.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

// TestWarmPageAllocatesNothing: serving a cached page allocates nothing except for parsing the name and checking the
// row in the catalog.
func TestWarmPageAllocatesNothing(t *testing.T) {
	d := newDemo(t)
	handle := pageHandler(simpleapi.New(resolve.New(d.Index, resolve.Options{}), simpleapi.Options{}))
	r, w, who := newRequest(t, "/simple/de-mo/"), discard{http.Header{}}, access.Guest(true)
	r.SetPathValue("project", "de-mo")
	needed := testing.AllocsPerRun(200, func() {
		name, _ := packaging.ParseProjectName("de-mo")
		d.Index.Project(r.Context(), who, "", name)
	})
	all := testing.AllocsPerRun(200, func() {
		if err := handle(w, r, who); err != nil {
			t.Fatal(err)
		}
	})
	if all > needed {
		t.Errorf("a cached page allocates %v times, want at most the %v of the catalog", all, needed)
	}
}

// BenchmarkEdge measures the handler of a cached page, including its catalog query.
func BenchmarkEdge(b *testing.B) {
	d := newDemo(b)
	a := simpleapi.New(resolve.New(d.Index, resolve.Options{}), simpleapi.Options{})
	r, w, who := newRequest(b, "/simple/de-mo/"), discard{http.Header{}}, access.Guest(true)
	r.SetPathValue("project", "de-mo")
	handle := pageHandler(a)
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			if err := handle(w, r, who); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("look", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Index.Project(r.Context(), who, "", d.project.Name); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// pageHandler returns the handler of a project's page.
func pageHandler(a *simpleapi.API) route.Handler {
	for _, r := range a.Table().Routes {
		if r.Path == "/simple/:project/" {
			return r.Handle
		}
	}
	return nil
}

func newRequest(t testing.TB, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Accept"] = []string{
		"application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
	}
	r.Header["Accept-Encoding"] = []string{"gzip, deflate, zstd"}
	return r
}

// listen serves h on a port of its own until the benchmark ends.
func listen(b *testing.B, h http.Handler) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String()
}

// wire is a kept-alive connection that sends the same request repeatedly, with almost no client overhead.
type wire struct {
	conn    net.Conn
	request []byte
	buffer  []byte
	length  int // of an answer
}

// dial opens a connection and measures the length of a response, which must be constant except for the date.
func dial(b *testing.B, url, path string, headers ...string) *wire {
	b.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	w := &wire{
		conn: conn, request: []byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(headers, "") + "\r\n"),
		buffer: make([]byte, 64<<10),
	}
	conn.Write(w.request)
	for {
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := conn.Read(w.buffer)
		w.length += n
		if err != nil {
			break
		}
	}
	conn.SetReadDeadline(time.Time{})
	if w.length == 0 {
		b.Fatalf("GET %s is not answered", path)
	}
	return w
}

// rounds sends the request n times and returns how long that took.
func (w *wire) rounds(b *testing.B, n int) time.Duration {
	start := time.Now()
	for range n {
		w.conn.Write(w.request)
		for got := 0; got < w.length; {
			m, err := w.conn.Read(w.buffer)
			if err != nil {
				b.Fatal(err)
			}
			got += m
		}
	}
	return time.Since(start)
}

// compare alternates between both, so that a busy machine slows both, and reports the ratio of their speeds.
func compare(b *testing.B, ours, bare *wire) {
	const turn = 200
	var our, their time.Duration
	ours.rounds(b, turn)
	bare.rounds(b, turn)
	b.ResetTimer()
	for done := 0; done < b.N; done += turn {
		our += ours.rounds(b, turn)
		their += bare.rounds(b, turn)
	}
	b.ReportMetric(float64(their)/float64(our), "×bare")
	b.ReportMetric(float64(our.Nanoseconds())/float64((b.N+turn-1)/turn*turn), "ns/page")
	b.ReportMetric(0, "ns/op")
}

// bare returns the handler used for comparison. It writes a page or a 304 with the few headers that clients need, and
// checks nothing.
func bare(page *httptest.ResponseRecorder) http.Handler {
	headers, body := page.Header(), page.Body.Bytes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Etag"] = headers["Content-Type"], headers["Etag"]
		if r.Header.Get("If-None-Match") == headers.Get("Etag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h["Content-Encoding"], h["Content-Length"] = headers["Content-Encoding"], headers["Content-Length"]
		w.Write(body)
	})
}

// BenchmarkWarmPage measures a page of 20 files through the whole server, with a token and anonymously, compared with
// the bare handler. "held" uses If-None-Match.
func BenchmarkWarmPage(b *testing.B) {
	s := indextest.New(b)
	fill(s, "demo", 20)
	table := simpleapi.New(resolve.New(s.Index, resolve.Options{}), simpleapi.Options{}).Table()
	const accept = "Accept: application/vnd.pypi.simple.v1+json\r\nAccept-Encoding: gzip, deflate\r\n"
	for name, token := range map[string]string{"token": basic(s.Token(access.NoRole, "", "")), "guest": ""} {
		headers, pairs := []string{accept},
			[]string{"Accept", "application/vnd.pypi.simple.v1+json", "Accept-Encoding", "gzip"}
		if token != "" {
			headers, pairs = append(headers, "Authorization: "+token+"\r\n"), append(pairs, "Authorization", token)
		}
		ours := s.Serve("", token == "", table)
		page := call(ours, "GET /simple/demo/", pairs...)
		if page.Code != 200 {
			b.Fatalf("%d %s", page.Code, page.Body)
		}
		here, there := listen(b, ours), listen(b, bare(page))
		b.Run("page/"+name, func(b *testing.B) {
			compare(b, dial(b, here, "/simple/demo/", headers...), dial(b, there, "/simple/demo/", headers...))
		})
		headers = append(headers, "If-None-Match: "+page.Header().Get("ETag")+"\r\n")
		b.Run("held/"+name, func(b *testing.B) {
			compare(b, dial(b, here, "/simple/demo/", headers...), dial(b, there, "/simple/demo/", headers...))
		})
	}
}

// BenchmarkBigPage measures a page of 10,000 files: the first read after a change, and the next one.
func BenchmarkBigPage(b *testing.B) {
	s := indextest.New(b)
	p := fill(s, "big", 10_000)
	h := s.Serve("", true, simpleapi.New(resolve.New(s.Index, resolve.Options{}), simpleapi.Options{}).Table())
	for _, encoding := range []string{"gzip", "zstd", "identity"} {
		read := func(b *testing.B) int {
			w := call(h, "GET /simple/big/", "Accept", "application/vnd.pypi.simple.v1+json", "Accept-Encoding", encoding)
			if w.Code != 200 {
				b.Fatalf("%d %s", w.Code, w.Body)
			}
			return w.Body.Len()
		}
		b.Run("first/"+encoding, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s.Change(p, func(*catalog.Project) {})
				b.StartTimer()
				b.ReportMetric(float64(read(b)), "bytes")
			}
		})
		b.Run("warm/"+encoding, func(b *testing.B) {
			for b.Loop() {
				read(b)
			}
		})
	}
}

// BenchmarkList measures a list of 100,000 projects: the first read after a change, and the next one.
func BenchmarkList(b *testing.B) {
	s := indextest.New(b)
	s.Projects("project", 100_000)
	p := s.Project("last")
	h := s.Serve("", true, simpleapi.New(resolve.New(s.Index, resolve.Options{}), simpleapi.Options{}).Table())
	read := func() {
		if w := call(h, "GET /simple/", "Accept", "application/vnd.pypi.simple.v1+json", "Accept-Encoding",
			"gzip"); w.Code != 200 {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			s.Change(p, func(*catalog.Project) {})
			b.StartTimer()
			read()
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			read()
		}
	})
}
