package archive

import (
	"bufio"
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/packaging"
)

const distInfo = ".dist-info"

// wheel inspects a wheel: a zip with one .dist-info folder that describes it.
func (g *gate) wheel() (Contents, error) {
	z, err := g.openZip()
	if err != nil {
		return Contents{}, err
	}
	dir, err := g.distInfo(z.tree)
	if err != nil {
		return Contents{}, err
	}
	for _, check := range []func(*zipFile, string) error{g.schemes, g.wheelFile, g.record, g.entryPoints} {
		if err := check(z, dir); err != nil {
			return Contents{}, err
		}
	}
	raw, err := z.read(dir+"/METADATA", g.lim.Metadata)
	if err != nil {
		return Contents{}, err
	}
	startup, err := g.startup(z)
	if err != nil {
		return Contents{}, err
	}
	c, err := g.contents(raw, dir+"/METADATA", z.tree)
	c.Startup = startup
	return c, err
}

// distInfo returns the only top folder that ends in .dist-info. It must have the project and version of the file name.
func (g *gate) distInfo(t *tree) (string, error) {
	var found []string
	for _, dir := range slices.Sorted(maps.Keys(t.tops)) {
		if strings.HasSuffix(fold(dir), distInfo) {
			found = append(found, dir)
		}
	}
	want := g.name.NamePart() + "-" + g.name.VersionPart() + distInfo
	if len(found) != 1 {
		return "", refuse("a wheel has exactly one .dist-info folder, %s; this one has %d", quote(want), len(found))
	}
	dir := found[0]
	if dir != want && (g.rules.DistInfo || !namesSame(dir, g.name)) {
		return "", refuse("its folder %s should be %s", quote(dir), quote(want))
	}
	return dir, nil
}

// namesSame reports whether dir can be split into the project and version of name. Wheels older than the escaping rules
// have dashes in either part.
func namesSame(dir string, name packaging.Filename) bool {
	stem, ok := strings.CutSuffix(dir, distInfo)
	if !ok {
		return false
	}
	for i := range len(stem) {
		if stem[i] == '-' && sameProject(stem[:i], name) && sameVersion(stem[i+1:], name) {
			return true
		}
	}
	return false
}

func sameProject(s string, name packaging.Filename) bool {
	n, err := packaging.ParseProjectName(s)
	return err == nil && n == name.Name()
}

func sameVersion(s string, name packaging.Filename) bool {
	v, err := packaging.ParseVersion(s)
	return err == nil && v.Key() == name.Version().Key()
}

// wheelFile requires a WHEEL file that current installers accept: they reject major versions above 1.
func (g *gate) wheelFile(z *zipFile, dir string) error {
	raw, err := z.read(dir+"/WHEEL", g.lim.Small)
	if err != nil {
		return err
	}
	version := wheelVersion(raw)
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.ParseUint(major, 10, 32); err != nil || n > 1 {
		return refuse("WHEEL has Wheel-Version %s; installers support 1.x", quote(version))
	}
	return nil
}

func wheelVersion(raw []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if strings.EqualFold(key, "wheel-version") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
