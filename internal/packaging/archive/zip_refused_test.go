package archive_test

import (
	"hash/crc32"
	"strings"
	"testing"
)

func poke16(at int, v uint16) func([]byte) { return func(b []byte) { le.PutUint16(b[at:], v) } }
func poke32(at int, v uint32) func([]byte) { return func(b []byte) { le.PutUint32(b[at:], v) } }
func poke64(at int, v uint64) func([]byte) { return func(b []byte) { le.PutUint64(b[at:], v) } }

func with(z zspec) []byte { z.members = wheelMembers(); return z.bytes() }

func sumOf(s string) uint32 { return crc32.ChecksumIEEE([]byte(s)) }

// early is a deflate stream that ends before the size in the directory: a streaming reader would find another member
// behind it.
func early() zmember {
	hidden := zmember{name: "hidden.py", body: "boo"}
	packed := append(squeeze("abc"), desc(sumOf("abc"), len(squeeze("abc")), 3)...)
	packed = append(packed, hidden.bytes()...)
	return zmember{name: "a.py", body: "abc", packed: packed, deflate: true, flags: 8}
}

// zipPolyglot is a wheel whose first block is also a tar header. The sizes of its first member follow its content, so
// that the header does not depend on the content.
func zipPolyglot() []byte {
	m := zmember{name: "a", flags: 8, body: strings.Repeat("\x00", 600)}
	block := append(m.bytes()[:31], strings.Repeat("\x00", 481)...)
	digits := sum(block)
	m.body = strings.Repeat("\x00", 148-31) + digits + strings.Repeat("\x00", 600)
	return zspec{members: append([]zmember{m}, wheelMembers(m)[:3]...)}.bytes()
}

func TestZipRefused(t *testing.T) {
	long := strings.Repeat("d/", 2100) + "x"
	for _, tt := range []struct {
		name string
		zip  []byte
		want string
	}{
		{"empty file", nil, "not a zip file"},
		{"not a zip", []byte(strings.Repeat("hello ", 100)), "not a zip file"},
		{"gzip instead", pack("x"), "not a zip file"},
		{"only an end record", zspec{}.bytes(), "exactly one .dist-info"},
		{"cut in the end record", wheelOf()[:len(wheelOf())-3], "data follows the end"},
		{"cut before the end record", wheelOf()[:len(wheelOf())-22], "not a zip file"},

		{"zip and tar", zipPolyglot(), "both a zip and a tar"},
		{"junk before", append([]byte("#!/bin/sh\n"), wheelOf()...), "wrong directory position"},
		{"junk before, offsets moved", zspec{members: func() []zmember {
			m := wheelMembers()
			m[0].before = []byte("#!/bin/sh\n")
			return m
		}()}.bytes(), "belong to no member precede"},
		{"junk after", append(wheelOf(), "junk"...), "data follows the end"},
		{"zeros after", append(wheelOf(), 0, 0), "data follows the end"},
		{"two zips in a row", append(wheelOf(), wheelOf()...), "wrong directory position"},
		{"two end records", with(zspec{suffix: nil, comment: string(zspec{}.bytes())}), "two end records"},
		{"comment longer than declared", with(zspec{comment: "hello", pokeEnd: poke16(20, 2)}), "data follows the end"},
		{"comment shorter than declared", with(zspec{comment: "hello", pokeEnd: poke16(20, 9)}), "data follows the end"},
		{"gap between members", wheelOf(zmember{name: "a", before: []byte("gap")}), "belong to no member"},
		{"gap before the directory", with(zspec{beforeDir: []byte("gap")}), "belong to no member"},
		{"gap after the directory", with(zspec{afterDir: []byte("gap")}), "wrong directory position"},
		{"signed directory", with(zspec{afterDir: []byte("PK\x05\x05\x00\x00")}), "wrong directory position"},
		{
			"count too low", with(zspec{pokeEnd: func(b []byte) { le.PutUint16(b[8:], 3); le.PutUint16(b[10:], 3) }}),
			"end record declares 3",
		},
		{
			"count too high", with(zspec{pokeEnd: func(b []byte) { le.PutUint16(b[8:], 9); le.PutUint16(b[10:], 9) }}),
			"end record declares 9",
		},
		{"count modulo 65536", with(zspec{pokeEnd: poke16(8, 1)}), "several disks"},
		{"second disk", with(zspec{pokeEnd: poke16(4, 1)}), "several disks"},
		{"directory size too small", with(zspec{pokeEnd: poke32(12, 46)}), "wrong directory position"},
		{"directory offset beyond the file", with(zspec{pokeEnd: poke32(16, 0xfffffff0)}), "wrong directory position"},
		{"directory entry cut", wheelOf(zmember{name: "a", pokeEntry: poke16(32, 900)}), "extends past the end"},
		{"directory entry without signature", wheelOf(zmember{name: "a", pokeEntry: poke32(0, 0x02014b51)}), "invalid entry"},

		{"zip64 wanted but absent", with(zspec{pokeEnd: poke32(16, 0xffffffff)}), "zip64 record that is missing"},
		{"zip64 locator astray", with(zspec{zip64: true, poke64: poke64(64, 1)}), "right before it"},
		{"zip64 several disks", with(zspec{zip64: true, poke64: poke32(72, 2)}), "right before it"},
		{"zip64 record damaged", with(zspec{zip64: true, poke64: poke32(0, 1)}), "damaged"},
		{"zip64 record extended", with(zspec{zip64: true, poke64: poke64(4, 50)}), "contains extra data"},
		{
			"zip64 contradicts the count",
			with(zspec{zip64: true, pokeEnd: func(b []byte) { le.PutUint16(b[8:], 3); le.PutUint16(b[10:], 3) }}), "disagree",
		},
		{"zip64 contradicts the offset", with(zspec{zip64: true, poke64: poke64(48, 7)}), "disagree"},
		{"zip64 disks differ", with(zspec{zip64: true, poke64: poke64(24, 1)}), "several disks"},
		{
			"zip64 offset negative", with(zspec{zip64: true, poke64: poke64(48, 1<<63), pokeEnd: poke32(16, 0xffffffff)}),
			"wrong directory position",
		},

		{"duplicate name", wheelOf(zmember{name: "a"}, zmember{name: "a", body: "x"}), "two members are named"},
		{
			"duplicate of one size", wheelOf(zmember{name: "a", body: "y"}, zmember{name: "a", body: "x"}),
			"two members are named",
		},
		{
			"duplicate of one checksum", wheelOf(zmember{name: "a", body: oneSum}, zmember{name: "a", body: sameSum}),
			"two members are named",
		},
		{
			"duplicate, once executable",
			wheelOf(zmember{name: "a", external: 0o100755 << 16}, zmember{name: "a", external: 0o100644 << 16}),
			"two members are named",
		},
		{
			"three of a name, the last another",
			wheelOf(zmember{name: "a", body: "x"}, zmember{name: "a", body: "x"}, zmember{name: "a"}), "two members are named",
		},
		{
			"duplicate METADATA", wheelOf(zmember{name: info + "METADATA", body: goodMetadata + "Requires-Dist: evil\n"}),
			"two members are named",
		},
		{
			"duplicate whose second body is damaged",
			wheelOf(zmember{name: "a", body: "abc", deflate: true},
				zmember{name: "a", body: "abc", packed: squeeze("abd"), deflate: true}),
			"does not unpack",
		},
		{"duplicate by an empty step", wheelOf(zmember{name: "a/b"}, zmember{name: "a//b"}), "two members are named"},
		{"duplicate by a dot step", wheelOf(zmember{name: "a/b"}, zmember{name: "a/./b"}), "two members are named"},
		{"file and folder", wheelOf(zmember{name: "a"}, zmember{name: "a/"}), "two members are named"},
		{"file as a folder", wheelOf(zmember{name: "a"}, zmember{name: "a/b"}), "is the folder of"},
		{"metadata by case", wheelOf(zmember{name: info + "metadata"}), "systems that ignore case"},
		{
			"dist-info by case", wheelOf(zmember{name: "Foo_Bar-1.0.dist-info/METADATA", body: goodMetadata}),
			"systems that ignore case",
		},
		{"local name differs", wheelOf(zmember{name: "a.py", local: "b.py"}), "local header names it"},
		{"only local", wheelOf(zmember{name: "a.py", body: "x", noEntry: true}), "belong to no member"},
		{"only in the directory", wheelOf(zmember{name: "a.py", noLocal: true}), "reaches into"},
		{
			"two entries on one body",
			wheelOf(zmember{name: "a", body: "x"}, zmember{name: "b", body: "x", noLocal: true, pokeEntry: poke32(42, 0)}),
			"reaches into",
		},
		{"offset beyond the file", wheelOf(zmember{name: "a", pokeEntry: poke32(42, 0x7fffffff)}), "member"},

		{"no local header", wheelOf(zmember{name: "a", pokeLocal: poke32(0, 0x02014b50)}), "no local header"},
		{
			"local extra over the end", zspec{members: []zmember{{name: "a", pokeLocal: poke16(28, 0xffff)}}}.bytes(),
			"middle of a record",
		},
		{"local extra overruns", wheelOf(zmember{name: "a", localExtra: []byte{1, 0, 9, 0}}), "longer than its record"},
		{"only bytes, no members", zspec{beforeDir: []byte("hello")}.bytes(), "belong to no member"},
		{
			"bodies overlap",
			wheelOf(zmember{
				name: "b", body: "abc", pokeLocal: poke32(18, 5), pokeEntry: func(b []byte) { le.PutUint64(b[20:], 5<<32|5) },
			}), "reaches into",
		},
		{"size differs", wheelOf(zmember{name: "a", body: "abc", pokeLocal: poke32(22, 2)}), "different sizes"},
		{
			"packed size differs", wheelOf(zmember{name: "a", body: "abc", deflate: true, pokeLocal: poke32(18, 2)}),
			"different sizes",
		},
		{"checksum differs", wheelOf(zmember{name: "a", body: "abc", pokeLocal: poke32(14, 2)}), "different sizes"},
		{"method differs", wheelOf(zmember{name: "a", pokeLocal: poke16(8, 8)}), "differently"},
		{"flags differ", wheelOf(zmember{name: "a", pokeLocal: poke16(6, 8)}), "differently"},
		{"utf-8 flag differs", wheelOf(zmember{name: "a", pokeLocal: poke16(6, 1<<11)}), "differently"},
		{
			"packed over the next record", wheelOf(zmember{name: "a", deflate: true, body: "abc", pokeEntry: poke32(20, 4000)}),
			"reaches into",
		},
		{"stored with two sizes", wheelOf(zmember{name: "a", body: "abc", pokeEntry: poke32(24, 2)}), "two sizes differ"},
		{"folder with contents", wheelOf(zmember{name: "a/", body: "abc"}), "but it has content"},
		{"encrypted", wheelOf(zmember{name: "a", flags: 1}), "encrypted"},
		{"strong encryption", wheelOf(zmember{name: "a", flags: 1 << 6}), "encrypted"},
		{"masked headers", wheelOf(zmember{name: "a", flags: 1 << 13}), "encrypted"},
		{"patch", wheelOf(zmember{name: "a", flags: 1 << 5}), "patch"},
		{"bzip2", wheelOf(zmember{name: "a", pokeEntry: poke16(10, 12)}), "method 12"},
		{"lzma", wheelOf(zmember{name: "a", pokeEntry: poke16(10, 14)}), "method 14"},
		{"zstandard", wheelOf(zmember{name: "a", pokeEntry: poke16(10, 93)}), "method 93"},
		{"format of the future", wheelOf(zmember{name: "a", pokeEntry: poke16(6, 64)}), "version 6.4"},
		{"other disk", wheelOf(zmember{name: "a", pokeEntry: poke16(34, 1)}), "another disk"},

		{"extra overruns", wheelOf(zmember{name: "a", extra: []byte{1, 0, 9, 0}}), "longer than its record"},
		{"extra twice", wheelOf(zmember{name: "a", dirExtra: append(block(1, nil), block(1, nil)...)}), "two zip64"},
		{
			"unicode path twice",
			wheelOf(zmember{name: "a", dirExtra: append(unicodePath("a", "a"), unicodePath("a", "a")...)}), "two Unicode",
		},
		{"unicode path differs", wheelOf(zmember{name: "a", dirExtra: unicodePath("a", "b")}), "Unicode path"},
		{"unicode path differs locally", wheelOf(zmember{name: "a", localExtra: unicodePath("a", "b")}), "Unicode path"},
		{"unicode path of another name", wheelOf(zmember{name: "a", dirExtra: unicodePath("b", "a")}), "Unicode path"},
		{
			"zip64 size too short",
			wheelOf(zmember{name: "a", body: "abc", dirExtra: block(1, u64s(3)), pokeEntry: func(b []byte) {
				le.PutUint32(b[20:], 0xffffffff)
				le.PutUint32(b[24:], 0xffffffff)
			}}), "too short",
		},
		{
			"zip64 size too long",
			wheelOf(zmember{name: "a", body: "abc", dirExtra: block(1, u64s(3, 3)), pokeEntry: poke32(20, 0xffffffff)}),
			"too long",
		},
		{
			"zip64 not asked for, lying", wheelOf(zmember{name: "a", body: "abc", dirExtra: block(1, u64s(4))}),
			"unpack it and pack it again",
		},
		{
			"zip64 of three bytes", wheelOf(zmember{name: "a", body: "abc", dirExtra: block(1, []byte("xyz"))}),
			"invalid length",
		},
		{"zip64 without a field", wheelOf(zmember{name: "a", body: "abc", pokeEntry: poke32(24, 0xffffffff)}), "missing"},
		{
			"zip64 size negative",
			wheelOf(zmember{name: "a", dirExtra: block(1, u64s(1<<63)), pokeEntry: poke32(24, 0xffffffff)}), "impossible",
		},

		{
			"descriptor lies about size",
			wheelOf(zmember{
				name:    "a",
				body:    "abc",
				deflate: true,
				flags:   8,
				after:   desc(sumOf("abc"), len(squeeze("abc")), 4),
			}), "differ from the directory",
		},
		{
			"descriptor lies about checksum", wheelOf(zmember{name: "a", body: "abc", flags: 8, after: desc(1, 3, 3)}),
			"differ from the directory",
		},
		{
			"descriptor without signature",
			wheelOf(zmember{name: "a", body: "abc", flags: 8, after: desc(sumOf("abc"), 3, 3)[4:]}), "take 12 bytes",
		},
		{
			"descriptor with a wrong signature",
			wheelOf(zmember{
				name: "a", body: "abc", flags: 8, after: append([]byte("PK\x07\x09"), desc(sumOf("abc"), 3, 3)[4:]...),
			}), "no signature",
		},
		{"descriptor missing", wheelOf(zmember{name: "a", body: "abc", flags: 8, after: []byte{}}), "take 0 bytes"},
		{
			"descriptor of 64 bits unannounced",
			wheelOf(zmember{name: "a", body: "abc", flags: 8, after: desc64(sumOf("abc"), 3, 3)}), "take 24 bytes",
		},
		{
			"descriptor of 32 bits though zip64",
			wheelOf(zmember{name: "a", body: "abc", flags: 8, localExtra: block(1, u64s(0, 0))}), "take 16 bytes",
		},
		{
			"descriptor and local sizes that lie", wheelOf(zmember{name: "a", body: "abc", flags: 8, pokeLocal: poke32(18, 2)}),
			"different sizes",
		},
		{"data ends before its descriptor", wheelOf(early()), "does not end at the position"},
		{
			"data is longer than in its descriptor",
			wheelOf(zmember{name: "a", body: "abc", packed: squeeze("abcdef"), deflate: true, flags: 8}), "does not unpack",
		},
		{
			"descriptor after garbage",
			wheelOf(zmember{name: "a", body: "abc", packed: []byte("\xff\xff\xff"), deflate: true, flags: 8}), "damaged",
		},

		{"no name", wheelOf(zmember{name: ""}), "0 bytes long"},
		{"long name", wheelOf(zmember{name: long}), "bytes long"},
		{"deep name", wheelOf(zmember{name: strings.Repeat("d/", 200) + "x"}), "folders deep"},
		{"latin-1 name", wheelOf(zmember{name: "caf\xe9"}), "not UTF-8"},
		{"utf-8 name without the flag", wheelOf(zmember{name: "café"}), "not marked as UTF-8"},
		{"NUL in a name", wheelOf(zmember{name: "a.py\x00.txt"}), "control"},
		{"newline in a name", wheelOf(zmember{name: "a\nb"}), "control"},
		{"escape in a name", wheelOf(zmember{name: "a\x1b[2Jb"}), "control"},
		{"C1 control in a name", wheelOf(zmember{name: "a\u0085b", flags: 1 << 11}), "control"},
		{"backslash", wheelOf(zmember{name: `a\b`}), "backslash"},
		{"absolute", wheelOf(zmember{name: "/etc/passwd"}), "absolute"},
		{"drive", wheelOf(zmember{name: "C:/x"}), "absolute"},
		{"relative drive", wheelOf(zmember{name: "c:x"}), "absolute"},
		{"parent", wheelOf(zmember{name: "../x"}), "leads out"},
		{"parent inside", wheelOf(zmember{name: "a/../../x"}), "leads out"},
		{"parent at the end", wheelOf(zmember{name: "a/.."}), "leads out"},
		{"parent with a blank", wheelOf(zmember{name: "a/.. /x"}), "leads out"},
		{"only dots", wheelOf(zmember{name: "./"}), "does not name a file or folder"},
		{"symbolic link", wheelOf(zmember{name: "a", body: "/etc", external: 0o120777 << 16}), "symbolic link"},
		{"device", wheelOf(zmember{name: "a", external: 0o020666 << 16}), "neither a file nor a folder"},
		{"pipe", wheelOf(zmember{name: "a", external: 0o010666 << 16}), "neither a file nor a folder"},
		{"folder without a slash", wheelOf(zmember{name: "a", external: 0o040755 << 16}), "does not end in '/'"},
		{
			"DOS folder without a slash", wheelOf(zmember{name: "a", external: 0x10, pokeEntry: poke16(4, 20)}),
			"does not end in '/'",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := inspect(t, wheelName, tt.zip)
			refused(t, wheelName, err, tt.want)
		})
	}
}

// oneSum and sameSum have the same length and the same CRC-32.
const (
	oneSum  = "plumless"
	sameSum = "buckeroo"
)

func TestOneSum(t *testing.T) {
	if sumOf(oneSum) != sumOf(sameSum) {
		t.Errorf("the checksums are %x and %x", sumOf(oneSum), sumOf(sameSum))
	}
}
