//go:build !windows

package main

import (
	"strings"
	"testing"

	"pyindex/internal/downloads"
)

// TestProjectDownloads: the command lists who downloaded which version, of projects of this index and of upstreams.
func TestProjectDownloads(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	note := func(repository, upstream, version, filename string) {
		x.app.Downloads.Note(x.app.Operator, downloads.File{
			Repository: repository, Upstream: upstream, Project: "rocket", Version: version, Filename: filename, SHA256: "ab",
		})
	}
	note("team", "faraway", "2.0", "rocket-2.0-py3-none-any.whl")
	note("team", "faraway", "2.0", "rocket-2.0-py3-none-any.whl")
	note("team", "faraway", "2.0", "rocket-2.0.tar.gz")
	note("team", "faraway", "1.0", "rocket-1.0.tar.gz")
	note("main", "", "3.0", "rocket-3.0.tar.gz")
	if err := x.app.Downloads.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	type row struct {
		Kind, Name, Repository, Upstream, Version string
		Files                                     []string
		Downloads                                 int64
	}
	list := func(args ...string) (out []row) {
		t.Helper()
		x.command(t, &out, append([]string{"project", "downloads"}, args...)...)
		return out
	}
	got := list("rocket==2.0.0")
	if len(got) != 1 || got[0].Name == "" || got[0].Kind != "operator" || got[0].Repository != "team" ||
		got[0].Upstream != "faraway" || got[0].Version != "2.0" || len(got[0].Files) != 2 || got[0].Downloads != 3 {
		t.Errorf("of one version: %+v", got)
	}
	for want, args := range map[int][]string{
		3: {"Rocket"},
		1: {"rocket", "--repository", "main"},
		0: {"rocket==9.0"},
	} {
		if got := list(args...); len(got) != want {
			t.Errorf("index project downloads %v = %+v, want %d", args, got, want)
		}
	}
	for want, args := range map[string][]string{
		"CALLER ": {"rocket==2.0"},
		"no downloads of rocket==9.0 are recorded in the last 400d": {"rocket==9.0"},
	} {
		if got := x.text(t, statusDone, append([]string{"project", "downloads"}, args...)...); !strings.Contains(got, want) {
			t.Errorf("index project downloads %v says %q, want %q", args, got, want)
		}
	}
	for want, args := range map[string][]string{
		"names no single version": {"rocket==2.*"},
		"is not valid":            {"rocket>=2"},
		"downloads are recorded":  {"rocket", "--since", "500d"},
	} {
		got := x.text(t, statusMisused, append([]string{"project", "downloads"}, args...)...)
		if !strings.Contains(got, want) {
			t.Errorf("index project downloads %v says %q, want %q", args, got, want)
		}
	}
}
