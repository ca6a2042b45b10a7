package main

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
)

// The benchmark starts itself as its client and as the bare handler. In tests it starts this binary.
func TestMain(m *testing.M) {
	if slices.Contains(os.Environ(), asCommand) {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// program returns the path of the program to measure: built like a release if all tests run, and otherwise the program
// of the other tests, because that build shares no package with any other.
func program(t *testing.T) string {
	t.Helper()
	if !clienttest.All() {
		return clienttest.Binary(t, false)
	}
	path, err := build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBench(t *testing.T) {
	binary := program(t)
	t.Run("quick", func(t *testing.T) { quick(t, binary) })
	t.Run("scale", func(t *testing.T) { growing(t, binary) })
	t.Run("targets", func(t *testing.T) { targeted(t, binary) })
	t.Run("clients", func(t *testing.T) { installing(t, binary) })
}

// TestThrough measures reading through an upstream once at sizes that are too small to judge speed.
func TestThrough(t *testing.T) {
	s, err := parseThrough([]string{"-quick", "-clients", t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s.each, s.binary = 50*time.Millisecond, program(t)
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 12 {
		t.Errorf("%d rows, want 12", len(r.Rows))
	}
	for _, row := range r.Rows {
		if v := median(row.Samples[ours]); math.IsNaN(v) || v <= 0 && row.Unit != "MB" {
			t.Errorf("%s = %v", row.Name, row.Samples)
		}
		if strings.Contains(row.Name, "requests for") && median(row.Samples[ours]) != 1 {
			t.Errorf("%s: %v, want 1", row.Name, row.Samples[ours])
		}
	}
}

// TestPolicy measures decisions, pages under a policy and a feed once at sizes that are too small to judge speed.
func TestPolicy(t *testing.T) {
	s, err := parsePolicy([]string{"-quick"})
	if err != nil {
		t.Fatal(err)
	}
	s.binary = program(t)
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 9 {
		t.Errorf("%d rows, want 9", len(r.Rows))
	}
	for _, row := range r.Rows {
		v := median(row.Samples[ours])
		replicas := strings.Contains(row.Name, "replicas")
		if math.IsNaN(v) != replicas || v < 0 || len(row.Budgets) != 1 {
			t.Errorf("%s = %v, with %d budgets", row.Name, row.Samples, len(row.Budgets))
		}
		if said := row.verdict(row.Budgets[0]); strings.Contains(said, "not measured") != replicas {
			t.Errorf("%s: %s", row.Name, said)
		}
	}
}

// quick measures everything once at sizes that are too small to judge speed. Each row must have figures for the right
// servers.
func quick(t *testing.T, binary string) {
	s, err := parseSettings([]string{"-quick"})
	if err != nil {
		t.Fatal(err)
	}
	s.binary, s.each, s.sizes = binary, 50*time.Millisecond,
		sizes{projects: 60, largest: 60, blocks: 1, uploads: 16, conns: 4}
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 17 {
		t.Errorf("%d rows, want 17", len(r.Rows))
	}
	for _, row := range r.Rows {
		for column, all := range row.Samples {
			if v := median(all); math.IsNaN(v) || v <= 0 && row.Unit != "MB" {
				t.Errorf("%s, %s = %v", row.Name, column, all)
			}
		}
		if len(row.Samples[ours]) == 0 ||
			row.Unit == "/s" && strings.Contains(row.Name, "page") && len(row.Samples["net/http"]) == 0 {
			t.Errorf("%s: only %v", row.Name, row.Columns)
		}
	}
	var text strings.Builder
	r.markdown(&text)
	if n := strings.Count(text.String(), "\n| "); n != 18 {
		t.Errorf("the table has %d lines, want 18:\n%s", n, text.String())
	}
}

// growing measures a catalog at two sizes.
func growing(t *testing.T, binary string) {
	dir := t.TempDir()
	c := &curve{
		dir:         dir,
		binary:      binary,
		url:         "sqlite:" + dir + "/index.db",
		description: 300,
		pause:       50 * time.Millisecond,
		nonce:       "t",
	}
	for _, n := range []int{0, 50} {
		if err := c.step(t.Context(), n); err != nil {
			t.Fatalf("step(%d) = %v", n, err)
		}
	}
	small, large := c.steps[0], c.steps[1]
	if small.Size.Projects != 0 || large.Size.Files < 400 {
		t.Errorf("sizes %+v, %+v", small.Size, large.Size)
	}
	if len(large.Names) < 14 {
		t.Errorf("figures %v", large.Names)
	}
}

func TestVerdict(t *testing.T) {
	r := &row{Unit: "ms", Samples: map[string][]float64{ours: {90, 100, 110}, "nginx": {100, 200, 100}}}
	for _, c := range []struct {
		budget budget
		want   string
	}{
		{atMost(100, ""), "≤ 100 ms: met (100)"},
		{atMost(99, ""), "≤ 99 ms: **not met** by 1.00 (100)"},
		{atLeast(0.8, "nginx"), "≥ 0.8 × nginx: met (0.90)"},
		{atLeast(1, "nginx"), "≥ 1 × nginx: **not met** by 0.10 (0.90)"},
		{atLeast(1, "bare"), "≥ 1 × bare: not measured"},
	} {
		if got := r.verdict(c.budget); got != c.want {
			t.Errorf("verdict(%+v) = %q, want %q", c.budget, got, c.want)
		}
	}
}

func TestParseWrk(t *testing.T) {
	out := "Running 1s test\n  2 threads and 32 connections\n  54321 requests in 1.50s, 60.00MB read\nRequests/sec:  36214.00\nTransfer/sec:     40.00MB\n"
	got, err := parseWrk([]byte(out))
	if want := (tally{Requests: 54321, Seconds: 1.5, Bytes: 60 << 20}); err != nil || got != want {
		t.Errorf("parseWrk() = %+v, %v, want %+v", got, err, want)
	}
	if _, err := parseWrk([]byte("unable to connect")); err == nil {
		t.Error("parseWrk() of a failure = nil")
	}
}
