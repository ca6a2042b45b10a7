package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/workload"
)

// The page of issuers has a section of the configuration file for each platform, of a kind that the server knows.
func TestIssuerSamples(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	page := x.get("root", "/admin/issuers/").Body.String()
	samples := regexp.MustCompile(`<a href="\?sample=([a-z-]+)#add"`).FindAllStringSubmatch(page, -1)
	if len(samples) < len(workload.All)+2 {
		t.Fatalf("the page has %d samples:\n%s", len(samples), page)
	}
	section := regexp.MustCompile(`\A\[\[oidc\.issuers\]\]\nkind = "([a-z-]+)"\nissuer = "(https://[^"]+)"\n`)
	seen := map[string]bool{}
	for _, s := range samples {
		w := x.get("root", "/admin/issuers/?sample="+s[1])
		text := html.UnescapeString(between(between(w.Body.String(), `id="add"`, "</figure>"), "<code>", "</code>"))
		m := section.FindStringSubmatch(text)
		if w.Code != http.StatusOK || m == nil || workload.Find(m[1]) == nil {
			t.Errorf("the sample %s is %q", s[1], text)
			continue
		}
		if audience := workload.Of(m[1]).FixedAudience(m[2]); audience != "" &&
			!strings.Contains(text, "audience = \""+audience+"\"") {
			t.Errorf("the sample %s lacks the only audience of its tokens: %q", s[1], text)
		}
		seen[m[1]] = true
		wants(t, w.Body.String(), "/help/trusted-publishing/"+m[1]+"/")
		if u, err := url.Parse(m[2]); err != nil || u.Host == "" {
			t.Errorf("the sample %s has the issuer %q", s[1], m[2])
		}
	}
	for _, k := range workload.All {
		if !seen[k.Name()] {
			t.Errorf("there is no sample of kind %s", k.Name())
		}
	}
	if page := x.get("root", `/admin/issuers/?sample="><script>`).Body.String(); strings.Contains(page, `"><script>`) ||
		!strings.Contains(page, workload.GitHubIssuer) {
		t.Error("an unknown sample is not the first one")
	}
	if w := x.get("owner", "/admin/issuers/?sample=github"); w.Code != http.StatusNotFound {
		t.Errorf("the page for an owner = %d", w.Code)
	}
}
