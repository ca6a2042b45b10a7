package web_test

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/catalog"
	"pyindex/web/ui"
)

var fieldError = regexp.MustCompile(`(?s)<p class="error"><svg.*?</svg> (.*?)</p>`)

var lead = regexp.MustCompile(`<p class="lead">(.*?)</p>`)

// The sentence under the title of an error page begins with a capital and ends with a period.
func TestErrorPagesSaySentences(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	for path, status := range map[string]int{
		"/project/nothing/":  http.StatusNotFound,
		"/project/demo/9.9/": http.StatusNotFound, "/r/nowhere/": http.StatusNotFound,
		"/admin/user/zoe/":                  http.StatusNotFound,
		"/project/demo/1.0/diff/?against=x": http.StatusNotFound, "/admin/": http.StatusNotFound,
	} {
		for _, user := range []string{"reader", "root"} {
			w := x.get(user, path)
			if user == "root" && path == "/admin/" {
				continue
			}
			found := lead.FindStringSubmatch(w.Body.String())
			if w.Code != status || found == nil {
				t.Errorf("GET %s as %s = %d without a sentence, want %d:\n%s", path, user, w.Code, status, w.Body)
				continue
			}
			if text := found[1]; strings.ToUpper(text[:1]) != text[:1] || !strings.HasSuffix(text, ".") {
				t.Errorf("GET %s as %s says %q, which is no sentence", path, user, text)
			}
		}
	}
}

// A form reports all its errors at once, each as a sentence at its field, and the first of them in the order of the
// page has the focus.
func TestFormsReportAllErrors(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	_, secret, err := x.accounts.Invite(t.Context(), x.operator, account.NewInvitation{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user, path string
		fields     []string
		wrong      []string // names of the fields with errors, in the order of the page
	}{
		{
			"nobody", ui.LinkPath(onetime.Invite, secret),
			[]string{"name", "Not A Name", "password", "short", "again", "other"},
			[]string{"name", "password", "again"},
		},
		{"nobody", ui.LinkPath(onetime.Invite, secret), []string{"name", "zoe"}, []string{"password"}},
		{
			"owner", "/manage/account/security/password/",
			[]string{"password", "short", "again", "other"},
			[]string{"password", "again"},
		},
		{
			"owner", "/manage/account/",
			[]string{"full_name", strings.Repeat("x", 101), "email", "no"},
			[]string{"full_name", "email"},
		},
		{"root", "/admin/users/", []string{"name", "Not A Name", "email", "no"}, []string{"name", "email"}},
		{
			"owner", "/manage/account/token/",
			[]string{"scope", "all", "projects", "nothing", "expires", "soon"},
			[]string{"description", "scope", "projects", "expires"},
		},
		{
			"root", "/admin/grants/add/",
			[]string{"user", "zoe", "role", "king", "project", "no such", "repository", "main"},
			[]string{"user", "role", "project"},
		},
		{
			"root", "/admin/grants/add/",
			[]string{"user", "zoe", "role", "owner", "project", "nothing", "repository", "void"},
			[]string{"user", "repository"},
		},
		{
			"owner", "/manage/project/demo/collaboration/add/",
			[]string{"user", "zoe", "role", ""},
			[]string{"user", "role"},
		},
		{
			"owner", "/manage/project/demo/collaboration/add-group/", []string{"group", "zoes"}, []string{"group", "group_role"},
		},
		{
			"owner", "/manage/project/demo/collaboration/invite/",
			[]string{"invited", "Not A Name"},
			[]string{"invited", "invited_role"},
		},
		{"root", "/admin/repositories/add/", []string{"name", "No Name", "members", "all"}, []string{"name", "members"}},
		{
			"root", "/admin/names/decide/",
			[]string{"project", "no such!", "repository", "main", "origin", "both", "versions", "newest"},
			[]string{"project", "versions", "why", "sure"},
		},
		{"root", "/admin/names/reserve/", []string{"prefix", "acme*", "for", "main"}, []string{"prefix", "reason"}},
	} {
		w := x.post(c.user, c.path, c.fields...)
		page := w.Body.String()
		var wrong []string
		for _, part := range strings.Split(page, `<div class="field wrong`)[1:] {
			name := between(part, ` name="`, `"`)
			wrong = append(wrong, name)
			if focus := strings.Contains(strings.SplitN(part, "</div>", 2)[0], "autofocus"); focus != (len(wrong) == 1) {
				t.Errorf("POST %s: focus of %s = %v", c.path, name, focus)
			}
			m := fieldError.FindStringSubmatch(part)
			if m == nil {
				t.Errorf("POST %s: no error at %s", c.path, name)
			} else if first := m[1][0]; 'a' <= first && first <= 'z' || !strings.HasSuffix(m[1], ".") {
				t.Errorf("POST %s: the error at %s is no sentence: %q", c.path, name, m[1])
			}
		}
		if got, want := strings.Join(wrong, " "), strings.Join(c.wrong, " "); w.Code != http.StatusUnprocessableEntity ||
			got != want {
			t.Errorf("POST %s %q = %d with errors at %q, want %q", c.path, c.fields, w.Code, got, want)
		}
	}
}

// Messages that the pages write themselves are sentences.
func TestErrorsAreSentences(t *testing.T) {
	literal := regexp.MustCompile(`\.(?:Wrong\("[a-z_]*"|Errs\["[a-z_]*"\] =),? "([^"]*)"(\)?)`)
	seen := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		b, err := os.ReadFile(name)
		for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
			seen++
			if first := m[1][0]; 'a' <= first && first <= 'z' || m[2] != "" && !strings.HasSuffix(m[1], ".") {
				t.Errorf("%s: %q is no sentence", name, m[1])
			}
		}
		if strings.Contains(string(b), "Text: fault.Message(") || strings.Contains(string(b), `Wrong(name, fault.Message(`) {
			t.Errorf("%s shows a message that is no sentence", name)
		}
		return err
	})
	if err != nil || seen < 6 {
		t.Errorf("saw %d messages, %v", seen, err)
	}
}
