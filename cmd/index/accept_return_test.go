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
	// decide asks for the page, until its files are decided by a rule, or it has none if rule is "none".
	decide := func(rule policy.Rule) {
		t.Helper()
		var last any
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			files, err := x.app.Reader.FilesOf(t.Context(), x.app.Operator, "team", name)
			if last = err; err == nil {
				last = files
				listed := 0
				for _, f := range files {
					if f.Filename == "comet-2.0-py3-none-any.whl" || f.Decision.Rule != policy.RuleRemoved {
						listed++
						if f.Decision.Rule == rule {
							return
						}
					}
				}
				if listed == 0 && rule == "none" {
					return
				}
			} else if rule == "none" {
				return
			}
		}
		t.Fatalf("the files are never decided by %q: %+v", rule, last)
	}
	accept := func(status int, want string, args ...string) {
		t.Helper()
		got := x.text(t, status, append([]string{"upstream", "accept-return"}, args...)...)
		if !strings.Contains(got, want) {
			t.Errorf("index upstream accept-return %v says %q, want %q", args, got, want)
		}
	}
	from.Add(packagingtest.Wheel("comet", "1.0", "x"))
	decide("")
	x.storePage(t, name)
	accept(statusRefused, "there is no return to accept", "faraway", "comet", "--reason", "r")
	from.Remove("comet")
	decide("none")
	from.Add(packagingtest.Wheel("comet", "2.0", "y"))
	decide(policy.RuleReturned)
	x.storePage(t, name)

	accept(statusRefused, `there is no upstream "nowhere"`, "nowhere", "comet", "--reason", "r")
	accept(statusRefused, "reason", "faraway", "comet", "--reason", " ")
	accept(statusMisused, "--reason", "faraway", "comet")
	accept(statusRefused, "there is no return to accept", "faraway", "other", "--reason", "r")
	decide(policy.RuleReturned)
	var got struct{ Upstream, Project, Returned, Accepted, Reason string }
	x.command(t, &got, "upstream", "accept-return", "faraway", "Comet", "--reason", "its author moved it")
	if got.Upstream != "faraway" || got.Project != "comet" || got.Returned == "" || got.Accepted < got.Returned ||
		got.Reason != "its author moved it" {
		t.Errorf("index upstream accept-return = %+v", got)
	}
	decide("")
	accept(statusRefused, "was accepted at", "faraway", "comet", "--reason", "again")
}
