package archive_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
)

var le = binary.LittleEndian

// zmember is one zip member written byte by byte. Zero fields get the values of a correct writer.
type zmember struct {
	name       string
	local      string // the local header's name, when it differs
	body       string
	deflate    bool
	flags      uint16
	extra      []byte // both headers
	localExtra []byte // only the local one, after extra
	dirExtra   []byte // only the directory's, after extra
	comment    string
	external   uint32
	packed     []byte // replaces the compressed body
	after      []byte // follows the body; made for flag 3 when nil
	before     []byte // stands before the local header

	noLocal, noEntry     bool
	pokeLocal, pokeEntry func(b []byte)
}

// zspec is a whole zip.
type zspec struct {
	members   []zmember
	comment   string
	zip64     bool
	reversed  bool // directory in another order than the bodies
	beforeDir []byte
	afterDir  []byte
	suffix    []byte
	poke64    func(b []byte) // zip64 end record and locator
	pokeEnd   func(b []byte)
}

func squeeze(s string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	w.Write([]byte(s))
	w.Close()
	return b.Bytes()
}

func (m *zmember) coded() ([]byte, uint16) {
	switch {
	case m.packed != nil && m.deflate:
		return m.packed, 8
	case m.packed != nil:
		return m.packed, 0
	case m.deflate:
		return squeeze(m.body), 8
	}
	return []byte(m.body), 0
}

func (m *zmember) bytes() []byte {
	packed, method := m.coded()
	sum := crc32.ChecksumIEEE([]byte(m.body))
	name := m.name
	if m.local != "" {
		name = m.local
	}
	extra := slices.Concat(m.extra, m.localExtra)
	h := make([]byte, 30, 30+len(name)+len(extra)+len(packed)+24)
	le.PutUint32(h, 0x04034b50)
	le.PutUint16(h[4:], 20)
	le.PutUint16(h[6:], m.flags)
	le.PutUint16(h[8:], method)
	after := m.after
	if m.flags&8 == 0 {
		le.PutUint32(h[14:], sum)
		le.PutUint32(h[18:], uint32(len(packed)))
		le.PutUint32(h[22:], uint32(len(m.body)))
	} else if after == nil {
		after = desc(sum, len(packed), len(m.body))
	}
	le.PutUint16(h[26:], uint16(len(name)))
	le.PutUint16(h[28:], uint16(len(extra)))
	if m.pokeLocal != nil {
		m.pokeLocal(h)
	}
	return slices.Concat(m.before, h, []byte(name), extra, packed, after)
}

// desc is a data descriptor with a signature and sizes of 32 bits.
func desc(sum uint32, packed, size int) []byte {
	b := le.AppendUint32([]byte("PK\x07\x08"), sum)
	return le.AppendUint32(le.AppendUint32(b, uint32(packed)), uint32(size))
}

// desc64 is a data descriptor with sizes of 64 bits.
func desc64(sum uint32, packed, size int) []byte {
	b := le.AppendUint32([]byte("PK\x07\x08"), sum)
	return le.AppendUint64(le.AppendUint64(b, uint64(packed)), uint64(size))
}

func (m *zmember) entry(at int) []byte {
	packed, method := m.coded()
	extra := slices.Concat(m.extra, m.dirExtra)
	h := make([]byte, 46)
	le.PutUint32(h, 0x02014b50)
	le.PutUint16(h[4:], 3<<8|20)
	le.PutUint16(h[6:], 20)
	le.PutUint16(h[8:], m.flags)
	le.PutUint16(h[10:], method)
	le.PutUint32(h[16:], crc32.ChecksumIEEE([]byte(m.body)))
	le.PutUint32(h[20:], uint32(len(packed)))
	le.PutUint32(h[24:], uint32(len(m.body)))
	le.PutUint16(h[28:], uint16(len(m.name)))
	le.PutUint16(h[30:], uint16(len(extra)))
	le.PutUint16(h[32:], uint16(len(m.comment)))
	le.PutUint32(h[38:], m.external)
	le.PutUint32(h[42:], uint32(at))
	if m.pokeEntry != nil {
		m.pokeEntry(h)
	}
	return slices.Concat(h, []byte(m.name), extra, []byte(m.comment))
}

func (z zspec) bytes() []byte {
	var out []byte
	var entries [][]byte
	for _, m := range z.members {
		at := len(out) + len(m.before)
		if !m.noLocal {
			out = append(out, m.bytes()...)
		}
		if !m.noEntry {
			entries = append(entries, m.entry(at))
		}
	}
	if z.reversed {
		slices.Reverse(entries)
	}
	out = append(out, z.beforeDir...)
	dir := slices.Concat(entries...)
	return z.end(append(out, dir...), len(entries), len(dir))
}

func (z zspec) end(out []byte, n, dir int) []byte {
	at := len(out) - dir
	out = append(out, z.afterDir...)
	if z.zip64 {
		out = append(out, z.end64(len(out), n, dir, at)...)
	}
	e := make([]byte, 22)
	le.PutUint32(e, 0x06054b50)
	le.PutUint16(e[8:], uint16(n))
	le.PutUint16(e[10:], uint16(n))
	le.PutUint32(e[12:], uint32(dir))
	le.PutUint32(e[16:], uint32(at))
	le.PutUint16(e[20:], uint16(len(z.comment)))
	if z.pokeEnd != nil {
		z.pokeEnd(e)
	}
	return slices.Concat(out, e, []byte(z.comment), z.suffix)
}

func (z zspec) end64(here, n, dir, at int) []byte {
	r := make([]byte, 76)
	le.PutUint32(r, 0x06064b50)
	le.PutUint64(r[4:], 44)
	le.PutUint64(r[24:], uint64(n))
	le.PutUint64(r[32:], uint64(n))
	le.PutUint64(r[40:], uint64(dir))
	le.PutUint64(r[48:], uint64(at))
	le.PutUint32(r[56:], 0x07064b50)
	le.PutUint64(r[64:], uint64(here))
	le.PutUint32(r[72:], 1)
	if z.poke64 != nil {
		z.poke64(r)
	}
	return r
}

// block is one extra field.
func block(id uint16, data []byte) []byte {
	return append(le.AppendUint16(le.AppendUint16(nil, id), uint16(len(data))), data...)
}

func u64s(values ...uint64) []byte {
	var b []byte
	for _, v := range values {
		b = le.AppendUint64(b, v)
	}
	return b
}

// unicodePath is the extra field that repeats a name.
func unicodePath(of, name string) []byte {
	b := le.AppendUint32([]byte{1}, crc32.ChecksumIEEE([]byte(of)))
	return block(0x7075, append(b, name...))
}

const info = "foo_bar-1.0.dist-info/"

const (
	goodMetadata = "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n\nText\n"
	goodWheel    = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)

// wheelMembers are the members of a valid wheel followed by more. RECORD lists them all.
func wheelMembers(more ...zmember) []zmember {
	m := []zmember{
		{name: "foo_bar/__init__.py", body: "x = 1\n", deflate: true},
		{name: info + "METADATA", body: goodMetadata, deflate: true},
		{name: info + "WHEEL", body: goodWheel},
	}
	m = append(m, more...)
	var record strings.Builder
	for _, e := range m {
		if !strings.HasSuffix(e.name, "/") {
			record.WriteString(e.name + ",,\n")
		}
	}
	return append(m, zmember{name: info + "RECORD", body: record.String() + info + "RECORD,,\n"})
}

func wheelOf(more ...zmember) []byte { return zspec{members: wheelMembers(more...)}.bytes() }

// wheelWith is a valid wheel in which edit changed the member of this name.
func wheelWith(name string, edit func(*zmember)) []byte {
	m := wheelMembers()
	i := slices.IndexFunc(m, func(e zmember) bool { return e.name == info+name })
	edit(&m[i])
	return zspec{members: m}.bytes()
}

// wheelWithout is a valid wheel without this member of its .dist-info folder.
func wheelWithout(name string) []byte {
	m := slices.DeleteFunc(wheelMembers(), func(e zmember) bool { return e.name == info+name })
	return zspec{members: m}.bytes()
}
