package browse

import (
	"context"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/memo"
)

// counted is a repository in which each query finds a number of projects. It counts the queries.
type counted struct {
	Tx
	total, searches int
}

func (c *counted) View(_ context.Context, f func(Tx) error) error { return f(c) }

func (c *counted) Search(context.Context, SearchQuery) ([]catalog.Card, int, error) {
	c.searches++
	return []catalog.Card{{Name: "a", Summary: "text"}}, c.total, nil
}

func (c *counted) FacetRows(context.Context, SearchQuery) ([]FacetRow, error) { return nil, nil }

func (c *counted) OwnerCounts(context.Context, SearchQuery, int) ([]OwnerCount, error) {
	return []OwnerCount{{Name: "amy", Count: c.total}}, nil
}

// TestCommonAnswersAreKept checks that what a common word finds is kept until the next change, for the same query and
// callers who see all projects, and that no caller sees what another did with it.
func TestCommonAnswersAreKept(t *testing.T) {
	q := SearchQuery{RepositoryID: "r", Words: []string{"word"}, Limit: 20}
	page, some, none := q, q, q
	page.Offset, some.ProjectIDs, none.ProjectIDs = 20, []string{"p"}, []string{}
	for _, c := range []struct {
		name        string
		total       int
		first, then SearchQuery
		later       int64 // changes between them
		want        int
	}{
		{"the same", MaxFound + 1, q, q, 0, 1},
		{"after a change", MaxFound + 1, q, q, 1, 2},
		{"another page", MaxFound + 1, q, page, 0, 2},
		{"few results", MaxFound, q, q, 0, 2},
		{"for a caller who sees some projects", MaxFound + 1, some, some, 0, 2},
		{"for a caller who sees none, after one who sees all", MaxFound + 1, q, none, 0, 2},
		{"for a caller who sees all, after one who sees none", MaxFound + 1, none, q, 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := &counted{total: c.total}
			x := New(nil, rows, Options{})
			for i, ask := range []SearchQuery{c.first, c.then} {
				f, err := x.found(t.Context(), memo.Stamp{Value: 1 + int64(i)*c.later}, ask)
				if err != nil || len(f.Cards) != 1 || f.Cards[0].Summary != "text" || len(f.Facets.Owners) != 1 ||
					f.Total != MaxFound || f.More != (c.total > MaxFound) {
					t.Errorf("answer %d is %+v, %v", i+1, f, err)
				}
				f.Cards[0].Summary = "withheld"
			}
			if rows.searches != c.want {
				t.Errorf("the rows were searched %d times, want %d", rows.searches, c.want)
			}
		})
	}
}
