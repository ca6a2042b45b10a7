package readme_test

import (
	"testing"

	"pyindex/internal/readme"
)

func TestSource(t *testing.T) {
	for _, c := range []struct{ source, relative, link, raw string }{
		{
			"https://github.com/acme/w", "docs/a.md", "https://github.com/acme/w/blob/HEAD/docs/a.md",
			"https://github.com/acme/w/raw/HEAD/docs/a.md",
		},
		{
			"https://github.com/acme/w.git", "./a.md#b", "https://github.com/acme/w/blob/HEAD/a.md#b",
			"https://github.com/acme/w/raw/HEAD/a.md#b",
		},
		{
			"git+https://github.com/acme/w/", "/a.md?c=1", "https://github.com/acme/w/blob/HEAD/a.md?c=1",
			"https://github.com/acme/w/raw/HEAD/a.md?c=1",
		},
		{
			"https://github.com/acme/w/tree/main/packages/x", "../y/a.md",
			"https://github.com/acme/w/blob/main/packages/y/a.md", "https://github.com/acme/w/raw/main/packages/y/a.md",
		},
		{
			"https://github.com/acme/w/tree/main/x", "/LICENSE", "https://github.com/acme/w/blob/main/LICENSE",
			"https://github.com/acme/w/raw/main/LICENSE",
		},
		{
			"https://github.acme.example/a/w", "a b.md", "https://github.acme.example/a/w/blob/HEAD/a%20b.md",
			"https://github.acme.example/a/w/raw/HEAD/a%20b.md",
		},
		{
			"https://gitlab.com/a/b/c/w", "a.md", "https://gitlab.com/a/b/c/w/-/blob/HEAD/a.md",
			"https://gitlab.com/a/b/c/w/-/raw/HEAD/a.md",
		},
		{
			"https://gitlab.acme.example/a/w/-/tree/v1/sub", "a.md", "https://gitlab.acme.example/a/w/-/blob/v1/sub/a.md",
			"https://gitlab.acme.example/a/w/-/raw/v1/sub/a.md",
		},
		{"https://codeberg.org/a/w", "a:b.md", "", ""},
		{
			"https://codeberg.org/a/w", "./a:b.md", "https://codeberg.org/a/w/src/branch/HEAD/a:b.md",
			"https://codeberg.org/a/w/raw/branch/HEAD/a:b.md",
		},
		{
			"https://gitea.acme.example/a/w/src/branch/main/s", "a.md", "https://gitea.acme.example/a/w/src/branch/main/s/a.md",
			"https://gitea.acme.example/a/w/raw/branch/main/s/a.md",
		},
		{
			"https://bitbucket.org/a/w", "docs/", "https://bitbucket.org/a/w/src/HEAD/docs",
			"https://bitbucket.org/a/w/raw/HEAD/docs",
		},
		{"https://github.com/acme/w", ".", "https://github.com/acme/w", "https://github.com/acme/w"},
		// these lead nowhere
		{"https://github.com/acme/w", "../../other/w", "", ""},
		{"https://github.com/acme/w", "..", "", ""},
		{"https://github.com/acme/w", "", "", ""},
		{"https://github.com/acme/w", "?a", "", ""},
		{"https://github.com/acme/w", "//evil.example/a", "", ""},
		{"https://github.com/acme/w", "javascript:alert(1)", "", ""},
		{"https://github.com/acme/w", "%zz", "", ""},
		// these are no repositories
		{"https://github.com/acme", "a", "", ""},
		{"https://github.com/acme/w/issues", "a", "", ""},
		{"https://github.com/sponsors/acme", "a", "", ""},
		{"https://gitlab.com/acme", "a", "", ""},
		{"https://gitlab.com/acme/w/-/issues", "a", "", ""},
		{"https://user:secret@github.com/acme/w", "a", "", ""},
		{"https://evilgithub.com/acme/w", "a", "", ""},
		{"https://bitbucket.org.evil.example/acme/w", "a", "", ""},
		{"ssh://git@github.com/acme/w", "a", "", ""},
		{"javascript://github.com/acme/w", "a", "", ""},
		{"https://acme.example/w", "a", "", ""},
		{"", "a", "", ""},
	} {
		s := readme.SourceOf(c.source)
		if link, raw := s.Link(c.relative), s.Raw(c.relative); link != c.link || raw != c.raw {
			t.Errorf("%q from %s:\n got %q, %q\nwant %q, %q", c.relative, c.source, link, raw, c.link, c.raw)
		}
	}
	first := readme.SourceOf("https://acme.example", "https://gitlab.com/a/w", "https://github.com/a/w")
	if got := first.Link("a"); got != "https://gitlab.com/a/w/-/blob/HEAD/a" {
		t.Errorf("the first repository of several: %q", got)
	}
}
