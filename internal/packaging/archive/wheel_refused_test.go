package archive_test

import (
	"strings"
	"testing"
)

func body(s string) func(*zmember) { return func(m *zmember) { m.body = s } }

func meta(name, version string) string {
	return "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"
}

func TestWheelRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		whl  []byte
		want string
	}{
		{"no METADATA", wheelWithout("METADATA"), `METADATA" is missing`},
		{"no WHEEL", wheelWithout("WHEEL"), `WHEEL" is missing`},
		{"no RECORD", wheelWithout("RECORD"), `RECORD" is missing`},
		{"no dist-info", zspec{members: []zmember{{name: "a.py"}}}.bytes(), "has 0"},
		{
			"dist-info below the top", zspec{members: []zmember{{name: "x/" + info + "METADATA", body: goodMetadata}}}.bytes(),
			"has 0",
		},
		{"two dist-infos", wheelOf(zmember{name: "other-1.0.dist-info/METADATA"}), "has 2"},
		{"dist-info of another project", renamedAll("other-1.0"), "should be"},
		{"dist-info of another version", renamedAll("foo_bar-1.1"), "should be"},
		{"dist-info without a version", renamedAll("foo_bar"), "should be"},
		{
			"dist-info suffix in capitals",
			zspec{members: []zmember{{name: "foo_bar-1.0.DIST-INFO/METADATA", body: goodMetadata}}}.bytes(), "should be",
		},
		{"METADATA through a dot step", wheelWith("METADATA", func(m *zmember) { m.name = "./" + m.name }), "is missing"},
		{
			"METADATA through an empty step", wheelWith("METADATA", func(m *zmember) { m.name = info + "/METADATA" }),
			"is missing",
		},
		{
			"METADATA is a folder",
			wheelWith("METADATA", func(m *zmember) { m.name, m.body, m.deflate = m.name+"/", "", false }), "is missing",
		},
		{"METADATA empty", wheelWith("METADATA", body("")), "METADATA"},
		{"METADATA of 9 MiB", wheelWith("METADATA", body(goodMetadata+strings.Repeat("x", 9<<20))), "are allowed"},
		{
			"METADATA of another project", wheelWith("METADATA", body(meta("other", "1.0"))),
			`says the project is "other", the file name says foo-bar`,
		},
		{
			"METADATA of another version", wheelWith("METADATA", body(meta("foo-bar", "1.1"))),
			`says the version is "1.1", the file name says 1.0`,
		},
		{"METADATA with a local version", wheelWith("METADATA", body(meta("foo-bar", "1.0+x"))), "says the version is"},
		{"METADATA without a version", wheelWith("METADATA", body("Metadata-Version: 2.1\nName: foo-bar\n")), "METADATA"},
		{
			"METADATA with two names",
			wheelWith("METADATA", body("Metadata-Version: 2.1\nName: foo-bar\nName: other\nVersion: 1.0\n")), "METADATA",
		},
		{
			"METADATA unpacks to more than declared",
			wheelWith("METADATA", func(m *zmember) { m.packed = squeeze(goodMetadata + "more") }), "does not unpack",
		},
		{
			"METADATA unpacks to less than declared",
			wheelWith("METADATA", func(m *zmember) { m.packed = squeeze(goodMetadata[:20]) }), "does not unpack",
		},
		{
			"METADATA with another checksum",
			wheelWith("METADATA", func(m *zmember) { m.packed = squeeze(strings.ToUpper(goodMetadata)) }), "does not unpack",
		},
		{
			"METADATA compressed badly", wheelWith("METADATA", func(m *zmember) { m.packed = []byte("\xff\xff\xff\xff") }),
			"damaged",
		},
		{
			"METADATA compressed and more",
			wheelWith("METADATA", func(m *zmember) { m.packed = append(squeeze(goodMetadata), "more"...) }),
			"does not end at the position",
		},
		{"WHEEL empty", wheelWith("WHEEL", body("")), "Wheel-Version"},
		{"WHEEL of the future", wheelWith("WHEEL", body("Wheel-Version: 2.0\n")), "installers support 1.x"},
		{"WHEEL without a number", wheelWith("WHEEL", body("Wheel-Version: one\n")), "installers support 1.x"},
		{"WHEEL of 2 MiB", wheelWith("WHEEL", body(goodWheel+strings.Repeat("x", 2<<20))), "are allowed"},
		{"RECORD in UTF-16", wheelWith("RECORD", body("\xff\xfea\x00")), "not UTF-8"},
		{"RECORD with NUL", wheelWith("RECORD", body("a\x00,,\n")), "not UTF-8"},
		{"RECORD with an endless name", wheelWith("RECORD", body(strings.Repeat("a", 5000)+",,\n")), "RECORD lists a name"},
		{"entry points not UTF-8", wheelOf(zmember{name: info + "entry_points.txt", body: "\xff"}), "not UTF-8"},
		{
			"script in another folder",
			wheelOf(zmember{name: info + "entry_points.txt", body: "[console_scripts]\n../../sh = a:b\n"}), "which is a path",
		},
		{
			"gui script on Windows", wheelOf(zmember{name: info + "entry_points.txt", body: "[gui_scripts]\na\\b = a:b\n"}),
			"which is a path",
		},
		{
			"script named ..", wheelOf(zmember{name: info + "entry_points.txt", body: "\ufeff[console_scripts]\n..=a:b\n"}),
			"which is a path",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := inspect(t, wheelName, tt.whl)
			refused(t, wheelName, err, tt.want)
		})
	}
}

func TestZipSDistRefused(t *testing.T) {
	const file = "foo_bar-1.0.zip"
	for _, tt := range []struct {
		name string
		zip  []byte
		want string
	}{
		{"two top folders", sdistZip(zmember{name: "x"}), "one top folder"},
		{"no PKG-INFO", zspec{members: []zmember{{name: in("setup.py")}}}.bytes(), "is missing"},
		{
			"PKG-INFO through a dot step", zspec{members: []zmember{{name: in("./PKG-INFO"), body: goodInfo}}}.bytes(),
			"is missing",
		},
		{"empty", zspec{}.bytes(), "is empty"},
		{"tar.gz inside the name", sdistOf(), "not a zip file"},
		{"symlink", sdistZip(zmember{name: in("l"), external: 0o120777 << 16}), "symbolic link"},
		{"duplicate", sdistZip(zmember{name: in("setup.py")}), "two members"},
		{"folder ./", sdistZip(zmember{name: "./"}), `begins with "./"`},
		{
			"all names below ./", zspec{members: []zmember{{name: "./" + in("PKG-INFO"), body: goodInfo}}}.bytes(),
			`begins with "./"`,
		},
		{
			"another project", zspec{members: []zmember{{name: in("PKG-INFO"), body: meta("other", "1.0")}}}.bytes(),
			"says the project",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := inspect(t, file, tt.zip)
			refused(t, file, err, tt.want)
		})
	}
}

func TestRecordWarnings(t *testing.T) {
	good := "foo_bar/__init__.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n"
	for _, tt := range []struct{ name, record, want string }{
		{"complete", good, ""},
		{"quoted", strings.Replace(good, "foo_bar/__init__.py", `"foo_bar/__init__.py"`, 1), ""},
		{"carriage returns", strings.ReplaceAll(good, "\n", "\r\n"), ""},
		{"leaves out a file", strings.Replace(good, "foo_bar/__init__.py,,\n", "", 1), "omits 1 file of the wheel"},
		{"lists another file", good + "gone.py,,\n", "does not contain"},
		{"lists a file outside", good + "../../bin/x,,\n", "outside the wheel"},
		{"lists an absolute file", good + "/etc/passwd,,\n", "outside the wheel"},
		{"lists a file twice", good + info + "WHEEL,,\n", "more than once"},
		{"wrong size", strings.Replace(good, "WHEEL,,", "WHEEL,,9999", 1), "wrong size"},
		{"wrong hash", strings.Replace(good, "METADATA,,", "METADATA,sha256=AAAA,", 1), "wrong hash"},
		{"short rows", strings.ReplaceAll(good, ",,", ""), ""},
		{"long rows", strings.ReplaceAll(good, ",,", ",,,,"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := inspect(t, wheelName, wheelWith("RECORD", body(tt.record)))
			if err != nil {
				t.Fatalf("Inspect(%s) = %v", wheelName, err)
			}
			checkWarnings(t, c.Warnings, tt.want)
		})
	}
}
