package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/packaging"
)

func TestStartupPlace(t *testing.T) {
	for member, want := range map[string]bool{
		"acme.pth":                         true,
		".acme.pth":                        true,
		"acme.start":                       true,
		"__editable__.acme-1.0.pth":        true,
		"acme-1.0.data/purelib/acme.pth":   true,
		"acme-1.0.data/platlib/acme.start": true,
		"acme-1.0.DATA/PureLib/acme.pth":   true,
		"acme-1.0.data/data/lib/python3.13/site-packages/acme.pth": true,
		"acme-1.0.data/data/Lib/Site-Packages/acme.pth":            true,
		"acme-1.0.data/data/lib/python3/dist-packages/acme.start":  true,
		"acme-1.0.data/data/site-packages/acme.pth":                true,
		"acme-1.0.data/data/site-packages/site-packages/acme.pth":  true,
		"sitecustomize.py":                                     true,
		"sitecustomize/__init__.py":                            true,
		"usercustomize.cpython-313-x86_64-linux-gnu.so":        true,
		"acme-1.0.data/purelib/sitecustomize.py":               true,
		"acme/acme.pth":                                        false,
		"acme.pth.txt":                                         false,
		"acmepth":                                              false,
		"acme.PTH":                                             false,
		"acme/sitecustomize.py":                                false,
		"sitecustomize_acme.py":                                false,
		"acme-1.0.data/purelib/acme/x.pth":                     false,
		"acme-1.0.data/scripts/acme.pth":                       false,
		"acme-1.0.data/headers/acme.pth":                       false,
		"acme-1.0.data/data/acme.pth":                          true, // Windows: the prefix
		"acme-1.0.data/data/sitecustomize.py":                  true,
		"acme-1.0.data/data/lib/python3.13/sitecustomize.py":   true,
		"acme-1.0.data/data/Lib/usercustomize.py":              true,
		"acme-1.0.data/data/lib/python3.13/site.py":            true,
		"acme-1.0.data/data/lib/python313.zip":                 true,
		"acme-1.0.data/data/lib64/python3.13/encodings/x.py":   true,
		"acme-1.0.data/data/bin/python3":                       true,
		"acme-1.0.data/data/Scripts/python.exe":                true,
		"acme-1.0.data/scripts/python":                         true,
		"acme-1.0.data/data/pyvenv.cfg":                        true,
		"acme.pth.":                                            true, // Windows: acme.pth
		"acme.pth ":                                            true,
		"acme.pth::$DATA":                                      true,
		"sitecustomize.py. ":                                   true,
		"acme-1.0.data/data/Lib/site-packages./acme.pth":       true,
		"acme-1.0.data/scripts/python-acme":                    false,
		"acme-1.0.data/data/bin/acme":                          false,
		"acme-1.0.data/data/lib/libacme.so":                    false,
		"acme-1.0.data/data/etc/pyvenv.cfg":                    false,
		"acme-1.0.data/data/lib/python3.13/site-packages/a.py": false,
		"acme-1.0.data/data/share/acme.pth":                    false,
		"acme-1.0.data/data/site-packages/acme/x.pth":          false,
		"acme-1.0.data/data/my-site-packages/acme.pth":         false,
		"acme-1.0.dist-info/acme.pth":                          false,
		"":                                                     false,
	} {
		if got := packaging.StartupPlace(member); got != want {
			t.Errorf("StartupPlace(%q) = %v, want %v", member, got, want)
		}
	}
}

// startupCode has contents of *.pth files with what Python's site module does with them.
var startupCode = map[string]struct {
	content string
	runs    bool
}{
	"import":                {"import acme", true},
	"import and tab":        {"import\tacme", true},
	"second line":           {"./acme\nimport acme\n", true},
	"after CR":              {"./acme\rimport acme", true},
	"after CR LF":           {"./acme\r\nimport acme\r\n", true},
	"after a form feed":     {"./acme\x0cimport acme", true},
	"after a vertical tab":  {"./acme\x0bimport acme", true},
	"after FS":              {"./acme\x1cimport acme", true},
	"after NEL":             {"./acme\u0085import acme", true},
	"after LS":              {"./acme\u2028import acme", true},
	"after PS":              {"./acme\u2029import acme", true},
	"after a BOM":           {"\ufeffimport acme", true},
	"after bytes not UTF-8": {"\xff\xfe\nimport acme", true},
	"distutils' own":        {"import os; var = 'X'; enabled = os.environ.get(var)", true},
	"a path":                {"./acme\n../lib\n", false},
	"a comment":             {"# import acme\n#import acme", false},
	"indented":              {" import acme\n\timport acme", false},
	"another word":          {"importlib\nimports acme\nimport", false},
	"upper case":            {"Import acme", false},
	"no-break space":        {"import\u00a0acme", false},
	"in a path":             {"/opt/import me/lib", false},
	"empty":                 {"", false},
}

func TestStartupCode(t *testing.T) {
	for name, c := range startupCode {
		if got := packaging.StartupCode("acme.pth", []byte(c.content)); got != c.runs {
			t.Errorf("%s: StartupCode(%q) = %v, want %v", name, c.content, got, c.runs)
		}
	}
	for _, member := range []string{"acme.start", "sitecustomize.py"} {
		if !packaging.StartupCode(member, nil) {
			t.Errorf("StartupCode(%s) = false", member)
		}
	}
}

func FuzzStartup(f *testing.F) {
	f.Add("acme.pth", []byte("import x"))
	f.Add("a.data/data/site-packages/", []byte("\x85import "))
	f.Fuzz(func(t *testing.T, member string, content []byte) {
		packaging.StartupPlace(member)
		runs := packaging.StartupCode("x.pth", content)
		if want := strings.Contains(string(content), "import"); runs && !want {
			t.Errorf("StartupCode(%q) = true without import", content)
		}
		if again := packaging.StartupCode("x.pth", append([]byte("x\n"), content...)); runs && !again {
			t.Errorf("a line before %q hides its code", content)
		}
	})
}

func TestPathLines(t *testing.T) {
	for content, want := range map[string]string{
		"./a\n../b\r\n": "./a|../b", "import x\n# c\n\n d \nimportlib\n": " d|importlib", "\ufeffa\x0cb\u2028c\x85d": "a|b|c|d",
		"": "", "é\n": "é",
	} {
		if got := strings.Join(packaging.PathLines([]byte(content)), "|"); got != want {
			t.Errorf("PathLines(%q) = %q, want %q", content, got, want)
		}
	}
}

func TestSitePath(t *testing.T) {
	for member, want := range map[string]string{
		"a/b.py": "a/b.py", "x-1.data/purelib/a/b.py": "a/b.py", "x-1.DATA/PLATLIB/a.py": "a.py",
		"x-1.data/data/lib/python3/site-packages/a/b.py": "a/b.py", "x-1.data/scripts/a": "", "x-1.data/data/a": "",
		"x-1.data/purelib": "x-1.data/purelib",
	} {
		if got := packaging.SitePath(member); got != want {
			t.Errorf("SitePath(%q) = %q, want %q", member, got, want)
		}
	}
}

// The lines of setuptools for namespace packages are no start-up code; nothing else that looks like one is exempt.
func TestNamespaceLines(t *testing.T) {
	line := func(names, full string) string {
		return "import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join(sys._getframe(1).f_locals['sitedir'], " +
			"*(" + names + "));importlib = has_mfs and __import__('importlib.util');has_mfs and __import__('importlib.machinery');" +
			"m = has_mfs and sys.modules.setdefault('" + full + "', importlib.util.module_from_spec(" +
			"importlib.machinery.PathFinder.find_spec('" + full + "', [os.path.dirname(p)])));m = m or sys.modules.setdefault('" +
			full + "', types.ModuleType('" + full + "'));mp = (m or []) and m.__dict__.setdefault('__path__',[]);" +
			"(p not in mp) and mp.append(p)"
	}
	one, two := line("'zope',", "zope"), line("'google', 'cloud'", "google.cloud")+";m and setattr(sys.modules['google'], 'cloud', m)"
	for content, runs := range map[string]bool{
		one: false, two: false, one + "\n" + one + "\n" + two + "\n": false,
		one + "\nimport evil": true, one + ";import evil": true, "import evil;" + one: true, line("'json',", "json"): true,
		line("'JSON',", "JSON"): true, line("'_abc',", "_abc"): true, line("'zope',", "other"): true, two + " ": true,
		strings.Replace(one, "dirname", "basename", 1):          true,
		strings.Replace(one, "'zope',", "'zope',exec('x'),", 1): true, line("'zo' 'pe',", "zope"): true,
		line("'zope',", "\x00P"): true, line("\x00T", "zope"): true,
	} {
		if got := packaging.StartupCode("x-nspkg.pth", []byte(content)); got != runs {
			t.Errorf("StartupCode(%q) = %v, want %v", content, got, runs)
		}
	}
}
