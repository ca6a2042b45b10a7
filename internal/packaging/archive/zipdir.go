package archive

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"

	"pyindex/internal/fault"
)

// These are the general purpose flags of APPNOTE.TXT 4.4.4.
const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
	flagPatch      = 1 << 5
	flagStrong     = 1 << 6
	flagUTF8       = 1 << 11
	flagMasked     = 1 << 13
	flagsRefused   = flagEncrypted | flagPatch | flagStrong | flagMasked
	flagsRead      = flagsRefused | flagDescriptor | flagUTF8 // the others describe the compressor
)

const (
	stored   = 0
	deflated = 8
)

// newest is the highest "version needed to extract" that Python supports.
const newest = 63

// zipMember is one entry of the central directory.
type zipMember struct {
	name   string
	flags  uint16
	method uint16
	crc    uint32
	packed int64 // bytes in the archive
	size   int64 // bytes unpacked
	offset int64 // of its local header
	data   int64 // of its body; set by walkLocal

	executable bool // by its permissions, which installers keep
}

func (m *zipMember) isFolder() bool { return strings.HasSuffix(m.name, "/") }

// readDirectory reads the central directory, which must have the length and number of entries given in the end record.
func (g *gate) readDirectory(e zipEnd) ([]zipMember, error) {
	if e.count > uint64(max(g.lim.Members, 0)) {
		return nil, refuse("it has %d members; %d are allowed", e.count, g.lim.Members)
	}
	if e.size > g.lim.Directory {
		return nil, refuse("its directory is %d bytes long; %d are allowed", e.size, g.lim.Directory)
	}
	members := make([]zipMember, 0, min(e.count, uint64(e.size)/lenEntry))
	r := &directory{r: bufio.NewReader(g.src.section(e.offset, e.size)), left: e.size}
	for r.left > 0 {
		m, err := g.readEntry(r)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	if uint64(len(members)) != e.count {
		return nil, refuse("its directory has %d entries, but its end record declares %d", len(members), e.count)
	}
	return members, nil
}

// directory reads the central directory and not beyond it.
type directory struct {
	r    io.Reader
	left int64
}

func (d *directory) take(n int) (record, error) {
	if int64(n) > d.left {
		return nil, refuse("an entry extends past the end of the zip directory")
	}
	d.left -= int64(n)
	b := make(record, n)
	_, err := io.ReadFull(d.r, b)
	return b, err
}

func (g *gate) readEntry(d *directory) (zipMember, error) {
	h, err := d.take(lenEntry)
	if err != nil {
		return zipMember{}, err
	}
	if h.u32(0) != sigEntry {
		return zipMember{}, refuse("the zip directory contains an invalid entry")
	}
	n, x, c := int(h.u16(28)), int(h.u16(30)), int(h.u16(32))
	v, err := d.take(n + x + c)
	if err != nil {
		return zipMember{}, err
	}
	m := zipMember{name: string(v[:n]), flags: h.u16(8), method: h.u16(10), crc: h.u32(16)}
	if err := g.checkEntry(&m, h, v[n:n+x], c > 0); err != nil {
		return m, inMember(m.name, err)
	}
	return m, nil
}

func inMember(name string, err error) error {
	if !fault.Is(err, fault.Invalid) {
		return err
	}
	return fault.Wrap(fault.Invalid, err, "member %s: %s", quote(name), fault.Message(err))
}

func (g *gate) checkEntry(m *zipMember, h, extra record, comment bool) error {
	if err := g.checkTopStep(m.name); err != nil {
		return err
	}
	if err := checkZipName(m.name, m.flags); err != nil {
		return err
	}
	if err := m.checkCoding(h.u16(6)); err != nil {
		return err
	}
	if g.rules.EntryComments && comment {
		return refuse("it has a comment; comments on members are not allowed here")
	}
	if g.rules.DataDescriptors && m.flags&flagDescriptor != 0 {
		return refuse("its sizes follow its content (data descriptor), which is not allowed here")
	}
	if err := m.place(h, extra); err != nil {
		return err
	}
	m.executable = h.u32(38)>>16&anyExecute != 0
	return m.checkType(h.u16(4), h.u32(38))
}

// checkZipName checks a name with checkName, and that its bytes mean the same on every system.
func checkZipName(name string, flags uint16) error {
	if !utf8.ValidString(name) {
		return refuse("its name is not UTF-8")
	}
	if !isASCII(name) && flags&flagUTF8 == 0 {
		return refuse("its name is not ASCII and not marked as UTF-8, so readers disagree about it")
	}
	if strings.Contains(name, `\`) {
		return refuse("its name contains a backslash; '/' separates folders")
	}
	return checkName(name)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

func (m *zipMember) checkCoding(needed uint16) error {
	if m.flags&flagsRefused != 0 {
		return refuse("it is encrypted or a patch")
	}
	if m.method != stored && m.method != deflated {
		return refuse("it uses compression method %d; all installers support only stored (0) and deflated (8)", m.method)
	}
	if needed&0xff > newest {
		return refuse("it requires version %d.%d of the zip format", needed&0xff/10, needed&0xff%10)
	}
	return nil
}

func (m *zipMember) place(h, extra record) error {
	x, err := parseExtras(extra)
	if err != nil {
		return err
	}
	if err := x.checkPath(m.name); err != nil {
		return err
	}
	size, packed, offset := uint64(h.u32(24)), uint64(h.u32(20)), uint64(h.u32(42))
	if err := x.resolve(&size, &packed, &offset); err != nil {
		return err
	}
	if h.u16(34) != 0 {
		return refuse("it is on another disk")
	}
	m.size, m.packed, m.offset = int64(size), int64(packed), int64(offset)
	if m.size < 0 || m.packed < 0 || m.offset < 0 {
		return refuse("its sizes are impossible")
	}
	return m.checkSizes()
}

func (m *zipMember) checkSizes() error {
	if m.method == stored && m.size != m.packed {
		return refuse("it is stored uncompressed, but its two sizes differ")
	}
	if m.isFolder() && m.size != 0 {
		return refuse("its name is that of a folder, but it has content")
	}
	return nil
}

// These are the file types in the upper half of the external attributes, as written on Unix, and the folder bit of DOS.
const (
	modeType    = 0o170000
	modeRegular = 0o100000
	modeFolder  = 0o040000
	modeSymlink = 0o120000
	anyExecute  = 0o111
	dosFolder   = 0x10
	madeByDOS   = 0
)

// checkType rejects links and devices, whatever system the entry claims to come from, because unpackers disagree
// whether to trust that.
func (m *zipMember) checkType(madeBy uint16, external uint32) error {
	switch external >> 16 & modeType {
	case 0, modeRegular:
	case modeFolder:
		return m.checkMarked()
	case modeSymlink:
		return refuse("it is a symbolic link")
	default:
		return refuse("it is neither a file nor a folder")
	}
	if madeBy>>8 == madeByDOS && external&dosFolder != 0 {
		return m.checkMarked()
	}
	return nil
}

func (m *zipMember) checkMarked() error {
	if !m.isFolder() {
		return refuse("it is marked as a folder, but its name does not end in '/'")
	}
	return nil
}
