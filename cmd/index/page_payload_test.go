//go:build !windows

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"pyindex/internal/packaging/packagingtest"
)

// payloads are what an enemy types or writes into metadata, each of which would become an element xss, an attribute
// that runs xss() or a link that does, where it is not taken for text.
var payloads = []string{
	`<script>xss()</script><xss>`,
	`"><xss onload=xss()>`,
	`' onmouseover='xss()' x='`,
	`" autofocus onfocus="xss()" x="`,
	`</textarea></title></option></select></pre></code></style></script><xss>`,
	`<img src=x onerror=xss()>`,
	`<svg/onload=xss()><xss>`,
	`<a href="javascript:xss()">x</a>`,
	`javascript:xss()//`,
	"java\tscript:xss()",
	`data:text/html,<script>xss()</script>`,
	`{{.}}<xss>${xss()}`,
	`<!--><xss>--><xss>`,
	`<![CDATA[><xss>]]>`,
	`<math><mtext><img src onerror=xss()></mtext></math>`,
	`&lt;xss&gt;&#60;xss&#62;<xss >`,
	"`" + `<xss onload=xss()>` + "`",
	`\u003cxss\u003e<xss/>`,
}

// runs reports what of a page would run a payload, "" for nothing.
func runs(n *html.Node) string {
	if n.Data == "xss" {
		return "an element of the payload"
	}
	if n.Data == "script" && attribute(n, "src") == "" {
		return "a script without an address"
	}
	for _, a := range n.Attr {
		value := strings.ToLower(regexp.MustCompile(`[\x00-\x20]`).ReplaceAllString(a.Val, ""))
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
			return "an attribute " + a.Key
		case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") &&
			regexp.MustCompile(`^(javascript|data|vbscript):`).MatchString(value):
			return "an address " + a.Val
		}
	}
	return ""
}

// inert fails the test for each thing on a page that a payload made.
func inert(t *testing.T, what string, got *httptest.ResponseRecorder) {
	t.Helper()
	if !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
		return
	}
	if csp := got.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") ||
		strings.Contains(csp, "unsafe") {
		t.Errorf("%s: the content policy is %q", what, csp)
	}
	for _, n := range elements(t, got.Body.String()) {
		if bad := runs(n); bad != "" {
			t.Errorf("%s: the page has %s: <%s %v>", what, bad, n.Data, n.Attr)
		}
	}
}

// posted is a form as a page shows it.
type posted struct {
	page, action string
	fields       url.Values
	typed        []string // names of fields that people write into
}

func (f posted) key() string {
	return regexp.MustCompile(`\?.*`).ReplaceAllString(f.action, "") + " " + strings.Join(f.typed, ",")
}

// formsOf are the forms of a page that post.
func formsOf(t *testing.T, path, page string) (all []posted) {
	t.Helper()
	at, _ := url.Parse(path)
	for _, n := range elements(t, page) {
		if n.Data != "form" || attribute(n, "method") != "post" {
			continue
		}
		to, err := at.Parse(attribute(n, "action"))
		if err != nil {
			t.Fatal(err)
		}
		to.Fragment = ""
		f := posted{page: path, action: to.String(), fields: url.Values{}}
		for e := range n.Descendants() {
			name, kind := attribute(e, "name"), attribute(e, "type")
			switch {
			case e.Type != html.ElementNode || name == "":
			case e.Data == "button", kind == "hidden", kind == "checkbox", kind == "radio":
				f.fields.Set(name, attribute(e, "value"))
			case e.Data == "input" && kind != "file", e.Data == "textarea", e.Data == "select":
				f.typed = append(f.typed, name)
			}
		}
		all = append(all, f)
	}
	return all
}

// Each payload in every field of every form that there is, one field at a time and all at once, is text in the answer
// and on every page afterwards.
func TestPayloadsInForms(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	forms := map[string]posted{}
	for _, visitor := range []string{"administrator", "owner"} {
		x.crawl(t, visitor, func(path string, got *httptest.ResponseRecorder) {
			for _, f := range formsOf(t, path, got.Body.String()) {
				if len(f.typed) > 0 && !strings.HasPrefix(f.action, "/r/") {
					forms[f.key()] = f
				}
			}
		})
	}
	for _, page := range []string{"/login/"} {
		for _, f := range formsOf(t, page, x.visit(t, http.MethodGet, page, "nobody", "").Body.String()) {
			forms[f.key()] = f
		}
	}
	if len(forms) < 15 {
		t.Fatalf("the crawl found %d forms", len(forms))
	}
	for _, f := range forms {
		for _, payload := range payloads {
			for _, at := range append(f.typed, "") {
				sent := url.Values{}
				for name := range f.fields {
					sent.Set(name, f.fields.Get(name))
				}
				for _, name := range f.typed {
					if sent.Set(name, "x"); name == at || at == "" {
						sent.Set(name, payload)
					}
				}
				what := fmt.Sprintf("POST %s with %q", f.action, sent)
				got := x.visit(t, http.MethodPost, f.action, "administrator", sent.Encode())
				if got.Code >= 500 {
					t.Errorf("%s = %d", what, got.Code)
				}
				inert(t, what, got)
				if to := got.Header().Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "script:") {
					t.Errorf("%s leads to %q", what, to)
				}
			}
		}
	}
	for _, visitor := range []string{"administrator", "owner", "stranger", "nobody"} {
		x.crawl(t, visitor, func(path string, got *httptest.ResponseRecorder) { inert(t, path+" as "+visitor, got) })
	}
}

// Each payload in every query that pages read is text.
func TestPayloadsInQueries(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	for _, r := range x.pageRoutes() {
		if r.Method != http.MethodGet || strings.Contains(r.Path, ":repository") {
			continue
		}
		for _, payload := range payloads {
			q := url.Values{}
			for _, name := range []string{
				"q", "next", "page", "sort", "tool", "c", "against", "file", "provider", "publisher", "issuer", "owner",
				"repository", "workflow", "environment", "ref",
				"what", "outcome", "actor", "text", "from", "to", "project", "user", "preset", "namespace",
			} {
				q.Set(name, payload)
			}
			path := x.things(r.Path)[0] + "?" + q.Encode()
			got := x.visit(t, r.Method, path, "administrator", "")
			if got.Code >= 500 {
				t.Errorf("GET %s = %d", path, got.Code)
			}
			inert(t, "GET "+path, got)
		}
	}
	for _, payload := range payloads {
		path := "/project/" + url.PathEscape(payload) + "/"
		inert(t, path, x.visit(t, http.MethodGet, path, "stranger", ""))
		inert(t, "/r"+path, x.visit(t, http.MethodGet, "/r/"+url.PathEscape(payload)+path, "stranger", ""))
	}
}

// Each payload in every field of a file's metadata, where the gate lets it in, is text on every page that says it.
func TestPayloadsInMetadata(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	kept := map[string]int{}
	for n, payload := range payloads {
		line := strings.ReplaceAll(payload, "\t", " ")
		for m, field := range []string{
			"Summary: %s", "Author: %s", "Author-email: %s <a@b.example>", "Maintainer: %s", "License: %s",
			"License-Expression: %s", "Keywords: a,%s", "Home-page: %s",
			"Home-page: https://h.example/%s", "Download-URL: %s", "Project-URL: Homepage, %s",
			"Project-URL: %s, https://h.example/", "Classifier: %s", "Platform: %s",
			"Requires-Dist: x; python_version > '%s'", "Requires-External: %s",
			"Description-Content-Type: text/markdown\n\n# %s\n\n%[1]s [x](%[1]s) ![x](%[1]s)",
			"Description-Content-Type: text/x-rst\n\n%s\n\n`x <%[1]s>`_ \n\n.. raw:: html\n\n   %[1]s\n\n.. image:: %[1]s",
			"Description-Content-Type: text/plain\n\n%s", "Description-Content-Type: %s\n\n%[1]s", "\n%s",
		} {
			name := fmt.Sprintf("p%d-%d", n, m)
			if x.put(t, "main", packagingtest.Wheel(name, "1.0", line, fmt.Sprintf(field, line))) != nil {
				continue // the gate does not want it
			}
			kept[field]++
			second := packagingtest.Wheel(name, "2.0", line, "Summary: y")
			if err := x.put(t, "main", second); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{
				"/project/%s/1.0/", "/project/%s/2.0/diff/", "/search/?q=%s", "/manage/project/%s/releases/",
			} {
				path = fmt.Sprintf(path, name)
				got := x.visit(t, http.MethodGet, path, "administrator", "")
				if got.Code != http.StatusOK {
					t.Errorf("GET %s with %q = %d", path, fmt.Sprintf(field, line), got.Code)
				}
				inert(t, fmt.Sprintf("%s with %q", path, fmt.Sprintf(field, line)), got)
			}
		}
	}
	if len(kept) < 10 || kept["Summary: %s"] < len(payloads)-2 {
		t.Errorf("the gate let in %v", kept)
	}
}

// Every payload is one: written into a page as it is, as text, as a value in either quotes or as an address, it runs.
func TestPayloadsRun(t *testing.T) {
	for _, payload := range payloads {
		ran := false
		for _, page := range []string{
			"<p>%s</p>", `<input value="%s">`, `<input value='%s'>`, `<a href="%s">x</a>`, "<textarea>%s</textarea>",
		} {
			for _, n := range elements(t, fmt.Sprintf(page, payload)) {
				ran = ran || runs(n) != ""
			}
		}
		if !ran {
			t.Errorf("%q does not run anywhere", payload)
		}
	}
}
