package browser_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"pyindex/internal/clienttest/browser"
)

// shown are the addresses at which each page is looked at, by its route, in the states that look different. Those of
// signed-out people are after a "-".
var shown = map[string][]string{
	"/": {"/", "/?tool=uv", "-/"},
	"/search/": {
		"/search/?q=widget", "/search/?q=nothing-like-it", "/search/?sort=newest", "/search/?owner=alice&license=mit",
		"/search/?q=widgetts",
	},
	"/login/":           {"-/login/"},
	"/confirm/":         {"/confirm/?next=/"},
	"/:missing/":        {"/nothing/here/", "/project/nothing/"},
	"/static/":          nil, // no pages
	"/ca.pem":           nil,
	"/login/forgotten/": {"-/login/forgotten/"},
	"/login/code/":      nil, // comes after a password, see TestAuthenticatorApp
	"/setup/:secret/":   nil, // used up by then, see TestSignUp
	"/reset/:secret/":   {"-RESET"},
	"/invite/:secret/":  {"-INVITE"},
	"/project/:project/": {
		"/project/widgets/", "/project/oldest/", "/project/frozen/", "/r/private/project/hushed/",
	},
	"/project/:project/:version/":      {"/project/widgets/1.1/"},
	"/project/:project/:version/diff/": {"/project/widgets/2.0/diff/"},
	"/project/:project/versions/":      {"/project/many/versions/"},
	"/admin/group/:group/":             {"/admin/group/builders/"}, "/admin/groups/": {"/admin/groups/"},
	"/help/": {"/help/", "/help/?q=token", "-/help/"}, "/help/:chapter/": {
		"/help/connect/", "/help/laptops/", "/help/tools/", "/help/public-index/", "/help/upstreams/", "/help/policy/",
		"/help/moving/",
		"/help/sizing/", "/help/single-sign-on/", "/help/upgrade/", "/help/move-server/", "/help/incidents/",
		"/help/disaster/",
		"/help/come-over/", "/help/watch/", "/help/leave/", "/help/old-urls/",
		"/help/company/", "/help/publish/", "/help/trusted-publishing/", "/help/manage/", "/help/account/", "/help/operate/",
		"/help/settings/", "/help/trouble/", "/help/glossary/",
	},
	"/help/come-over/:source/": {"/help/come-over/devpi/", "/help/come-over/nexus/", "/help/come-over/gitlab/"},
	"/help/trusted-publishing/:platform/": {
		"/help/trusted-publishing/buildkite/", "/help/trusted-publishing/generic/",
	},
	"/project/:project/:version/file/:filename": nil, // a file
	"/project/:project/:version/picture/:key":   nil, // a picture
	"/admin/": {"/admin/"}, "/admin/audit/": {"/admin/audit/"}, "/admin/audit/export": nil,
	"/admin/service-accounts/":          {"/admin/service-accounts/"},
	"/manage/service-account/:account/": {"/manage/service-account/nightly/"},
	"/manage/project/:project/service-accounts/": {
		"/manage/project/widgets/service-accounts/", "/manage/project/many/service-accounts/",
	},
	"/manage/account/activity/": {
		"/manage/account/activity/", "/manage/account/activity/?show=projects", "/manage/account/activity/?show=tokens",
	},
	"/manage/account/activity/export": nil,
	"/admin/names/":                   {"/admin/names/"},
	"/admin/grants/":                  {"/admin/grants/"}, "/admin/issuers/": {"/admin/issuers/"},
	"/admin/repository/:name/publishing/": {"/admin/repository/main/publishing/", "/admin/repository/private/publishing/"},
	"/admin/repository/:name/bases/":      {"/admin/repository/main/bases/", "/admin/repository/private/bases/"},
	"/admin/repository/:name/policy/":     {"/admin/repository/main/policy/", "/admin/repository/private/policy/"},
	"/admin/policy/":                      {"/admin/policy/"},
	"/admin/policy/denials/":              {"/admin/policy/denials/"},
	"/held/:project/":                     {"/held/widgets/"},
	"/held/:project/:version/":            {"/held/widgets/1.1/"},
	"/manage/exemptions/":                 {"/manage/exemptions/"},
	"/manage/held/":                       {"/manage/held/"},
	"/admin/upstreams/":                   {"/admin/upstreams/"},
	"/admin/upstream/:upstream/":          {"/admin/upstream/public/", "/admin/upstream/cu126/"},
	"/admin/repositories/":                {"/admin/repositories/"}, "/admin/settings/": {"/admin/settings/"},
	"/admin/health/":  {"/admin/health/"},
	"/admin/storage/": {"/admin/storage/"}, "/admin/tokens/": {"/admin/tokens/"},
	"/admin/lockout/:kind/:subject/": {"/admin/lockout/user/bob/"}, "/admin/quarantine/": {"/admin/quarantine/"},
	"/admin/user/:user/": {"/admin/user/bob/"}, "/admin/users/": {"/admin/users/"},
	"/manage/account/token/":         {"/manage/account/token/"},
	"/manage/projects/":              {"/manage/projects/"},
	"/manage/upload/":                {"/manage/upload/"},
	"/manage/account/":               {"/manage/account/"},
	"/manage/account/publishing/":    {"/manage/account/publishing/"},
	"/manage/account/security/":      {"/manage/account/security/"},
	"/manage/account/security/totp/": {"/manage/account/security/totp/"},
	"/manage/account/sessions/":      {"/manage/account/sessions/"},
	"/manage/project/:project/":      {"/manage/project/widgets/"},
	"/manage/project/:project/collaboration/": {
		"/manage/project/widgets/collaboration/", "/manage/project/many/collaboration/",
	},
	"/manage/project/:project/history/": {"/manage/project/widgets/history/"},
	"/manage/project/:project/release/:version/": {
		"/manage/project/widgets/release/1.1/", "/manage/project/widgets/release/2.0/?file=widgets-2.0.tar.gz",
	},
	"/manage/project/:project/releases/": {
		"/manage/project/widgets/releases/", "/manage/project/many/releases/",
	},
	"/manage/project/:project/settings/": {
		"/manage/project/widgets/settings/", "/manage/project/frozen/settings/",
	},
	"/manage/project/:project/publisher/:publisher/": {"PUBLISHER"},
	"/manage/project/:project/settings/publishing/": {
		"/manage/project/widgets/settings/publishing/", "/manage/project/many/settings/publishing/",
	},
}

// routes returns the paths of the program's pages, from the table that its own tests use.
func routes(t *testing.T) (paths []string) {
	t.Helper()
	table, err := os.ReadFile("../../../cmd/index/testdata/golden/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != "GET" || f[2] != "page" && f[2] != "signed" && f[2] != "visitor" ||
			strings.Contains(f[1], "/r/:repository/") {
			continue
		}
		paths = append(paths, strings.TrimPrefix(f[1], "/team"))
	}
	if len(paths) < 20 {
		t.Fatalf("the table of routes has %d pages", len(paths))
	}
	return paths
}

// Every page is accessible in both schemes of colours, on a wide window and on a narrow one, and fits into 320 pixels;
// a page that nobody wrote down here fails.
func TestEveryPage(t *testing.T) {
	x := newBusy(t)
	in := x.open()
	x.fill()
	out := browser.Open(t, x.URL)
	links := map[string]string{
		"RESET":  strings.TrimSpace(x.Index("user", "reset-link", "bob").OK(t).Stdout),
		"INVITE": strings.TrimSpace(x.Index("user", "invite").OK(t).Stdout),
	}
	var trusted []struct{ ID string }
	if err := json.Unmarshal([]byte(x.Index("publisher", "list", "--project", "widgets", "--json").OK(t).Stdout),
		&trusted); err != nil || len(trusted) == 0 {
		t.Fatalf("the publishers of widgets are %v, %v", trusted, err)
	}
	links["PUBLISHER"] = "/manage/project/widgets/publisher/" + trusted[0].ID + "/"
	for _, route := range append(routes(t), "/:missing/") {
		at, known := shown[route]
		if !known {
			t.Errorf("the page %s is not looked at: add it", route)
		}
		for n, path := range at {
			b := in
			if signedOut, is := strings.CutPrefix(path, "-"); is {
				b, path = out, signedOut
			}
			if link := links[path]; link != "" {
				path = strings.TrimPrefix(link, x.URL)
			}
			look(b, path, fmt.Sprintf("%s-%d", name(route), n))
		}
	}
}

// name is a file's name for a route.
func name(route string) string {
	return "page" + strings.TrimRight(strings.NewReplacer("/", "-", ":", "").Replace(route), "-")
}

// look looks at a page in each width and scheme of colours.
func look(b *browser.Tab, path, name string) {
	for _, scheme := range []string{"light", "dark"} {
		b.Look(1280, scheme)
		if scheme == "light" {
			b.Go(path)
		}
		b.Accessible()
		b.Shot(name + "-1280-" + scheme)
		b.Look(360, scheme)
		b.Shot(name + "-360-" + scheme)
	}
	b.Look(360, "light")
	b.Accessible()
	b.Fits()
	b.Look(320, "light")
	b.Fits()
}
