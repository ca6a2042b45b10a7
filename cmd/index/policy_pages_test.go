//go:build !windows

package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/upstreamtest"
)

// servedForm is the form of what a repository serves, as a browser sends it unchanged.
func servedForm(change ...string) string {
	v := url.Values{
		"cooldown": {""}, "cooldown_since": {""}, "startup_files": {"known"}, "keep_removed": {"old"},
		"show_held": {"yanked"},
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
	contains(t, x.visit(t, http.MethodPost, at, "administrator",
		servedForm("cooldown", "72h", "cooldown_since", "2026-12-01",
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

// cooling makes the repository team hold new files, and gives its upstream a release that is new and one that is old.
func (x *fixture) cooling(t *testing.T) {
	t.Helper()
	from := x.drawing(t)
	from.Add(
		packagingtest.Wheel("rocket", "1.0", "x"), packagingtest.Wheel("rocket", "2.0", "x"),
		packagingtest.SDist("rocket", "2.0", "x"),
	)
	from.Change("rocket", func(p *upstreamtest.Project) {
		for _, f := range p.Files[1:] {
			f.Uploaded = time.Now().Add(-time.Hour)
		}
	})
	wait := 72 * time.Hour
	err := x.app.Index.ChangeRepository(t.Context(), x.app.Operator, "team", catalog.RepositoryChange{Cooldown: &wait})
	if err != nil {
		t.Fatal(err)
	}
}

// A held release has a page that says why and until when. A reader asks there for an exemption, an administrator grants
// it, and the release is served. The refusals on the way change nothing.
func TestHeldPage(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	x.cooling(t)
	at, file := "/r/team/held/rocket/2.0/", "rocket-2.0-py3-none-any.whl"
	got := x.visit(t, http.MethodGet, at, "stranger", "")
	contains(t, got, http.StatusOK, "This release is held until <time", file, "rocket-2.0.tar.gz", "held: cooldown until",
		"old enough", "It is served from 20", "The repository team decides", "uv lock --upgrade-package rocket",
		"poetry update --lock rocket", "pdm update --no-sync rocket",
		"pip install &#34;rocket!=2.0&#34;", `href="/r/team/project/rocket/1.0/"`, "Ask for an exemption")
	lacks(t, got, "<h2>Exempt</h2>", "Lift a denial", `name="days"`)
	lacks(t, got, "downloads are recorded", "Downloaded by")
	if n := strings.Count(got.Body.String(), "old enough"); n != 1 {
		t.Errorf("the reason for two files is on the page %d times", n)
	}
	contains(t, x.visit(t, http.MethodGet, at, "administrator", ""), http.StatusOK, "No downloads are recorded")
	contains(t, x.visit(t, http.MethodGet, "/r/team/held/rocket/", "stranger", ""), http.StatusOK, `href="2.0/"`)
	contains(t, x.visit(t, http.MethodGet, "/r/team/held/rocket/1.0/", "stranger", ""), http.StatusOK,
		"Nothing of rocket 1.0 is held or denied", `href="/r/team/project/rocket/1.0/"`)
	contains(t, x.visit(t, http.MethodGet, "/r/team/held/rocket/3.0/", "stranger", ""), http.StatusNotFound)
	contains(t, x.visit(t, http.MethodGet, "/r/team/held/Rocket/2.0/", "stranger", ""), http.StatusSeeOther)
	for _, page := range []string{"/r/team/project/rocket/2.0/", "/r/team/project/rocket/"} {
		contains(t, x.visit(t, http.MethodGet, page, "stranger", ""), http.StatusOK, `/r/team/held/rocket/2.0/"`, ">held<")
	}
	lacks(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/2.0/", "stranger", ""), "rocket==2.0", "uv add")
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/1.0/", "stranger", ""), http.StatusOK, "uv add")
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/2.0/", "administrator", ""), http.StatusOK,
		"Where it comes from", "held: cooldown until", "index explain team rocket==2.0",
		"2 files are listed as yanked, because they are not served: installers pass over them.")
	rocket, err := packaging.ParseProjectName("rocket")
	if err != nil {
		t.Fatal(err)
	}
	x.storePage(t, rocket, func(p page.Page) bool { return len(p.Files) == 3 }) // where the command reads it
	explained := x.text(t, 0, "explain", "team", "rocket==2.0")
	for _, want := range []string{"2 files are listed as yanked, because they are not served", "Not served: " + file} {
		if !strings.Contains(explained, want) {
			t.Errorf("index explain says %q, want %q", explained, want)
		}
	}
	for _, page := range []string{at, "/r/team/project/rocket/2.0/", "/r/team/project/rocket/2.0/file/" + file} {
		got := x.visit(t, http.MethodGet, page, "stranger", "")
		if h := got.Header().Get("X-Index-Hold"); !strings.HasPrefix(h, "cooldown; until=") {
			t.Errorf("GET %s = %d with X-Index-Hold %q", page, got.Code, h)
		}
	}
	for _, page := range []string{"/r/team/held/rocket/1.0/", "/r/team/held/rocket/", "/r/team/project/rocket/1.0/"} {
		if h := x.visit(t, http.MethodGet, page, "stranger", "").Header().Get("X-Index-Hold"); h != "" {
			t.Errorf("GET %s has X-Index-Hold %q", page, h)
		}
	}
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/2.0/file/"+file, "stranger", ""), http.StatusForbidden,
		"This file is held", "old enough", `href="/r/team/held/rocket/2.0/"`)
	lacks(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/2.0/", "stranger", ""), "Where it comes from")

	for _, refused := range []struct {
		who, form, body string
		status          int
	}{
		{"nobody", "ask/", "ask_reason=x", http.StatusSeeOther},
		{"token", "ask/", "ask_reason=x", http.StatusSeeOther},
		{"stranger", "ask/", "", http.StatusUnprocessableEntity},
		{"stranger", "ask/", "ask_reason=x&ask_file=other-1.0.tar.gz", http.StatusUnprocessableEntity},
		{"stranger", "exempt/", "", http.StatusForbidden},
		{"stranger", "exempt/", "exempt_reason=x&days=14", http.StatusForbidden},
		{"stranger", "lift/", "lift_reason=x&lift_file=" + file, http.StatusForbidden},
		{"administrator", "exempt/", "exempt_reason=x&days=181", http.StatusUnprocessableEntity},
		{"administrator", "exempt/", "exempt_reason=x&days=0", http.StatusUnprocessableEntity},
		{"administrator", "exempt/", "exempt_reason=&days=14", http.StatusUnprocessableEntity},
		{"administrator", "lift/", "lift_reason=x", http.StatusUnprocessableEntity},
		{"administrator", "lift/", "lift_reason=x&lift_file=" + file, http.StatusUnprocessableEntity},
	} {
		if got := x.visit(t, http.MethodPost, at+refused.form, refused.who, refused.body); got.Code != refused.status {
			t.Errorf("POST %s %s as %s = %d, want %d", refused.form, refused.body, refused.who, got.Code, refused.status)
		}
	}
	if all, err := x.app.Holds.Requests(t.Context(), x.app.Operator, ""); err != nil || len(all) > 0 {
		t.Fatalf("refused forms left the requests %v, %v", all, err)
	}

	contains(t, x.visit(t, http.MethodPost, at+"ask/", "stranger", "ask_reason=a+fix+that+we+need"), http.StatusSeeOther)
	contains(t, x.visit(t, http.MethodPost, at+"ask/", "stranger", "ask_reason=again"),
		http.StatusUnprocessableEntity, "asked for this already")
	contains(t, x.visit(t, http.MethodGet, at, "stranger", ""), http.StatusOK, "a fix that we need",
		"The maintainers of team decide")
	lacks(t, x.visit(t, http.MethodGet, at, "stranger", ""), `name="ask_reason"`)
	other := x.visit(t, http.MethodGet, at, "reader", "")
	contains(t, other, http.StatusOK, "1 other request")
	lacks(t, other, "a fix that we need")
	contains(t, x.visit(t, http.MethodGet, "/manage/exemptions/", "stranger", ""), http.StatusOK, "Your requests", "open")
	lacks(t, x.visit(t, http.MethodGet, "/", "stranger", ""), "waits for your decision")
	contains(t, x.visit(t, http.MethodGet, "/", "administrator", ""), http.StatusOK, "1 request waits for your decision")
	contains(t, x.visit(t, http.MethodGet, "/admin/policy/", "administrator", ""), http.StatusOK, "a fix that we need",
		"younger than 3 days are held")

	for _, queue := range []string{"/manage/exemptions/", "/admin/policy/"} {
		got := x.visit(t, http.MethodGet, queue, "administrator", "")
		contains(t, got, http.StatusOK, "held: cooldown until 20", "old enough")
		if n := strings.Count(got.Body.String(), "held: cooldown until"); n != 1 {
			t.Errorf("%s says %d times why two files are held", queue, n)
		}
	}
	lacks(t, x.visit(t, http.MethodGet, "/manage/exemptions/", "stranger", ""), "held: cooldown")
	all, err := x.app.Holds.Requests(t.Context(), x.app.Operator, "")
	if err != nil || len(all) != 1 {
		t.Fatalf("the requests are %v, %v", all, err)
	}
	id := all[0].ID
	for _, refused := range []struct {
		who, form, body string
		status          int
	}{
		{"stranger", "grant/", "days=14&request=" + id, http.StatusForbidden},
		{"stranger", "refuse/", "answer=no&request=" + id, http.StatusForbidden},
		{"reader", "grant/", "", http.StatusForbidden},
		{"administrator", "grant/", "days=181&request=" + id, http.StatusUnprocessableEntity},
		{"administrator", "grant/", "days=x&request=" + id, http.StatusUnprocessableEntity},
		{"administrator", "grant/", "days=14&request=nothing", http.StatusNotFound},
		{"administrator", "refuse/", "answer=&request=" + id, http.StatusUnprocessableEntity},
		{"administrator", "add/", "repository=team&target=rocket%3E1&reason=x&days=1", http.StatusUnprocessableEntity},
		{"administrator", "add/", "repository=team&target=rocket&days=1", http.StatusUnprocessableEntity},
		{"administrator", "end/", "exemption=nothing", http.StatusNotFound},
	} {
		got := x.visit(t, http.MethodPost, "/manage/exemptions/"+refused.form, refused.who, refused.body)
		if got.Code != refused.status {
			t.Errorf("POST %s %s as %s = %d, want %d", refused.form, refused.body, refused.who, got.Code, refused.status)
		}
	}
	got = x.visit(t, http.MethodPost, "/manage/exemptions/grant/", "administrator",
		"days=14&request="+id+"&next=//evil.example/")
	if to := got.Header().Get("Location"); got.Code != http.StatusSeeOther || to != "/manage/exemptions/" {
		t.Errorf("granting = %d and leads to %q", got.Code, to)
	}
	contains(t, x.visit(t, http.MethodGet, at, "stranger", ""), http.StatusOK, "Nothing of rocket 2.0 is held or denied")
	contains(t, x.visit(t, http.MethodGet, at, "administrator", ""), http.StatusOK,
		"Exempted by administrator until <time")
	lacks(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/2.0/", "stranger", ""), ">held<")
	contains(t, x.visit(t, http.MethodGet, "/manage/exemptions/", "administrator", ""), http.StatusOK,
		"Exempted by administrator", "2 files")
}

// An administrator denies, pins and lifts on pages, in all repositories, and no other caller can.
func TestDenialPages(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	x.cooling(t)
	at, held, file := "/admin/policy/denials/", "/r/team/held/rocket/1.0/", "rocket-1.0-py3-none-any.whl"
	for _, refused := range []struct {
		who, form, body string
		status          int
	}{
		{"stranger", "deny/", "deny_target=rocket&deny_reason=x", http.StatusNotFound},
		{"owner", "pin/", "pin_project=rocket", http.StatusNotFound},
		{"administrator", "deny/", "deny_reason=x", http.StatusUnprocessableEntity},
		{"administrator", "deny/", "deny_target=rocket", http.StatusUnprocessableEntity},
		{"administrator", "deny/", "deny_target=rocket%3E1&deny_reason=x", http.StatusUnprocessableEntity},
		{
			"administrator", "deny/", "deny_target=rocket&deny_file=other-1.0.tar.gz&deny_reason=x",
			http.StatusUnprocessableEntity,
		},
		{"administrator", "deny/", "deny_sha256=abc&deny_reason=x", http.StatusUnprocessableEntity},
		{
			"administrator", "pin/", "pin_project=rocket&pin_file=" + file + "&pin_sha256=abc&pin_reason=x",
			http.StatusUnprocessableEntity,
		},
		{"administrator", "undeny/", "id=nothing", http.StatusNotFound},
		{"administrator", "unpin/", "id=nothing", http.StatusNotFound},
		{"administrator", "accept/", "return_upstream=faraway&return_project=rocket", http.StatusUnprocessableEntity},
	} {
		got := x.visit(t, http.MethodPost, at+refused.form, refused.who, refused.body)
		if got.Code != refused.status {
			t.Errorf("POST %s %s as %s = %d, want %d", refused.form, refused.body, refused.who, got.Code, refused.status)
		}
	}
	contains(t, x.visit(t, http.MethodGet, held, "stranger", ""), http.StatusOK, "Nothing of rocket 1.0 is held or denied")
	contains(t, x.visit(t, http.MethodPost, at+"deny/", "administrator",
		"deny_target=rocket==1.0&deny_reason=steals+keys"),
		http.StatusSeeOther)
	contains(t, x.visit(t, http.MethodGet, at, "administrator", ""), http.StatusOK, "rocket 1.0", "steals keys")
	reader := x.visit(t, http.MethodGet, held, "stranger", "")
	contains(t, reader, http.StatusOK, "denied: denylist, steals keys", "It is denied until an administrator lifts the denial")
	lacks(t, reader, "Lift a denial", "Ask for an exemption")
	contains(t, x.visit(t, http.MethodPost, held+"ask/", "stranger", "ask_reason=x"), http.StatusUnprocessableEntity,
		"is denied, and an exemption lifts holds only")
	contains(t, x.visit(t, http.MethodGet, held, "administrator", ""), http.StatusOK, "Lift the denial of this file")
	contains(t, x.visit(t, http.MethodPost, held+"lift/", "administrator", "lift_reason=we+looked&lift_file="+file),
		http.StatusSeeOther)
	contains(t, x.visit(t, http.MethodGet, held, "stranger", ""), http.StatusOK, "Nothing of rocket 1.0 is held or denied")
	contains(t, x.visit(t, http.MethodGet, held, "administrator", ""), http.StatusOK,
		"administrator lifted its denial: we looked")
	contains(t, x.visit(t, http.MethodGet, at, "administrator", ""), http.StatusOK, "we looked", "Deny again")

	contains(t, x.visit(t, http.MethodPost, at+"deny/", "administrator", "deny_target=rocket&deny_reason=all+of+it"),
		http.StatusSeeOther)
	contains(t, x.visit(t, http.MethodGet, "/r/team/held/rocket/2.0/", "stranger", ""), http.StatusOK,
		"denied: denylist, all of it")
}
