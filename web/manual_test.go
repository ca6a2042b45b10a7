package web_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/catalog"
)

// The contents of the manual show a heading with code as plain text.
func TestManualContents(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	page := html.UnescapeString(x.get("owner", "/help/").Body.String())
	if !strings.Contains(page, ">Why --extra-index-url is unsafe</a>") {
		t.Error("the contents do not have the heading Why --extra-index-url is unsafe")
	}
	use, rest, _ := strings.Cut(page, "<h2>Run it</h2>")
	run, look, _ := strings.Cut(rest, "<h2>Look it up</h2>")
	wants(t, use, "<h2>Use it</h2>", `"/help/connect/"`, `"/help/publish/"`)
	wants(t, run, `"/help/operate/"`, `"/help/sizing/"`, `"/help/incidents/"`, `"/help/settings/"`)
	wants(t, look, `"/help/trouble/"`, `"/help/glossary/"`)
}

var (
	manualLink = regexp.MustCompile(`href="(?:` + regexp.QuoteMeta(shopHost) + `)?(/help/[^"?#]*|)(#[^"]*)?"`)
	anchor     = regexp.MustCompile(` id="([^"]+)"`)
)

// Every link between pages of the manual leads to a page, and to a heading that it has. Nothing is left of a template.
func TestManualLinks(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	type page struct{ text, anchors string }
	pages := map[string]page{}
	get := func(path string) page {
		p, seen := pages[path]
		if !seen {
			w := x.get("owner", path)
			if w.Code == http.StatusOK {
				p.text = w.Body.String()
			}
			for _, m := range anchor.FindAllStringSubmatch(p.text, -1) {
				p.anchors += "#" + m[1] + "\n"
			}
			pages[path] = p
		}
		return p
	}
	links := 0
	for queue := []string{"/help/"}; len(queue) > 0; queue = queue[1:] {
		from := queue[0]
		_, article, _ := strings.Cut(get(from).text, "<main")
		if strings.Contains(article, "[[.") || strings.Contains(article, "<no value>") {
			t.Errorf("%s shows a part of its template", from)
		}
		for _, m := range manualLink.FindAllStringSubmatch(article, -1) {
			to := m[1]
			if to == "" {
				to = from
			} else if _, seen := pages[to]; !seen {
				queue = append(queue, to)
			}
			p := get(to)
			if links++; p.text == "" {
				t.Errorf("%s leads to %s, which is no page", from, to)
			} else if m[2] != "" && !strings.Contains(p.anchors, m[2]+"\n") {
				t.Errorf("%s leads to %s%s, which has no such heading", from, to, m[2])
			}
		}
	}
	if len(pages) < 20 || links < 400 {
		t.Errorf("%d pages and %d links were seen", len(pages), links)
	}
}

// Every index that people come from has a page with the commands and what is lost, in the table of the chapter and in
// the contents.
func TestManualOfEachSource(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	chapter, contents := x.get("owner", "/help/come-over/").Body.String(), x.get("owner", "/help/").Body.String()
	_, table, _ := strings.Cut(chapter, "<main")
	table, _, _ = strings.Cut(table, "<aside")
	for _, source := range []string{
		"devpi", "pypiserver", "pip2pi", "bandersnatch", "dumb-pypi", "pypicloud", "nexus", "artifactory", "gitea", "gitlab",
		"codeartifact", "pulp", "folder", "index", "simple",
	} {
		path := "/help/come-over/" + source + "/"
		w := x.get("owner", path)
		if w.Code != http.StatusOK {
			t.Errorf("%s = %d", path, w.Code)
			continue
		}
		page := w.Body.String()
		text := html.UnescapeString(tag.ReplaceAllString(page, ""))
		wants(t, page, ">Commands</h2>", ">What is lost</h2>", `aria-current="page"`)
		wants(t, text, "index import ", " --to ", " --dry-run")
		wants(t, table, path+`"`)
		wants(t, contents, path+`"`)
	}
	for path, want := range map[string]int{
		"/help/come-over/nothing/": http.StatusNotFound, "/help/come-over/trouble/": http.StatusNotFound,
	} {
		if w := x.get("owner", path); w.Code != want {
			t.Errorf("%s = %d, want %d", path, w.Code, want)
		}
	}
	wants(t, x.get("owner", "/help/?q=devpi-export").Body.String(), "/help/come-over/devpi/#")
}
