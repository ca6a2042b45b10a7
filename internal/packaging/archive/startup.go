package archive

import (
	"slices"

	"pyindex/internal/packaging"
)

// maxStartup bounds the *.pth files that are read in one wheel. Further ones count as start-up files unread.
const maxStartup = 100

// startup returns the members of a wheel that run code whenever Python starts, sorted. A *.pth file that is too large
// to be read counts as one.
func (g *gate) startup(z *zipFile) ([]string, error) {
	var places []string
	for path, m := range z.byPath {
		if !m.isFolder() && packaging.StartupPlace(path) {
			places = append(places, path)
		}
	}
	slices.Sort(places)
	var found []string
	for i, path := range places {
		m := z.byPath[path]
		if i < maxStartup && m.size <= g.lim.Small {
			content, err := g.readMember(m, g.lim.Small)
			if err != nil {
				return nil, err
			}
			if !packaging.StartupCode(path, content) {
				continue
			}
		}
		found = append(found, path)
	}
	return found, nil
}
