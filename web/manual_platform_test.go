package web_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/workload"
)

var tag = regexp.MustCompile(`<[^>]*>`)

// Every kind of publisher has a page in the manual, with each of its fields, its refusals, its job and its issuer.
func TestManualOfEachPlatform(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	chapter := x.get("owner", "/help/trusted-publishing/").Body.String()
	for _, k := range workload.All {
		path := "/help/trusted-publishing/" + k.Name() + "/"
		if !strings.Contains(chapter, path+`"`) {
			t.Errorf("the chapter does not lead to %s", path)
		}
		w := x.get("owner", path)
		if w.Code != http.StatusOK {
			t.Errorf("%s = %d", path, w.Code)
			continue
		}
		page := w.Body.String()
		text := html.UnescapeString(tag.ReplaceAllString(page, ""))
		m := k.Manual()
		wants(t, page, k.Forms()[0].Title+"</h1>", ">Always refused</h2>", ">What to know</h2>", `aria-current="page"`)
		wants(t, text, "index publisher add "+k.Name(), `kind = "`+k.Name()+`"`, `issuer = "`+m.Issuer+`"`)
		for _, f := range k.Forms()[0].Fields {
			wants(t, page, f.Label, f.Help, f.Pattern)
			if k != workload.Generic {
				wants(t, page, ">--"+k.Flag(f.Name)+"</code>", ">"+k.Concerns(f)+"</code>")
			}
		}
		if n := strings.Count(page, "<li>"); n < len(m.Refused)+len(m.Facts) {
			t.Errorf("%s lists %d things", path, n)
		}
		if k != workload.ActiveState {
			wants(t, page, ">The job</h2>")
			wants(t, text, shopHost, "index login --url")
		}
		if audience := k.FixedAudience(m.Issuer); audience != "" {
			wants(t, text, `audience = "`+audience+`"`)
		}
		for _, bad := range []string{"{audience}", "{variable}", "[[", "<no value>"} {
			if strings.Contains(strings.ReplaceAll(page, "[[oidc.issuers]]", ""), bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
	}
	if w := x.get("owner", "/help/trusted-publishing/nothing/"); w.Code != http.StatusNotFound {
		t.Errorf("the page of an unknown platform = %d", w.Code)
	}
	if w := x.get("owner", "/help/connect/github/"); w.Code != http.StatusNotFound {
		t.Errorf("a page below another chapter = %d", w.Code)
	}
	found := x.get("owner", "/help/?q=pipeline-definition-id").Body.String()
	wants(t, found, "/help/trusted-publishing/circleci/#fields")
}
