package config

import (
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	for _, c := range []struct {
		images string
		hosts  []string
		err    string
	}{
		{"none", nil, ""},
		{"allow", nil, ""},
		{"proxy", nil, ""},
		{"proxy", []string{"git.acme.example", "10.0.0.1:8080", "[fd00::1]:80"}, ""},
		{"none", []string{"git.acme.example"}, "pages.image_hosts: it has an effect only with"},
		{"allow", []string{"git.acme.example"}, "pages.image_hosts: it has an effect only with"},
		{"proxy", []string{"https://git.acme.example"}, "pages.image_hosts: \"https://git.acme.example\" is not a host"},
		{"proxy", []string{"git.acme.example/x"}, "is not a host"},
		{"proxy", []string{"u@git.acme.example"}, "is not a host"},
		{"proxy", []string{":80"}, "is not a host"},
		{"proxy", []string{""}, "is not a host"},
	} {
		x := Config{Pages: pagesConfig{Images: c.images, ImageHosts: c.hosts}}
		err := x.checkPages()
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("pages.images = %s, image_hosts = %q: %v, want %q", c.images, c.hosts, err, c.err)
		}
		if direct, proxy := x.Pages.Pictures(); direct != (c.images == "allow") || (proxy != nil) != (c.images == "proxy") {
			t.Errorf("pages.images = %s: direct %v, proxy %v", c.images, direct, proxy != nil)
		}
	}
}
