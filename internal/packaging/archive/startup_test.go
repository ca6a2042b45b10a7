package archive_test

import (
	stdzip "archive/zip"
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging/archive"
	"pyindex/internal/packaging/packagingtest"
)

func TestStartupFiles(t *testing.T) {
	big := "./x\n" + strings.Repeat("# filler\n", 1<<17) // more than a start-up file may have
	many := make([][2]string, 0, 120)
	for i := range 120 {
		many = append(many, [2]string{"p" + strings.Repeat("q", i) + ".pth", "./lib\n"})
	}
	for name, c := range map[string]struct {
		members [][2]string
		want    []string
	}{
		"none":  {nil, nil},
		"paths": {[][2]string{{"a.pth", "./a\n"}}, nil},
		"code": {
			[][2]string{{"b.start", ""}, {"a.pth", "import a\n"}, {"c.pth", "c"}}, []string{"a.pth", "b.start"},
		},
		"paths to a customizing folder": {[][2]string{{"a.pth", "lib\n"}, {"lib/sitecustomize.py", ""}}, []string{"a.pth"}},
		"other spelling": {
			[][2]string{{"a.pth", "#\n.\\LIB\\\n"}, {"lib/usercustomize/__init__.py", ""}}, []string{"a.pth"},
		},
		"paths to a zip": {[][2]string{{"a.pth", "lib/data.bin"}, {"lib/data.bin", "PK"}}, []string{"a.pth"}},
		"paths to outside": {
			[][2]string{{"a.pth", "x/../../y"}, {"b.pth", "/tmp"}, {"c.pth", "C:\\x"}}, []string{"a.pth", "b.pth", "c.pth"},
		},
		"path to a folder": {[][2]string{{"a.pth", "lib"}, {"lib/x/sitecustomize.py", ""}}, nil},
		"many paths":       {[][2]string{{"a.pth", strings.Repeat("x\n", 1001)}}, []string{"a.pth"}},
		"data": {
			[][2]string{{"foo_bar-1.0.data/purelib/a.pth", "import a"}}, []string{"foo_bar-1.0.data/purelib/a.pth"},
		},
		"too large":  {[][2]string{{"a.pth", big}}, []string{"a.pth"}},
		"many":       {many, []string{many[100][0], many[101][0]}},
		"customized": {[][2]string{{"sitecustomize.py", ""}}, []string{"sitecustomize.py"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := packagingtest.WheelWith("foo-bar", "1.0", "x = 1\n", c.members)
			got, err := inspect(t, f.Name, f.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if name == "many" { // the first hundred are read and only add paths
				if len(got.Startup) != 20 || !slices.IsSorted(got.Startup) {
					t.Errorf("Startup = %v, want the 20 that were not read", got.Startup)
				}
				return
			}
			if !slices.Equal(got.Startup, c.want) {
				t.Errorf("Startup = %v, want %v", got.Startup, c.want)
			}
		})
	}
}

// What installers put onto another file must be that file, and no member may describe a project but the one METADATA.
func TestMembersOfSchemes(t *testing.T) {
	for name, c := range map[string]struct {
		members [][2]string
		refusal string // "" if accepted
		warning string
	}{
		"elsewhere":     {[][2]string{{"foo_bar-1.0.data/purelib/other.py", "1"}}, "", ""},
		"same":          {[][2]string{{"foo_bar-1.0.data/purelib/foo_bar.py", "x = 1\n"}}, "", "installed onto others"},
		"other content": {[][2]string{{"foo_bar-1.0.data/purelib/foo_bar.py", "x = 2\n"}}, "installed as one file", ""},
		"other case":    {[][2]string{{"foo_bar-1.0.data/platlib/FOO_bar.py", "x = 2\n"}}, "installed as one file", ""},
		"by the data scheme": {
			[][2]string{{"foo_bar-1.0.data/data/lib/python3/site-packages/foo_bar.py", "x = 2\n"}}, "installed as one file", "",
		},
		"two schemes": {
			[][2]string{{"foo_bar-1.0.data/purelib/a.py", "1"}, {"foo_bar-1.0.data/platlib/a.py", "2"}},
			"installed as one file", "",
		},
		"own metadata": {
			[][2]string{{"foo_bar-1.0.data/purelib/foo_bar-1.0.dist-info/METADATA", "Name: x"}}, ".dist-info folder", "",
		},
		"another's metadata": {
			[][2]string{{"foo_bar-1.0.data/platlib/pip-99.dist-info/METADATA", "Name: pip"}}, ".dist-info folder", "",
		},
		"metadata by data": {
			[][2]string{{"foo_bar-1.0.data/data/Lib/Site-Packages/pip-99.dist-info/METADATA", ""}}, ".dist-info folder", "",
		},
		"dot at the end":    {[][2]string{{"foo_bar-1.0.dist-info/METADATA.", "Name: x"}}, "dots and blanks", ""},
		"dot at the folder": {[][2]string{{"foo_bar-1.0.dist-info./METADATA", "Name: x"}}, "dots and blanks", ""},
		"a stream":          {[][2]string{{"foo_bar-1.0.dist-info/METADATA::$DATA", "Name: x"}}, "dots and blanks", ""},
		"blank at the end":  {[][2]string{{"foo_bar.py ", "x"}}, "", "overwrites another"},
	} {
		t.Run(name, func(t *testing.T) {
			f := packagingtest.WheelWith("foo-bar", "1.0", "x = 1\n", c.members)
			got, err := inspect(t, f.Name, f.Bytes)
			if c.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), c.refusal) {
					t.Errorf("Inspect = %v, want a refusal with %q", err, c.refusal)
				}
				return
			}
			if warnings := strings.Join(got.Warnings, "; "); err != nil || !strings.Contains(warnings, c.warning) {
				t.Errorf("Inspect = %q, %v, want a warning with %q", warnings, err, c.warning)
			}
		})
	}
}

// Startup finds what Inspect finds, without a need for metadata, and refuses what readers would read differently.
func TestStartupAlone(t *testing.T) {
	zip := func(members ...string) []byte {
		var b bytes.Buffer
		z := stdzip.NewWriter(&b)
		for i := 0; i < len(members); i += 2 {
			w, err := z.Create(members[i])
			if err == nil {
				_, err = w.Write([]byte(members[i+1]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	const code, path = "import os\n", "lib\n"
	for _, c := range []struct {
		members []string
		want    []string
		places  []string // by the directory alone
	}{
		{[]string{"a.py", ""}, nil, nil},
		{
			[]string{"b.pth", code, "a.start", "a:b", "lib/c.pth", code},
			[]string{"a.start", "b.pth"},
			[]string{"a.start", "b.pth"},
		},
		{[]string{"b.pth", path}, nil, []string{"b.pth"}},
		{[]string{"./b.pth", code}, []string{"b.pth"}, []string{"b.pth"}},
	} {
		p := zip(c.members...)
		got, err := archive.Startup(bytes.NewReader(p), int64(len(p)), archive.DefaultLimits())
		if !slices.Equal(got, c.want) || err != nil {
			t.Errorf("Startup of %q = %q, %v, want %q", c.members, got, err, c.want)
		}
		got, err = archive.StartupPlaces(bytes.NewReader(p), int64(len(p)), archive.DefaultLimits())
		if !slices.Equal(got, c.places) || err != nil {
			t.Errorf("StartupPlaces of %q = %q, %v, want %q", c.members, got, err, c.places)
		}
	}
	twice := zip("b.pth", code, "b.pth", path)
	if _, err := archive.Startup(bytes.NewReader(twice), int64(len(twice)), archive.DefaultLimits()); !fault.Is(err,
		fault.Invalid) {
		t.Errorf("Startup of two different members = %v", err)
	}
	broken := errors.New("the disk is broken")
	if _, err := archive.Startup(iotest{broken}, 1000, archive.DefaultLimits()); !errors.Is(err, broken) ||
		fault.Is(err, fault.Invalid) {
		t.Errorf("an error of the file is %v", err)
	}
}

type iotest struct{ err error }

func (r iotest) ReadAt([]byte, int64) (int, error) { return 0, r.err }
