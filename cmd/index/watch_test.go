//go:build !windows

package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/metrics"
)

// watching are the files that use metrics.
var watching = []string{
	filepath.Join(top, "deploy", "prometheus", "index.rules.yml"),
	filepath.Join(top, "deploy", "prometheus", "dashboard.json"),
}

// known returns the labels of all metrics of a server.
func known() map[string][]string {
	return metrics.New(metrics.Program{}, slog.New(slog.DiscardHandler)).Names()
}

var (
	metricName = regexp.MustCompile(`\b(?:index|process|go)_[a-z_]+\b`)
	ofSeries   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// TestWatchedMetricsExist: rules and dashboard name no metric that the server does not have.
func TestWatchedMetricsExist(t *testing.T) {
	all, seen := known(), 0
	for _, path := range watching {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range metricName.FindAllString(string(text), -1) {
			seen++
			if _, ok := all[name]; !ok && all[ofSeries.ReplaceAllString(name, "")] == nil {
				t.Errorf("%s names %s, which is no metric", path, name)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d uses of metrics were found", seen)
	}
}

// TestEveryMetricIsDocumented: the manual has one row for each metric of the index, with its labels, and for no other.
func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "web", "help", "65-watch.md"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(index_[a-z_]+)(?:\\{([a-z_, ]+)\\})?`")
	documented := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		var labels []string
		if m[2] != "" {
			labels = strings.Split(strings.ReplaceAll(m[2], " ", ""), ",")
		}
		slices.Sort(labels)
		if documented[m[1]] != nil {
			t.Errorf("the manual documents %s twice", m[1])
		}
		documented[m[1]] = append([]string{}, labels...)
	}
	for name, labels := range known() {
		if !strings.HasPrefix(name, "index_") {
			continue
		}
		slices.Sort(labels)
		if got, ok := documented[name]; !ok || !slices.Equal(got, labels) {
			t.Errorf("the manual documents %s with the labels %v, want %v", name, got, labels)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("the manual documents %s, which is no metric", name)
	}
}

// TestRulesAndDashboardParse: the parsers of Prometheus accept the alert rules and every query of the dashboard, and
// the labels in them are labels of the metrics. The parsers are in a module of their own, because that of Prometheus
// brings hundreds of others. Unless all tests run, it must be in the module cache already.
func TestRulesAndDashboardParse(t *testing.T) {
	folder, err := filepath.Abs(filepath.Join(top, "internal", "clienttest", "promcheck"))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "promcheck")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir, build.Env = folder, append(os.Environ(), "GOFLAGS=-mod=readonly -trimpath")
	if !clienttest.All() {
		build.Env = append(build.Env, "GOPROXY=off")
	}
	if out, err := build.CombinedOutput(); err != nil {
		if !clienttest.All() {
			t.Skipf("the parsers of Prometheus are not in the module cache (./test.sh --all loads them): %.300s", out)
		}
		t.Fatalf("go build: %v\n%s", err, out)
	}
	check := exec.CommandContext(t.Context(), program, watching...)
	var wrong strings.Builder
	check.Stderr = &wrong
	out, err := check.Output()
	if err != nil {
		t.Fatalf("promcheck: %v\n%s", err, wrong.String())
	}
	var found struct {
		Labels      map[string][]string `json:"labels"`
		Expressions int                 `json:"expressions"`
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	if found.Expressions < 60 {
		t.Errorf("%d expressions were parsed, want 60 at least", found.Expressions)
	}
	all := known()
	for metric, labels := range found.Labels {
		if metric == "up" { // which Prometheus itself makes
			continue
		}
		has, ok := all[metric]
		if !ok {
			has, ok = all[ofSeries.ReplaceAllString(metric, "")]
			has = append(has, "le")
		}
		for _, label := range labels {
			if !slices.Contains(append(has, "job", "instance"), label) {
				t.Errorf("%s has no label %s: %v", metric, label, has)
			}
		}
		if !ok {
			t.Errorf("%s is no metric", metric)
		}
	}
	broken := filepath.Join(t.TempDir(), "broken.yml")
	text := "groups:\n  - name: x\n    rules:\n      - alert: X\n        expr: sum by (\n"
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := exec.CommandContext(t.Context(), program, broken).Run(); err == nil {
		t.Error("promcheck accepts a broken rule")
	}
}
