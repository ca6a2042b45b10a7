package upstreams

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

// urlOf returns the path at which the team reads a file, or "" if the page does not list it.
func (w *world) urlOf(project, filename string) string {
	w.t.Helper()
	var page struct {
		Files []struct{ Filename, URL string }
	}
	a := w.page(project)
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		w.t.Fatalf("the page of %s: %d %s", project, a.status, a.body)
	}
	for _, f := range page.Files {
		if f.Filename == filename {
			at := strings.TrimPrefix(f.URL, w.url)
			for strings.HasPrefix(at, "../") {
				at = strings.TrimPrefix(at, "../")
			}
			if !strings.HasPrefix(at, "/") {
				at = w.tree + "/" + at
			}
			return at
		}
	}
	return ""
}

// TestStartupFileUpstream: pip never installs a wheel that brings a start-up file which earlier versions do not have,
// and installs the older version at the next try. When the upstream removes young wheels, their URLs say that they are
// held, also of one that was served before.
func TestStartupFileUpstream(t *testing.T) {
	t.Parallel()
	up := upstreamtest.New(t, upstreamtest.Options{})
	up.Add(packagingtest.Wheel("comet", "1.0", "one = 1"), packagingtest.Wheel("comet", "1.1", "one = 2"),
		packagingtest.WheelWith("comet", "2.0", "one = 3", [][2]string{{"comet.pth", "import comet\n"}}))
	const young, bad = "comet-1.1-py3-none-any.whl", "comet-2.0-py3-none-any.whl"
	up.Change("comet", func(p *upstreamtest.Project) {
		for _, f := range p.Files {
			if f.Name == young || f.Name == bad {
				f.Uploaded = time.Now().Add(-24 * time.Hour)
			}
		}
	})
	w := newTeam(t, "sqlite", up)
	pip := newestPip(t)[0]
	youngAt, badAt := w.urlOf("comet", young), w.urlOf("comet", bad)
	if youngAt == "" || badAt == "" {
		t.Fatalf("the page lists %q and %q", youngAt, badAt)
	}

	site, r := pip.install(t, w, []string{"comet"}) // examines 2.0 while it arrives
	if got := installed(t, site); r.Code == 0 || len(got) > 0 ||
		!strings.Contains(r.Output(), "held: startup, comet.pth would run when Python starts") {
		t.Fatalf("pip installed %v of the release with a new start-up file, or does not say why: %s", got, r.Output())
	}
	site, r = pip.install(t, w, []string{"comet"})
	if got := installed(t, site); r.Code != 0 || got["comet"] != "1.1" {
		t.Errorf("pip installed %v, want 1.1: %s", got, r.Output())
	}
	if a := w.get(badAt); a.status != http.StatusForbidden || !strings.HasPrefix(a.header.Get("X-Index-Hold"), "startup") {
		t.Errorf("the wheel is %d with %q", a.status, a.header.Get("X-Index-Hold"))
	}

	up.Change("comet", func(p *upstreamtest.Project) { p.Files = p.Files[:1] })
	for deadline := time.Now().Add(10 * time.Second); w.urlOf("comet", young) != ""; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the page still lists a file that left the upstream")
		}
	}
	for version, at := range map[string]string{"1.1": youngAt, "2.0": badAt} {
		a := w.get(at)
		if a.status != http.StatusForbidden || a.header.Get("X-Index-Hold") != "removed" ||
			!strings.HasPrefix(a.body, "held: removed upstream") {
			t.Errorf("%s is %d with %q: %q, want 403 with removed", version, a.status, a.header.Get("X-Index-Hold"), a.body)
		}
	}
	site, r = pip.install(t, w, []string{"comet"})
	if got := installed(t, site); r.Code != 0 || got["comet"] != "1.0" {
		t.Errorf("pip installed %v, want 1.0: %s", got, r.Output())
	}
}
