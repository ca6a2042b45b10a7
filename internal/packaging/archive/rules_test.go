package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging/archive"
)

// TestRules checks that each switch rejects its case, and that the case is accepted without it.
func TestRules(t *testing.T) {
	license := strings.Replace(goodMetadata, "2.1\n", "2.4\nLicense-File: LICENSE\n", 1)
	scripts := func(s string) []byte {
		return wheelOf(zmember{name: info + "entry_points.txt", body: "[console_scripts]\n" + s})
	}
	for _, tt := range []struct {
		name  string
		data  []byte
		rules archive.Rules
		want  string
	}{
		{"data descriptor", goZip(), archive.Rules{DataDescriptors: true}, "data descriptor"},
		{"member comment", wheelOf(zmember{name: "a", comment: "x"}), archive.Rules{EntryComments: true}, "has a comment"},
		{
			"file twice", twice("", zmember{name: "a"}, zmember{name: "a"}).data, archive.Rules{Duplicates: true}, "two members",
		},
		{"dist-info spelling", renamedAll("Foo.Bar-1.0"), archive.Rules{DistInfo: true}, "should be"},
		{"dist-info version spelling", renamedAll("foo_bar-1.0.0"), archive.Rules{DistInfo: true}, "should be"},
		{"license file", wheelWith("METADATA", body(license)), archive.Rules{LicenseFiles: true}, "License-File"},
		{"script name", scripts("a b = c:d\n"), archive.Rules{EntryPoints: true}, "script named"},
		{"entry without =", scripts("a : c:d\n"), archive.Rules{EntryPoints: true}, "invalid line"},
		{"entry twice", scripts("a = c:d\na = c:e\n"), archive.Rules{EntryPoints: true}, "twice"},
		{"section twice", scripts("[console_scripts]\n"), archive.Rules{EntryPoints: true}, "twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := inspectWith(t, wheelName, tt.data, archive.DefaultLimits(), tt.rules)
			refused(t, wheelName, err, tt.want)
			if _, err := inspectWith(t, wheelName, tt.data, archive.DefaultLimits(), archive.PyPIRules()); err == nil {
				t.Error("PyPIRules accepts it")
			}
			if _, err := inspect(t, wheelName, tt.data); err != nil {
				t.Errorf("without the rule: %v", err)
			}
		})
	}
	if _, err := inspectWith(t, wheelName, wheelOf(), archive.DefaultLimits(), archive.PyPIRules()); err != nil {
		t.Errorf("PyPIRules refuses a plain wheel: %v", err)
	}
}

func TestLicenseFilesFound(t *testing.T) {
	license := strings.Replace(goodMetadata, "2.1\n", "2.4\nLicense-File: sub/LICENSE\n", 1)
	m := append(wheelMembers(), zmember{name: info + "licenses/sub/LICENSE"})
	m[1].body = license
	if _, err := inspectWith(t, wheelName, zspec{members: m}.bytes(), archive.DefaultLimits(),
		archive.PyPIRules()); err != nil {
		t.Errorf("wheel: %v", err)
	}
	pkgInfo := strings.Replace(goodInfo, "2.1\n", "2.4\nLicense-File: sub/LICENSE\n", 1)
	sd := pack(rawTar(tmember{name: in("PKG-INFO"), body: pkgInfo}, tmember{name: in("sub/LICENSE")}))
	if _, err := inspectWith(t, sdistName, sd, archive.DefaultLimits(), archive.PyPIRules()); err != nil {
		t.Errorf("sdist: %v", err)
	}
}

// bomb is a wheel with n bytes of zeros in one member.
func bomb(n int) []byte {
	zeros := strings.Repeat("\x00", n)
	return wheelOf(zmember{name: "zeros", body: zeros, packed: squeeze(zeros), deflate: true})
}

func TestLimits(t *testing.T) {
	many := make([]tmember, 200)
	zmany := make([]zmember, 200)
	for i := range many {
		many[i].name = in(fmt.Sprintf("m%050d", i))
		zmany[i].name = strings.Repeat("z", i+1)
	}
	zeros := sdistOf(tmember{name: in("zeros"), body: strings.Repeat("\x00", 3<<20)})
	for _, tt := range []struct {
		name, file string
		data       []byte
		set        func(*archive.Limits)
		want       string
	}{
		{"zip members", wheelName, wheelOf(zmany...), func(l *archive.Limits) { l.Members = 100 }, "100 are allowed"},
		{"zip directory", wheelName, wheelOf(zmany...), func(l *archive.Limits) { l.Directory = 1000 }, "1000 are allowed"},
		{
			"zip declared", wheelName, wheelOf(zmember{name: "a", body: strings.Repeat("x", 2000)}),
			func(l *archive.Limits) { l.Declared = 1000 }, "more than 1000",
		},
		{"zip ratio", wheelName, bomb(3 << 20), func(l *archive.Limits) { l.Free = 1 << 20 }, "too much for its size"},
		{"zip expanded", wheelName, goZip(), func(l *archive.Limits) { l.Expanded = 20 }, "to be decompressed"},
		{"RECORD", wheelName, wheelOf(zmany...), func(l *archive.Limits) { l.Record = 100 }, "100 are allowed"},
		{"METADATA", wheelName, wheelOf(), func(l *archive.Limits) { l.Metadata = 10 }, "10 are allowed"},
		{"WHEEL", wheelName, wheelOf(), func(l *archive.Limits) { l.Small = 10 }, "10 are allowed"},
		{"tar members", sdistName, sdistOf(many...), func(l *archive.Limits) { l.Members = 100 }, "more than 100"},
		{"tar names", sdistName, sdistOf(many...), func(l *archive.Limits) { l.Directory = 1000 }, "names are too long"},
		{"tar expanded", sdistName, zeros, func(l *archive.Limits) { l.Expanded = 1 << 20 }, "more than 1048576"},
		{
			"zip of two names compared", wheelName,
			twice("", zmember{name: "a", body: "xyz"}, zmember{name: "a", body: "xyz"}).data,
			func(l *archive.Limits) { l.Expanded = 4 }, "to be decompressed",
		},
		{"tar ratio", sdistName, zeros, func(l *archive.Limits) { l.Free = 1 << 20 }, "too much for its size"},
		{"bzip2", "foo_bar-1.0.tar.bz2", mustBase64(tarBz2), func(l *archive.Limits) { l.Bzip2 = 2000 }, "more than 2000"},
		{"PKG-INFO", sdistName, sdistOf(), func(l *archive.Limits) { l.Metadata = 10 }, "10 are allowed"},
		{"none allowed", wheelName, wheelOf(), func(l *archive.Limits) { *l = archive.Limits{} }, "0 are allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lim := archive.DefaultLimits()
			tt.set(&lim)
			_, err := inspectWith(t, tt.file, tt.data, lim, archive.Rules{})
			refused(t, tt.file, err, tt.want)
			if _, err := inspect(t, tt.file, tt.data); err != nil {
				t.Errorf("with the default limits: %v", err)
			}
		})
	}
}

// TestBombs uses the default limits.
func TestBombs(t *testing.T) {
	zip := bomb(70 << 20)
	_, err := inspect(t, wheelName, zip)
	refused(t, wheelName, err, "too much for its size")
	_, err = inspect(t, sdistName, sdistOf(tmember{name: in("zeros"), body: strings.Repeat("\x00", 70<<20)}))
	refused(t, sdistName, err, "too much for its size")
	nested := wheelOf(zmember{name: "inner.whl", body: string(zip)})
	if _, err := inspect(t, wheelName, nested); err != nil {
		t.Errorf("a bomb that is never unpacked is refused: %v", err)
	}
}

// broken is a disk that fails beyond some offset.
type broken struct {
	io.ReaderAt
	from int64
}

var errDisk = errors.New("disk is gone")

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.from {
		return 0, errDisk
	}
	return b.ReaderAt.ReadAt(p, at)
}

// TestReadFailure: a disk error is never reported as the uploader's mistake.
func TestReadFailure(t *testing.T) {
	for file, data := range map[string][]byte{wheelName: wheelOf(), sdistName: sdistOf()} {
		for from := range int64(len(data)) {
			r := broken{bytes.NewReader(data), from}
			_, err := archive.Inspect(r, int64(len(data)), named(t, file, "foo-bar"), archive.DefaultLimits(), archive.Rules{})
			if !errors.Is(err, errDisk) || fault.KindOf(err) != fault.Internal {
				t.Fatalf("Inspect(%s) with a disk that ends at %d = %v, want an internal error", file, from, err)
			}
		}
	}
}

// TestShortFile: if a file is shorter than its size, we truncated it, not the uploader.
func TestShortFile(t *testing.T) {
	b := wheelOf()
	_, err := archive.Inspect(bytes.NewReader(b[:20]), int64(len(b)), named(t, wheelName, "foo-bar"),
		archive.DefaultLimits(), archive.Rules{})
	if err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("Inspect of a truncated reader = %v, want an internal error", err)
	}
}
