//go:build !windows

package main

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/resolve"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

// TestAccept: the command accepts other content of a file also if the repository holds the file and hides what it
// holds, and of no file that the upstream does not have.
func TestAccept(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	wheel := packagingtest.Wheel("comet", "1.0", "x")
	from.Add(wheel)
	name, err := packaging.ParseProjectName("comet")
	if err != nil {
		t.Fatal(err)
	}
	ctx, op := t.Context(), x.app.Operator
	x.storePage(t, name, func(p page.Page) bool { return len(p.Files) > 0 })
	v, err := x.app.Reader.View(ctx, op, "team", name, resolve.Ask{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := x.app.Reader.All(ctx, op, v)
	if err != nil || len(all.Files) != 1 {
		t.Fatalf("the page has %+v, %v", all.Files, err)
	}
	key, other := files.Key{Upstream: "faraway", Path: all.Files[0].Upstream.Path}, strings.Repeat("ab", 32)
	err = x.app.DB.UpstreamFiles().Update(ctx, func(tx files.Tx) error { // as after an upstream stated other content
		return tx.PutUpstreamFile(ctx, files.Row{
			Key: key, Project: "comet", Filename: wheel.Name, SHA256: wheel.SHA256(), Changed: other, FirstAt: time.Now(),
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	cooldown, hidden := 365*24*time.Hour, catalog.ShowHidden
	since := time.Time{}
	if err := x.app.Index.ChangeRepository(ctx, op, "team", catalog.RepositoryChange{
		Cooldown: &cooldown, CooldownSince: &since, ShowHeld: &hidden,
	}); err != nil {
		t.Fatal(err)
	}
	refused := func(want string, args ...string) {
		t.Helper()
		got := x.text(t, statusRefused, append([]string{"upstream", "accept", "--repository", "team", "--reason", "r"},
			args...)...)
		if !strings.Contains(got, want) {
			t.Errorf("index upstream accept %v says %q, want %q", args, got, want)
		}
	}
	refused("reads no file comet-2.0-py3-none-any.whl", "faraway", "comet-2.0-py3-none-any.whl", "--sha256", other)
	refused("reads no file "+wheel.Name, "public", wheel.Name, "--sha256", other)
	refused("the digest that was refused is", "faraway", wheel.Name, "--sha256", wheel.SHA256())
	var got struct{ Upstream, Filename, SHA256 string }
	x.command(t, &got, "upstream", "accept", "faraway", wheel.Name, "--repository", "team", "--sha256", other,
		"--reason", "rebuilt")
	if got.Filename != wheel.Name || got.SHA256 != other {
		t.Errorf("index upstream accept = %+v", got)
	}
	refused("no other digest", "faraway", wheel.Name, "--sha256", other)
}
