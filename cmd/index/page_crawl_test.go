//go:build !windows

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
)

// put publishes a file as the operator and returns whether the gate took it.
func (x *fixture) put(t *testing.T, repository string, f packagingtest.File) error {
	t.Helper()
	in, err := x.app.Index.Begin(t.Context(), x.app.Operator, repository, packaging.ProjectName{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Discard()
	if _, err := in.Write(f.Bytes); err != nil {
		t.Fatal(err)
	}
	_, err = x.app.Index.Publish(t.Context(), in, ingest.Upload{Filename: f.Name})
	return err
}

// elements are the elements of a page, in order.
func elements(t *testing.T, page string) (all []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			all = append(all, n)
		}
	}
	return all
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// crawl asks for a page and every page of the index that links lead to from there, as a visitor, and gives each to
// look.
func (x *fixture) crawl(t *testing.T, visitor string,
	look func(path string, got *httptest.ResponseRecorder),
) (seen map[string]bool) {
	t.Helper()
	seen = map[string]bool{"/": true}
	const most = 3000 // every form that was sent adds to the audit log, which has pages
	for queue := []string{"/"}; len(queue) > 0 && len(seen) < most; queue = queue[1:] {
		at, _ := url.Parse(queue[0])
		got := x.visit(t, http.MethodGet, queue[0], visitor, "")
		look(queue[0], got)
		links := []string{got.Header().Get("Location")}
		if strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
			for _, n := range elements(t, got.Body.String()) {
				links = append(links, attribute(n, "href"))
				if n.Data == "form" && attribute(n, "method") != "post" {
					links = append(links, attribute(n, "action")+"?q=pkg")
				}
			}
		}
		for _, l := range links {
			u, err := at.Parse(l)
			if err != nil || l == "" || u.Host != "" && u.Host != x.base.Host || u.Scheme != "" && u.Scheme != x.base.Scheme {
				continue
			}
			u.Fragment, u.Scheme, u.Host = "", "", ""
			if next := u.String(); !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	if len(seen) >= most {
		t.Errorf("a crawl as %s does not end within %d pages", visitor, most)
	}
	return seen
}

// What a crawl must not meet: the name of a repository, a project, its summary, a person in it and a publisher of it.
var hushed = []string{"vaulted", "hush-hush", "hush_hush", "unspeakable", "moledriver"}

// hide makes a repository beside the one that everybody sees, with everything that pages may tell in it.
func (x *fixture) hide(t *testing.T) {
	t.Helper()
	ctx, op := t.Context(), x.app.Operator
	if err := x.app.Index.AddRepository(ctx, op, catalog.NewRepository{Name: "vaulted"}); err != nil {
		t.Fatal(err)
	}
	if err := x.put(t, "vaulted",
		packagingtest.Wheel("hush-hush", "1.0", "x", "Summary: unspeakable", "Requires-Dist: "+demo, "",
			"Unspeakable.")); err != nil {
		t.Fatal(err)
	}
	if _, err := x.app.Directory.AddUser(ctx, op, access.NewUser{Name: "moledriver"}); err != nil {
		t.Fatal(err)
	}
	name, err := packaging.ParseProjectName("hush-hush")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.app.Index.Grant(ctx, op, "vaulted", name, "moledriver", access.Owner); err != nil {
		t.Fatal(err)
	}
}

// Following every link shows nobody, strangers and people with a role elsewhere nothing of what they may not see, also
// not that it requires what they do see; and there is no link that breaks.
func TestCrawl(t *testing.T) {
	for _, open := range []bool{false, true} {
		x := newFixture(t, "http://h.example", open)
		x.people(t)
		x.hide(t)
		least := map[string]int{
			"nobody":        10,
			"stranger":      30,
			"reader":        30,
			"maintainer":    35,
			"owner":         40,
			"administrator": 60,
		}
		if !open {
			least["nobody"] = 3
		}
		for visitor, least := range least {
			seen := x.crawl(t, visitor, func(path string, got *httptest.ResponseRecorder) {
				if strings.Contains(path, "/packages/") && got.Code == http.StatusUnauthorized {
					return // files are for clients, with a token
				}
				if got.Code != http.StatusOK && got.Code != http.StatusSeeOther {
					t.Errorf("open %v: a link leads %s to %s, which answers %d", open, visitor, path, got.Code)
				}
				body := strings.ToLower(got.Body.String())
				for _, word := range hushed {
					if strings.Contains(body, word) && visitor != "administrator" {
						t.Errorf("open %v: %s tells %s of %s", open, path, visitor, word)
					}
				}
			})
			if len(seen) < least {
				t.Errorf("open %v: the crawl as %s saw %d pages, want %d", open, visitor, len(seen), least)
			}
			if visitor == "administrator" && !seen["/r/vaulted/project/hush-hush/"] && !seen["/r/vaulted/"] {
				t.Errorf("open %v: the crawl as an administrator does not come to what is hidden from others", open)
			}
		}
	}
}

// Whoever looks for what they may not see finds as much as whoever looks for what nobody has.
func TestSearchOfHidden(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	x.hide(t)
	for _, visitor := range []string{"nobody", "stranger", "owner"} {
		for _, path := range []string{
			"/search/?q=%s", "/search/?q=%s&sort=newest", "/r/main/search/?q=%s", "/manage/projects/?q=%s",
			"/search/?license=%s", "/search/?owner=%s", "/search/?owner=group:%s", "/search/?c=%s",
		} {
			page := func(q string) string {
				got := x.visit(t, http.MethodGet, fmt.Sprintf(path, q), visitor, "")
				return fmt.Sprint(got.Code,
					strings.ReplaceAll(strings.ReplaceAll(got.Body.String(), url.QueryEscape(q), "QUERY"), q, "QUERY"))
			}
			for _, word := range hushed {
				if hidden, nothing := page(word), page("notathing"); hidden != nothing && visitor != "nobody" {
					t.Errorf("%s of %q as %s:\n%s\nof nothing:\n%s", path, word, visitor, hidden, nothing)
				}
			}
		}
	}
}

// The page of a search offers the Python versions, owners, licenses and classifiers of what the visitor may see, with
// links that lead to as many projects as they say.
func TestSearchFacets(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	x.hide(t)
	for _, f := range []packagingtest.File{
		packagingtest.SDist("facet-a", "1.0", "x", "License: mit", "Requires-Python: >=3.19",
			"Classifier: Topic :: Database"),
		packagingtest.SDist("facet-b", "1.0", "x", "License: MIT", "Requires-Python: >=3.20"),
	} {
		if err := x.put(t, "main", f); err != nil {
			t.Fatal(err)
		}
	}
	page := func(path string) string { return x.visit(t, http.MethodGet, path, "nobody", "").Body.String() }
	got := page("/search/?q=facet")
	for _, want := range []string{
		`<option value="3.20">3.20 (2)</option>`, `<option value="3.19">3.19 (1)</option>`,
		`<a href="?license=mit&amp;q=facet">MIT</a> <span class="muted">2</span>`,
		`<a href="?c=Topic&#43;%3A%3A&#43;Database&amp;q=facet">Topic :: Database</a> <span class="muted">1</span>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, `value="3.18"`) {
		t.Error("the page offers a Python version on which no project found runs")
	}
	got = page("/search/?q=facet&license=mit&c=Topic+%3A%3A+Database&page=1")
	for _, want := range []string{
		"1 project<", `<strong>mit</strong>`, `<input type="hidden" name="license" value="mit">`,
		`<a href="?c=Topic&#43;%3A%3A&#43;Database&amp;q=facet">Remove`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page of two filters lacks %s:\n%s", want, got)
		}
	}
	if got := page("/search/?q=facte-b"); !strings.Contains(got, `Did you mean <a href="?q=facet-b">facet-b</a>?`) {
		t.Errorf("a misspelled name:\n%s", got)
	}
}

// On a closed index every page that is no way of signing in leads there, whatever stands at its address, and says
// nothing else. After signing in one is at the page, or at the page of the form.
func TestSignedOutPages(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.hide(t)
	filled := func(path string) []string {
		return append(x.things(path),
			x.things(strings.NewReplacer(":repository", "vaulted", ":project", "hush-hush").Replace(path))...)
	}
	pages := map[string]bool{}
	for _, r := range x.pageRoutes() {
		for _, path := range filled(r.Path) {
			pages[path] = pages[path] || r.Method == http.MethodGet
		}
	}
	for _, r := range x.pageRoutes() {
		if r.Auth.String() == "visitor" {
			continue
		}
		for _, path := range filled(r.Path) {
			got := x.visit(t, r.Method, path, "nobody", "")
			next := path
			for !pages[next] {
				next = next[:strings.LastIndex(strings.TrimSuffix(next, "/"), "/")+1]
			}
			want := "/login/?next=" + url.QueryEscape(next)
			if next == "/" {
				want = "/login/"
			}
			header := slices.Sorted(func(yield func(string) bool) {
				for name := range got.Header() {
					if name != "X-Request-Id" && name != "Content-Type" && !yield(name) {
						return
					}
				}
			})
			if got.Code != http.StatusSeeOther || got.Header().Get("Location") != want || slices.Contains(header, "Etag") {
				t.Errorf("%s %s as nobody = %d to %q with %v, want 303 to %q", r.Method, path, got.Code,
					got.Header().Get("Location"), header, want)
			}
		}
	}
}
