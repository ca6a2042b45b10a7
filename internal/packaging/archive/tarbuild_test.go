package archive_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
)

// tmember is one tar member written byte by byte.
type tmember struct {
	name string
	kind byte // '0' when zero; 'V' for the NUL of old tars
	body string
	link string
	gnu  bool           // GNU magic instead of POSIX
	poke func(b []byte) // before the checksum
	bad  bool           // breaks the checksum
	size string         // replaces the size field
}

func (m tmember) bytes() string {
	b := make([]byte, 512)
	copy(b, m.name)
	copy(b[100:], "0000644\x00")
	copy(b[108:], "0000000\x00")
	copy(b[116:], "0000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00", len(m.body)))
	if m.size != "" {
		copy(b[124:136], m.size+strings.Repeat("\x00", 12))
	}
	copy(b[136:], "00000000000\x00")
	b[156] = m.letter()
	copy(b[157:], m.link)
	magic := "ustar\x0000"
	if m.gnu {
		magic = "ustar  \x00"
	}
	copy(b[257:], magic)
	if m.poke != nil {
		m.poke(b)
	}
	copy(b[148:], sum(b))
	if m.bad {
		b[148] ^= 1
	}
	return string(b) + m.body + strings.Repeat("\x00", -len(m.body)&511)
}

func (m tmember) letter() byte {
	switch m.kind {
	case 0:
		return '0'
	case 'V':
		return 0
	}
	return m.kind
}

func sum(b []byte) string {
	copy(b[148:156], "        ")
	n := 0
	for _, c := range b {
		n += int(c)
	}
	return fmt.Sprintf("%06o\x00 ", n)
}

// record is one pax record, which begins with its length.
func record(key, value string) string {
	n := len(key) + len(value) + 3
	for len(fmt.Sprint(n))+len(key)+len(value)+3 != n {
		n = len(fmt.Sprint(n)) + len(key) + len(value) + 3
	}
	return fmt.Sprintf("%d %s=%s\n", n, key, value)
}

func paxOf(keyvalues ...string) tmember {
	var b strings.Builder
	for pair := range slices.Chunk(keyvalues, 2) {
		b.WriteString(record(pair[0], pair[1]))
	}
	return tmember{name: "././@PaxHeader", kind: 'x', body: b.String()}
}

func globalOf(keyvalues ...string) tmember {
	m := paxOf(keyvalues...)
	m.name, m.kind = "pax_global_header", 'g'
	return m
}

func longName(s string) tmember {
	return tmember{name: "././@LongLink", kind: 'L', body: s + "\x00", gnu: true}
}

func longLink(s string) tmember {
	return tmember{name: "././@LongLink", kind: 'K', body: s + "\x00", gnu: true}
}

const (
	sdistName = "foo_bar-1.0.tar.gz"
	topDir    = "foo_bar-1.0"
	goodInfo  = "Metadata-Version: 2.1\nName: foo-bar\nVersion: 1.0\n"
	endOfTar  = 1024
)

func rawTar(m ...tmember) string {
	var b strings.Builder
	for _, e := range m {
		b.WriteString(e.bytes())
	}
	return b.String()
}

// sdistMembers are the members of a valid sdist followed by more.
func sdistMembers(more ...tmember) []tmember {
	return append([]tmember{
		{name: topDir + "/", kind: '5'},
		{name: topDir + "/PKG-INFO", body: goodInfo},
		{name: topDir + "/setup.py", body: "import setuptools\n"},
	}, more...)
}

func sdistTar(more ...tmember) string {
	return rawTar(sdistMembers(more...)...) + strings.Repeat("\x00", endOfTar)
}

func pack(s string) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, 6)
	w.Write([]byte(s))
	w.Close()
	return b.Bytes()
}

func sdistOf(more ...tmember) []byte { return pack(sdistTar(more...)) }

// in returns a path below the top folder.
func in(p string) string { return topDir + "/" + p }
