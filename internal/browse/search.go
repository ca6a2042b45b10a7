package browse

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Query is a search by a person.
type Query struct {
	Text       string // words or prefixes of words
	Classifier string // exact
	Python     string // "3.12": the latest release runs on it
	License    string // in any case
	Owner      string // name of a user, or of a group after GroupOwner
	Attested   bool   // the latest release has a verified attestation
	Sort       Sort
	Page       int // from 1
	PerPage    int // 1 to 100
}

// Found is a page of results.
type Found struct {
	Cards   []catalog.Card
	Total   int    // at most MaxFound
	More    bool   // more than MaxFound were found
	Instead string // suggested name if nothing was found
	Facets  Facets
}

// Limits of a query, in bytes and words.
const (
	maxQuery = 200
	maxWords = 8
)

// Search returns the projects of a repository that the caller may see and whose latest release matches all words. An
// exact name comes first, then names that begin with the text, then the rest by relevance. A query without words lists
// all projects, newest first. A query has no operators, and every query is valid.
func (x *Browser) Search(ctx context.Context, who access.Caller, repo string, q Query) (Found, error) {
	r, at, ids, err := x.searchable(ctx, who, repo)
	if err != nil {
		return Found{}, err
	}
	q.PerPage = max(1, min(q.PerPage, 100))
	ask := SearchQuery{
		RepositoryID: r.ID, Words: words(q.Text), Name: typedName(q.Text), ProjectIDs: ids,
		Classifier: catalog.CutText(q.Classifier, maxQuery), Python: pythonOf(q.Python),
		License: catalog.LicenseKey(catalog.CutText(q.License, maxQuery)), Attested: q.Attested, Sort: q.Sort,
		Limit: q.PerPage, Offset: min(max(q.Page-1, 0), MaxFound) * q.PerPage,
	}
	ask.Owner, ask.OwnerGroup = ownerOf(catalog.CutText(q.Owner, maxQuery))
	if len(ask.Words) == 0 && strings.TrimSpace(q.Text) != "" || ask.Offset >= MaxFound {
		return Found{}, nil
	}
	return x.found(ctx, at, ask)
}

// found answers a query. It keeps what it found for a query without words, or with words that are common, until the
// next change: the first page of an index shows one, and their facets count a thousand projects. Only such answers are
// kept, because cards that are created or indexed again in the background are no change.
func (x *Browser) found(ctx context.Context, at memo.Stamp, ask SearchQuery) (Found, error) {
	if ask.ProjectIDs != nil { // for callers who see some projects only
		return x.search(ctx, at, ask)
	}
	key, err := json.Marshal(ask)
	if err != nil {
		return Found{}, err
	}
	if f, ok := x.common.Get(at, string(key)); ok {
		f.Cards = slices.Clone(f.Cards) // callers change them
		return f, nil
	}
	f, err := x.search(ctx, at, ask)
	if err == nil && f.More {
		kept := f
		kept.Cards = slices.Clone(f.Cards)
		x.common.Put(at, string(key), kept)
	}
	return f, err
}

func (x *Browser) search(ctx context.Context, at memo.Stamp, ask SearchQuery) (f Found, err error) {
	err = x.store.View(ctx, func(tx Tx) (err error) {
		if f.Cards, f.Total, err = tx.Search(ctx, ask); err != nil {
			return err
		}
		if f.Total == 0 && len(ask.Words) > 0 {
			if f.Instead, err = nearest(ctx, tx, ask); err != nil {
				return err
			}
		}
		ask.Common = f.Total > MaxFound
		f.Facets, err = x.facets(ctx, tx, at, ask)
		return err
	})
	f.More = f.Total > MaxFound
	f.Total = min(f.Total, MaxFound)
	return f, err
}

// searchable returns a repository, its stamp, and the ids of its projects that the caller may see, or nil for all.
func (x *Browser) searchable(ctx context.Context, who access.Caller,
	repo string,
) (catalog.Repository, memo.Stamp, []string, error) {
	r, at, all, err := x.index.ListingState(ctx, who, repo)
	if err != nil || all {
		return r, at, nil, err
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
	return r, at, ids, err
}

// words returns the words of a query.
func words(text string) []string {
	all := catalog.Words(catalog.CutText(text, maxQuery))
	return all[:min(len(all), maxWords)]
}

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

// Limits on the names that are compared for a suggestion: of a repository that is compared completely, and of each
// range of a larger one.
const (
	nearNames  = 2_000
	nearWithin = 500
)

// nearest returns the project name that the caller may see and that is most similar to the query, or "" if none is
// similar. A name is also similar if some of its parts between dashes are. In a large repository, only names that begin
// with the first half, or with the first two letters in any order, or with the first or the second of them, or that
// contain half of the query are compared.
func nearest(ctx context.Context, tx Tx, q SearchQuery) (string, error) {
	if len(q.Name) < 3 || strings.IndexFunc(q.Name, func(c rune) bool { return c >= utf8.RuneSelf }) >= 0 {
		return "", nil
	}
	names, err := tx.NamesFrom(ctx, q.RepositoryID, "", q.ProjectIDs, nearNames)
	if err != nil {
		return "", err
	}
	if len(names) < nearNames {
		return mostSimilar(q.Name, names), nil
	}
	return nearestOfMany(ctx, tx, q)
}

// nearestOfMany is nearest in a large repository. It reads all names only if none in the ranges differs in one letter.
func nearestOfMany(ctx context.Context, tx Tx, q SearchQuery) (string, error) {
	a, b, half := q.Name[:1], q.Name[1:2], len(q.Name)/2
	var names []string
	for _, prefix := range []string{q.Name[:half], a + b, b + a, b, a} {
		some, err := tx.NamesFrom(ctx, q.RepositoryID, prefix, q.ProjectIDs, nearWithin)
		if err != nil {
			return "", err
		}
		names = append(names, some...)
	}
	if best := mostSimilar(q.Name, names); best != "" && distance(q.Name, best, 1) == 1 {
		return best, nil
	}
	halves := []string{q.Name[:half], q.Name[half:]}
	some, err := tx.NamesWith(ctx, q.RepositoryID, halves, q.ProjectIDs, nearNames)
	return mostSimilar(q.Name, append(some, names...)), err
}

// minPart is the length from which parts of names are compared. Shorter ones are similar to too much.
const minPart = 4

// mostSimilar returns the name that is most similar to a text, or "" if none is. A complete name comes before one with
// a part that is as similar, and a name with the same first letter before others.
func mostSimilar(text string, names []string) string {
	best, least := "", 2*(1+len(text)/4)+1
	within := max(1, len(text)/4)
	for _, n := range names {
		d := 2 * distance(text, n, least/2)
		if d > 0 && len(text) >= minPart {
			for _, part := range partsLike(text, n) {
				d = min(d, 2*distance(text, part, within)+1)
			}
		}
		if d < least || d == least && best != "" && n[0] == text[0] && best[0] != n[0] {
			best, least = n, d
		}
	}
	return best
}

// partsLike returns the runs of parts of a name that have as many dashes as a text, unless the name has no more.
func partsLike(text, name string) []string {
	dashes := strings.Count(text, "-")
	parts := strings.Split(name, "-")
	var out []string
	for i := 0; len(parts) > dashes+1 && i+dashes < len(parts); i++ {
		if run := strings.Join(parts[i:i+dashes+1], "-"); len(run) >= minPart {
			out = append(out, run)
		}
	}
	return out
}

// distance returns the number of letters to insert, delete, replace or swap with the next one to get from a to b
// (optimal string alignment), or more than most if it exceeds most.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost++
			}
			next[j+1] = min(cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// Dependents returns a page of the projects of a repository that the caller may see and whose latest release requires
// the named project, by name, and the number of all of them, at most MaxFound. It returns fault.NotFound if the caller
// may not see the named project.
func (x *Browser) Dependents(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	page, perPage int,
) (cards []catalog.Card, total int, err error) {
	if _, err := x.index.Project(ctx, who, repo, name); err != nil {
		return nil, 0, err
	}
	r, _, ids, err := x.searchable(ctx, who, repo)
	if err != nil {
		return nil, 0, err
	}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		cards, total, err = tx.Dependents(ctx, r.ID, name.String(), ids, perPage, max(page-1, 0)*perPage)
		return err
	})
	return cards, total, err
}
