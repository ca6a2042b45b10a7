package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// Roles are grouped by person or by project, filtered and paged, and several are removed at once.
func TestGrantsPage(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	page := x.get("root", "/admin/grants/").Body.String()
	if got := words(page); !strings.Contains(got, "8 roles, by person. Group by project") ||
		!strings.Contains(got, "maintainer maintainer of demo maintainer of demo in inner owner owner of demo") {
		t.Errorf("by person:\n%s", got)
	}
	byProject := words(x.get("root", "/admin/grants/?by=project").Body.String())
	if !strings.Contains(byProject,
		"demo maintainer, maintainer owner, owner reader, reader uploader, uploader demo in inner") {
		t.Errorf("by project:\n%s", byProject)
	}
	filtered := words(x.get("root", "/admin/grants/?filter=inner+READER").Body.String())
	if !strings.Contains(filtered, "1 role, by person") || !strings.Contains(filtered, "reader of demo in inner") ||
		strings.Contains(filtered, "owner of demo") {
		t.Errorf("filtered:\n%s", filtered)
	}
	if none := words(x.get("root", "/admin/grants/?filter=zzz").Body.String()); !strings.Contains(none,
		"No roles match this filter.") {
		t.Errorf("filtered by what there is not:\n%s", none)
	}
	got := x.grew(func() {
		w := x.post("root", "/admin/grants/remove/", "grant", "reader|main|demo", "grant", "uploader|inner|demo")
		if w.Code != http.StatusSeeOther {
			t.Errorf("removing two = %d:\n%s", w.Code, words(w.Body.String()))
		}
	})
	if got != "grant.remove, grant.remove" {
		t.Errorf("removing two is recorded as %q", got)
	}
	for name, fields := range map[string][]string{
		"none": {}, "an unknown one": {"grant", "x"}, "one that is gone": {"grant", "reader|main|demo"},
		"a project that is not there": {"grant", "reader|main|nothing"}, "no name": {"grant", "reader|main|No Name!"},
	} {
		if got := x.grew(func() {
			if w := x.post("root", "/admin/grants/remove/", fields...); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("removing %s = %d", name, w.Code)
			}
		}); strings.Contains(strings.ReplaceAll(got, "grant.remove refused", ""), "grant.remove") {
			t.Errorf("removing %s is recorded as %q", name, got)
		}
	}
	for user, want := range map[string]string{"": "User is required.", "nobody": "There is no account with this name."} {
		w := x.post("root", "/admin/grants/add/", "user", user, "role", "reader", "repository", "main", "project", "demo")
		if got := words(w.Body.String()); w.Code != http.StatusUnprocessableEntity || !strings.Contains(got, want) {
			t.Errorf("a role for %q = %d, want %q:\n%s", user, w.Code, want, got)
		}
	}
	for _, user := range []string{"owner", "reader"} {
		if w := x.post(user, "/admin/grants/remove/", "grant", "owner|main|demo"); w.Code != http.StatusNotFound {
			t.Errorf("removing as %s = %d", user, w.Code)
		}
	}
	for n := range 30 {
		name := fmt.Sprintf("person%02d", n)
		if _, err := x.dir.AddUser(t.Context(), x.operator, access.NewUser{Name: name}); err != nil {
			t.Fatal(err)
		}
		if err := x.index.Grant(t.Context(), x.operator, "main", x.name("demo"), name, access.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if first := words(x.get("root", "/admin/grants/").Body.String()); !strings.Contains(first, "Page 1 of 2") ||
		strings.Contains(first, "reader of demo person29") {
		t.Errorf("the first page:\n%s", first)
	}
}

// Fields suggest people and groups that the reader may see, and no others. A new role is chosen, not preselected.
func TestSuggestions(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	for _, group := range []string{"builders", "secret-group"} {
		if _, err := x.dir.AddGroup(t.Context(), x.operator, group, ""); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(x.index.Grant(t.Context(), x.operator, "main", x.name("other"), "owner", access.Owner))
	must(x.index.Grant(t.Context(), x.operator, "main", x.name("other"), "stranger", access.Reader))
	must(x.index.GrantGroup(t.Context(), x.operator, "main", x.name("other"), "builders", access.Reader))
	must(x.index.GrantGroup(t.Context(), x.operator, "inner", packaging.ProjectName{}, "secret-group", access.Reader))
	list := func(user, path, id string) string {
		return between(x.get(user, path).Body.String(), `<datalist id="`+id+`-list">`, "</datalist>")
	}
	const path = "/manage/project/demo/collaboration/"
	if got := list("owner", path, "f-user"); got != `<option value="stranger"></option>` {
		t.Errorf("an owner is offered the people %s", got)
	}
	if got := list("owner", path, "f-group"); got != `<option value="builders"></option>` {
		t.Errorf("an owner is offered the groups %s", got)
	}
	if got := list("root", path, "f-user"); !strings.Contains(got, `"root"`) || strings.Contains(got, `"reader"`) {
		t.Errorf("an administrator is offered the people %s", got)
	}
	if got := list("root", "/admin/grants/", "f-user"); !strings.Contains(got, `"stranger"`) {
		t.Errorf("the page of roles offers %s", got)
	}
	if got := list("root", "/admin/grants/", "f-project"); !strings.Contains(got, `"demo"`) {
		t.Errorf("the page of roles offers the projects %s", got)
	}
	must(x.dir.AddMember(t.Context(), x.operator, "builders", "reader"))
	if got := list("root", "/admin/group/builders/", "f-user"); !strings.Contains(got, `"stranger"`) ||
		strings.Contains(got, `"reader"`) {
		t.Errorf("the page of a group offers %s", got)
	}
	keyring := access.NewKeyring(x.db.Access(), access.KeyringOptions{Now: x.clock.Now})
	for _, user := range []string{"maintainer", "reader", "stranger"} {
		caller, err := keyring.Session(t.Context(), access.Secret(x.cookies[user].Value))
		must(err)
		if _, _, err := x.index.Suggested(t.Context(), caller, "main", x.name("demo")); err == nil {
			t.Errorf("%s is offered people", user)
		}
	}
	page := x.get("owner", path).Body.String()
	for _, id := range []string{"f-role", "f-group-role", "f-invited-role"} {
		field := between(page, `<select id="`+id+`"`, "</select>")
		if !strings.Contains(field, `<option value="" selected>Choose a role</option>`) ||
			strings.Count(field, " selected") != 1 {
			t.Errorf("the field %s is %s", id, field)
		}
	}
	for _, form := range [][]string{
		{"add/", "user", "stranger"},
		{"add/", "user", "stranger", "role", "none"},
		{"invite/", "invited", "zoe"},
		{"add-group/", "group", "builders", "group_role", ""},
	} {
		if got := x.grew(func() { x.post("owner", path+form[0], form[1:]...) }); got != "" {
			t.Errorf("POST %v without a role is recorded as %s", form, got)
		}
	}
}
