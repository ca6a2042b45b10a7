package web_test

import (
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// TestNamesPage: an administrator decides about names and reserves some; the page shows who did, why and until when,
// and asks before a name gets own versions beside those of an upstream. The project's settings show the decision.
func TestNamesPage(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const page = "/admin/names/"
	text := func() string { return words(x.get("root", page).Body.String()) }
	shows := func(all ...string) {
		t.Helper()
		for _, want := range all {
			if got := text(); !strings.Contains(got, want) {
				t.Errorf("the page lacks %q:\n%s", want, got)
			}
		}
	}
	shows("Nothing was decided by hand.", "No names are reserved.", "names were not compared with all of them")
	if got := words(x.get("root", page+"?in=inner").Body.String()); !strings.Contains(got,
		"readers of the repository inner") ||
		!strings.Contains(got, "Other repositories: main") {
		t.Errorf("the names of another repository:\n%s", got)
	}
	if w := x.get("root", page+"?in=nowhere"); w.Code != http.StatusNotFound {
		t.Errorf("the names of no repository = %d", w.Code)
	}
	decide := []string{"project", "Demo", "repository", "main", "origin", "both", "why", "patched builds"}
	w := x.post("root", page+"decide/", decide...)
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "tick this box") ||
		strings.Contains(w.Body.String(), "decide/decide") {
		t.Errorf("both without the tick = %d", w.Code)
	}
	shows("Nothing was decided by hand.")
	for _, step := range [][]string{
		append([]string{"decide/", "sure", "on"}, decide...),
		{"reserve/", "prefix", "Acme_*", "for", "inner", "reason", "our company"},
	} {
		if w := x.post("root", page+step[0], step[1:]...); w.Code != http.StatusSeeOther {
			t.Errorf("%s = %d: %s", step[0], w.Code, words(w.Body.String()))
		}
	}
	shows("demo in main both", "Reason: patched builds", "by root", "acme-* for inner", "Reason: our company")
	if got := words(x.get("owner", "/manage/project/demo/settings/").Body.String()); !strings.Contains(got,
		"patched builds") || !strings.Contains(got, "Only local versions") {
		t.Errorf("the settings of the project do not show the decision:\n%s", got)
	}
	if w := x.post("root", page+"reserve/", "prefix", "acme", "for", "inner", "reason", "again"); w.Code !=
		http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "reserves acme-* already") {
		t.Errorf("the second reservation = %d", w.Code)
	}
	if w := x.post("root", page+"unreserve/", "prefix", "acme", "for", "inner"); w.Code != http.StatusSeeOther {
		t.Errorf("removing the reservation = %d", w.Code)
	}
	shows("No names are reserved.")
	name, err := packaging.ParseProjectName("demo")
	if err != nil {
		t.Fatal(err)
	}
	if d, err := x.index.RulingIn(t.Context(), x.operator, "main", name); err != nil || d.Origin != catalog.Both ||
		d.By.Name != "root" {
		t.Errorf("the decision is %+v, %v", d, err)
	}
	for _, user := range []string{"owner", "reader"} {
		if w := x.post(user, page+"decide/", append(decide, "sure", "on")...); w.Code != http.StatusNotFound {
			t.Errorf("a decision by %s = %d, want 404", user, w.Code)
		}
	}
}
