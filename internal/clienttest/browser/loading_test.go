package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pyindex/internal/clienttest/browser"
)

// A page that responds late, and sends its end later still, contains the same sentence as the page before it. Each
// check that follows a press sees the new page, and all of it.
func TestPressWaitsForTheNextPage(t *testing.T) {
	const pause = 300 * time.Millisecond
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/favicon.ico" {
			return
		}
		if r.URL.Path != "/" {
			time.Sleep(pause)
		}
		fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>%s</title><link rel="icon" href="data:,"></head>
<body><main><h1>%[1]s</h1><p>The same sentence.</p><form method="post" action="/posted"><button>Send</button></form>
<form action="/asked"><label>Word <input name="word"></label></form><a href="/followed">Follow</a>`, r.URL.Path)
		if r.URL.Path != "/" {
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
		fmt.Fprint(w, `<p id="end">End.</p></main></body></html>`)
	}))
	t.Cleanup(s.Close)
	b := browser.Open(t, s.URL)
	for _, scripts := range []bool{true, false} {
		b.Scripts(scripts)
		for _, c := range []struct {
			to    string
			press func()
		}{
			{"/posted", func() { b.Press("Send") }},
			{"/followed", func() { b.Press("Follow") }},
			{"/asked", func() { b.Fill("Word", "x"); b.Key("\r") }},
		} {
			b.Go("/")
			c.press()
			b.See("The same sentence.")
			if got := b.Eval(`location.pathname + " " + !!document.getElementById("end")`); got != c.to+" true" {
				t.Errorf("after the press for %s, scripts %v: %s", c.to, scripts, got)
			}
			if scripts {
				b.Go("/")
				c.press()
				b.Accessible()
				b.Fits()
			}
		}
	}
}
