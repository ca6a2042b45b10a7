package archive

import (
	"bufio"
	"io"
	"maps"
	"slices"
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
		return Contents{}, noInfo(dir)
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
		return Contents{}, noInfo(dir)
	}
	raw, err := z.read(where, g.lim.Metadata)
	if err != nil {
		return Contents{}, err
	}
	return g.contents(raw, where, z.tree)
}

func noInfo(dir string) error {
	return refuse("%s is missing; build the sdist with a PEP 517 build tool such as \"python -m build\"",
		quote(dir+"/"+pkgInfo))
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
