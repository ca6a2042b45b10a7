package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/storage/db/synthetic"
)

// targeted measures targets once, at sizes that are too small to judge speed: all but the build, and three of the ways
// to read warm pages. This program also stands for the older one.
func targeted(t *testing.T, binary string) {
	catalog := filepath.Join(t.TempDir(), "index.db")
	o := synthetic.Options{Projects: 50, Files: 400, Largest: 60, Description: 50, Seed: 1}
	if err := grow(t.Context(), "sqlite:"+catalog, o); err != nil {
		t.Fatal(err)
	}
	s, err := parseTargets([]string{
		"-quick", "-binary", binary, "-before", binary, "-scale-database", catalog, "-rows", `^[^cw].*[^1]$`,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.each = 50 * time.Millisecond
	b, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	b.print(&text)
	for _, g := range b.asked() {
		rows := 0
		for _, r := range b.report.Rows {
			if r.Goal != g.name {
				continue
			}
			rows++
			if v := r.value(g.budget); math.IsNaN(v) || v <= 0 && r.Unit != "MB" {
				t.Errorf("%s, %s %s = %v of %v", g.name, r.Name, r.By, v, r.Samples)
			}
		}
		if rows == 0 {
			t.Errorf("%s has no row", g.name)
		}
		if n := strings.Count(text.String(), "\n| "+g.name+" | "); n == 0 {
			t.Errorf("%s has no line:\n%s", g.name, &text)
		}
	}
	if strings.Contains(text.String(), "not measured") {
		t.Errorf("not everything was measured:\n%s", &text)
	}
}

// installing installs a few packages with uv.
func installing(t *testing.T, binary string) {
	if nginxProgram() == "" {
		t.Skip("nginx is not installed")
	}
	s, err := parseClients([]string{
		"-binary", binary, "-packages", "5", "-rounds", "1", "-rows", "^index|nginx", "-tools", "uv",
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &clientBench{clientSettings: s}
	found := b.found()
	if len(found) == 0 {
		t.Skip("uv is not provided: run ./test.sh")
	}
	if b, err = s.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.report.Rows) != 2*len(found) {
		t.Errorf("%d rows, want %d", len(b.report.Rows), 2*len(found))
	}
	for _, r := range b.report.Rows {
		for _, c := range []string{ownIndex, "index through an upstream, again", "nginx, static pages"} {
			if v := median(r.Samples[c]); math.IsNaN(v) || v <= 0 {
				t.Errorf("%s, %s = %v", r.Name, c, r.Samples)
			}
		}
	}
}

func TestGoalLine(t *testing.T) {
	g := goal{name: "pages", budget: atLeast(0.85, "net/http"), needs: "-before"}
	rows := []*row{
		{By: byWrk, Samples: map[string][]float64{ours: {80}, "net/http": {100}}},
		{By: byWrk, Samples: map[string][]float64{ours: {90}, "net/http": {100}}},
		{By: byOwn, Samples: map[string][]float64{ours: {95}, "net/http": {100}}},
	}
	for _, c := range []struct {
		rows []*row
		want string
	}{
		{rows, "| pages | ≥ 0.85 × net/http | wrk 0.80–0.90; own client 0.95 | **not met** by 0.05 |"},
		{rows[1:], "| pages | ≥ 0.85 × net/http | wrk 0.90; own client 0.95 | met |"},
		{nil, "| pages | ≥ 0.85 × net/http | | not measured: needs -before |"},
	} {
		if got := goalLine(g, c.rows); got != c.want {
			t.Errorf("goalLine() = %s, want %s", got, c.want)
		}
	}
}

func TestParseH2load(t *testing.T) {
	out := "requests: 100 total, 100 started, 100 done, 98 succeeded, 0 failed, 0 errored, 0 timeout\n" +
		"status codes: 98 2xx, 0 3xx, 0 4xx, 0 5xx\n"
	if got, err := parseH2load([]byte(out)); err != nil || got.Requests != 98 {
		t.Errorf("parseH2load() = %+v, %v, want 98 requests", got, err)
	}
	for _, bad := range []string{
		"unable to connect", strings.Replace(out, "0 failed", "3 failed", 1), strings.Replace(out, "0 4xx", "9 4xx", 1),
	} {
		if got, err := parseH2load([]byte(bad)); err == nil {
			t.Errorf("parseH2load(%q) = %+v, want an error", bad, got)
		}
	}
}
