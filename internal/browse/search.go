package browse

import (
	"context"
	"strings"
	"unicode"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// Query is what somebody searches for.
type Query struct {
	Text       string // words; the beginning of one is enough
	Classifier string // exact
	Python     string // "3.12": the latest release runs on it
	Attested   bool   // the latest release has a verified attestation
	Sort       Sort
	Page       int // from 1
	PerPage    int // 1 to 100
}

// Found is a page of results.
type Found struct {
	Cards   []catalog.Card
	Total   int    // at most MaxFound
	More    bool   // there are more than MaxFound
	Instead string // a name that may have been meant, where nothing was found
}

// The bounds of a query, in bytes and words.
const (
	maxQuery = 200
	maxWords = 8
)

// Search returns the projects of a repository that the caller may see and that have all the words, in their latest
// release: the one of that name first, then those whose names begin so, then by how well they fit. A query without
// words lists all, newest first. Nothing in a query is an operator, and any query has an answer.
func (x *Browser) Search(ctx context.Context, who access.Caller, repo string, q Query) (Found, error) {
	r, ids, err := x.searchable(ctx, who, repo)
	if err != nil {
		return Found{}, err
	}
	q.PerPage = max(1, min(q.PerPage, 100))
	ask := SearchQuery{
		RepositoryID: r.ID, Words: words(q.Text), Name: typedName(q.Text), ProjectIDs: ids,
		Classifier: catalog.CutText(q.Classifier, maxQuery), Python: pythonOf(q.Python),
		Attested: q.Attested, Sort: q.Sort, Limit: q.PerPage, Offset: min(max(q.Page-1, 0), MaxFound) * q.PerPage,
	}
	var f Found
	if len(ask.Words) == 0 && strings.TrimSpace(q.Text) != "" || ask.Offset >= MaxFound {
		return f, nil
	}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		if f.Cards, f.Total, err = tx.Search(ctx, ask); err == nil && f.Total == 0 && len(ask.Words) > 0 {
			f.Instead, err = nearest(ctx, tx, ask)
		}
		return err
	})
	f.More = f.Total > MaxFound
	f.Total = min(f.Total, MaxFound)
	return f, err
}

// searchable returns a repository and the projects of it that the caller may see: nil for all.
func (x *Browser) searchable(ctx context.Context, who access.Caller,
	repo string,
) (catalog.Repository, []string, error) {
	r, _, all, err := x.index.ListingState(ctx, who, repo)
	if err != nil || all {
		return r, nil, err
	}
	ids := []string{}
	err = x.store.View(ctx, func(tx Tx) error {
		ids = ids[:0]
		for _, id := range who.ProjectIDs() {
			p, err := tx.ProjectByID(ctx, id)
			if err == nil && p.Repository.ID == r.ID && who.May(access.Reader, p.Object()) {
				ids = append(ids, id)
			}
		}
		return nil
	})
	return r, ids, err
}

// words are what a text is searched by: runs of letters and digits, in lower case.
func words(text string) []string {
	all := strings.FieldsFunc(strings.ToLower(catalog.CutText(text, maxQuery)),
		func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	return all[:min(len(all), maxWords)]
}

// typedName is a text as a project's name would be normalised.
func typedName(text string) string {
	if n, err := packaging.ParseProjectName(strings.TrimSpace(catalog.CutText(text, maxQuery))); err == nil {
		return n.String()
	}
	return strings.Join(words(text), "-")
}

func pythonOf(s string) string {
	for _, known := range catalog.KnownPythons() {
		if s == known {
			return s
		}
	}
	return ""
}

// nearNames bounds how many names are compared with what was typed.
const nearNames = 500

// nearest returns the name that is most like what was typed, if any is much like it. Its first two letters are taken to
// be right.
func nearest(ctx context.Context, tx Tx, q SearchQuery) (string, error) {
	if len(q.Name) < 3 {
		return "", nil
	}
	names, err := tx.NamesFrom(ctx, q.RepositoryID, q.Name[:2], q.ProjectIDs, nearNames)
	best, least := "", 1+len(q.Name)/4
	for _, n := range names {
		if d := distance(q.Name, n, least); d <= least && (best == "" || d < least) {
			best, least = n, d
		}
	}
	return best, err
}

// distance is how many letters must be changed, added or taken away to make b of a (Levenshtein), or more than most.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}

// Dependents returns the projects of a repository that the caller may see and whose latest release requires one of that
// name, by name, and how many there are, at most MaxFound. fault.NotFound where the caller may not see that project
// itself.
func (x *Browser) Dependents(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	page, perPage int,
) (cards []catalog.Card, total int, err error) {
	if _, err := x.index.Project(ctx, who, repo, name); err != nil {
		return nil, 0, err
	}
	r, ids, err := x.searchable(ctx, who, repo)
	if err != nil {
		return nil, 0, err
	}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		cards, total, err = tx.Dependents(ctx, r.ID, name.String(), ids, perPage, max(page-1, 0)*perPage)
		return err
	})
	return cards, total, err
}
