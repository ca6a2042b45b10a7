package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// upload is an archive that must be accepted.
type upload struct {
	name string // of the case
	file string
	data []byte
	meta string
	warn string // what the only warning says; "" is none
}

func goodWheels() []upload {
	plain := func(name string, b []byte) upload {
		return upload{name: name, file: wheelName, data: b, meta: goodMetadata}
	}
	return []upload{
		plain("wheel", wheelOf()),
		plain("folders", wheelOf(zmember{name: "a/"}, zmember{name: "a/b/"}, zmember{name: "a/b/c", body: "x"})),
		plain("folders marked",
			wheelOf(zmember{name: "a/", external: 0o040755<<16 | 0x10}, zmember{name: "a/b", external: 0o100644 << 16})),
		plain("folder deflated", wheelOf(zmember{name: "a/", deflate: true})),
		plain("zip comment", with(zspec{comment: "made by hand"})),
		plain("zip64 end", with(zspec{zip64: true})),
		plain("zip64 end, short record full", with(zspec{zip64: true, pokeEnd: func(b []byte) {
			le.PutUint64(b[8:], ^uint64(0))
			le.PutUint32(b[16:], 0xffffffff)
		}})),
		plain("directory in another order", with(zspec{reversed: true})),
		plain("utf-8 names", wheelOf(zmember{name: "é.py", flags: 1 << 11}, zmember{name: "日本.py", flags: 1 << 11})),
		plain("utf-8 flag on ascii", wheelOf(zmember{name: "a.py", flags: 1 << 11})),
		plain("unicode path that agrees", wheelOf(zmember{name: "é", flags: 1 << 11, extra: unicodePath("é", "é")})),
		plain("timestamps in extra",
			wheelOf(zmember{name: "a", localExtra: block(0x5455, make([]byte, 13)), dirExtra: block(0x5455, make([]byte, 5))})),
		plain("long extra", wheelOf(zmember{name: "a", localExtra: block(0xd935, make([]byte, 4000))})),
		plain("padded extra", wheelOf(zmember{name: "a", extra: []byte{0, 0, 0}})),
		plain("member comment", wheelOf(zmember{name: "a", comment: "hello"})),
		plain("compressor flags", wheelOf(zmember{name: "a", body: "abc", deflate: true, flags: 2})),
		plain("compressor flags only local",
			wheelOf(zmember{name: "a", body: "abc", deflate: true, pokeLocal: poke16(6, 4)})),
		plain("zip64 local sizes",
			wheelOf(zmember{name: "a", body: "abc", localExtra: block(1, u64s(3, 3)), pokeLocal: poke64(18, ^uint64(0))})),
		plain("zip64 sizes on both sides",
			wheelOf(zmember{
				name:      "a",
				body:      "abc",
				extra:     block(1, u64s(3, 3)),
				pokeLocal: poke64(18, ^uint64(0)),
				pokeEntry: poke64(20, ^uint64(0)),
			})),
		plain("zip64 field without need", wheelOf(zmember{name: "a", body: "abc", localExtra: block(1, u64s(3, 3))})),
		plain("descriptor", wheelOf(zmember{name: "a", body: "abc", deflate: true, flags: 8})),
		plain("descriptor, stored", wheelOf(zmember{name: "a", body: "abc", flags: 8})),
		plain("descriptor, empty", wheelOf(zmember{name: "a", deflate: true, flags: 8})),
		plain("descriptor of 64 bits",
			wheelOf(zmember{
				name:       "a",
				body:       "abc",
				flags:      8,
				localExtra: block(1, u64s(0, 0)),
				after:      desc64(sumOf("abc"), 3, 3),
			})),
		plain("descriptor of 64 bits, full header",
			wheelOf(zmember{
				name:       "a",
				body:       "abc",
				flags:      8,
				localExtra: block(1, u64s(0, 0)),
				after:      desc64(sumOf("abc"), 3, 3),
				pokeLocal:  poke64(18, ^uint64(0)),
			})),
		plain("descriptor and sizes",
			wheelOf(zmember{name: "a", body: "abc", flags: 8, pokeLocal: func(b []byte) { le.PutUint64(b[18:], 3<<32|3) }})),
		plain("vendored dist-info", wheelOf(zmember{name: "foo_bar/_vendor/x-1.dist-info/METADATA"})),
		plain("data folder", wheelOf(zmember{name: "foo_bar-1.0.data/scripts/run", body: "#!python\n"})),
		plain("entry points",
			wheelOf(zmember{
				name: info + "entry_points.txt",
				body: "# c\n[console_scripts]\nfoo-bar = foo_bar:main [x]\n  more\n\n[other]\nany thing/else = a.b\n",
			})),
		plain("written by archive/zip", goZip()),
		plain("signed RECORD", wheelOf2(zmember{name: info + "RECORD.jws", body: "{}"})),
		twice("module twice", zmember{name: "a/", deflate: true}, zmember{name: "foo_bar/__init__.py", body: "x = 1\n"}),
		twice("file three times", zmember{name: "a", body: "x"}, zmember{name: "a", body: "x", deflate: true},
			zmember{name: "a", body: "x", flags: 8}),
		twice("folder twice", zmember{name: "a/"}, zmember{name: "a/"}),
		twice("METADATA twice", zmember{name: "a"}, zmember{name: info + "METADATA", body: goodMetadata, deflate: true}),
		twice("WHEEL twice", zmember{name: "a"}, zmember{name: info + "WHEEL", body: goodWheel}),
		twice("script twice", zmember{name: "a", external: 0o100755 << 16}, zmember{name: "a", external: 0o100711 << 16}),
		{
			name: "case twins",
			file: wheelName,
			data: wheelOf(zmember{name: "a/X.py"}, zmember{name: "a/x.py"}),
			meta: goodMetadata,
			warn: "ignore case",
		},
		{
			name: "composition twins",
			file: wheelName,
			data: wheelOf(zmember{name: "e\u0301", flags: 1 << 11}, zmember{name: "\u00e9", flags: 1 << 11}),
			meta: goodMetadata,
			warn: "ignore case",
		},
		{name: "old file name", file: "Foo.Bar-1.0-py2.py3-none-any.whl", data: wheelOf(), meta: goodMetadata},
		{name: "version spelled in full", file: "foo_bar-1.0.0-py3-none-any.whl", data: wheelOf(), meta: goodMetadata},
		{name: "dashes in dist-info", file: wheelName, data: renamedAll("Foo-Bar-1.0"), meta: goodMetadata},
	}
}

// twice is a wheel with the member first, whose last members repeat others.
func twice(name string, first zmember, again ...zmember) upload {
	return upload{
		name: name, file: wheelName, data: zspec{members: append(wheelMembers(first), again...)}.bytes(), meta: goodMetadata,
		warn: "more than once with the same content",
	}
}

// repeated is an sdist whose last members repeat others.
func repeated(name string, more ...tmember) upload {
	return upload{
		name: name, file: sdistName, data: sdistOf(more...), meta: goodInfo, warn: "more than once with the same content",
	}
}

// goZip is a wheel by a writer that cannot seek: the sizes of every member follow its content.
func goZip() []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range wheelMembers() {
		f, _ := w.Create(m.name)
		io.WriteString(f, m.body)
	}
	w.Close()
	return b.Bytes()
}

// wheelOf2 is wheelOf with members that RECORD omits.
func wheelOf2(more ...zmember) []byte {
	return zspec{members: slices.Concat(wheelMembers(), more)}.bytes()
}

// renamedAll is a valid wheel whose .dist-info folder has another stem, also in RECORD.
func renamedAll(stem string) []byte {
	m := wheelMembers()
	for i := range m {
		m[i].name = strings.Replace(m[i].name, "foo_bar-1.0.dist-info", stem+".dist-info", 1)
	}
	last := &m[len(m)-1]
	last.body = strings.ReplaceAll(last.body, "foo_bar-1.0.dist-info", stem+".dist-info")
	return zspec{members: m}.bytes()
}

const tarBz2 = "QlpoOTFBWSZTWewtxXEAAKffhMqUQAP/kAGvwQD3J94gAAQICDAAuSEqFMaBNNAGmaQHpDyh6nqGMhkNBoNGgDQANDBJKGp6JkGhpo00AA0YR+vryELDRsADOSQjNP9GJAnimJB4hDILXRxKlXQlXa16lulKBgVKmIARyIBD63Yto8dpxy8JMJRlIyasp+ju/bQ1ZFvJrVLuFjCpI5D5nGMHj2mL47JC2iChCSCLco2JynQYFEbrXE4la7CpRWRM1QkH8XckU4UJDsLcVxA="

func goodSDists() []upload {
	plain := func(name string, b []byte) upload {
		return upload{name: name, file: sdistName, data: b, meta: goodInfo}
	}
	deep := in(strings.Repeat("deep/", 40) + "x")
	return []upload{
		plain("sdist", sdistOf()),
		plain("no end blocks", pack(rawTar(sdistMembers()...))),
		plain("one end block", pack(rawTar(sdistMembers()...)+strings.Repeat("\x00", 512))),
		plain("padded to a tape record", pack(sdistTar()+strings.Repeat("\x00", 9000))),
		plain("zeros after gzip", append(sdistOf(), make([]byte, 700)...)),
		plain("no folder members", pack(rawTar(sdistMembers()[1:]...))),
		plain("old tar", sdistOf(tmember{
			name: in("a"), kind: 'V', body: "x", poke: put(257, "\x00\x00\x00\x00\x00\x00\x00\x00"),
		}, tmember{name: in("d/"), kind: 'V'})),
		plain("reserved type", sdistOf(tmember{name: in("a"), kind: '7', body: "x"})),
		plain("GNU header", sdistOf(tmember{name: in("a"), gnu: true, body: "x"})),
		plain("GNU long name", sdistOf(longName(deep), tmember{name: deep[:100], gnu: true, body: "x"})),
		plain("GNU long link",
			sdistOf(longLink("d/"+strings.Repeat("x", 150)), tmember{name: in("l"), kind: '2', gnu: true})),
		plain("GNU long name and link",
			sdistOf(longLink(strings.Repeat("x", 150)), longName(deep), tmember{name: "x", kind: '2', gnu: true})),
		plain("prefix", sdistOf(tmember{name: "x", body: "x", poke: put(345, topDir+"/a/b")})),
		plain("pax path", sdistOf(paxOf("path", in("é/日本"), "mtime", "1.5"), tmember{name: in("x"), body: "x"})),
		plain("pax linkpath", sdistOf(paxOf("linkpath", "setup.py"), tmember{name: in("l"), kind: '2', link: "x"})),
		plain("pax size that agrees", sdistOf(paxOf("size", "3"), tmember{name: in("x"), body: "xyz"})),
		plain("global comment", pack(rawTar(append([]tmember{globalOf("comment", "0123abcd")}, sdistMembers()...)...))),
		plain("size in base 256",
			sdistOf(tmember{name: in("x"), body: "xyz", size: "\x80" + strings.Repeat("\x00", 10) + "\x03"})),
		plain("owner in base 256", sdistOf(tmember{name: in("x"), poke: put(108, "\x80\x00\x00\x00\x77\x77\x77\x77")})),
		plain("symlinks inside",
			sdistOf(tmember{name: in("d/"), kind: '5'}, tmember{name: in("d/l"), kind: '2', link: "../setup.py"},
				tmember{name: in("m"), kind: '2', link: "d"}, tmember{name: in("dangling"), kind: '2', link: "gone/there"})),
		plain("hard link inside", sdistOf(tmember{name: in("h"), kind: '1', link: in("setup.py")})),
		plain("folder twice", sdistOf(tmember{name: in(""), kind: '5'})),
		plain("dot steps", sdistOf(tmember{name: in("a/./b")})),
		plain("backslash in a name", sdistOf(tmember{name: in(`x\x2dy`)})),
		plain("written by archive/tar, long", goTar(tar.FormatPAX, deep)),
		plain("written by archive/tar, GNU", goTar(tar.FormatGNU, deep)),
		plain("any top folder", pack(rawTar(tmember{name: "whatever/PKG-INFO", body: goodInfo}))),
		plain("egg-info beside", sdistOf(tmember{name: in("foo_bar.egg-info/PKG-INFO"), body: goodInfo})),
		{name: "tgz", file: "foo_bar-1.0.tgz", data: sdistOf(), meta: goodInfo},
		{name: "old file name", file: "Foo.Bar-1.0.tar.gz", data: sdistOf(), meta: goodInfo},
		repeated("file twice", tmember{name: in("setup.py"), body: "import setuptools\n"}),
		repeated("file three times", tmember{name: in("a")}, tmember{name: in("a")}, tmember{name: in("a")}),
		repeated("script twice", tmember{name: in("a"), poke: put(100, "0000755")},
			tmember{name: in("a"), poke: put(100, "0000700")}),
		repeated("symlink twice", tmember{name: in("l"), kind: '2', link: "setup.py"},
			tmember{name: in("l"), kind: '2', link: "setup.py"}),
		repeated("hard link twice", tmember{name: in("h"), kind: '1', link: in("setup.py")},
			tmember{name: in("h"), kind: '1', link: in("setup.py")}),
		repeated("PKG-INFO twice", tmember{name: in("PKG-INFO"), body: goodInfo}),
		repeated("file twice after a long name", longName(in(strings.Repeat("deep/", 40)+"x")),
			tmember{name: "x", body: "y", gnu: true}, paxOf("path", in(strings.Repeat("deep/", 40)+"x")),
			tmember{name: "x", body: "y"}),
		{
			name: "zip file twice", file: "foo_bar-1.0.zip",
			data: sdistZip(zmember{name: in("setup.py"), body: "x", deflate: true}), meta: goodInfo,
			warn: "more than once with the same content",
		},
		{
			name: "latin-1 name",
			file: sdistName,
			data: sdistOf(tmember{name: in("caf\xe9")}),
			meta: goodInfo,
			warn: "not UTF-8",
		},
		{
			name: "case twins",
			file: sdistName,
			data: sdistOf(tmember{name: in("a")}, tmember{name: in("A")}),
			meta: goodInfo,
			warn: "ignore case",
		},
		{name: "zip", file: "foo_bar-1.0.zip", data: sdistZip(), meta: goodInfo},
		{
			name: "zip with folders", file: "foo_bar-1.0.zip",
			data: sdistZip(zmember{name: in("d/")}, zmember{name: in("d/x"), deflate: true, body: "x"}), meta: goodInfo,
		},
	}
}

func sdistZip(more ...zmember) []byte {
	m := []zmember{{name: in("PKG-INFO"), body: goodInfo, deflate: true}, {name: in("setup.py"), body: "x"}}
	return zspec{members: append(m, more...)}.bytes()
}

func goTar(f tar.Format, deep string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, m := range []tmember{{name: in("PKG-INFO"), body: goodInfo}, {name: deep, body: "x"}} {
		h := &tar.Header{Name: m.name, Size: int64(len(m.body)), Mode: 0o644, Format: f}
		if f == tar.FormatPAX {
			h.ModTime = time.Unix(1, 5)
		}
		w.WriteHeader(h)
		io.WriteString(w, m.body)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func accepted() []upload { return slices.Concat(goodWheels(), goodSDists()) }

func TestAccepted(t *testing.T) {
	for _, u := range accepted() {
		t.Run(u.file+"/"+u.name, func(t *testing.T) {
			c, err := inspect(t, u.file, u.data)
			if err != nil {
				t.Fatalf("Inspect(%s) = %v", u.file, err)
			}
			if string(c.Metadata) != u.meta || c.Parsed.Version != "1.0" {
				t.Errorf("metadata = %q (version %q), want %q", c.Metadata, c.Parsed.Version, u.meta)
			}
			checkWarnings(t, c.Warnings, u.warn)
			if !slices.IsSorted(c.Members) || slices.Contains(c.Members, "") {
				t.Errorf("members are not sorted names: %q", c.Members)
			}
		})
	}
}

// TestGoSeesTheSame reads accepted archives with the standard library, whose zip and tar readers this package does not
// use.
func TestGoSeesTheSame(t *testing.T) {
	for _, u := range accepted() {
		c, err := inspect(t, u.file, u.data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.Members, listed(t, u)); diff != "" {
			t.Errorf("%s/%s: -ours +archive/zip or archive/tar:\n%s", u.file, u.name, diff)
		}
	}
}

func listed(t *testing.T, u upload) []string {
	var names []string
	if path.Ext(u.file) == ".whl" || path.Ext(u.file) == ".zip" {
		z, err := zip.NewReader(bytes.NewReader(u.data), int64(len(u.data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			names = append(names, strings.TrimRight(f.Name, "/"))
		}
	} else {
		names = listedTar(t, u)
	}
	slices.Sort(names)
	return names
}

func listedTar(t *testing.T, u upload) []string {
	g, err := gzip.NewReader(bytes.NewReader(u.data))
	if err != nil {
		t.Fatal(err)
	}
	g.Multistream(false) // it would take zeros behind for a broken second member
	var names []string
	for r := tar.NewReader(g); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatalf("%s: %v", u.name, err)
		}
		if h.Typeflag != tar.TypeXGlobalHeader {
			names = append(names, strings.TrimRight(h.Name, "/"))
		}
	}
}

func checkWarnings(t *testing.T, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
		t.Errorf("warnings = %q, want %q", got, want)
	}
}

func TestMembers(t *testing.T) {
	c, err := inspect(t, wheelName, wheelOf(zmember{name: "b/"}, zmember{name: "a"}))
	want := []string{"a", "b", info + "METADATA", info + "RECORD", info + "WHEEL", "foo_bar/__init__.py"}
	if diff := cmp.Diff(want, c.Members); err != nil || diff != "" {
		t.Errorf("members, err = %v:\n%s", err, diff)
	}
}

// TestBzip2 reads a .tar.bz2 created by Python's tarfile.
func TestBzip2(t *testing.T) {
	data, err := base64.StdEncoding.DecodeString(tarBz2)
	if err != nil {
		t.Fatal(err)
	}
	c, err := inspect(t, "foo_bar-1.0.tar.bz2", data)
	if err != nil || string(c.Metadata) != goodInfo {
		t.Errorf("Inspect(tar.bz2) = %q, %v", c.Metadata, err)
	}
}

func mustBase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
