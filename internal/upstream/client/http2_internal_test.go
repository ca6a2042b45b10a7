package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/upstream"
)

// TestHTTP2: over HTTP/2, one connection serves all requests, and a stream that breaks off or stalls is a failure.
func TestHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("%s over %s", r.URL, r.Proto)
		}
		w.Header().Set("Content-Type", "text/html")
		switch strings.TrimPrefix(r.URL.Path, "/simple/") {
		case "broken/":
			_, _ = io.WriteString(w, pageHTML)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "short/":
			w.Header().Set("Content-Length", fmt.Sprint(len(pageHTML)+1))
			_, _ = io.WriteString(w, pageHTML)
		case "stalled/":
			_, _ = io.WriteString(w, pageHTML)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "slow/":
			<-r.Context().Done()
		case "header/":
			w.Header().Set("X-Long", strings.Repeat("x", 200<<10))
			_, _ = io.WriteString(w, pageHTML)
		default:
			_, _ = io.WriteString(w, pageHTML)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	u := local(s.URL)
	u.CAFile = caFile(t, s)
	o := small()
	o.Stall, o.FirstByte = 100*time.Millisecond, 200*time.Millisecond
	c := New(o)
	var group sync.WaitGroup
	for project, kind := range map[string]upstream.FailureKind{
		"foo": "", "bar": "", "broken": upstream.Wrong, "short": upstream.Wrong, "stalled": upstream.Silent,
		"slow": upstream.Silent,
	} {
		group.Go(func() {
			r, err := c.Page(t.Context(), u, name(t, project), upstream.Validators{})
			if kind != "" {
				fails(t, project, err, kind, "")
			} else if err != nil || string(r.Body) != pageHTML {
				t.Errorf("%s: %v", project, err)
			}
		})
	}
	group.Wait()
	_, err := c.Page(t.Context(), u, name(t, "header"), upstream.Validators{})
	fails(t, "header", err, upstream.Wrong, "")
	ctx, cancel := context.WithCancel(t.Context())
	b, err := c.Open(ctx, u, u.Origin()+"/simple/stalled/", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cancel()
	if _, err := io.ReadAll(b); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
