package archive

import (
	"bufio"
	"io"
	"maps"
	"slices"

	"pyindex/internal/packaging"
)

const pkgInfo = "PKG-INFO"

func bufferedTar(r io.Reader) io.Reader { return bufio.NewReaderSize(r, 64*kib) }

func (g *gate) tarSDist() (Contents, error) {
	f, err := g.openTar()
	if err != nil {
		return Contents{}, err
	}
	dir, err := f.tree.oneTop()
	if err != nil {
		return Contents{}, err
	}
	raw, ok := f.infos[dir+"/"+pkgInfo]
	if !ok {
		return g.withoutInfo(dir, f.tree)
	}
	return g.contents(raw, dir+"/"+pkgInfo, f.tree)
}

func (g *gate) zipSDist() (Contents, error) {
	z, err := g.openZip()
	if err != nil {
		return Contents{}, err
	}
	dir, err := z.tree.oneTop()
	if err != nil {
		return Contents{}, err
	}
	where := dir + "/" + pkgInfo
	if !z.tree.isFile(where) {
		return g.withoutInfo(dir, z.tree)
	}
	raw, err := z.read(where, g.lim.Metadata)
	if err != nil {
		return Contents{}, err
	}
	return g.contents(raw, where, z.tree)
}

// withoutInfo completes the inspection of an sdist without PKG-INFO: it refuses it, unless it may be a legacy one.
func (g *gate) withoutInfo(dir string, t *tree) (Contents, error) {
	if !g.rules.Legacy {
		return Contents{}, refuse("%s is missing; build the sdist with a PEP 517 build tool such as \"python -m build\"",
			quote(dir+"/"+pkgInfo))
	}
	g.warn("%s is missing", quote(dir+"/"+pkgInfo))
	slices.Sort(t.names)
	return Contents{
		Parsed:   packaging.Metadata{Name: g.name.NamePart(), Version: g.name.Version().String()},
		Warnings: append(g.warnings, t.warnings()...), Members: t.names,
	}, nil
}

// oneTop returns the folder that contains everything in an sdist.
func (t *tree) oneTop() (string, error) {
	tops := slices.Sorted(maps.Keys(t.tops))
	switch len(tops) {
	case 0:
		return "", refuse("the archive is empty")
	case 1:
		return tops[0], nil
	}
	return "", refuse("an sdist has one top folder; this one has %d, such as %s and %s", len(tops), quote(tops[0]),
		quote(tops[1]))
}
