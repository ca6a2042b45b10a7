package web_test

import (
	"strings"
	"testing"

	"pyindex/internal/catalog"
)

// shopLimits leave the repository main of a shop with a little more than 80 % of its limit used.
func shopLimits(x *shop, repo string, percent int64) {
	x.Helper()
	for _, r := range x.repositories() {
		if r.Name != repo {
			continue
		}
		limit := r.Size * 100 / percent
		err := x.index.ChangeRepository(x.Context(), x.operator, repo, catalog.RepositoryChange{SizeLimit: &limit})
		if err != nil {
			x.Fatal(err)
		}
	}
}

func (x *shop) repositories() []catalog.Repository {
	x.Helper()
	all, err := x.index.Repositories(x.Context(), x.operator)
	if err != nil {
		x.Fatal(err)
	}
	return all
}

// TestPagesWarnNearLimits: the pages of a project tell those who may upload, and nobody else, that a limit is nearly
// used up; administrators see it in the lists too.
func TestPagesWarnNearLimits(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const project, repository = "<strong>demo uses 90 % of its limit</strong>", "<strong>The repository main uses 85 % of its limit</strong>"
	pages := []string{
		"/project/demo/", "/manage/project/demo/releases/", "/manage/upload/?project=demo", "/manage/project/demo/settings/",
	}
	for _, path := range pages {
		if page := x.get("owner", path).Body.String(); strings.Contains(page, "of its limit</strong>") {
			t.Errorf("%s warns of a limit although there is none", path)
		}
	}
	p, err := x.index.Project(t.Context(), x.operator, "", x.name("demo"))
	if err != nil {
		t.Fatal(err)
	}
	l := catalog.Limits{ProjectSize: p.Size * 100 / 90}
	if err := x.index.SetLimits(t.Context(), x.operator, "", x.name("demo"), l); err != nil {
		t.Fatal(err)
	}
	shopLimits(x, "main", 85)
	for _, path := range pages {
		page := x.get("owner", path).Body.String()
		if !strings.Contains(page, project) || !strings.Contains(page, repository) {
			t.Errorf("%s does not warn an owner of both limits:\n%s", path, page)
		}
	}
	if page := x.get("uploader", "/project/demo/").Body.String(); !strings.Contains(page, project) {
		t.Error("the page of the project does not warn an uploader")
	}
	for _, user := range []string{"reader", "stranger"} {
		if page := x.get(user, "/project/demo/").Body.String(); strings.Contains(page, "of its limit") {
			t.Errorf("the page of the project shows its limits to a %s", user)
		}
	}
	x.shows("root", "/admin/storage/", "Near their limit", ">demo</a> in main</td>", "<td>repository main</td>",
		`<span class="badge warn">90 %</span>`)
	x.shows("owner", "/manage/project/demo/releases/", "ask an administrator to raise the limit")
	x.shows("root", "/manage/project/demo/releases/", `/manage/project/demo/settings/">raise the limit</a>`,
		`/admin/repositories/">raise the limit</a>`)
	x.shows("root", "/manage/projects/", repository, `<span class="badge warn">90 % of its limit</span>`)
	x.shows("owner", "/manage/project/demo/settings/", "(90 %)", "All projects of the repository main together")
	x.shows("owner", "/manage/project/demo/releases/", ` %</td>`)
}

// TestRepositoryLimitForm: an administrator sets the limit of a repository on its page; a text that is no size changes
// nothing.
func TestRepositoryLimitForm(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	limit := func() int64 {
		for _, r := range x.repositories() {
			if r.Name == "inner" {
				return r.SizeLimit
			}
		}
		return -1
	}
	form := []string{"name", "inner", "members", "none", "size_limit"}
	if got := x.post("root", "/admin/repositories/change/", append(form, "2 GiB")...); limit() != 2<<30 {
		t.Errorf("POST = %d, and the limit is %d", got.Code, limit())
	}
	x.shows("root", "/admin/repositories/", `value="2 GiB"`, " of ")
	got := x.post("root", "/admin/repositories/change/", append(form, "many")...)
	if limit() != 2<<30 ||
		!strings.Contains(got.Body.String(), "The size limit of inner: Enter a whole number with a unit") {
		t.Errorf("POST of a bad size = %d, and the limit is %d:\n%s", got.Code, limit(), got.Body)
	}
	if x.post("root", "/admin/repositories/change/", append(form, "")...); limit() != 0 {
		t.Errorf("after an empty field, the limit is %d", limit())
	}
	if x.post("owner", "/admin/repositories/change/", append(form, "1 MiB")...); limit() != 0 {
		t.Errorf("after the form of an owner, the limit is %d", limit())
	}
}
