package upstream

import (
	"cmp"
	"slices"

	"pyindex/internal/fault"
)

// Link is one base of a repository: another repository or an upstream.
type Link struct {
	RepositoryID, Repository string // that has the base
	BaseID                   string // id of the repository that is the base, "" if it is an upstream
	Upstream                 string // "" if the base is a repository
}

// CheckLinks returns fault.Invalid if a repository reads, directly or through its bases, from two public upstreams that
// may be asked for any name. Each name must have one possible owner among them, so a second one has to list its names.
func CheckLinks(all []Upstream, links []Link) error {
	of := map[string][]Link{}
	for _, l := range links {
		of[l.RepositoryID] = append(of[l.RepositoryID], l)
	}
	asksAll := map[string]bool{}
	for _, u := range all {
		asksAll[u.Name] = u.Kind != Private && u.Names != ListedOnly
	}
	checked := map[string]bool{}
	for _, l := range links {
		if checked[l.RepositoryID] {
			continue
		}
		checked[l.RepositoryID] = true
		first := ""
		for _, name := range reached(of, l.RepositoryID) {
			if !asksAll[name] {
				continue
			}
			if first != "" {
				return fault.New(fault.Invalid, "repository %s would read from two public upstreams that may be asked for any"+
					" name, %s and %s: set names = \"listed\" with an allow list on one of them", l.Repository, first, name)
			}
			first = name
		}
	}
	return nil
}

// reached returns the upstreams that a repository reads from, each once, in order.
func reached(of map[string][]Link, repositoryID string) (out []string) {
	seen := map[string]bool{}
	var walk func(string)
	walk = func(id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		for _, l := range of[id] {
			if l.Upstream == "" {
				walk(l.BaseID)
			} else if !slices.Contains(out, l.Upstream) {
				out = append(out, l.Upstream)
			}
		}
	}
	walk(repositoryID)
	return out
}

// drawing returns the names of the repositories that have an upstream as a base, sorted.
func drawing(links []Link, upstream string) (out []string) {
	for _, l := range links {
		if l.Upstream == upstream && !slices.Contains(out, l.Repository) {
			out = append(out, l.Repository)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(a, b) })
	return out
}
