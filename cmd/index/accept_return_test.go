//go:build !windows

package main

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// TestAcceptReturn: a project that was gone from its upstream and came back with other files is held until the command,
// or the form beside it in the list of what is held, accepts it. The running server sees that at once. Both refuse
// alike what is no return.
func TestAcceptReturn(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t, func(u *upstream.Upstream) {
		u.TTL, u.NegativeTTL, u.StaleWhileRevalidate = time.Second, time.Second, 0
	})
	var names [2]packaging.ProjectName
	for i, text := range []string{"comet", "meteor"} {
		var err error
		if names[i], err = packaging.ParseProjectName(text); err != nil {
			t.Fatal(err)
		}
	}
	name, other := names[0], names[1]
	// decide asks for the files until the newest is decided by a rule.
	decide := func(name packaging.ProjectName, version string, rule policy.Rule) {
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
		if status == statusMisused || strings.TrimSpace(args[3]) == "" {
			return
		}
		form := url.Values{"return_upstream": {args[0]}, "return_project": {args[1]}, "return_reason": {args[3]}}
		contains(t, x.visit(t, http.MethodPost, "/admin/policy/denials/accept/", "administrator", form.Encode()),
			http.StatusUnprocessableEntity, html.EscapeString(want[1:]))
	}
	for _, name := range names {
		from.Add(packagingtest.Wheel(name.String(), "1.0", "x"))
		decide(name, "1.0", "")
		x.storePage(t, name, func(p page.Page) bool { return len(p.Files) > 0 })
	}
	accept(statusRefused, "as far as this index knows, comet was never gone", "faraway", "comet", "--reason", "r")
	for _, name := range names {
		from.Remove(name.String())
		x.storePage(t, name, func(p page.Page) bool { return !p.Away.IsZero() })
	}
	accept(statusRefused, "comet has been gone from the upstream faraway since", "faraway", "comet", "--reason", "r")
	for _, name := range names {
		from.Add(packagingtest.Wheel(name.String(), "2.0", "y"))
		decide(name, "2.0", policy.RuleReturned)
		x.storePage(t, name, func(p page.Page) bool { return !p.Returned.IsZero() })
	}

	accept(statusRefused, `there is no upstream "nowhere"`, "nowhere", "comet", "--reason", "r")
	accept(statusRefused, "give a reason", "faraway", "comet", "--reason", " ")
	accept(statusMisused, "--reason", "faraway", "comet")
	accept(statusRefused, "as far as this index knows, other was never gone", "faraway", "other", "--reason", "r")
	decide(name, "2.0", policy.RuleReturned)
	var got struct{ Upstream, Project, Returned, Accepted, Reason string }
	x.command(t, &got, "upstream", "accept-return", "faraway", "Comet", "--reason", "its author moved it")
	if got.Upstream != "faraway" || got.Project != "comet" || got.Returned == "" || got.Accepted < got.Returned ||
		got.Reason != "its author moved it" {
		t.Errorf("index upstream accept-return = %+v", got)
	}
	decide(name, "2.0", "")
	accept(statusRefused, x.app.Operator.Name()+" already accepted the return of comet", "faraway", "comet", "--reason",
		"again")

	list := x.visit(t, http.MethodGet, "/manage/held/", "administrator", "")
	contains(t, list, http.StatusOK, `href="/r/team/held/meteor/`, "held: returned", `name="return_project" value="meteor"`)
	lacks(t, list, "/held/comet/2.0/")
	form := url.Values{
		"return_upstream": {"faraway"}, "return_project": {"meteor"}, "return_reason": {"it is theirs"},
		"next": {"/manage/held/"},
	}
	for _, v := range visitors[:len(visitors)-1] {
		x.visit(t, http.MethodPost, "/admin/policy/denials/accept/", v, form.Encode())
	}
	decide(other, "2.0", policy.RuleReturned)
	done := x.visit(t, http.MethodPost, "/admin/policy/denials/accept/", "administrator", form.Encode())
	if to := done.Header().Get("Location"); done.Code != http.StatusSeeOther || to != "/manage/held/" {
		t.Errorf("accepting = %d and leads to %q", done.Code, to)
	}
	decide(other, "2.0", "")
	lacks(t, x.visit(t, http.MethodGet, "/manage/held/", "administrator", ""), `name="return_project"`)
}
