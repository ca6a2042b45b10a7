package page

import (
	"cmp"
	"slices"

	"pyindex/internal/packaging"
)

// Versions returns the versions of the page's files in the order of PEP 440, each once.
func (p Page) Versions() []string {
	type parsed struct {
		text string
		v    packaging.Version
	}
	known := map[string]bool{}
	var all []parsed
	for _, f := range p.Files {
		if known[f.Version] {
			continue
		}
		known[f.Version] = true
		if v, err := packaging.ParseVersion(f.Version); err == nil {
			all = append(all, parsed{f.Version, v})
		}
	}
	slices.SortFunc(all, func(a, b parsed) int { return cmp.Or(a.v.Compare(b.v), cmp.Compare(a.text, b.text)) })
	versions := make([]string, len(all))
	for i, v := range all {
		versions[i] = v.text
	}
	return versions
}
