package archive

import (
	"bytes"
	"io"
	"path"
	"unicode/utf8"
)

// tarFile is a tar that was read to its end.
type tarFile struct {
	tree  *tree
	infos map[string][]byte // bodies of the PKG-INFO files right below a top folder
}

// openTar reads the whole stream once and keeps nothing but names and PKG-INFO.
func (g *gate) openTar() (*tarFile, error) {
	stream, err := g.tarStream()
	if err != nil {
		return nil, err
	}
	if err := notZip(g.src); err != nil {
		return nil, err
	}
	f := &tarFile{tree: newTree(true), infos: map[string][]byte{}}
	names, t := g.lim.Directory, &tarReader{r: bufferedTar(stream)}
	for {
		m, err := t.next()
		if err == io.EOF {
			return f, f.tree.settle()
		}
		if err != nil {
			return nil, err
		}
		if names -= int64(len(m.name) + len(m.link)); names < 0 || t.members > g.lim.Members {
			return nil, refuse("it has more than %d members, or their names are too long together", g.lim.Members)
		}
		if err := g.take(f, t, m); err != nil {
			return nil, err
		}
	}
}

func (g *gate) take(f *tarFile, t *tarReader, m tarMember) error {
	if err := checkName(m.name); err != nil {
		return err
	}
	if !utf8.ValidString(m.name) {
		g.odd(m.name)
	}
	p := clean(m.name)
	if err := f.checkLink(m, p); err != nil {
		return inMember(m.name, err)
	}
	if err := f.tree.add(m.name, m.unpacksTo()); err != nil {
		return err
	}
	if m.kind != typeFile || path.Base(p) != pkgInfo || path.Dir(p) != top(p) {
		return nil
	}
	body, err := g.readInfo(t, m)
	f.infos[p] = body
	return err
}

// odd warns of the first name that is not UTF-8; old sdists have them and Python unpacks them.
func (g *gate) odd(name string) {
	if len(g.warnings) == 0 {
		g.warn("the member name %s is not UTF-8", quote(name))
	}
}

func (m tarMember) unpacksTo() kind {
	switch m.kind {
	case typeFolder:
		return folder
	case typeSymlink:
		return symlink
	}
	return file
}

func (f *tarFile) checkLink(m tarMember, p string) error {
	switch m.kind {
	case typeSymlink:
		return checkSymlink(p, m.link)
	case typeHardLink:
		return f.tree.checkHardLink(m.link)
	}
	return nil
}

// readInfo takes the body from the stream before the reader skips it.
func (g *gate) readInfo(t *tarReader, m tarMember) ([]byte, error) {
	if m.size > g.lim.Metadata {
		return nil, inMember(m.name, refuse("it is %d bytes long; %d are allowed", m.size, g.lim.Metadata))
	}
	body := make([]byte, m.size)
	if _, err := io.ReadFull(t.r, body); err != nil {
		return nil, cut(err)
	}
	t.left -= m.size
	return body, nil
}

// notZip refuses a file in whose end a reader that guesses the format would find a zip.
func notZip(src *source) error {
	n := min(src.size, lenEnd+full16)
	tail, err := src.record(src.size-n, n)
	if err != nil {
		return err
	}
	for at := bytes.LastIndex(tail, endMark); at >= 0; at = bytes.LastIndex(tail[:at], endMark) {
		if pointsToDirectory(src, tail[at:], src.size-n+int64(at)) {
			return refuse("it is a tar and a zip at once")
		}
	}
	return nil
}

// pointsToDirectory reports whether the end record at at is believable: compressed data has its four bytes by chance
// about once in a hundred thousand files, and must not be refused for it.
func pointsToDirectory(src *source, end record, at int64) bool {
	if len(end) < lenEnd || int(end.u16(20)) > len(end)-lenEnd {
		return false
	}
	size := int64(end.u32(12))
	if size == 0 || size == full32 {
		return end.u16(8) == end.u16(10)
	}
	first, err := src.record(at-size, 4)
	return err == nil && first.u32(0) == sigEntry
}
