package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging/packagingtest"
)

const activityPage = "/manage/account/activity/"

// activity returns the page of a view as a person sees it.
func (x *shop) activity(who, query string) string {
	x.Helper()
	w := x.get(who, activityPage+query)
	if w.Code != http.StatusOK {
		x.Fatalf("the activity %s of %s = %d: %s", query, who, w.Code, w.Body)
	}
	body := w.Body.String()
	if _, main, ok := strings.Cut(body, "<main"); ok {
		return main // without the header's list of repositories
	}
	return body // an export
}

// People see what they did themselves, and what others did in the projects that they maintain now. Nobody sees anything
// else, nor the address of another person.
func TestActivityIsOnesOwn(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.post("owner", "/manage/project/demo/release/1.0/yank/", "reason", "broken")
	x.post("maintainer", "/manage/project/demo/release/2.0/yank/", "reason", "mine")
	x.post("owner", "/manage/project/demo/collaboration/add/", "user", "stranger", "role", "reader")
	x.post("owner", "/r/inner/manage/project/demo/release/1.0/yank/", "reason", "inner too")
	x.put("main", packagingtest.Wheel("other", "2.0", "y"))
	for _, c := range []struct {
		who, view string
		has, not  []string
	}{
		{
			"owner", "mine",
			[]string{"owner yanked demo 1.0", "gave stranger the role reader"},
			[]string{"maintainer yanked", "other-2.0"},
		},
		{"owner", "projects", []string{"maintainer yanked demo 2.0"}, []string{"owner yanked", "other-2.0"}},
		{"maintainer", "mine", []string{"maintainer yanked demo 2.0"}, []string{"owner yanked"}},
		{
			"maintainer", "projects",
			[]string{"owner yanked demo 1.0: broken", "inner too"},
			[]string{"maintainer yanked", "other-2.0"},
		},
		{"uploader", "projects", nil, []string{"yanked", "gave"}},
		{"reader", "projects", nil, []string{"yanked", "gave"}},
		{"stranger", "projects", nil, []string{"yanked", "gave"}},
		{"stranger", "mine", nil, []string{"yanked", "gave"}},
		{"root", "projects", nil, []string{"yanked", "gave"}}, // administers everything, and maintains nothing
	} {
		body := x.activity(c.who, "?show="+c.view)
		for _, want := range c.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s, %s: the page does not say %q", c.who, c.view, want)
			}
		}
		for _, bad := range c.not {
			if strings.Contains(body[strings.Index(body, `id="main"`):], bad) {
				t.Errorf("%s, %s: the page says %q", c.who, c.view, bad)
			}
		}
		if strings.Contains(body, "address: 192.0.2.1") != (c.view == "mine") && strings.Contains(body, "yanked") {
			t.Errorf("%s, %s: addresses of the wrong people", c.who, c.view)
		}
	}
	if got := x.get("nobody", activityPage); got.Code != http.StatusSeeOther {
		t.Errorf("the page for nobody = %d", got.Code)
	}
	for _, bad := range []string{"?show=everything", "?after=nonsense", "?from=nonsense"} {
		if got := x.get("owner", activityPage+bad); got.Code < 400 || got.Code >= 500 {
			t.Errorf("%s = %d, want a refusal", bad, got.Code)
		}
	}
}

// Who lost the role sees no longer what others do, and a project of the same name that is another one is not theirs.
func TestActivityFollowsPresentRoles(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.post("owner", "/manage/project/demo/release/1.0/yank/", "reason", "before")
	if !strings.Contains(x.activity("maintainer", "?show=projects"), "before") {
		t.Fatal("the maintainer does not see the yank")
	}
	for _, repo := range []string{"main", "inner"} {
		if err := x.index.Grant(t.Context(), x.operator, repo, x.name("demo"), "maintainer", access.Uploader); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(x.activity("maintainer", "?show=projects"), "before") {
		t.Error("a former maintainer sees the yank")
	}
	if err := x.index.DeleteProject(t.Context(), x.operator, "main", x.name("demo")); err != nil {
		t.Fatal(err)
	}
	x.clock.Pass(200 * 24 * time.Hour)
	x.put("main", packagingtest.Wheel("demo", "9.0", "new"))
	if err := x.index.Grant(t.Context(), x.operator, "main", x.name("demo"), "maintainer", access.Maintainer); err != nil {
		t.Fatal(err)
	}
	x.signAgain("maintainer")
	body := x.activity("maintainer", "?show=projects")
	if strings.Contains(body, "before") || !strings.Contains(body, "demo-9.0") {
		t.Error("the maintainer of a new project sees what was done to the one before, or not what was done to this one")
	}
}

// A refusal of a token names the token, and only its owner sees it.
func TestActivityNamesRefusedTokens(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	made := x.post("stranger", "/manage/account/token/", "description", "laptop", "scope", "admin", "expires", "30")
	who, err := x.identify(made.Body.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := x.index.Yank(t.Context(), who.At("192.0.2.7", "r"), "", x.name("demo"), "1.0", ""); err == nil {
		t.Fatal("a stranger may yank")
	}
	body := x.activity("stranger", "?show=tokens")
	if !strings.Contains(body, "Your token laptop was refused. stranger was not allowed to yank demo 1.0") {
		t.Errorf("the page does not name the token: %s", body)
	}
	if strings.Contains(x.activity("owner", "?show=tokens"), "Your token") {
		t.Error("another person sees it among their tokens")
	}
	owners := x.activity("owner", "?show=projects")
	if !strings.Contains(owners, "stranger was not allowed to yank demo 1.0") || strings.Contains(owners, "192.0.2.7") {
		t.Error("the owner does not see the refusal in the project, or sees the address")
	}
}

// The list is filtered and paged, and both exports have all of it and nothing of others.
func TestActivityPagesAndExports(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	for i := range 25 {
		x.clock.Pass(time.Second)
		verb := []string{"yank", "unyank"}[i%2]
		x.post("owner", "/manage/project/demo/release/1.0/"+verb+"/", "reason", fmt.Sprint("reason ", i))
	}
	for _, view := range []struct{ who, show string }{{"owner", "mine"}, {"maintainer", "projects"}} {
		first := x.activity(view.who, "?what=yanks&show="+view.show)
		if n := strings.Count(first, "<li>"); n != 20 || !strings.Contains(first, `rel="next"`) {
			t.Errorf("%v: the first page has %d entries", view, n)
		}
		at := strings.Index(first, `rel="next" href="`) + len(`rel="next" href="`)
		next := strings.ReplaceAll(first[at:at+strings.Index(first[at:], `"`)], "&amp;", "&")
		if n := strings.Count(x.activity(view.who, next), "<li>"); n != 5 {
			t.Errorf("%v: the second page has %d entries, want 5", view, n)
		}
		lines := strings.Split(strings.TrimSpace(x.activity(view.who, "export?what=yanks&show="+view.show)), "\n")
		var e map[string]any
		if err := json.Unmarshal([]byte(lines[0]), &e); err != nil || len(lines) != 25 || e["actor_name"] != "owner" {
			t.Errorf("%v: the export has %d lines, %v, %v", view, len(lines), e, err)
		}
		table := x.activity(view.who, "export?as=csv&what=yanks&show="+view.show)
		rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
		if err != nil || len(rows) != 26 || (rows[1][7] == "") != (view.show == "projects") {
			t.Errorf("%v: the table has %d rows, %v; the address is %q", view, len(rows), err, rows[1][7])
		}
	}
	if n := strings.Count(x.activity("owner", "?text=reason+24"), "<li>"); n != 1 {
		t.Errorf("a search finds %d entries, want 1", n)
	}
	if got := x.get("nobody", activityPage+"export"); got.Code != http.StatusSeeOther {
		t.Errorf("the export for nobody = %d", got.Code)
	}
}
