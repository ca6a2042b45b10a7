package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// names reads a list in the order of its entries.
func names(body, contentType string) ([]string, error) {
	var all []string
	err := page.EachName([]byte(body), contentType, page.Bounds{Names: 5}, func(n packaging.ProjectName) {
		all = append(all, n.String())
	})
	return all, err
}

func TestParseList(t *testing.T) {
	for _, c := range []struct{ name, contentType, body string }{
		{
			"JSON", jsonType,
			`{"meta":{"_last-serial":7,"api-version":"1.4"},"projects":[{"_last-serial":7,"name":"Foo.Bar"},{"name":"baz"}]}`,
		},
		{"JSON without a version", jsonType, `{"projects":[{"name":"Foo.Bar"},{"name":"baz"}]}`},
		{
			"JSON with bad entries", jsonType,
			`{"meta":{"api-version":"1.0"},"projects":[{"name":"Foo.Bar"},7,{},{"name":"-"},{"name":"baz"}]}`,
		},
		{
			"HTML", htmlType,
			`<meta name="pypi:repository-version" content="1.1"><a href="/simple/foo-bar/">Foo.Bar</a><a href="/simple/baz/">baz</a>`,
		},
		{"HTML of old", htmlType, `<html><body><a href='Foo.Bar'>Foo.Bar</a><br/><a href='baz/'>baz</a></body></html>`},
		{
			"a listing of folders", htmlType,
			`<h1>Index of /</h1><a href="../">../</a> <a href="Foo.Bar/">Foo.Bar/</a> <a href="baz/">baz/</a>`,
		},
		{
			"links for people beside", htmlType,
			`<a href="/">Home</a> <a href="/x/help">About</a> <a href="foo-bar/">foo-bar</a> <a href="baz/">baz</a>`,
		},
	} {
		got, err := names(c.body, c.contentType)
		if diff := cmp.Diff([]string{"foo-bar", "baz"}, got); err != nil || diff != "" {
			t.Errorf("%s: EachName = %v, %v", c.name, got, err)
		}
		n, err := page.ParseList([]byte(c.body), c.contentType, page.Bounds{})
		if err != nil || n.Count() != 2 || !n.Contains(project(t, "foo_bar")) || n.Contains(project(t, "qux")) {
			t.Errorf("%s: ParseList = %d names, %v", c.name, n.Count(), err)
		}
	}
	for _, body := range []string{
		`{"meta":{"api-version":"1.0"},"projects":[]}`,
		`<meta name="pypi:repository-version" content="1.0"><title>Simple index</title>`,
		`<title>Simple Index</title><body></body>`,
	} {
		if n, err := page.ParseList([]byte(body), "", page.Bounds{}); err != nil || n.Count() != 0 {
			t.Errorf("ParseList(%s) = %d names, %v; want an empty list", body, n.Count(), err)
		}
	}
}

func TestAnErrorPageIsNoList(t *testing.T) {
	entries := strings.Repeat(`{"name":"foo"},`, 5) + `{"name":"bar"}`
	for _, c := range []struct{ name, contentType, body string }{
		{"an HTML error page", htmlType, `<h1>Bad gateway</h1>`},
		{"a page with other links", htmlType, `<a href="/">Home</a><a href="/login?next=foo">Sign in</a>`},
		{"a blank page", htmlType, `<html></html>`},
		{"an error as JSON", jsonType, `{"error":"no"}`},
		{"an empty object", jsonType, `{}`},
		{"a list without a version and names", jsonType, `{"projects":[]}`},
		{"other projects", jsonType, `{"projects":[1,2,{"id":3}]}`},
		{"projects that are null", jsonType, `{"meta":{"api-version":"1.0"},"projects":null}`},
		{"another version", jsonType, `{"meta":{"api-version":"2.0"},"projects":[{"name":"foo"}]}`},
		{"two lists", jsonType, `{"projects":[{"name":"foo"}],"projects":[{"name":"bar"}]}`},
		{"half a list", jsonType, `{"projects":[{"name":"foo"},`},
		{"more behind it", jsonType, `{"projects":[{"name":"foo"}]}[]`},
		{"HTML for JSON", jsonType, `<a href="foo/">foo</a>`},
		{"too many names", jsonType, `{"projects":[` + entries + `]}`},
		{"too many links", htmlType, strings.Repeat(`<a href="foo/">foo</a>`, 6)},
		{"deep", jsonType, `{"projects":[{"name":"foo","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}]}`},
		{"nothing", jsonType, ``},
	} {
		if got, err := names(c.body, c.contentType); err == nil {
			t.Errorf("%s: EachName = %v, want an error", c.name, got)
		}
	}
}

func TestAListOfAMillionNames(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	var b strings.Builder
	b.WriteString(`{"meta":{"api-version":"1.4"},"projects":[{"name":"first"}`)
	for i := range 1_000_000 {
		fmt.Fprintf(&b, `,{"name":"Project_%d"}`, i)
	}
	b.WriteString("]}")
	n, err := page.ParseList([]byte(b.String()), jsonType, page.Bounds{})
	if err != nil || n.Count() != 1_000_001 || !n.Contains(project(t, "project.999999")) ||
		n.Contains(project(t, "project-1000000")) {
		t.Fatalf("ParseList = %d names, %v", n.Count(), err)
	}
	record := n.Encode()
	if again, err := page.DecodeNames(record); len(record) != 8*n.Count()+1 || err != nil || again.Count() != n.Count() {
		t.Errorf("the record of %d names has %d bytes, %v", n.Count(), len(record), err)
	}
}
