package upstream_test

import (
	"strings"
	"testing"

	"pyindex/internal/upstream"
)

// A repository has one public upstream for any name, also through its bases, in whatever order.
func TestCheckLinks(t *testing.T) {
	all := []upstream.Upstream{
		{Name: "cu126", Names: "listed"},
		{Name: "old", Kind: "private", Names: "any"},
		{Name: "public", Names: "any"},
		{Name: "second", Kind: "public", Names: "any"},
	}
	for _, c := range []struct {
		links string // repository:base, where a base with a capital is a repository
		bad   string
	}{
		{"", ""},
		{"A:public", ""},
		{"A:public A:old A:cu126", ""},
		{"A:cu126 A:public", ""},
		{"A:public B:second", ""},
		{"A:public A:second", "A"},
		{"A:public B:A B:second", "B"},
		{"B:second B:A A:public", "B"},
		{"A:public B:A C:B C:second", "C"},
		{"A:public B:A C:A C:B B:public", ""},
		{"A:public B:second C:A C:B", "C"},
		{"A:B B:A A:public B:second", "A"}, // a circle ends
		{"A:gone A:public", ""},
	} {
		var links []upstream.Link
		for pair := range strings.FieldsSeq(c.links) {
			repository, base, _ := strings.Cut(pair, ":")
			l := upstream.Link{RepositoryID: repository, Repository: repository, Upstream: base}
			if base == strings.ToUpper(base) {
				l.BaseID, l.Upstream = base, ""
			}
			links = append(links, l)
		}
		err := upstream.CheckLinks(all, links)
		if (err == nil) != (c.bad == "") || err != nil && !strings.Contains(err.Error(), "repository "+c.bad+" ") {
			t.Errorf("CheckLinks(%s) = %v, want an error about %q", c.links, err, c.bad)
		}
	}
}
