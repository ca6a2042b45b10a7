package packaging_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

func filename(t testing.TB, s, name string) packaging.Filename {
	t.Helper()
	f, err := packaging.ParseFilename(s, project(t, name))
	if err != nil {
		t.Fatalf("ParseFilename(%q, %q) = %v", s, name, err)
	}
	return f
}

func TestParseFilename(t *testing.T) {
	for _, tt := range []struct{ file, project, version, normal, key string }{
		{"foo-1.0.tar.gz", "foo", "1.0", "foo-1.0.tar.gz", "foo-1.tar.gz"},
		{
			"zope.interface-5.4.0.tar.gz", "zope.interface", "5.4.0", "zope_interface-5.4.0.tar.gz", "zope_interface-5.4.tar.gz",
		},
		{"Flask-Cors-3.0.10.tar.gz", "flask-cors", "3.0.10", "flask_cors-3.0.10.tar.gz", "flask_cors-3.0.10.tar.gz"},
		{"foo-1-1.0.zip", "foo-1", "1.0", "foo_1-1.0.tar.gz", "foo_1-1.zip"},
		{"foo-1.0-1.tar.gz", "foo", "1.0.post1", "foo-1.0.post1.tar.gz", "foo-1.post1.tar.gz"},
		{"foo-1!1.0+Local_1.tgz", "foo", "1!1.0+local.1", "foo-1!1.0+local.1.tar.gz", "foo-1!1+local.1.tgz"},
		{"foo-1.0.tar.bz2", "foo", "1.0", "foo-1.0.tar.gz", "foo-1.tar.bz2"},
		{
			"PyYAML-6.0.1-cp311-cp311-win_amd64.whl", "pyyaml", "6.0.1", "pyyaml-6.0.1-cp311-cp311-win_amd64.whl",
			"pyyaml-6.0.1-cp311-cp311-win_amd64.whl",
		},
		{
			"foo-1.0.0-01x-py3.py2.py2-none-any.whl", "foo", "1.0.0", "foo-1.0.0-01x-py3.py2.py2-none-any.whl",
			"foo-1-1x-py2.py3-none-any.whl",
		},
		{
			"torch-2.0+cu121-cp311-cp311-linux_x86_64.whl", "torch", "2.0+cu121",
			"torch-2.0+cu121-cp311-cp311-linux_x86_64.whl", "torch-2+cu121-cp311-cp311-linux_x86_64.whl",
		},
	} {
		f := filename(t, tt.file, tt.project)
		got := []string{f.String(), f.Name().String(), f.Version().String(), f.Normal(), f.Key()}
		want := []string{tt.file, project(t, tt.project).String(), tt.version, tt.normal, tt.key}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseFilename(%q): %s", tt.file, diff)
		}
	}
}

func TestFilenameParts(t *testing.T) {
	w := filename(t, "zope.Interface-1.0-2b-py2.PY3-none-linux_x86_64.any.whl", "zope-interface")
	want := []string{
		string(packaging.Wheel), "zope.Interface", "1.0", "2b", "py2.PY3", ".whl",
		"py2-none-any py2-none-linux_x86_64 py3-none-any py3-none-linux_x86_64",
	}
	var tags []string
	for _, tag := range w.Tags() {
		tags = append(tags, tag.String())
	}
	got := []string{
		string(w.Kind()), w.NamePart(), w.VersionPart(), w.Build(), w.PythonTag(), w.Ext(), strings.Join(tags, " "),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s := filename(t, "Foo-Bar-v1.0.tar.gz", "foo-bar")
	want = []string{string(packaging.SDist), "Foo-Bar", "v1.0", "", "source", ".tar.gz"}
	got = []string{string(s.Kind()), s.NamePart(), s.VersionPart(), s.Build(), s.PythonTag(), s.Ext()}
	if diff := cmp.Diff(want, got); diff != "" || s.Tags() != nil {
		t.Error(diff, s.Tags())
	}
}

// TestFilenameKey: all spellings of one file have the same key, and other files do not.
func TestFilenameKey(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"Foo.Bar-1.0.tar.gz", "foo_bar-1.0.0.tar.gz", true},
		{"foo_bar-1.0-py2.py3-none-any.whl", "Foo_Bar-1-PY3.py2-none-any.whl", true},
		{"foo_bar-1.0-1-py3-none-any.whl", "foo_bar-1.0-001-py3-none-any.whl", true},
		{"foo_bar-1.0.tar.gz", "foo_bar-1.0.zip", false},
		{"foo_bar-1.0-py3-none-any.whl", "foo_bar-1.0-1-py3-none-any.whl", false},
		{"foo_bar-1.0-py3-none-any.whl", "foo_bar-1.0+x-py3-none-any.whl", false},
		{"foo_bar-1.0a1.tar.gz", "foo_bar-1.0.tar.gz", false},
	} {
		a, b := filename(t, tt.a, "foo-bar"), filename(t, tt.b, "foo-bar")
		if (a.Key() == b.Key()) != tt.same {
			t.Errorf("keys of %q and %q are %q and %q, want same %v", tt.a, tt.b, a.Key(), b.Key(), tt.same)
		}
	}
}

func TestParseFilenameRefuses(t *testing.T) {
	for _, s := range []string{
		"", "foo", "foo-1.0", "foo.tar.gz", "foo-.tar.gz", "-1.0.tar.gz", "foo-1.0.exe", "foo-1.0.egg", "foo-1.0.TAR.GZ",
		"foo-1.0.tar", "foo-1.0.tar.xz", "foo-1.0.whl", ".tar.gz", ".whl",
		"bar-1.0.tar.gz", "foobar-1.0.tar.gz", "foo_-1.0.tar.gz", "foo--1.0.tar.gz", "foo-x.tar.gz", "foo-2-1.0.0.tar.gz",
		"foo-1.0.tar.gz.tar.gz", "foo-1.0-py3.tar.gz", "foo_bar-1.0.tar.gz",
		"../foo-1.0.tar.gz", "a/foo-1.0.tar.gz", `..\foo-1.0.tar.gz`, "/foo-1.0.tar.gz", ".foo-1.0.tar.gz",
		"foo-1.0.tar.gz/", "foo-1.0\x00.tar.gz", "foo-1.0.tar.gz\r\n", "foo-1.0 .tar.gz",
		"foo- 1.0.tar.gz", "foo-1.0\u202e.tar.gz", "föo-1.0.tar.gz", "ｆoo-1.0.tar.gz", "foo-1.0%2e.tar.gz",
		"foo-1.0.tar.gz?x", "foo-1.0.tar.gz#x", "foo-1.0:x.tar.gz", "foo-1.0~1.tar.gz",
		"foo-" + strings.Repeat("1", 250) + ".tar.gz", "con.whl", "foo-1.0-py3-none.whl", "foo-1.0-1-2-py3-none-any.whl",
		"foo--1.0-py3-none-any.whl", "foo--py3-none-any.whl", "foo-bad-py3-none-any.whl",
		"../foo-1.0-py3-none-any.whl", "bar-1.0-py3-none-any.whl", "foo-1.0-x1-py3-none-any.whl",
		"foo-1.0--py3-none-any.whl", "foo-1.0-3-none-any.whl", "foo-1.0-py3--any.whl", "foo-1.0-py3-none-.whl",
		"foo-1.0-py3.-none-any.whl", "foo-1.0-.py3-none-any.whl", "foo-1.0-py3-none-any+x.whl", "foo-1.0-py3-none-any!.whl",
		"foo-1.0-py3-none-any.whl.whl!", "foo-1.0-py3-none-any.WHL", "foo-1.0_1-py3-none-any.whl",
		"foo-1.0-" + strings.Repeat("a.", 40) + "a-" + strings.Repeat("a.", 30) + "a-any.whl",
	} {
		f, err := packaging.ParseFilename(s, project(t, "foo"))
		refused(t, "ParseFilename("+s+")", err)
		if !f.IsZero() {
			t.Errorf("ParseFilename(%q) = %q beside its error", s, f)
		}
	}
	_, err := packaging.ParseFilename("foo__bar-1.0-py3-none-any.whl", project(t, "foo-bar"))
	refused(t, "ParseFilename with two underscores", err)
	_, err = packaging.ParseFilename("foo-1.0.tar.gz", packaging.ProjectName{})
	refused(t, "ParseFilename without a project", err)
}

func TestParseFilenameNamesTheRightName(t *testing.T) {
	_, err := packaging.ParseFilename("bar-1.0.tar.gz", project(t, "Foo.Bar"))
	if want := `"foo_bar-<version>.tar.gz"`; !strings.Contains(fault.Message(err), want) {
		t.Errorf("ParseFilename of another project's file = %v, want it to name %s", err, want)
	}
	err = filename(t, "Foo-1.0.zip", "foo").CheckStrict()
	if want := `"foo-1.0.tar.gz"`; !strings.Contains(fault.Message(err), want) {
		t.Errorf("CheckStrict() = %v, want it to name %s", err, want)
	}
}

// TestRefusedFilenamesSay: a message names the part that is wrong, and what the file is.
func TestRefusedFilenamesSay(t *testing.T) {
	for file, want := range map[string]string{
		"foo-2004d.tar.gz":                    `has the version "2004d", which is not valid`,
		"foo-latest.zip":                      `such as 1.2.3, as in "foo-<version>.zip"`,
		"foo-1.0.dev-r99.tgz":                 `has the version "1.0.dev-r99"`,
		"foo-1.0.linux-x86_64.tar.gz":         "a binary archive for linux-x86_64 (bdist_dumb), which installers do not use",
		"foo-1.0.macosx-10.9-universal2.tgz":  "a binary archive for macosx-10.9-universal2",
		"foo-1.0.win32.zip":                   "a binary archive for win32",
		"foo-1.0.win-amd64.zip":               "a binary archive for win-amd64",
		"foo-1.0-py2.7.egg":                   "an egg, which pip and uv do not install: upload a wheel (.whl)",
		"foo-1.0.win32-py2.7.exe":             "a Windows installer",
		"foo-1.0-1.noarch.rpm":                "an RPM package",
		"foo-1.0.tar.xz":                      "(.tar.gz; also .zip, .tgz or .tar.bz2)",
		"foo-1.0":                             "no known extension",
		"foo-2004d-py3-none-any.whl":          `its second part, "2004d", is not a valid version`,
		"foo-1.0-py3-none-any-null.whl":       "a variant wheel (PEP 825), which this index does not accept yet",
		"foo-1.0-2-py3-none-any-x8664_v3.whl": "a variant wheel (PEP 825), which this index does not accept yet",
		"foo-1.0-cp313-cp313t-musllinux_1_2_x86_64-x86_64_v3.whl": "a variant wheel (PEP 825)",
		"foo-1.0-py2.py3-none-any-cu12.8.whl":                     "a variant wheel (PEP 825)",
		"foo-1.0-variants.json":                                   "a variant wheel (PEP 825)",
		"foo-1.0-py3-none-any-CUDA.whl":                           "build number", // no label has capitals
		"foo-1.0-py3-none-any-a_label_that_is_long.whl":           "build number",
		"foo-1.0-2-py3-none-any-x-y.whl":                          "five parts",
		"bar-1.0-py3-none-any-null.whl":                           "does not begin with the name of project",
		"foo-2004d-py3-none-any-null.whl":                         "not a valid version",
	} {
		_, err := packaging.ParseFilename(file, project(t, "foo"))
		if refused(t, file, err); !strings.Contains(fault.Message(err), want) || !strings.Contains(fault.Message(err), file) {
			t.Errorf("ParseFilename(%q) = %v, want %q", file, err, want)
		}
	}
	for file, want := range map[string]string{
		"pytz-2004d.tar.gz":                  `has the version "2004d"`,
		"Acme.Tools-1.0.linux-x86_64.tar.gz": "a binary archive for linux-x86_64",
		"acme-tools-1.0.win32.zip":           "a binary archive for win32",
		"acme-1.0-py3.11.egg":                "an egg",
		"acme.tar.gz":                        "has no version",
		"acme-1.0-cp313-variants.json":       "PEP 825",
	} {
		_, err := packaging.ProjectOf(file)
		if refused(t, file, err); !strings.Contains(fault.Message(err), want) {
			t.Errorf("ProjectOf(%q) = %v, want %q", file, err, want)
		}
	}
}

func TestCheckSpelling(t *testing.T) {
	for file, ok := range map[string]bool{
		"foo_bar-1.0.tar.gz":               true,
		"foo_bar-1.0.post1.tar.gz":         true,
		"foo_bar-1.0-py3-none-any.whl":     true,
		"foo_bar-v1.0.0-py3-none-any.whl":  true,
		"foo-bar-1.0.tar.gz":               false,
		"foo.bar-1.0.tar.gz":               false,
		"Foo_bar-1.0.tar.gz":               false,
		"foo_bar-1.0-1.tar.gz":             false,
		"foo_bar-v1.0.tar.gz":              false,
		"foo_bar-1.0.zip":                  false,
		"foo_bar-1.0.tgz":                  false,
		"Foo_Bar-1.0-py3-none-any.whl":     false,
		"foo.bar-1.0-py3-none-any.whl":     false,
		"foo_bar-1.0-py3-none-any.tar.bz2": false,
	} {
		f, err := packaging.ParseFilename(file, project(t, "foo-bar"))
		if err == nil {
			err = f.CheckSpelling()
		}
		if ok && err != nil {
			t.Errorf("CheckSpelling of %q = %v", file, err)
		}
		if !ok {
			refused(t, "CheckSpelling of "+file, err)
		}
	}
}

func TestCheckPlatforms(t *testing.T) {
	for platform, ok := range map[string]bool{
		"any": true, "win32": true, "win_arm64": true, "linux_armv7l": true, "manylinux1_x86_64": true,
		"manylinux2010_i686": true, "manylinux2014_s390x": true, "manylinux_2_17_riscv64": true,
		"musllinux_1_2_aarch64": true, "macosx_10_9_universal2": true, "macosx_11_0_arm64": true, "macosx_26_0_arm64": true,
		"ios_13_0_arm64_iphoneos": true, "android_21_arm64_v8a": true,
		"pyemscripten_2024_0_wasm32": true, "manylinux_2_17_x86_64.manylinux2014_x86_64": true,
		"linux_x86_64": false, "linux_aarch64": false, "manylinux1_aarch64": false, "manylinux2014_riscv64": false,
		"musllinux_1_2_ppc64": false, "macosx_11_1_arm64": false, "macosx_16_0_arm64": false,
		"ios_13_0_arm64": false, "android_21_mips": false, "win_mips": false, "freebsd_13_amd64": false,
		"any.linux_x86_64": false, "anyx": false, "ANY": false, "solaris": false,
	} {
		err := filename(t, "foo-1.0-py3-none-"+platform+".whl", "foo").CheckPlatforms()
		if ok && err != nil {
			t.Errorf("CheckPlatforms of %q = %v", platform, err)
		}
		if !ok {
			refused(t, "CheckPlatforms of "+platform, err)
		}
	}
	if err := filename(t, "foo-1.0.tar.gz", "foo").CheckStrict(); err != nil {
		t.Errorf("CheckStrict of an sdist = %v", err)
	}
}
