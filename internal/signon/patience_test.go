package signon_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/signon"
)

// line is a transport to a provider in memory. Paths that hang take the request and say nothing.
type line struct {
	mu     sync.Mutex
	hangs  map[string]bool
	asked  atomic.Int64
	answer http.Handler
}

func (l *line) hang(path string, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hangs[path] = on
}

// RoundTrip implements http.RoundTripper.
func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.asked.Add(1)
	l.mu.Lock()
	silent := l.hangs[r.URL.Path]
	l.mu.Unlock()
	if silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	l.answer.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

const discoveryPath = "/.well-known/openid-configuration"

// newLine is a provider that signs, reached by a line. The server below it is not used.
func newLine(t *testing.T) (*provider, *line, signon.Options) {
	p := newProvider(t)
	l := &line{hangs: map[string]bool{}, answer: p.Config.Handler}
	o := p.options()
	o.Client = &http.Client{Transport: l}
	return p, l, o
}

// A provider that takes the request and says nothing costs each sign-on its own patience and no more, is asked once at
// a time, and signs in again as soon as it answers.
func TestSilentProvider(t *testing.T) {
	p, l, o := newLine(t)
	synctest.Test(t, func(t *testing.T) {
		s := signon.New(o)
		l.hang(discoveryPath, true)
		begin := time.Now()
		var all sync.WaitGroup
		for i := range 100 {
			patience := time.Duration(i%5+1) * time.Second
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if _, _, err := s.Begin(ctx, "/"); !fault.Is(err, fault.Unavailable) {
					t.Errorf("Begin = %v, want unavailable", err)
				}
				if took := time.Since(begin); took != patience {
					t.Errorf("a sign-on that waits %v took %v", patience, took)
				}
			})
		}
		all.Wait()
		if n := l.asked.Load(); n != 1 {
			t.Errorf("a silent provider was asked %d times at once", n)
		}
		if _, _, err := s.Begin(t.Context(), "/"); !fault.Is(err, fault.Unavailable) || time.Since(begin) != 10*time.Second {
			t.Errorf("Begin = %v after %v, want unavailable after 10s", err, time.Since(begin))
		}
		l.hang(discoveryPath, false)
		if _, _, err := s.Begin(t.Context(), "/"); !fault.Is(err, fault.Unavailable) || l.asked.Load() != 1 {
			t.Errorf("while it cools down Begin = %v, and %d requests", err, l.asked.Load())
		}
		time.Sleep(5 * time.Second)
		kept, state := p.begin(t, s)
		if _, _, err := s.Finish(t.Context(), kept, state, "good"); err != nil {
			t.Errorf("with the provider well again Finish = %v", err)
		}
	})
}

// Whoever gives up does not end the request that others wait for.
func TestGivingUpAloneIsNotAnOutage(t *testing.T) {
	p, l, o := newLine(t)
	synctest.Test(t, func(t *testing.T) {
		s := signon.New(o)
		release := make(chan struct{})
		l.answer = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-release
			p.Config.Handler.ServeHTTP(w, r)
		})
		gone, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, _, err := s.Begin(gone, "/"); !fault.Is(err, fault.Unavailable) {
				t.Errorf("Begin of who gave up = %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if _, _, err := s.Begin(t.Context(), "/"); err != nil {
				t.Errorf("Begin of who waits = %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		all.Wait()
		if n := l.asked.Load(); n != 1 {
			t.Errorf("%d requests were made", n)
		}
	})
}

// The exchange of the code and the keys have the same patience as discovery.
func TestSilentExchangeAndKeys(t *testing.T) {
	for _, path := range []string{"/token", "/keys"} {
		p, l, o := newLine(t)
		synctest.Test(t, func(t *testing.T) {
			s := signon.New(o)
			kept, state := p.begin(t, s)
			l.hang(path, true)
			begin := time.Now()
			if _, _, err := s.Finish(t.Context(), kept, state, "good"); err == nil || time.Since(begin) != 10*time.Second {
				t.Errorf("%s: Finish = %v after %v, want an error after 10s", path, err, time.Since(begin))
			}
			l.hang(path, false)
			synctest.Wait() // the failed request ends
			if _, _, err := s.Finish(t.Context(), kept, state, "good"); err != nil {
				t.Errorf("%s: with the provider well again Finish = %v", path, err)
			}
		})
	}
}

// endless is a body that never ends and counts what is read of it.
type endless struct{ read *atomic.Int64 }

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	e.read.Add(int64(len(b)))
	return len(b), nil
}

func (e endless) Close() error { return nil }

// flood answers one path without end.
type flood struct {
	http.RoundTripper
	path string
	read *atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (f flood) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != f.path {
		return f.RoundTripper.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(endless{f.read}),
		Request:    r,
		ProtoMajor: 1,
		ProtoMinor: 1,
	}, nil
}

// An answer without an end is read up to a bound.
func TestAnswersAreBounded(t *testing.T) {
	for _, path := range []string{discoveryPath, "/token", "/keys"} {
		p, l, o := newLine(t)
		var read atomic.Int64
		o.Client = &http.Client{Transport: flood{l, path, &read}}
		s := signon.New(o)
		_, _, err := s.Begin(t.Context(), "/")
		if path != discoveryPath {
			kept, state := p.begin(t, s)
			_, _, err = s.Finish(t.Context(), kept, state, "good")
		}
		if err == nil || read.Load() > 4<<20 {
			t.Errorf("%s: %v after %d bytes", path, err, read.Load())
		}
	}
}

// The client's secret goes to the provider's host alone.
func TestRedirectsStayOnTheHost(t *testing.T) {
	p, l, o := newLine(t)
	o.ClientSecret = "hush-hush"
	var leaked []string
	l.answer = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		if r.Host == "evil.example" {
			leaked = append(leaked, r.URL.Path+" "+string(body)+user+password)
		}
		if r.URL.Path == "/token" {
			http.Redirect(w, r, "https://evil.example/token", http.StatusTemporaryRedirect)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.Config.Handler.ServeHTTP(w, r)
	})
	s := signon.New(o)
	kept, state := p.begin(t, s)
	if _, _, err := s.Finish(t.Context(), kept, state, "good"); err == nil || len(leaked) > 0 {
		t.Errorf("Finish = %v, and another host got %q", err, leaked)
	}
}

// Groups of the provider that no setting maps make nobody a member of anything, whatever they are called; the log says
// so once.
func TestUnmappedGroupsAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		mapped map[string]string
		want   string
		says   int
	}{
		"no mapping":       {nil, "", 1},
		"an empty mapping": {map[string]string{}, "", 1},
		"another group":    {map[string]string{"ops": "team"}, "", 0},
		"one of them":      {map[string]string{"devs": "team"}, "team", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.claims["groups"] = []string{"devs", "team", "admins"}
			var log bytes.Buffer
			o := p.options()
			o.Groups, o.Log = c.mapped, slog.New(slog.NewTextHandler(&log, nil))
			s := signon.New(o)
			for range 3 {
				kept, state := p.begin(t, s)
				id, _, err := s.Finish(t.Context(), kept, state, "good")
				if err != nil || strings.Join(id.Groups, " ") != c.want || id.Admin != nil {
					t.Errorf("Finish = %+v, %v, want the groups %q", id, err, c.want)
				}
			}
			if got := strings.Count(log.String(), "sso.groups maps none"); got != c.says {
				t.Errorf("the log says it %d times, want %d: %s", got, c.says, &log)
			}
		})
	}
}

// Somebody refused for want of a group is known all the same, so that the refusal can be recorded.
func TestRefusedForWantOfAGroupIsNamed(t *testing.T) {
	p := newProvider(t)
	p.claims["groups"], p.claims["preferred_username"] = []string{"else"}, "alice"
	o := p.options()
	o.Required, o.Admins = []string{"staff"}, "boss"
	s := signon.New(o)
	kept, state := p.begin(t, s)
	id, _, err := s.Finish(t.Context(), kept, state, "good")
	if !fault.Is(err, fault.Denied) || id.Issuer != p.URL || id.Subject != "42" || id.Name != "alice" ||
		id.Admin == nil || *id.Admin {
		t.Errorf("Finish = %+v, %v", id, err)
	}
}
