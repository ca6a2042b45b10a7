package browse

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/memo"
)

// Facet is a value of a filter, with the number of the found projects that have it.
type Facet struct {
	Value string // for the query
	Label string
	Count int
}

// Facets are the filters that found projects can be narrowed by, each with its most frequent values. Only projects that
// the caller may see are counted, and at most MaxFound of them.
type Facets struct {
	Pythons                       []Facet // those that projects name, oldest first; other versions than the chosen too
	Owners, Licenses, Classifiers []Facet
}

// FacetRow is what facets count of found projects.
type FacetRow struct {
	Count       int // of the projects that have all of this
	Pythons     []string
	License     string
	Classifiers []string
}

// OwnerCount is an owner with the number of found projects.
type OwnerCount struct {
	Name  string
	Group bool
	Count int
}

// facetValues is the number of values of a facet that are shown.
const facetValues = 8

// GroupOwner begins the value of an owner that is a group.
const GroupOwner = "group:"

// versionOfPython begins the classifiers of Python versions.
const versionOfPython = "Programming Language :: Python :: "

// namesPython reports whether the filter by Python version makes a classifier superfluous.
func namesPython(classifier string) bool {
	version, ok := strings.CutPrefix(classifier, versionOfPython)
	return ok && (strings.HasPrefix(version, "2") || strings.HasPrefix(version, "3"))
}

// facets counts the values of the projects that a query finds.
func (x *Browser) facets(ctx context.Context, tx Tx, at memo.Stamp, q SearchQuery) (Facets, error) {
	any := q
	any.Python = ""
	rows, err := tx.FacetRows(ctx, any)
	if err != nil {
		return Facets{}, err
	}
	pythons, licenses, classifiers := tally{}, tally{}, tally{}
	for _, r := range rows {
		for _, p := range r.Pythons {
			pythons.add(p, p, r.Count)
		}
		if q.Python != "" && !slices.Contains(r.Pythons, q.Python) {
			continue
		}
		licenses.add(catalog.LicenseKey(r.License), r.License, r.Count)
		for _, c := range r.Classifiers {
			if !namesPython(c) {
				classifiers.add(c, c, r.Count)
			}
		}
	}
	f := Facets{Licenses: licenses.top(q.License), Classifiers: classifiers.top(q.Classifier)}
	listed, err := x.listedPythons(ctx, tx, at, q, rows)
	if err != nil {
		return f, err
	}
	for _, p := range catalog.KnownPythons() {
		if n := pythons.count(p); n > 0 && listed[p] || p == q.Python {
			f.Pythons = append(f.Pythons, Facet{p, p, n})
		}
	}
	owners, err := tx.OwnerCounts(ctx, q, facetValues)
	for _, o := range owners {
		value, label := o.Name, o.Name
		if o.Group {
			value, label = GroupOwner+o.Name, o.Name+" (group)"
		}
		f.Owners = append(f.Owners, Facet{value, label, o.Count})
	}
	return f, err
}

// listedPythons returns the Python versions that found projects name, and those from a lower bound of theirs up to the
// highest version that any project of the repository names. A project without an upper bound also allows versions that
// do not exist.
func (x *Browser) listedPythons(ctx context.Context, tx Tx, at memo.Stamp, q SearchQuery,
	rows []FacetRow,
) (map[string]bool, error) {
	known := catalog.KnownPythons()
	listed, open := map[string]bool{}, false
	for _, r := range rows {
		for _, p := range namedPythons(r, known) {
			listed[p] = true
		}
		open = open || isOpen(r, known)
	}
	if !open {
		return listed, nil
	}
	all, err := x.highestOf(ctx, tx, at, q, known)
	highest := max(highestNamed(rows, known), all)
	for _, r := range rows {
		if !isOpen(r, known) {
			continue
		}
		for _, p := range r.Pythons {
			if slices.Index(known, p) <= highest {
				listed[p] = true
			}
		}
	}
	return listed, err
}

// highestOf returns highestNamed of the newest projects that q may find in its repository.
func (x *Browser) highestOf(ctx context.Context, tx Tx, at memo.Stamp, q SearchQuery, known []string) (int, error) {
	if q.ProjectIDs == nil {
		if n, ok := x.highest.Get(at, q.RepositoryID); ok {
			return n, nil
		}
	}
	rows, err := tx.FacetRows(ctx, SearchQuery{RepositoryID: q.RepositoryID, ProjectIDs: q.ProjectIDs})
	n := highestNamed(rows, known)
	if err == nil && q.ProjectIDs == nil {
		x.highest.Put(at, q.RepositoryID, n)
	}
	return n, err
}

// namedPythons returns the Python versions that a project names: in classifiers, and all those of a range with two
// bounds, or the first or the last of one with one bound.
func namedPythons(r FacetRow, known []string) []string {
	var out []string
	for _, c := range r.Classifiers {
		if p, ok := strings.CutPrefix(c, versionOfPython); ok {
			out = append(out, p)
		}
	}
	if len(r.Pythons) == 0 {
		return out
	}
	first, last := r.Pythons[0], r.Pythons[len(r.Pythons)-1]
	switch below, above := first != known[0], last != known[len(known)-1]; {
	case below && above:
		out = append(out, r.Pythons...)
	case below:
		out = append(out, first)
	case above:
		out = append(out, last)
	}
	return out
}

// isOpen reports whether a project has a lowest Python version, but no highest one.
func isOpen(r FacetRow, known []string) bool {
	return len(r.Pythons) > 0 && r.Pythons[0] != known[0] && r.Pythons[len(r.Pythons)-1] == known[len(known)-1]
}

// highestNamed returns the place of the highest Python version that projects name among the known ones, or -1.
func highestNamed(rows []FacetRow, known []string) int {
	highest := -1
	for _, r := range rows {
		for _, p := range namedPythons(r, known) {
			highest = max(highest, slices.Index(known, p))
		}
	}
	return highest
}

// tally counts values, each with its spellings.
type tally map[string]map[string]int

func (t tally) add(value, spelling string, times int) {
	if value == "" {
		return
	}
	if t[value] == nil {
		t[value] = map[string]int{}
	}
	t[value][spelling] += times
}

func (t tally) count(value string) (n int) {
	for _, times := range t[value] {
		n += times
	}
	return n
}

// top returns the most frequent values, under their most frequent spelling, and in any case the chosen one.
func (t tally) top(chosen string) []Facet {
	var out []Facet
	for value, spellings := range t {
		labels := slices.SortedFunc(maps.Keys(spellings), func(a, b string) int {
			return cmp.Or(cmp.Compare(spellings[b], spellings[a]), cmp.Compare(a, b))
		})
		out = append(out, Facet{value, labels[0], t.count(value)})
	}
	slices.SortFunc(out, func(a, b Facet) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	if len(out) <= facetValues {
		return out
	}
	if i := slices.IndexFunc(out, func(f Facet) bool { return f.Value == chosen }); i >= facetValues {
		return append(out[:facetValues-1:facetValues-1], out[i])
	}
	return out[:facetValues]
}

// ownerOf returns the name of the user or group that a value of the facet stands for.
func ownerOf(value string) (name string, group bool) {
	name, group = strings.CutPrefix(value, GroupOwner)
	return name, group
}
