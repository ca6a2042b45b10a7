package archive

import (
	"bytes"
	"io"
	"strings"
)

// tarMember is one member with all preceding extended headers applied.
type tarMember struct {
	name string
	link string
	kind byte
	size int64
	mode int64 // permissions
}

// tarReader reads headers from a stream like Python's tarfile. It rejects input that other readers would interpret
// differently.
type tarReader struct {
	r       io.Reader
	pending pendingNames
	left    int64 // rest of the current body, including padding
	members int
}

// pendingNames holds the extended headers that apply to the next member.
type pendingNames struct {
	pax                pax
	longName, longLink string
}

func (p pendingNames) empty() bool { return p.pax == nil && p.longName == "" && p.longLink == "" }

// next returns the next member, or io.EOF after the last one.
func (t *tarReader) next() (tarMember, error) {
	for {
		b, err := t.block()
		if err != nil {
			return tarMember{}, err
		}
		done, err := t.note(b)
		if err != nil {
			return tarMember{}, err
		}
		if !done {
			return t.member(b)
		}
	}
}

// block skips the rest of the previous body and returns the next header, verified.
func (t *tarReader) block() (tarBlock, error) {
	if _, err := io.CopyN(io.Discard, t.r, t.left); err != nil {
		return nil, cut(err)
	}
	t.left = 0
	b := make(tarBlock, blockSize)
	_, err := io.ReadFull(t.r, b)
	if err == io.EOF || err == nil && b.isZero() {
		return nil, t.end()
	}
	if err != nil {
		return nil, cut(err)
	}
	if !b.sumFits() {
		return nil, refuse("a tar header after %d members has a wrong checksum", t.members)
	}
	return b, b.checkNumbers()
}

// end requires that only zeros follow the first zero block: Python stops there, other readers continue.
func (t *tarReader) end() error {
	if !t.pending.empty() {
		return refuse("the tar file ends after an extended header")
	}
	buf := make([]byte, 32*kib)
	for {
		n, err := t.r.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return refuse("data follows the end of the tar file")
		}
		if err != nil {
			return err
		}
	}
}

// cut replaces the error of a premature end by a message, and returns other errors unchanged.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return refuse("the tar file is truncated")
	}
	return err
}

// note processes a header that describes a later one, and reports whether b was such a header.
func (t *tarReader) note(b tarBlock) (bool, error) {
	var err error
	switch b.kind() {
	case typePax:
		err = t.notePax(b)
	case typeGlobalPax:
		err = t.noteGlobal(b)
	case typeLongName:
		err = t.noteLong(b, &t.pending.longName)
	case typeLongLink:
		err = t.noteLong(b, &t.pending.longLink)
	default:
		return false, nil
	}
	return true, err
}

// mostExtra is the maximum size of an extended header or a long name.
const mostExtra = 1 * mib

func (t *tarReader) extra(b tarBlock) ([]byte, error) {
	n, err := b.size()
	if err != nil {
		return nil, err
	}
	if n == 0 || n > mostExtra {
		return nil, refuse("an extended tar header is %d bytes long; 1 to %d are allowed", n, mostExtra)
	}
	body := make([]byte, padded(n))
	if _, err := io.ReadFull(t.r, body); err != nil {
		return nil, cut(err)
	}
	if len(bytes.Trim(body[n:], "\x00")) > 0 {
		return nil, refuse("an extended tar header is padded with data")
	}
	return body[:n], nil
}

func padded(n int64) int64 { return (n + blockSize - 1) &^ (blockSize - 1) }

func (t *tarReader) notePax(b tarBlock) error {
	if t.pending.pax != nil {
		return refuse("two extended (pax) headers precede one member")
	}
	body, err := t.extra(b)
	if err != nil {
		return err
	}
	t.pending.pax, err = parsePax(body)
	return err
}

func (t *tarReader) noteGlobal(b tarBlock) error {
	if !t.pending.empty() {
		return refuse("a global extended (pax) header separates a member from its own header")
	}
	body, err := t.extra(b)
	if err != nil {
		return err
	}
	p, err := parsePax(body)
	if err != nil {
		return err
	}
	return p.checkGlobal()
}

func (t *tarReader) noteLong(b tarBlock, into *string) error {
	if *into != "" {
		return refuse("two long names precede one member")
	}
	body, err := t.extra(b)
	if err != nil {
		return err
	}
	name, rest, _ := bytes.Cut(body, []byte{0})
	if len(name) == 0 || len(rest) > 0 {
		return refuse("a long tar name is empty or contains NUL bytes")
	}
	*into = string(name)
	return nil
}

func (t *tarReader) member(b tarBlock) (tarMember, error) {
	m := tarMember{kind: b.kind(), link: b.link()}
	var err error
	if m.name, err = b.fullName(); err != nil {
		return m, err
	}
	if m.size, err = b.size(); err != nil {
		return m, err
	}
	if m.mode, err = b.mode(); err != nil {
		return m, err
	}
	m.settleKind(b.name())
	if err := t.pending.apply(&m); err != nil {
		return m, err
	}
	t.pending = pendingNames{}
	t.members++
	t.left = padded(m.size)
	return m, checkMember(m)
}

// settleKind turns old and reserved file types into files. An old file whose header name ends in a slash, before any
// prefix or long name, becomes a folder, as in Python.
func (m *tarMember) settleKind(header string) {
	switch {
	case m.kind == typeOldFile && strings.HasSuffix(header, "/"):
		m.kind = typeFolder
	case m.kind == typeOldFile, m.kind == typeReserved:
		m.kind = typeFile
	}
}

func (p pendingNames) apply(m *tarMember) error {
	if err := p.pax.checkSize(m.size); err != nil {
		return err
	}
	if err := choose(&m.name, p.longName, p.pax["path"]); err != nil {
		return err
	}
	return choose(&m.link, p.longLink, p.pax["linkpath"])
}

// choose sets into to the GNU or the pax spelling of a long name. Both at once are rejected, because readers disagree
// which one to use.
func choose(into *string, gnu, pax string) error {
	switch {
	case gnu != "" && pax != "":
		return refuse("a member has both a GNU and a pax long name")
	case gnu != "":
		*into = gnu
	case pax != "":
		*into = pax
	}
	return nil
}

// checkMember rejects members that are not a file, folder or link, and bodies that only some readers expect.
func checkMember(m tarMember) error {
	switch m.kind {
	case typeFile:
		return checkFile(m)
	case typeFolder, typeHardLink, typeSymlink:
		if m.size != 0 {
			return inMember(m.name, refuse("it is a folder or link but has content"))
		}
		return nil
	case typeGNUSparse:
		return inMember(m.name, refuse("sparse members are not allowed"))
	case '3', '4', '6':
		return inMember(m.name, refuse("devices and pipes are not allowed"))
	}
	return inMember(m.name, refuse("its type %s is unknown", quote(string(rune(m.kind)))))
}

func checkFile(m tarMember) error {
	if strings.HasSuffix(m.name, "/") {
		return inMember(m.name, refuse("it is a file, but its name ends in '/'"))
	}
	return nil
}
