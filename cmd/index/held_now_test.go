//go:build !windows

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// TestHeldNowPage: the list of what is held now has each release with its rule, its time, who asked and what lifts it,
// for administrators and for maintainers of the repository, and the command prints the same. Others get nothing of it.
func TestHeldNowPage(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	x.cooling(t)
	ctx, op := t.Context(), x.app.Operator
	rocket, err := packaging.ParseProjectName("rocket")
	if err != nil {
		t.Fatal(err)
	}
	const list = "/manage/held/"
	contains(t, x.visit(t, http.MethodGet, list, "administrator", ""), http.StatusOK, "Nothing is held or denied.")
	x.storePage(t, rocket, func(p page.Page) bool { return len(p.Files) == 3 })
	time.Sleep(time.Second) // for which a list counts as current
	contains(t, x.visit(t, http.MethodPost, "/r/team/held/rocket/2.0/ask/", "stranger", "ask_reason=a+fix+that+we+need"),
		http.StatusSeeOther)

	got := x.visit(t, http.MethodGet, list, "administrator", "")
	contains(t, got, http.StatusOK, `href="/r/team/held/rocket/2.0/"`, "held: cooldown until",
		"2 files of the upstream faraway",
		"stranger asked for rocket 2.0", "a fix that we need", `?rule=cooldown`)
	lacks(t, got, "/held/rocket/1.0/", "Accept")
	contains(t, x.visit(t, http.MethodGet, "/admin/policy/", "administrator", ""), http.StatusOK, "Held now",
		`href="/manage/held/?rule=cooldown"`, "All releases that are held or denied")
	for query, has := range map[string]bool{
		"?rule=cooldown": true, "?rule=removed": false, "?rule=%3Cb%3E": false, "?repository=team": true,
		"?repository=main": false, "?project=ROCK": true, "?project=demo": false, "?page=2": false, "?page=-1": true,
		"?page=999999": false, "?repository=team&rule=cooldown&project=rocket": true,
	} {
		got := x.visit(t, http.MethodGet, list+query, "administrator", "")
		if got.Code != http.StatusOK || strings.Contains(got.Body.String(), "/held/rocket/2.0/") != has {
			t.Errorf("GET %s%s = %d, and whether it has the release is not %t", list, query, got.Code, has)
		}
		lacks(t, got, "<b>")
	}
	contains(t, x.visit(t, http.MethodGet, list+"?repository=nowhere", "administrator", ""), http.StatusNotFound)
	for _, v := range visitors {
		if v == "administrator" {
			continue
		}
		got := x.visit(t, http.MethodGet, list, v, "")
		if got.Code == http.StatusOK || strings.Contains(got.Body.String(), "rocket") {
			t.Errorf("%s gets %d: %s", v, got.Code, got.Body)
		}
	}

	if err := x.app.Index.Grant(ctx, op, "team", packaging.ProjectName{}, "reader", access.Maintainer); err != nil {
		t.Fatal(err)
	}
	contains(t, x.visit(t, http.MethodGet, list, "reader", ""), http.StatusOK, "/held/rocket/2.0/", "a fix that we need")
	got = x.visit(t, http.MethodGet, list+"?repository=main", "reader", "")
	if got.Code == http.StatusOK {
		t.Errorf("a maintainer of team gets the list of main: %s", got.Body)
	}

	type row struct {
		Repository, Project, Version, Upstream, State, Rule, Reason, Decides, Until, Exemption string
		ExemptUntil                                                                            string `json:"exempt_until"`
		Files, Releases                                                                        int
		Asked                                                                                  []struct{ By, Reason string }
	}
	rows := func(args ...string) (out []row) {
		t.Helper()
		x.command(t, &out, append([]string{"policy", "held"}, args...)...)
		return out
	}
	all := rows()
	if len(all) != 1 {
		t.Fatalf("index policy held = %+v", all)
	}
	one := all[0]
	if one.Repository != "team" || one.Project != "rocket" || one.Version != "2.0" || one.Upstream != "faraway" ||
		one.State != "held" || one.Rule != "cooldown" || one.Decides != "team" || one.Until == "" || one.Files != 2 ||
		one.Releases != 1 || len(one.Asked) != 1 || one.Asked[0].By != "stranger" ||
		!strings.HasPrefix(one.Reason, "held: cooldown until ") {
		t.Errorf("index policy held = %+v", one)
	}
	for _, c := range []struct {
		want int
		args []string
	}{
		{1, []string{"team"}},
		{0, []string{"main"}},
		{1, []string{"--rule", "cooldown"}},
		{0, []string{"--rule", "returned"}},
		{1, []string{"team", "--project", "Rock"}},
		{0, []string{"--project", "demo"}},
	} {
		if got := rows(c.args...); len(got) != c.want {
			t.Errorf("index policy held %v has %d rows, want %d", c.args, len(got), c.want)
		}
	}
	text := x.text(t, 0, "policy", "held")
	if !strings.Contains(text, "rocket") || !strings.Contains(text, "stranger") {
		t.Errorf("index policy held says %q", text)
	}
	text = x.text(t, statusMisused, "policy", "held", "--rule", "colour")
	if !strings.Contains(text, "returned, advisory") {
		t.Errorf("index policy held of an unknown rule says %q", text)
	}
	if text := x.text(t, statusRefused, "policy", "held", "nowhere"); !strings.Contains(text, "repository") {
		t.Errorf("index policy held of an unknown repository says %q", text)
	}

	target, err := holds.ParseTarget("rocket==2.0", "")
	if err != nil {
		t.Fatal(err)
	}
	e, err := x.app.Holds.Exempt(ctx, op, holds.NewExemption{
		Repository: "team", Target: target, Reason: "looked at", For: 48 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	contains(t, x.visit(t, http.MethodGet, list, "administrator", ""), http.StatusOK, "exempt</span>", "looked at",
		"Exempt by ")
	if all := rows(); len(all) != 1 || all[0].State != "exempt" || all[0].Exemption != e.ID || all[0].ExemptUntil == "" ||
		all[0].Files != 2 {
		t.Errorf("index policy held = %+v after an exemption", all)
	}
}
