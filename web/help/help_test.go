package help

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"pyindex/internal/workload"
	"pyindex/web/ui"
)

// open returns the manual of a server.
func open(t *testing.T) *book {
	t.Helper()
	kit, err := ui.New(ui.Options{
		Files: os.DirFS(".."), Name: "Acme", BaseURL: &url.URL{Scheme: "https", Host: "index.acme.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(kit, Options{}).book()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSearchRendersWhatItFinds: a search renders only the chapters in which it finds the words.
func TestSearchRendersWhatItFinds(t *testing.T) {
	b := open(t)
	done := map[string]bool{}
	for i, c := range b.chapters {
		render := c.render
		b.chapters[i].render = func() rendered {
			done[c.Slug] = true
			return render()
		}
	}
	for _, tt := range []struct {
		words string
		want  []string
	}{{"nosuchword", nil}, {"glossary", []string{"glossary"}}} {
		clear(done)
		for _, c := range b.chapters {
			if found := c.find(strings.Fields(tt.words)); len(found) > 0 != done[c.Slug] {
				t.Errorf("find(%q) in %s = %v, rendered %t", tt.words, c.Slug, found, done[c.Slug])
			}
		}
		for _, slug := range tt.want {
			if !done[slug] {
				t.Errorf("find(%q) found nothing in %s", tt.words, slug)
			}
		}
		if len(done) > len(b.chapters)/2 {
			t.Errorf("find(%q) rendered %d of %d chapters", tt.words, len(done), len(b.chapters))
		}
	}
}

// TestEachSectionHasItsText: the search looks at the text of a section, and links to the heading above it.
func TestEachSectionHasItsText(t *testing.T) {
	for _, c := range open(t).all() {
		sections := c.Sections()
		if len(sections) != len(c.texts) {
			t.Errorf("%s has %d sections with %d texts", c.Slug, len(sections), len(c.texts))
			continue
		}
		for i, x := range sections {
			first, _, _ := strings.Cut(c.texts[i], "\n")
			plain := strings.NewReplacer("`", "", "*", "").Replace(first)
			if x.Anchor == "fields" {
				plain, _, _ = strings.Cut(plain, " ") // the title of the platform follows
			}
			if !strings.EqualFold(plain, x.Title) {
				t.Errorf("%s: the text of %q begins with %q", c.Slug, x.Title, first)
			}
			if (x.Anchor == "") != (i == 0) {
				t.Errorf("%s: section %d has the anchor %q", c.Slug, i, x.Anchor)
			}
		}
	}
}

// TestPlatformsHaveTheirFields: the page of each platform lists the section of its fields once, before the rest.
func TestPlatformsHaveTheirFields(t *testing.T) {
	b := open(t)
	if len(b.platforms) != len(workload.All) {
		t.Fatalf("%d platforms, want %d", len(b.platforms), len(workload.All))
	}
	for _, p := range b.platforms {
		var at []int
		for i, x := range p.Sections() {
			if x.Anchor == "fields" {
				at = append(at, i)
			}
		}
		if want := len(p.Sections()) - len(p.Rest.Sections()); len(at) != 1 || at[0] != want {
			t.Errorf("%s has its fields at %d, want %d", p.Slug, at, want)
		}
		if len(p.HTML()) == 0 || len(p.Rest.HTML()) == 0 {
			t.Errorf("%s has %d bytes before the fields and %d after them", p.Slug, len(p.HTML()), len(p.Rest.HTML()))
		}
	}
}
