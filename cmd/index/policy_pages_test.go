//go:build !windows

package main

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/policy"
)

// servedForm is the form of what a repository serves, as a browser sends it unchanged.
func servedForm(change ...string) string {
	v := url.Values{
		"cooldown": {""}, "cooldown_since": {""}, "startup_files": {"known"}, "keep_removed": {"old"}, "show_held": {"yanked"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		v.Set(change[i], change[i+1])
	}
	return v.Encode()
}

// An administrator sets what a repository serves of upstreams on a page that says what it does. Wrong values change
// nothing and are kept in the form.
func TestServedPage(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	x.drawing(t)
	at := "/admin/repository/team/policy/"
	state := func() catalog.Repository {
		t.Helper()
		r, err := x.app.Index.Repository(t.Context(), x.app.Operator, "team")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	contains(t, x.visit(t, http.MethodGet, at, "administrator", ""), http.StatusOK,
		"Files of upstreams are served at any age.", "is held if no earlier version has one", "listed as yanked",
		`<option value="known" selected>`, `<option value="old" selected>`)
	contains(t, x.visit(t, http.MethodGet, "/admin/repository/main/policy/", "administrator", ""), http.StatusOK,
		"main draws on no upstream", "follow the rules of its bases")
	before := state()
	for _, wrong := range [][]string{
		{"cooldown", "soon"},
		{"cooldown", "3"},
		{"cooldown", "-1h"},
		{"cooldown", "366d"},
		{"cooldown", "9999999d"},
		{"cooldown_since", "yesterday"},
		{"cooldown_since", "2026-02-30"},
		{"startup_files", "maybe"},
		{"startup_files", ""},
		{"keep_removed", "some"},
		{"show_held", ""},
		{"show_held", "<b>"},
		{"cooldown", "72h", "cooldown_since", "x"},
	} {
		got := x.visit(t, http.MethodPost, at, "administrator", servedForm(wrong...))
		contains(t, got, http.StatusUnprocessableEntity, "Nothing was changed", `aria-invalid="true"`)
		lacks(t, got, "<b>")
		if now := state(); now != before {
			t.Fatalf("%q changed the repository to %+v", wrong, now)
		}
	}
	for _, v := range visitors[:len(visitors)-1] {
		got := x.visit(t, http.MethodPost, at, v, servedForm("cooldown", "0s", "observe", "on"))
		if got.Code == http.StatusSeeOther && told(got) != "sign-in" || state() != before {
			t.Errorf("%s may change what is served: %d", v, got.Code)
		}
	}
	contains(t, x.visit(t, http.MethodPost, at, "administrator", servedForm()), http.StatusSeeOther)
	if now := state(); now != before {
		t.Errorf("the unchanged form made %+v of %+v", now, before)
	}
	contains(t, x.visit(t, http.MethodPost, at, "administrator", servedForm("cooldown", "72h", "cooldown_since", "2026-12-01",
		"startup_files", "refuse", "keep_removed", "none", "show_held", "hidden", "observe", "on")), http.StatusSeeOther)
	want := before
	want.Cooldown, want.CooldownSince = 72*time.Hour, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	want.StartupFiles, want.KeepRemoved = policy.RefuseStartup, policy.KeepNone
	want.ShowHeld, want.Observe = catalog.ShowHidden, true
	if now := state(); now != want {
		t.Errorf("the repository is %+v, want %+v", now, want)
	}
	contains(t, x.visit(t, http.MethodGet, at, "administrator", ""), http.StatusOK, "younger than 3 days are held",
		"before 1 December 2026 does not count", "Wheels with start-up files are held", "are not listed", "only observes",
		`value="3d"`, `value="2026-12-01"`, `name="observe" value="on" checked`)
	contains(t, x.visit(t, http.MethodGet, "/admin/repositories/", "administrator", ""), http.StatusOK,
		"only observes")
	contains(t, x.visit(t, http.MethodGet, "/admin/audit/", "administrator", ""), http.StatusOK,
		"changed the repository team: it holds files of upstreams until they are as old as 3d")
}

// A repository of the configuration file shows its settings and has no form, and a form that is sent changes nothing.
func TestServedPageOfADeclaredRepository(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	ctx := t.Context()
	wait := 24 * time.Hour
	if _, err := x.app.Index.Declare(ctx, x.app.Operator, catalog.Declared{Repositories: []catalog.DeclaredRepository{
		{Name: "fixed", RepositoryChange: catalog.RepositoryChange{Cooldown: &wait}},
	}}); err != nil {
		t.Fatal(err)
	}
	at := "/admin/repository/fixed/policy/"
	got := x.visit(t, http.MethodGet, at, "administrator", "")
	contains(t, got, http.StatusOK, "younger than 1 day are held", "is set by the configuration of the server")
	lacks(t, got, "<button class=\"primary\">Save")
	contains(t, x.visit(t, http.MethodPost, at, "administrator", servedForm("cooldown", "0s", "startup_files", "allow")),
		http.StatusUnprocessableEntity, "is set by the configuration")
	if r, err := x.app.Index.Repository(ctx, x.app.Operator, "fixed"); err != nil || r.Cooldown != 24*time.Hour {
		t.Errorf("the repository is %+v, %v", r, err)
	}
}
