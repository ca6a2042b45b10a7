package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

// start serves rows. It returns the address, a function that stops the server, and its result.
func start(t *testing.T, o server.Run, rows ...route.Route) (url string, stop func(), ended <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	health := server.NewHealth(server.Check{Name: "the database", Run: func(context.Context) error { return nil }})
	s, err := server.New(server.Options{Keyring: keyring{}}, table(rows...), health.Table())
	if err != nil {
		t.Fatal(err)
	}
	health.Watch(s)
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan error, 1)
	go func() { end <- s.Serve(ctx, l, o) }()
	t.Cleanup(cancel)
	return "http://" + l.Addr().String(), cancel, end
}

// slow responds when it is released, with or without a reason phrase.
func slow(path string, begun chan<- struct{}, release <-chan struct{}, reason bool) route.Route {
	return route.Route{
		Method: "GET", Path: path, Auth: route.Open,
		Handle: func(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
			begun <- struct{}{}
			<-release
			if reason {
				return w.(route.ReasonWriter).WriteReason(400, "late", []byte("late"))
			}
			_, err := io.WriteString(w, "late")
			return err
		},
	}
}

func TestDrain(t *testing.T) {
	for _, reason := range []bool{false, true} {
		begun, release := make(chan struct{}, 1), make(chan struct{})
		url, stop, ended := start(t, server.Run{Drain: 5 * time.Second, Delay: 300 * time.Millisecond},
			slow("/slow", begun, release, reason))
		answers := make(chan string, 1)
		go func() {
			r, err := http.Get(url + "/slow")
			if err != nil {
				answers <- err.Error()
				return
			}
			b, _ := io.ReadAll(r.Body)
			r.Body.Close()
			answers <- string(b)
		}()
		<-begun
		stop()
		waitFor(t, func() bool {
			r, err := http.Get(url + "/readyz")
			if err == nil {
				r.Body.Close()
			}
			return err == nil && r.StatusCode == 503
		})
		waitFor(t, func() bool { _, err := http.Get(url + "/healthz"); return err != nil })
		close(release)
		if got := <-answers; got != "late" {
			t.Errorf("request under way got %q, want its answer", got)
		}
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v, want nil after a drain in time", err)
		}
	}
}

func TestDrainEndsConnectionsWithTheirAnswers(t *testing.T) {
	url, stop, _ := start(t, server.Run{Drain: time.Second, Delay: time.Minute}, get("/a", route.Open))
	closes := func() bool {
		r, err := http.Get(url + "/a")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.Close
	}
	if closes() {
		t.Error("a connection ends with its answer before the drain")
	}
	stop()
	waitFor(t, closes)
}

func TestDrainIsBounded(t *testing.T) {
	begun, release := make(chan struct{}, 1), make(chan struct{})
	defer close(release)
	url, stop, ended := start(t, server.Run{Drain: 50 * time.Millisecond}, slow("/slow", begun, release, false))
	go http.Get(url + "/slow")
	<-begun
	stop()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("Serve = nil, want an error about aborted requests")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Serve did not end")
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("waited in vain")
}

func TestReady(t *testing.T) {
	broken := errors.New("disk on fire at /secret/path")
	health := server.NewHealth(server.Check{Name: "the storage", Run: func(context.Context) error { return broken }})
	s, err := server.New(server.Options{Keyring: keyring{closed: true}, BasePath: "/x"}, health.Table())
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "/x"} {
		if got := ask(s, "GET", prefix+"/healthz"); got.StatusCode != 200 {
			t.Errorf("GET %s/healthz = %d, want 200", prefix, got.StatusCode)
		}
		got := ask(s, "GET", prefix+"/readyz")
		if text := body(t, got); got.StatusCode != 503 || text != "the storage does not answer\n" {
			t.Errorf("GET %s/readyz = %d %q, want 503 and the name alone", prefix, got.StatusCode, text)
		}
	}
	broken = nil
	if got := ask(s, "HEAD", "/readyz"); got.StatusCode != 200 {
		t.Errorf("HEAD /readyz = %d, want 200", got.StatusCode)
	}
}

func TestHugeHeaders(t *testing.T) {
	url, _, _ := start(t, server.Run{Drain: time.Second}, get("/a", route.Open))
	r, _ := http.NewRequest("GET", url+"/a", nil)
	r.Header.Set("Accept", strings.Repeat("x", 64<<10))
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	got.Body.Close()
	if got.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 kB of Accept = %d, want 431", got.StatusCode)
	}
}

// A file is sent completely, even in several steps, and through the path that uses sendfile.
func TestFileDownload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	content := strings.Repeat("0123456789abcdef", 300<<10) // 4.8 MB
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	row := get("/f", route.Open)
	row.Handle = func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("the response is no io.ReaderFrom")
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		http.ServeContent(w, r, "f", time.Time{}, f)
		return nil
	}
	url, _, _ := start(t, server.Run{Drain: time.Second}, row)
	tests := []struct{ bytes, want string }{
		{"", content}, {"bytes=1-4000000", content[1:4000001]}, {"bytes=-10", content[len(content)-10:]},
	}
	for _, tt := range tests {
		r, _ := http.NewRequest("GET", url+"/f", nil)
		if tt.bytes != "" {
			r.Header.Set("Range", tt.bytes)
		}
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if text := body(t, got); text != tt.want {
			t.Errorf("%q gave %d bytes, want %d, or others", tt.bytes, len(text), len(tt.want))
		}
		got.Body.Close()
	}
}

// TestReadyWhileUploadsFail: while uploads fail, /readyz returns 200 and reports the failure without internal details.
func TestReadyWhileUploadsFail(t *testing.T) {
	var trouble error
	health := server.NewHealth(server.Check{Name: "the storage", Run: func(context.Context) error { return nil }})
	health.Uploads(func() error { return trouble })
	s, err := server.New(server.Options{Keyring: keyring{}, Log: slog.New(slog.DiscardHandler)}, health.Table())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		trouble error
		want    string
	}{
		{nil, "ok\n"},
		{fault.Wrap(fault.Unavailable, errors.New("write /secret/path: no space left on device"),
			"the bytes cannot be stored"), "degraded: uploads fail: the bytes cannot be stored\n"},
		{errors.New("something at /secret/path"), "degraded: uploads fail: the log has the details\n"},
		{nil, "ok\n"},
	} {
		trouble = test.trouble
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		if w.Code != http.StatusOK || w.Body.String() != test.want {
			t.Errorf("GET /readyz with %v = %d %q, want 200 %q", test.trouble, w.Code, w.Body, test.want)
		}
	}
}

// TestReadyWhileRecovered: in the state recovered, /readyz returns 200 and says what waits, because reads work.
func TestReadyWhileRecovered(t *testing.T) {
	since := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	is, failure := true, error(nil)
	health := server.NewHealth()
	health.Recovered(func(context.Context) (time.Time, bool, error) { return since, is, failure })
	s, err := server.New(server.Options{Keyring: keyring{}, Log: slog.New(slog.DiscardHandler)}, health.Table())
	if err != nil {
		t.Fatal(err)
	}
	want := func(text string) {
		t.Helper()
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		if w.Code != http.StatusOK || w.Body.String() != text+"\n" {
			t.Errorf("GET /readyz = %d %q, want 200 %q", w.Code, w.Body, text)
		}
	}
	want(
		"recovered: restored from a backup on 2026-11-29T12:00:00Z; uploads and unknown names wait for index restore finish",
	)
	failure = errors.New("the database is slow")
	want("ok")
	is, failure = false, nil
	want("ok")
}

// A connection that was opened without a request is no aborted request, although net/http waits for one.
func TestDrainWithUnusedConnection(t *testing.T) {
	url, stop, ended := start(t, server.Run{Drain: 200 * time.Millisecond}, get("/", route.Open))
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if a, err := http.Get(url + "/healthz"); err != nil { // the server has accepted the first connection too
		t.Fatal(err)
	} else {
		a.Body.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}
