package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/catalog"
)

// quarantine puts files of demo into quarantine.
func (x *shop) quarantine(files ...string) {
	x.Helper()
	for _, f := range files {
		if err := x.index.QuarantineFile(x.Context(), x.operator, "", x.name("demo"), f, "malware"); err != nil {
			x.Fatal(err)
		}
	}
}

// The files of demo; the shop has no other one of 2.0.
const wheel1, sdist1, wheel2 = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "demo-2.0-py3-none-any.whl"

// text is a page without markup, with single spaces.
func text(page string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")), " ")
}

// Pages for those who manage a project count and mark what is in quarantine, and lead nowhere that is missing. Readers
// see none of it.
func TestPagesTellOfQuarantine(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.quarantine(wheel1, wheel2)
	says := func(who, path string, want bool, texts ...string) {
		t.Helper()
		got := x.get(who, path)
		if got.Code != http.StatusOK {
			t.Errorf("%s as %s = %d", path, who, got.Code)
		}
		for _, s := range texts {
			if page := text(got.Body.String()); strings.Contains(page, s) != want {
				t.Errorf("%s as %s says %q: %v, want %v\n%s", path, who, s, !want, want, page)
			}
		}
	}
	for _, who := range []string{"owner", "maintainer", "uploader", "root"} {
		says(who, "/manage/project/demo/releases/", true, "2 releases, 3 files", "2 files in quarantine",
			"1 of 2 files in quarantine")
		says(who, "/manage/projects/", true, "2 files in quarantine")
	}
	says("owner", "/manage/project/demo/release/2.0/", true, "This release is in quarantine.",
		"Only an administrator can release or delete")
	says("owner", "/manage/project/demo/release/2.0/", false, "View release page", "Yank")
	says("owner", "/manage/project/demo/release/1.0/", true, "View release page", "1 of 2 files in quarantine",
		"Yank or delete "+sdist1)
	says("owner", "/manage/project/demo/release/1.0/", false, "delete "+wheel1, "Delete "+wheel1)
	says("owner", "/project/demo/", true, "2 files are in quarantine")
	for _, who := range []string{"reader", "uploader", "stranger"} {
		says(who, "/project/demo/", false, "quarantine", wheel1, "2.0")
	}
	x.quarantine(sdist1)
	says("owner", "/project/demo/", true, "3 files are in quarantine")
	says("owner", "/project/demo/", false, "nothing was published", "No release yet")
	says("reader", "/project/demo/", true, "This project has no releases to install")
	says("reader", "/project/demo/", false, "quarantine")
}

// Owners are not offered to delete what is in quarantine, and are refused if they try; administrators are not.
func TestOwnersCannotDeleteQuarantine(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.quarantine(wheel1)
	forms := []struct {
		page, form, action string
		fields             []string
	}{
		{
			"/manage/project/demo/release/1.0/?file=" + wheel1, "/manage/project/demo/release/1.0/delete-file/", "file.delete",
			[]string{"file", wheel1, "file_typed", wheel1},
		},
		{
			"/manage/project/demo/release/1.0/", "/manage/project/demo/release/1.0/delete/", "release.delete",
			[]string{"typed", "1.0"},
		},
		{
			"/manage/project/demo/settings/", "/manage/project/demo/settings/delete/", "project.delete",
			[]string{"typed", "demo"},
		},
	}
	for _, f := range forms {
		if page := x.get("owner", f.page).Body.String(); strings.Contains(page, `class="danger">Delete`) ||
			!strings.Contains(page, "nly an administrator can") {
			t.Errorf("%s offers an owner to delete, or does not say why not", f.page)
		}
		if page := x.get("root", f.page).Body.String(); !strings.Contains(page, `class="danger">Delete`) {
			t.Errorf("%s does not offer an administrator to delete", f.page)
		}
		grew := x.grew(func() {
			got := x.post("owner", f.form, f.fields...)
			if got.Code != http.StatusForbidden || !strings.Contains(got.Body.String(), "ask an administrator") {
				t.Errorf("%s as an owner = %d, want 403 that says what to do", f.action, got.Code)
			}
		})
		if grew != f.action+" refused" {
			t.Errorf("%s as an owner is recorded as %q", f.action, grew)
		}
	}
	if page := text(x.get("root", "/manage/project/demo/settings/").Body.String()); !strings.Contains(page,
		"deletes 2 releases with 3 files, 1 of them in quarantine") {
		t.Errorf("the settings do not count what would be deleted:\n%s", page)
	}
	for _, f := range forms {
		if f.action == "release.delete" {
			continue // deletes what the next one needs
		}
		if got := x.post("root", f.form, f.fields...); got.Code != http.StatusSeeOther {
			t.Errorf("%s as an administrator = %d", f.action, got.Code)
		}
	}
}

// Of a project that is in quarantine as a whole, an owner deletes nothing, and nothing leads to pages that readers do
// not have.
func TestOwnersCannotDeleteFromQuarantinedProject(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	if err := x.index.SetStatus(t.Context(), x.operator, "", x.name("demo"), catalog.Quarantined, "malware"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"release/1.0/?file=" + wheel1, "settings/"} {
		page := x.get("owner", "/manage/project/demo/"+path).Body.String()
		if strings.Contains(page, `class="danger">Delete`) || strings.Contains(page, "View release page") {
			t.Errorf("%s offers what is refused or missing", path)
		}
	}
	if got := x.post("owner", "/manage/project/demo/settings/delete/", "typed", "demo"); got.Code != http.StatusForbidden {
		t.Errorf("deleting the project = %d, want 403", got.Code)
	}
}
