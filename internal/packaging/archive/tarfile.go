package archive

import (
	"bytes"
	"io"
	"path"
	"unicode/utf8"
)

type tarFile struct {
	tree  *tree
	infos map[string][]byte // content of the PKG-INFO files directly below a top folder
	again map[string]bool   // clean paths of files and links that occur more than once
}

// openTar reads the whole stream once and keeps only names and PKG-INFO.
func (g *gate) openTar() (*tarFile, error) {
	stream, err := g.tarStream()
	if err != nil {
		return nil, err
	}
	if err := notZip(g.src); err != nil {
		return nil, err
	}
	f := &tarFile{tree: newTree(), infos: map[string][]byte{}, again: map[string]bool{}}
	names, t := g.lim.Directory, &tarReader{r: bufferedTar(stream)}
	for {
		m, err := t.next()
		if err == io.EOF {
			return f, g.settle(f)
		}
		if err != nil {
			return nil, err
		}
		if names -= int64(len(m.name) + len(m.link)); names < 0 || t.members > g.lim.Members {
			return nil, refuse("it has more than %d members, or their names are too long in total", g.lim.Members)
		}
		if err := g.take(f, t, m); err != nil {
			return nil, err
		}
	}
}

func (g *gate) settle(f *tarFile) error {
	if err := f.tree.settle(); err != nil || len(f.again) == 0 {
		return err
	}
	return g.compareRepeated(f)
}

func (g *gate) take(f *tarFile, t *tarReader, m tarMember) error {
	if err := g.checkTopStep(m.name); err != nil {
		return inMember(m.name, err)
	}
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
	if again, err := f.tree.add(m.name, m.unpacksTo()); err != nil {
		return err
	} else if again && m.kind != typeFolder {
		f.tree.repeated = append(f.tree.repeated, p)
		f.again[p] = true
	}
	if m.kind != typeFile || path.Base(p) != pkgInfo || path.Dir(p) != top(p) {
		return nil
	}
	body, err := g.readInfo(t, m)
	f.infos[p] = body
	return err
}

// odd adds a warning about the first name that is not UTF-8. Old sdists have such names, and Python unpacks them.
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

// readInfo reads the body from the stream before the reader skips it.
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

// notZip rejects a file at whose end a reader that guesses the format would find a zip.
func notZip(src *source) error {
	n := min(src.size, lenEnd+full16)
	tail, err := src.record(src.size-n, n)
	if err != nil {
		return err
	}
	for at := bytes.LastIndex(tail, endMark); at >= 0; at = bytes.LastIndex(tail[:at], endMark) {
		if pointsToDirectory(src, tail[at:], src.size-n+int64(at)) {
			return refuse("it is both a tar and a zip file")
		}
	}
	return nil
}

// pointsToDirectory reports whether the end record at offset at is plausible. Compressed data contains its four-byte
// signature by chance about once in a hundred thousand files, and must not be rejected for that.
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
