//go:build !windows

package main

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// TestAcceptReturn: a project that was gone from its upstream and came back with other files is held until the command
// accepts it, which the running server sees at once.
func TestAcceptReturn(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t, func(u *upstream.Upstream) {
		u.TTL, u.NegativeTTL, u.StaleWhileRevalidate = time.Second, time.Second, 0
	})
	name, err := packaging.ParseProjectName("comet")
	if err != nil {
		t.Fatal(err)
	}
	// decide asks for the files until the newest is decided by a rule.
	decide := func(version string, rule policy.Rule) {
		t.Helper()
		var last any
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			files, err := x.app.Reader.FilesOf(t.Context(), x.app.Operator, "team", name)
			last = files
			if err != nil {
				last = err
			}
			for _, f := range files {
				if f.Version == version && f.Decision.Rule == rule {
					return
				}
			}
		}
		t.Fatalf("version %s is never decided by %q: %+v", version, rule, last)
	}
	accept := func(status int, want string, args ...string) {
		t.Helper()
		got := x.text(t, status, append([]string{"upstream", "accept-return"}, args...)...)
		if !strings.Contains(got, want) {
			t.Errorf("index upstream accept-return %v says %q, want %q", args, got, want)
		}
	}
	from.Add(packagingtest.Wheel("comet", "1.0", "x"))
	decide("1.0", "")
	x.storePage(t, name, func(p page.Page) bool { return len(p.Files) > 0 })
	accept(statusRefused, "there is no return to accept", "faraway", "comet", "--reason", "r")
	from.Remove("comet")
	x.storePage(t, name, func(p page.Page) bool { return !p.Away.IsZero() })
	accept(statusRefused, "and has not come back", "faraway", "comet", "--reason", "r")
	from.Add(packagingtest.Wheel("comet", "2.0", "y"))
	decide("2.0", policy.RuleReturned)
	x.storePage(t, name, func(p page.Page) bool { return !p.Returned.IsZero() })

	accept(statusRefused, `there is no upstream "nowhere"`, "nowhere", "comet", "--reason", "r")
	accept(statusRefused, "reason", "faraway", "comet", "--reason", " ")
	accept(statusMisused, "--reason", "faraway", "comet")
	accept(statusRefused, "there is no return to accept", "faraway", "other", "--reason", "r")
	decide("2.0", policy.RuleReturned)
	var got struct{ Upstream, Project, Returned, Accepted, Reason string }
	x.command(t, &got, "upstream", "accept-return", "faraway", "Comet", "--reason", "its author moved it")
	if got.Upstream != "faraway" || got.Project != "comet" || got.Returned == "" || got.Accepted < got.Returned ||
		got.Reason != "its author moved it" {
		t.Errorf("index upstream accept-return = %+v", got)
	}
	decide("2.0", "")
	accept(statusRefused, "was accepted at", "faraway", "comet", "--reason", "again")
}
