package archive_test

import (
	"slices"
	"strings"
	"testing"
)

func put(at int, s string) func([]byte) { return func(b []byte) { copy(b[at:], s) } }

// gzipHidingZip is a whole sdist whose gzip header has a wheel in its extra field. Python's zipfile opens it.
func gzipHidingZip(zip []byte) []byte {
	b := sdistOf()
	head := append([]byte{}, b[:10]...)
	head[3] |= 4
	head = le.AppendUint16(head, uint16(len(zip)))
	return slices.Concat(head, zip, b[10:])
}

// dotted is an sdist with the folder root, unless it is "", and everything else below top.
func dotted(root, top string) []byte {
	m := []tmember{{name: root, kind: '5'}, {name: top + "/PKG-INFO", body: goodInfo}, {name: top + "/setup.py"}}
	if root == "" {
		m = m[1:]
	}
	return pack(rawTar(m...))
}

func TestTarRefused(t *testing.T) {
	whole := sdistTar()
	body := rawTar(sdistMembers()...)
	for _, tt := range []struct {
		name string
		sd   []byte
		want string
	}{
		{"empty file", nil, "not a gzip file"},
		{"not gzip", []byte(whole), "not a gzip file"},
		{"zip instead", wheelOf(), "not a gzip file"},
		{"gzip cut", sdistOf()[:40], "damaged"},
		{"gzip checksum cut", sdistOf()[:len(sdistOf())-4], "damaged"},
		{"gzip checksum wrong", append(sdistOf()[:len(sdistOf())-8], 1, 2, 3, 4, 5, 6, 7, 8), "damaged"},
		{"bytes after gzip", append(sdistOf(), "junk"...), "follows the end of the gzip"},
		{"zeros then bytes after gzip", append(sdistOf(), "\x00\x00x"...), "follows the end of the gzip"},
		{"two gzip members", append(pack(body), pack(strings.Repeat("\x00", 1024))...), "follows the end of the gzip"},
		{"wheel in the gzip header", gzipHidingZip(wheelOf()), "both a tar and a zip"},
		{"empty zip in the gzip header", gzipHidingZip(zspec{}.bytes()), "both a tar and a zip"},
		{"empty tar", pack(""), "empty"},
		{"only zeros", pack(strings.Repeat("\x00", 1024)), "empty"},
		{"text, not tar", pack(strings.Repeat("hello world ", 100)), "checksum"},
		{"cut in a header", pack(body[:600+512]), "truncated"},
		{"cut in a body", pack(body[:len(body)-10]), "truncated"},
		{"data after the end", pack(whole + "x"), "follows the end of the tar"},
		{
			"members after one zero block", pack(body + strings.Repeat("\x00", 512) + rawTar(tmember{name: in("late")})),
			"follows the end of the tar",
		},

		{"checksum wrong", sdistOf(tmember{name: in("a"), bad: true}), "checksum"},
		{"size not octal", sdistOf(tmember{name: in("a"), size: "00000000009"}), "number"},
		{"size with a sign", sdistOf(tmember{name: in("a"), size: "-0000000001"}), "number"},
		{"size with an underscore", sdistOf(tmember{name: in("a"), size: "0000000_000"}), "number"},
		{"size after NUL", sdistOf(tmember{name: in("a"), size: "0\x0077"}), "number"},
		{"size negative in base 256", sdistOf(tmember{name: in("a"), size: strings.Repeat("\xff", 12)}), "negative"},
		{"size of 2^80", sdistOf(tmember{name: in("a"), size: "\x80\x00\x01" + strings.Repeat("\x00", 9)}), "too large"},
		{"size that lies", sdistOf(tmember{name: in("a"), size: "00000777777"}), "truncated"},
		{"mode not octal", sdistOf(tmember{name: in("a"), poke: put(100, "0000x44")}), "number"},
		{"time not octal", sdistOf(tmember{name: in("a"), poke: put(136, "yesterday")}), "number"},
		{"device number not octal", sdistOf(tmember{name: in("a"), poke: put(329, "x")}), "number"},
		{"prefix in a GNU header", sdistOf(tmember{name: "a", gnu: true, poke: put(345, topDir)}), "part of the name"},
		{
			"prefix in an old header",
			sdistOf(tmember{name: "a", poke: func(b []byte) { copy(b[257:], "        "); copy(b[345:], topDir) }}),
			"part of the name",
		},
		{"star header over the prefix", sdistOf(tmember{name: "a", poke: func(b []byte) {
			copy(b[345:], topDir+strings.Repeat("/d", 70))
			copy(b[508:], "tar\x00")
		}}), "part of the name"},

		{"character device", sdistOf(tmember{name: in("a"), kind: '3'}), "devices"},
		{"block device", sdistOf(tmember{name: in("a"), kind: '4'}), "devices"},
		{"pipe", sdistOf(tmember{name: in("a"), kind: '6'}), "pipes"},
		{"GNU sparse", sdistOf(tmember{name: in("a"), kind: 'S', gnu: true}), "sparse"},
		{"pax sparse", sdistOf(paxOf("GNU.sparse.major", "1"), tmember{name: in("a")}), "sparse"},
		{"volume label", sdistOf(tmember{name: in("a"), kind: 'W'}), "unknown"},
		{"GNU dump folder", sdistOf(tmember{name: in("a"), kind: 'D'}), "unknown"},
		{"Solaris extended header", sdistOf(tmember{name: in("a"), kind: 'X', body: record("path", in("b"))}), "unknown"},
		{"folder with a body", sdistOf(tmember{name: in("d/"), kind: '5', body: "x"}), "but has content"},
		{"link with a body", sdistOf(tmember{name: in("l"), kind: '2', link: "setup.py", body: "x"}), "but has content"},
		{"file with a slash", sdistOf(tmember{name: in("d/")}), "ends in '/'"},
		{"old file made a folder by pax", sdistOf(paxOf("path", in("d/")), tmember{name: in("d"), kind: 'V'}), "ends in '/'"},

		{
			"old file with a slash in its prefix", sdistOf(tmember{name: "", kind: 'V', poke: put(345, in("d"))}), "ends in '/'",
		},

		{
			"pax record without length", sdistOf(tmember{kind: 'x', name: "p", body: "path=x\n"}, tmember{name: in("a")}),
			"malformed",
		},
		{
			"pax record too long", sdistOf(tmember{kind: 'x', name: "p", body: "99 path=x\n"}, tmember{name: in("a")}),
			"malformed",
		},
		{
			"pax record with a sign", sdistOf(tmember{kind: 'x', name: "p", body: "+10 path=x\n"}, tmember{name: in("a")}),
			"malformed",
		},
		{
			"pax record without newline", sdistOf(tmember{kind: 'x', name: "p", body: "9 path=xy"}, tmember{name: in("a")}),
			"malformed",
		},
		{
			"pax record without =", sdistOf(tmember{kind: 'x', name: "p", body: "8 pathx\n"}, tmember{name: in("a")}),
			"malformed",
		},
		{"pax key twice", sdistOf(paxOf("path", in("a"), "path", in("b")), tmember{name: in("a")}), "twice"},
		{"pax path empty", sdistOf(paxOf("path", ""), tmember{name: in("a")}), "unreadable path"},
		{"pax path with NUL", sdistOf(paxOf("path", in("a\x00b")), tmember{name: in("a")}), "unreadable path"},
		{"pax path not UTF-8", sdistOf(paxOf("path", in("\xff")), tmember{name: in("a")}), "unreadable path"},
		{"pax path that escapes", sdistOf(paxOf("path", "../x"), tmember{name: in("a")}), "leads out"},
		{"pax path that is absolute", sdistOf(paxOf("path", "/x"), tmember{name: in("a")}), "absolute"},
		{"pax character set", sdistOf(paxOf("hdrcharset", "BINARY"), tmember{name: in("a")}), "character set"},
		{"pax size smaller", sdistOf(paxOf("size", "1"), tmember{name: in("a"), body: "xyz"}), "different sizes"},
		{
			"pax size over a header's 0",
			sdistOf(paxOf("size", "512"), tmember{name: in("a"), body: strings.Repeat("x", 512), size: "00000000000"}),
			"different sizes",
		},
		{"pax size no number", sdistOf(paxOf("size", "1_0"), tmember{name: in("a")}), "different sizes"},
		{"two pax headers", sdistOf(paxOf("path", in("a")), paxOf("path", in("b")), tmember{name: in("a")}), "two extended"},
		{"pax header at the end", sdistOf(paxOf("path", in("a"))), "ends after an extended"},
		{"pax header of 2 MiB", sdistOf(paxOf("comment", strings.Repeat("x", 2<<20)), tmember{name: in("a")}), "bytes long"},
		{"pax header empty", sdistOf(tmember{kind: 'x', name: "p"}, tmember{name: in("a")}), "bytes long"},
		{"global path", sdistOf(globalOf("path", in("z")), tmember{name: in("a")}), "global"},
		{"global linkpath", sdistOf(globalOf("linkpath", in("z")), tmember{name: in("a")}), "global"},
		{"global size", sdistOf(globalOf("size", "1"), tmember{name: in("a")}), "global"},
		{
			"global header after a member's own",
			sdistOf(paxOf("path", in("a")), globalOf("comment", "x"), tmember{name: in("a")}), "separates a member",
		},
		{"two long names", sdistOf(longName(in("a")), longName(in("b")), tmember{name: in("c")}), "two long names"},
		{
			"long name and pax path", sdistOf(longName(in("a")), paxOf("path", in("b")), tmember{name: in("c")}),
			"both a GNU and a pax long name",
		},
		{"long name with NUL", sdistOf(longName(in("a\x00b")), tmember{name: in("c")}), "NUL"},
		{"long name empty", sdistOf(longName(""), tmember{name: in("c")}), "long tar name is empty"},
		{"long name that escapes", sdistOf(longName(in("../../x")), tmember{name: in("c")}), "leads out"},
		{
			"long name padded with data",
			sdistOf(tmember{name: "L", kind: 'L', body: in("a"), gnu: true, poke: nil, size: "00000000005"},
				tmember{name: in("c")}), "padded with data",
		},
		{"long name at the end", sdistOf(longName(in("a"))), "ends after"},
		{
			"long names of 5000 bytes", sdistOf(longName(in(strings.Repeat("d/", 2500))+"x"), tmember{name: in("c")}),
			"bytes long",
		},

		{"absolute name", sdistOf(tmember{name: "/etc/passwd"}), "absolute"},
		{"parent", sdistOf(tmember{name: in("../x")}), "leads out"},
		{"parent in Windows steps", sdistOf(tmember{name: in(`a\..\..\x`)}), "leads out"},
		{"Windows root", sdistOf(tmember{name: `\x`}), "absolute"},
		{"drive", sdistOf(tmember{name: `C:x`}), "absolute"},
		{"control characters", sdistOf(tmember{name: in("a\x1bb")}), "control"},
		{"no name", sdistOf(tmember{name: ""}), "0 bytes long"},
		{"symlink absolute", sdistOf(tmember{name: in("l"), kind: '2', link: "/etc/passwd"}), "links to"},
		{"symlink out", sdistOf(tmember{name: in("l"), kind: '2', link: "../x"}), "outside"},
		{"symlink far out", sdistOf(tmember{name: in("a/l"), kind: '2', link: "../../x"}), "outside"},
		{"symlink down and out", sdistOf(tmember{name: in("l"), kind: '2', link: "a/../../x"}), "outside"},
		{"symlink to nothing", sdistOf(tmember{name: in("l"), kind: '2'}), "links to"},
		{"symlink with backslash", sdistOf(tmember{name: in("l"), kind: '2', link: `..\..\x`}), "links to"},
		{
			"symlink out by long link", sdistOf(longLink("../../"+strings.Repeat("x", 200)), tmember{name: in("l"), kind: '2'}),
			"outside",
		},
		{
			"symlink out by pax", sdistOf(paxOf("linkpath", "../../x"), tmember{name: in("l"), kind: '2', link: "setup.py"}),
			"outside",
		},
		{"top folder is a symlink", pack(rawTar(tmember{name: topDir, kind: '2', link: "x"})), "outside"},
		{
			"member below a symlink",
			sdistOf(tmember{name: in("l"), kind: '2', link: "d"}, tmember{name: in("l/x"), body: "x"}), "is the folder of",
		},
		{
			"file over a symlink",
			sdistOf(tmember{name: in("l"), kind: '2', link: "setup.py"}, tmember{name: in("l"), body: "x"}), "two members",
		},
		{
			"hard link to a later file",
			sdistOf(tmember{name: in("l"), kind: '1', link: in("late")}, tmember{name: in("late")}), "not an earlier file",
		},
		{"hard link out", sdistOf(tmember{name: in("l"), kind: '1', link: "../../etc/passwd"}), "hard link"},
		{
			"hard link to a symlink",
			sdistOf(tmember{name: in("s"), kind: '2', link: "setup.py"}, tmember{name: in("l"), kind: '1', link: in("s")}),
			"not an earlier file",
		},
		{"file as a folder", sdistOf(tmember{name: in("setup.py/x")}), "is the folder of"},
		{"file over a folder", sdistOf(tmember{name: topDir}), "two members"},

		{"two top folders", sdistOf(tmember{name: "other/x"}), "one top folder"},
		{"top folders by case", sdistOf(tmember{name: "Foo_bar-1.0/x"}), "one top folder"},
		{"top is a file", pack(rawTar(tmember{name: topDir, body: goodInfo})), "PKG-INFO\" is missing"},
		{"no PKG-INFO", pack(rawTar(tmember{name: in("setup.py")})), "is missing"},
		{"PKG-INFO too deep", pack(rawTar(tmember{name: in("x/PKG-INFO"), body: goodInfo})), "is missing"},
		{
			"PKG-INFO is a symlink",
			pack(rawTar(tmember{name: in("x"), body: goodInfo}, tmember{name: in("PKG-INFO"), kind: '2', link: "x"})),
			"is missing",
		},
		{
			"PKG-INFO is a hard link",
			pack(rawTar(tmember{name: in("x"), body: goodInfo}, tmember{name: in("PKG-INFO"), kind: '1', link: in("x")})),
			"is missing",
		},
		{"PKG-INFO twice", sdistOf(tmember{name: in("PKG-INFO"), body: goodInfo + "Summary: x\n"}), "two members"},
		{"file twice", sdistOf(tmember{name: in("setup.py"), body: "import evil_tools\n"}), "two members"},
		{"file twice, once longer", sdistOf(tmember{name: in("setup.py"), body: "import setuptools\n\n"}), "two members"},
		{"file twice, once empty", sdistOf(tmember{name: in("setup.py")}), "two members"},
		{
			"file thrice, the last another",
			sdistOf(tmember{name: in("a")}, tmember{name: in("a")}, tmember{name: in("a"), body: "x"}), "two members",
		},
		{"file twice by a dot", sdistOf(tmember{name: in("./setup.py"), body: "import setuptools\n"}), "two members"},
		{"file twice, once executable", sdistOf(tmember{
			name: in("setup.py"), body: "import setuptools\n", poke: put(100, "0000755"),
		}), "two members"},
		{
			"file twice, once a hard link to another",
			sdistOf(tmember{name: in("a")}, tmember{name: in("a"), kind: '1', link: in("setup.py")}), "two members",
		},
		{
			"hard link twice, to different files",
			sdistOf(tmember{name: in("a")}, tmember{name: in("h"), kind: '1', link: in("a")},
				tmember{name: in("h"), kind: '1', link: in("setup.py")}), "two members",
		},
		{
			"symlink twice, to different files",
			sdistOf(tmember{name: in("l"), kind: '2', link: "a"}, tmember{name: in("l"), kind: '2', link: "b"}), "two members",
		},
		{
			"symlink over a file",
			sdistOf(tmember{name: in("l"), body: "x"}, tmember{name: in("l"), kind: '2', link: "setup.py"}), "two members",
		},

		{"all names below ./", dotted("", "./"+topDir), `begins with "./"`},
		{"all names below ./, with its folder", dotted("./", "./"+topDir), `begins with "./"`},
		{"the folder . itself", dotted(".", topDir), `begins with "./"`},
		{
			"only the folder ./", dotted("./", topDir),
			`pack the folder by its name, as "foo_bar-1.0" and not as "./foo_bar-1.0"`,
		},
		{"no top folder but ./", dotted("./", "."), `begins with "./"`},
		{"one name below ./", sdistOf(tmember{name: "./" + in("x")}), `begins with "./"`},
		{"a name below .//", sdistOf(tmember{name: ".//" + in("x")}), `begins with "./"`},
		{"a name below ./.", sdistOf(tmember{name: "././" + in("x")}), `begins with "./"`},
		{"./ by a pax path", sdistOf(paxOf("path", "./"+in("x")), tmember{name: in("x")}), `begins with "./"`},
		{"./ by a long name", sdistOf(longName("./"+in("x")), tmember{name: in("x")}), `begins with "./"`},
		{"./ by a symlink", sdistOf(tmember{name: "./" + in("x"), kind: '2', link: "setup.py"}), `begins with "./"`},
		{"PKG-INFO twice by a dot", sdistOf(tmember{name: in("./PKG-INFO"), body: goodInfo}), "two members"},
		{"PKG-INFO twice by case", sdistOf(tmember{name: in("pkg-info"), body: goodInfo}), "ignore case"},
		{
			"PKG-INFO of another project",
			pack(rawTar(tmember{name: in("PKG-INFO"), body: "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"})),
			"says the project is",
		},
		{
			"PKG-INFO of another version",
			pack(rawTar(tmember{name: in("PKG-INFO"), body: "Metadata-Version: 2.1\nName: foo-bar\nVersion: 1.1\n"})),
			"says the version is",
		},
		{
			"PKG-INFO of 9 MiB", pack(rawTar(tmember{name: in("PKG-INFO"), body: goodInfo + strings.Repeat("x", 9<<20)})),
			"bytes long",
		},
		{"PKG-INFO empty", pack(rawTar(tmember{name: in("PKG-INFO")})), "PKG-INFO"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := inspect(t, sdistName, tt.sd)
			refused(t, sdistName, err, tt.want)
		})
	}
}
