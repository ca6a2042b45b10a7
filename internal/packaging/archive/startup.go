package archive

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"pyindex/internal/packaging"
)

// Bounds on the *.pth files of one wheel: how many are read, and how many paths each may add. A file beyond a bound
// counts as a start-up file.
const (
	maxStartup = 100
	maxPaths   = 1000
)

// startup returns the members of a wheel that run code whenever Python starts, sorted. A *.pth file that is too large
// to be read counts as one.
func (g *gate) startup(z *zipFile) ([]string, error) {
	var places []string
	for p, m := range z.byPath {
		if !m.isFolder() && packaging.StartupPlace(p) {
			places = append(places, p)
		}
	}
	slices.Sort(places)
	var found []string
	var site siteTree
	for i, p := range places {
		m := z.byPath[p]
		if i < maxStartup && m.size <= g.lim.Small {
			content, err := g.readMember(m, g.lim.Small)
			if err != nil {
				return nil, err
			}
			if !packaging.StartupCode(p, content) {
				if site.kinds == nil {
					site = newSiteTree(z)
				}
				if !site.adds(packaging.PathLines(content)) {
					continue
				}
			}
		}
		found = append(found, p)
	}
	return found, nil
}

// siteTree is what a wheel installs into the folder of packages, by fold.
type siteTree struct {
	kinds       map[string]kind
	customizing map[string]bool // folders that contain a module sitecustomize or usercustomize
}

func newSiteTree(z *zipFile) siteTree {
	t := siteTree{kinds: map[string]kind{}, customizing: map[string]bool{}}
	for p, m := range z.byPath {
		site := packaging.SitePath(p)
		if site == "" || m.isFolder() {
			continue
		}
		t.kinds[fold(site)] = file
		steps := strings.Split(site, "/")
		for i, step := range steps {
			if packaging.StartupPlace(step) && !strings.HasSuffix(step, ".pth") && !strings.HasSuffix(step, ".start") {
				t.customizing[fold(strings.Join(steps[:i], "/"))] = true
			}
		}
	}
	return t
}

// adds reports whether one of the paths makes Python import code of the wheel when it starts: a folder with a module
// sitecustomize, a file, which can be a zip with that module, or anything outside the folder of packages.
func (t siteTree) adds(paths []string) bool {
	if len(paths) > maxPaths {
		return true
	}
	for _, p := range paths {
		p = strings.ReplaceAll(p, `\`, "/")
		if strings.HasPrefix(p, "/") || hasDrive(p) {
			return true
		}
		p = path.Clean(p)
		if p == ".." || strings.HasPrefix(p, "../") {
			return true
		}
		if f := fold(p); t.kinds[f] == file || t.customizing[f] {
			return true
		}
	}
	return false
}

// Startup returns the members of the wheel in r that run code whenever Python starts, sorted. Unlike Inspect, it checks
// only that all readers see the same members, and reads only those that may be start-up files.
//
// It returns fault.Invalid if readers may disagree, or if the archive exceeds lim: such a wheel may bring any code. An
// error of r is wrapped without a kind.
func Startup(r io.ReaderAt, size int64, lim Limits) ([]string, error) {
	g := &gate{src: &source{r: r, size: size}, lim: lim}
	z, err := g.openZip()
	var found []string
	if err == nil {
		found, err = g.startup(z)
	}
	if g.src.failed != nil {
		return nil, fmt.Errorf("reading a wheel: %w", g.src.failed)
	}
	return found, err
}

// StartupPlaces is Startup by the directory of the wheel alone, for one of which only the end can be read. Every member
// in a place for start-up files counts as one, whatever it contains.
func StartupPlaces(r io.ReaderAt, size int64, lim Limits) ([]string, error) {
	g := &gate{src: &source{r: r, size: size}, lim: lim}
	end, err := findEnd(g.src)
	var members []zipMember
	if err == nil {
		members, err = g.readDirectory(end)
	}
	if g.src.failed != nil {
		return nil, fmt.Errorf("reading a wheel: %w", g.src.failed)
	}
	var found []string
	for i := range members {
		if m := &members[i]; !m.isFolder() && packaging.StartupPlace(clean(m.name)) {
			found = append(found, clean(m.name))
		}
	}
	slices.Sort(found)
	return found, err
}
