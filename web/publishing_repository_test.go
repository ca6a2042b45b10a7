package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const mainPublishers = "/admin/repository/main/publishing/"

// names is the form of a publisher of a repository; over changes it.
func (x *trust) names(over ...string) url.Values {
	return x.github(append([]string{"names", "Acme-*", "creates", "on", "owner_user", "alice"}, over...)...)
}

func (x *trust) admin(name string) {
	x.Helper()
	x.user(name)
	if err := x.dir.SetAdmin(x.Context(), x.operator, name, true); err != nil {
		x.Fatal(err)
	}
}

// TestRepositoryPublishersPage: an administrator adds, narrows and removes a publisher; every covered project shows it.
func TestRepositoryPublishersPage(t *testing.T) {
	x := newTrust(t)
	x.admin("root")
	x.user("alice")
	x.project("main", "acme-widgets", "alice")
	x.project("main", "acmecorp", "alice")
	x.project("other", "acme-widgets", "alice")
	wants(t, x.ask("root", mainPublishers, nil).Body.String(), "No publishers yet.", "Name prefix")
	to, page := x.follow("root", mainPublishers, x.names())
	if !strings.HasPrefix(to, mainPublishers+"?publisher=") {
		t.Errorf("adding leads to %s", to)
	}
	if strings.Contains(page, `class="brand in"`) {
		t.Error("the page passes for one of another repository")
	}
	wants(t, page, "Acme packages</a>", "may now publish the projects, existing or new, acme and acme-* in repository main",
		"Covers 1 project", "creates new ones, owned by", "Release acme")
	list := x.list("acme-widgets")
	if len(list) != 1 || list[0].Names != "acme" || !list[0].Creates || list[0].Owner != "alice" {
		t.Fatalf("List = %+v", list)
	}
	id := list[0].ID
	wants(t, x.ask("root", "/admin/repositories/", nil).Body.String(), "1 trusted publisher", "/team"+mainPublishers)

	// The owner of a covered project sees it, cannot change it, and others do not have it.
	covered := "/manage/project/acme-widgets/settings/publishing/"
	page = x.ask("alice", covered, nil).Body.String()
	wants(t, page, "for all of its names, so they are not listed here", "No request for acme-widgets itself")
	wants(t, page, "From the repository", "1 publisher of the repository main covers this project", "acme-*",
		"Only administrators can change that.", "None of its own.")
	for _, not := range []string{"Remove publisher", "/admin/", "nobody can upload", "Make stricter"} {
		if strings.Contains(page, not) {
			t.Errorf("an owner is shown %q for the repository's publisher", not)
		}
	}
	wants(t, x.ask("alice", covered+"?publisher="+id, nil).Body.String(), "Publish acme-widgets from the workflow")
	wants(t, x.ask("root", covered, nil).Body.String(), "Publishers of the repository</a>", "/team"+mainPublishers)
	for _, path := range []string{
		"/manage/project/acmecorp/settings/publishing/", "/r/other/manage/project/acme-widgets/settings/publishing/",
	} {
		if page := x.ask("alice", path, nil).Body.String(); strings.Contains(page, "From the repository") {
			t.Errorf("%s shows a publisher that does not cover it", path)
		}
	}
	if w := x.ask("alice", covered, url.Values{"do": {"remove"}, "publisher_id": {id}}); w.Code != http.StatusForbidden ||
		!strings.Contains(w.Body.String(), "only an administrator can remove it") {
		t.Errorf("an owner removes the repository's publisher: %d %s", w.Code, w.Body)
	}
	if w := x.ask("alice", covered,
		url.Values{"do": {"constrain"}, "publisher_id": {id}, "ref": {"refs/tags/v*"}}); w.Code != http.StatusNotFound {
		t.Errorf("an owner narrows the repository's publisher: %d", w.Code)
	}

	if page := x.ask("root", mainPublishers, nil).Body.String(); strings.Contains(page, "Recent token requests") {
		t.Error("requests are listed before there is one")
	}
	if _, err := x.exchange(at("refs/heads/main")); err != nil {
		t.Fatal(err)
	}
	if _, err := x.exchange(at("refs/heads/main", "environment", "test")); err == nil {
		t.Fatal("a job in another environment is accepted")
	}
	wants(t, x.ask("root", mainPublishers, nil).Body.String(), "Recent token requests", "Accepted", "Refused",
		"at <code>refs/heads/main</code>", "claim environment")
	if page := x.ask("alice", covered, nil).Body.String(); strings.Contains(page, "Accepted") {
		t.Error("the owner of a covered project is shown the requests of the whole repository")
	}

	_, page = x.follow("root", mainPublishers,
		url.Values{"do": {"constrain"}, "publisher_id": {id}, "names": {"acme"}, "ref": {"refs/tags/v*"}})
	wants(t, page, "Tightened", "refs/tags/v*")
	if list = x.list("acme-widgets"); len(list) != 1 || list[0].ID == id || list[0].Fields["ref"] != "refs/tags/v*" {
		t.Fatalf("List after narrowing = %+v", list)
	}
	_, page = x.follow("root", mainPublishers,
		url.Values{"do": {"remove"}, "publisher_id": {list[0].ID}, "names": {"acme"}})
	wants(t, page, "Publisher removed.", "No publishers yet.")
	if list = x.list("acme-widgets"); len(list) != 0 {
		t.Errorf("List after removing = %+v", list)
	}
	for _, e := range []string{"added a publisher to the names acme-*", "removed a publisher from the names acme-*"} {
		wants(t, x.ask("root", "/admin/audit/", nil).Body.String(), e)
	}
}

// TestRepositoryPublishersPageRefuses: what is wrong is said beside its field, and nobody but administrators gets in.
func TestRepositoryPublishersPageRefuses(t *testing.T) {
	x := newTrust(t)
	x.admin("root")
	x.user("alice")
	x.follow("root", mainPublishers, x.names())
	before := len(x.list("acme"))
	for what, c := range map[string]struct {
		over []string
		word string
	}{
		"no names":            {[]string{"names", ""}, "Name prefix is required."},
		"a bare star":         {[]string{"names", "acme*"}, "is not a name prefix"},
		"everything":          {[]string{"names", "*"}, "is not a name prefix"},
		"other letters":       {[]string{"names", "аcme"}, "is not a name prefix"},
		"an unknown owner":    {[]string{"names", "beta", "owner_user", "nobody"}, "no active user"},
		"an owner of nothing": {[]string{"names", "beta", "creates", ""}, "let the publisher create projects"},
		"the same again":      {nil, "already registered"},
		"a bad workflow":      {[]string{"names", "beta", "workflow", "a/b.yml"}, "orkflow"},
	} {
		w := x.ask("root", mainPublishers, x.names(c.over...))
		if w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusConflict {
			t.Errorf("%s: %d, want 422 or 409", what, w.Code)
		}
		wants(t, w.Body.String(), c.word)
	}
	if after := len(x.list("acme")); after != before {
		t.Errorf("%d publishers after refusals, want %d", after, before)
	}
	id := x.list("acme")[0].ID
	for _, user := range []string{"alice", ""} {
		for _, form := range []url.Values{
			nil, x.names("names", "beta"),
			{"do": {"remove"}, "publisher_id": {id}, "names": {"acme"}},
			{"do": {"constrain"}, "publisher_id": {id}, "names": {"acme"}, "ref": {"refs/tags/v*"}},
		} {
			w := x.ask(user, mainPublishers, form)
			if w.Code == http.StatusOK || strings.Contains(w.Body.String(), "acme") {
				t.Errorf("%q gets %d for %v", user, w.Code, form)
			}
		}
	}
	if w := x.ask("root", "/admin/repository/nothing/publishing/", nil); w.Code != http.StatusNotFound {
		t.Errorf("a repository that is not there: %d", w.Code)
	}
	if list := x.list("acme"); len(list) != before || list[0].ID != id {
		t.Errorf("List = %+v", list)
	}
	// The preview says what would be added, and adds nothing.
	w := x.ask("root", mainPublishers+"preview/", x.names("names", "beta"))
	wants(t, w.Body.String(), "the projects, existing or new, beta and beta-* in repository main")
	wants(t, x.ask("root", mainPublishers+"preview/", x.names("names", "")).Body.String(), "Still needed: Name prefix")
	if list := x.list("beta"); len(list) != 0 {
		t.Errorf("a preview added %+v", list)
	}
	// A link fills in the form.
	page := x.ask("root",
		mainPublishers+"?provider=github&owner=acme&repository=x&workflow=r.yml&names=gamma&creates=on", nil)
	wants(t, page.Body.String(), "Double-check these values", `value="gamma"`)
	// Somebody who has not confirmed who they are does so first, and comes back to the form.
	x.clock.Pass(3600e9)
	if w := x.ask("root", mainPublishers, x.names("names", "beta")); w.Code != http.StatusSeeOther ||
		!strings.Contains(w.Header().Get("Location"), "/confirm/") {
		t.Errorf("adding without confirming: %d %s", w.Code, w.Header().Get("Location"))
	}
}
