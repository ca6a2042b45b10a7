package projects

import (
	"testing"

	"pyindex/internal/packaging"
)

func TestSourceOfAProject(t *testing.T) {
	for name, c := range map[string]struct {
		m    packaging.Metadata
		want string
	}{
		"none":      {packaging.Metadata{HomePage: "https://acme.example/w"}, ""},
		"home page": {packaging.Metadata{HomePage: "https://github.com/a/w"}, "https://github.com/a/w/blob/HEAD/x"},
		"a label before the home page": {packaging.Metadata{
			HomePage:    "https://github.com/a/site",
			ProjectURLs: []string{"Docs, https://github.com/a/docs", "Source Code, https://gitlab.com/a/w"},
		}, "https://gitlab.com/a/w/-/blob/HEAD/x"},
		"another label": {packaging.Metadata{
			HomePage: "https://acme.example", ProjectURLs: []string{"Changes, https://github.com/a/w/tree/main/sub"},
		}, "https://github.com/a/w/blob/main/sub/x"},
		"no repository": {packaging.Metadata{ProjectURLs: []string{"Source, https://github.com/a/w/issues", "Source"}}, ""},
	} {
		s := source(c.m)
		if got := s.Link("x"); got != c.want {
			t.Errorf("%s: a file is at %q, want %q", name, got, c.want)
		}
	}
}
