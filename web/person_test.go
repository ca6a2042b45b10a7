package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/web/ui"
)

// words returns the text of a page without tags and with single spaces.
func words(page string) string {
	var b strings.Builder
	tag := false
	for _, r := range page {
		switch {
		case r == '<':
			tag = true
		case r == '>':
			tag = false
			b.WriteByte(' ')
		case !tag:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// The page of a person is about that person: groups, the roles through them, the last sign-in, second factors, and what
// the person's tokens can do.
func TestPageOfAPerson(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	if _, err := x.dir.AddGroup(t.Context(), x.operator, "builders", ""); err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(x.dir.AddMember(t.Context(), x.operator, "builders", "stranger"))
	must(x.index.GrantGroup(t.Context(), x.operator, "main", x.name("other"), "builders", access.Uploader))
	must(x.index.GrantGroup(t.Context(), x.operator, "inner", packaging.ProjectName{}, "builders", access.Reader))
	for _, scope := range []access.Scope{access.ScopeRead, access.ScopeAdmin} {
		_, _, err := x.dir.CreateToken(t.Context(), x.operator, access.NewAPIToken{
			User: "stranger", Repository: "main", Scope: scope, Description: "job", Expires: time.Hour,
		})
		must(err)
	}
	page := words(x.get("root", "/admin/user/stranger/").Body.String())
	for _, want := range []string{
		"Last sign-in just now", "Second factor none",
		"Groups builders reader of the repository inner uploader of other",
		"Reads everything stranger can access", "Does everything stranger can do",
		"stranger has no roles other than those of every account and those through groups.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(strings.ToLower(page), "that you") || strings.Contains(page, "everything you") {
		t.Errorf("the page is about its reader:\n%s", page)
	}
	x.enrol("stranger")
	x.clock.Pass(3 * time.Hour)
	page = words(x.get("root", "/admin/user/stranger/").Body.String())
	for _, want := range []string{"Last sign-in 3 hours ago", "Second factor the authenticator and 10 recovery codes"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	_, err := x.dir.AddUser(t.Context(), x.operator, access.NewUser{Name: "absent"})
	must(err)
	page = words(x.get("root", "/admin/user/absent/").Body.String())
	for _, want := range []string{
		"Last sign-in none in the audit log", "absent is not in any group.",
		"absent has no roles other than those of every account.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// The page of repositories tells who reads each. On a private index nothing is public.
func TestReadersOfRepositories(t *testing.T) {
	for closed, want := range map[bool]string{
		true: "read by everyone who is signed in", false: "read by everyone on the network",
	} {
		x := newShop(t, catalog.Limits{}, nil)
		if err := x.index.SetRepository(t.Context(), x.operator, "main", access.Reader, true); err != nil {
			t.Fatal(err)
		}
		if !closed {
			x = newShop(t, catalog.Limits{}, nil, func(o *shopOptions) { o.open = true })
			if err := x.index.SetRepository(t.Context(), x.operator, "main", access.Reader, true); err != nil {
				t.Fatal(err)
			}
		}
		page := words(x.get("root", "/admin/repositories/").Body.String())
		if !strings.Contains(page, "main "+want) || !strings.Contains(page, "inner read by people with a role") ||
			strings.Contains(page, " public ") {
			t.Errorf("closed %v: the page lacks %q:\n%s", closed, want, page)
		}
	}
}

// A link that was used, has expired or never existed leads to signing in.
func TestEndedLinks(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	_, used, err := x.accounts.Invite(t.Context(), x.operator, account.NewInvitation{Name: "used"})
	if err != nil {
		t.Fatal(err)
	}
	path := ui.LinkPath(onetime.Invite, used)
	fields := []string{"name", "used", "password", "violet anchor biscuit", "again", "violet anchor biscuit"}
	if w := x.post("nobody", path, fields...); w.Code != http.StatusSeeOther {
		t.Fatalf("accepting = %d", w.Code)
	}
	reset, err := x.accounts.ResetLink(t.Context(), x.operator, "reader")
	if err != nil {
		t.Fatal(err)
	}
	x.clock.Pass(24*time.Hour + time.Second)
	for path, advice := range map[string]string{
		path: "ask the person who invited you", ui.LinkPath(onetime.Reset, reset): "ask an administrator for a new link",
		"/setup/nonsense/": "index user reset-link",
	} {
		for method, w := range map[string]interface {
			Result() *http.Response
		}{"GET": x.get("nobody", path), "POST": x.post("nobody", path, fields...)} {
			res := w.Result()
			body := make([]byte, 20_000)
			n, _ := res.Body.Read(body)
			page := string(body[:n])
			if res.StatusCode != http.StatusNotFound || !strings.Contains(page, "<h1>This link no longer works</h1>") ||
				!strings.Contains(page, `<a class="button primary" href="/login/">Sign in</a>`) ||
				!strings.Contains(page, "<title>This link no longer works") || !strings.Contains(words(page), advice) {
				t.Errorf("%s %s = %d:\n%s", method, path, res.StatusCode, page)
			}
		}
	}
}

// An invitation names the person who invites, and the roles of the new account.
func TestInvitationNamesInviterAndRoles(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, ownersInvite)
	w := x.post("owner", "/manage/project/demo/collaboration/invite/", "invited_role", "maintainer")
	_, path, _ := strings.Cut(between(w.Body.String(), "<code>"+shopHost, "</code>"), shopHost)
	if path == "" {
		path = between(w.Body.String(), shopHost, "<")
	}
	page := words(x.get("nobody", path).Body.String())
	for _, want := range []string{"owner invited you to create an account on Shop.", "maintainer of demo"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// Signing out is in the menu of the account, which works without scripts.
func TestAccountMenu(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	page := x.get("owner", "/manage/projects/").Body.String()
	menu := between(page, `<details class="menu">`, "</details>")
	for _, want := range []string{
		`href="/manage/account/"`, `href="/manage/account/token/"`, `action="/logout/"`, "Sign out",
	} {
		if !strings.Contains(menu, want) {
			t.Errorf("the menu lacks %s:\n%s", want, menu)
		}
	}
	if page := x.get("nobody", "/login/").Body.String(); strings.Contains(page, `class="menu"`) {
		t.Error("a visitor has the menu of an account")
	}
}
