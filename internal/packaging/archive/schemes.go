package archive

import (
	"slices"
	"strings"

	"pyindex/internal/packaging"
)

// schemes checks the members in the purelib and platlib schemes of a wheel, which installers put beside those at its
// root. One that installers would put onto another member must be the same, or they would install something else than
// the index reads and shows. None may bring a .dist-info folder, which would describe this or another project.
func (g *gate) schemes(z *zipFile, _ string) error {
	var moved []string
	for p, m := range z.byPath {
		if site := packaging.SitePath(p); !m.isFolder() && site != "" && strings.Count(site, "/") < strings.Count(p, "/") {
			moved = append(moved, p)
		}
	}
	slices.Sort(moved)
	var pairs [][2]*zipMember
	placed := map[string]string{} // by fold of the installed path
	for _, p := range moved {
		site := packaging.SitePath(p)
		if strings.HasSuffix(fold(top(site)), distInfo) {
			return refuse("the member %s would be installed into a .dist-info folder: a wheel has one, at its root", quote(p))
		}
		f := fold(site)
		other, ok := z.tree.folded[f]
		if !ok {
			other, ok = placed[f]
		}
		placed[f] = p
		if !ok || z.byPath[other] == nil || z.byPath[other].isFolder() {
			continue
		}
		a, b := z.byPath[other], z.byPath[p]
		if a.size != b.size || a.crc != b.crc {
			return refuse("the members %s and %s are installed as one file, and they differ: leave one of them out",
				quote(other), quote(p))
		}
		pairs = append(pairs, [2]*zipMember{a, b})
	}
	if n := len(pairs); n > 0 {
		g.warn("%d members are installed onto others with the same content, such as %s", n, quote(clean(pairs[0][1].name)))
	}
	return z.same(pairs)
}
