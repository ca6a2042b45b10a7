package browse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestMostSimilar checks which name is suggested, also if only a part of it is similar.
func TestMostSimilar(t *testing.T) {
	names := []string{"acme-big-widgets", "acme-widgets", "api-io", "numpy", "requests-acme"}
	for text, want := range map[string]string{
		"reqests": "requests-acme", "widgts": "acme-big-widgets", "acme-wxdgets": "acme-widgets",
		"big-widgts": "acme-big-widgets", "nupmy": "numpy", "apo": "", "wodges": "", "acne": "acme-big-widgets", "zzzz": "",
	} {
		if got := mostSimilar(text, names); got != want {
			t.Errorf("most similar to %q is %q, want %q", text, got, want)
		}
	}
	if got := mostSimilar("widgts", []string{"acme-widgets", "widgets"}); got != "widgets" {
		t.Errorf("most similar is %q, want the complete name", got)
	}
}

// manyNames is a repository with more names than are compared.
type manyNames struct {
	Tx
	names []string
	read  int
}

func (m *manyNames) NamesFrom(_ context.Context, _, prefix string, _ []string, limit int) ([]string, error) {
	return m.some(limit, func(n string) bool { return strings.HasPrefix(n, prefix) })
}

func (m *manyNames) NamesWith(_ context.Context, _ string, texts, _ []string, limit int) ([]string, error) {
	return m.some(limit, func(n string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(n, text) })
	})
}

func (m *manyNames) some(limit int, has func(string) bool) (out []string, err error) {
	for _, n := range m.names {
		if has(n) && len(out) < limit {
			out = append(out, n)
		}
	}
	m.read += len(out)
	return out, nil
}

// TestNearestInALargeRepository checks that a part of a name is compared in a large repository too, that the number of
// names is bounded, and that a text that is not ASCII suggests nothing.
func TestNearestInALargeRepository(t *testing.T) {
	m := &manyNames{names: []string{"zz-acme-widgets"}}
	for n := range 20_000 {
		m.names = append(m.names, fmt.Sprintf("acme-thing-%d", n))
	}
	slices.Sort(m.names)
	for text, want := range map[string]string{
		"widgts": "zz-acme-widgets", "wodgets": "zz-acme-widgets", "कखगघ": "", "xyzxyz": "",
	} {
		m.read = 0
		got, err := nearest(t.Context(), m, SearchQuery{Name: text})
		if err != nil || got != want {
			t.Errorf("nearest to %q is %q, %v, want %q", text, got, err, want)
		}
		if most := 2*nearNames + 4*nearWithin; m.read > most {
			t.Errorf("%d names are read for %q, want at most %d", m.read, text, most)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"requests", "requests", 0},
		{"reqests", "requests", 1},
		{"erquests", "requests", 1},
		{"equests", "requests", 1},
		{"requestss", "requests", 1},
		{"nupmy", "numpy", 1},
		{"nupym", "numpy", 2},
		{"", "ab", 2},
		{"ab", "", 2},
		{"abcdef", "ghijkl", 6},
		{"a", "abcdefgh", 7},
	} {
		if got := distance(c.a, c.b, 6); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.a, c.b, 0); (got == 0) != (c.want == 0) {
			t.Errorf("distance(%q, %q) of at most 0 = %d", c.a, c.b, got)
		}
	}
}

// TestNearestReadsAllNamesLast checks that the names of a large repository are read completely only if no name in a
// range of them differs in one letter.
func TestNearestReadsAllNamesLast(t *testing.T) {
	m := &scanned{manyNames: manyNames{names: []string{"acme-widgets", "requests-like", "zz-acme-widgets"}}}
	for n := range 5_000 {
		m.names = append(m.names, fmt.Sprintf("acme-thing-%d", n))
	}
	slices.Sort(m.names)
	for text, want := range map[string]struct {
		name  string
		scans int
	}{
		"acme-wxdgets":    {"acme-widgets", 0},
		"requests-lke":    {"requests-like", 0},
		"zz-xcme-wadgets": {"zz-acme-widgets", 1},
		"widgts":          {"acme-widgets", 1},
		"xyzxyz":          {"", 1},
	} {
		m.scans = 0
		got, err := nearest(t.Context(), m, SearchQuery{Name: text})
		if err != nil || got != want.name || m.scans != want.scans {
			t.Errorf("nearest to %q is %q after %d scans, %v, want %q after %d", text, got, m.scans, err, want.name, want.scans)
		}
	}
}

// scanned counts how often all names are read.
type scanned struct {
	manyNames
	scans int
}

func (s *scanned) NamesWith(ctx context.Context, repository string, texts, ids []string, limit int) ([]string, error) {
	s.scans++
	return s.manyNames.NamesWith(ctx, repository, texts, ids, limit)
}
