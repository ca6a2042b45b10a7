package packaging_test

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// generator generates valid and almost valid texts. It avoids the few respects in which we are stricter than packaging;
// TestStricterThanPackaging lists them.
type generator struct{ r *rand.Rand }

func (g generator) pick(from ...string) string { return from[g.r.IntN(len(from))] }

// maybe returns one of the texts in about one of n cases, and otherwise "".
func (g generator) maybe(n int, from ...string) string {
	if g.r.IntN(n) > 0 {
		return ""
	}
	return g.pick(from...)
}

// spoil changes one byte in about one of twelve cases.
func (g generator) spoil(s string, with string) string {
	if s == "" || g.r.IntN(12) > 0 {
		return s
	}
	i := g.r.IntN(len(s))
	junk := string(with[g.r.IntN(len(with))])
	switch g.r.IntN(3) {
	case 0:
		return s[:i] + s[i+1:]
	case 1:
		return s[:i] + junk + s[i+1:]
	}
	return s[:i] + junk + s[i:]
}

func (g generator) number() string {
	return g.pick("0", "1", "2", "3", "7", "10", "00", "01", "010", "2026", "18446744073709551616",
		"99999999999999999999999")
}

func (g generator) release() string {
	s := g.number()
	for range g.r.IntN(4) {
		s += "." + g.number()
	}
	return s
}

func (g generator) suffix() string {
	sep := func() string { return g.pick("", "", ".", "-", "_") }
	s := ""
	if g.r.IntN(3) == 0 {
		s += sep() + g.pick("a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "RC", "Alpha") + sep() +
			g.maybe(1, g.number(), "")
	}
	if g.r.IntN(3) == 0 {
		s += g.pick("-"+g.number(), sep()+g.pick("post", "rev", "r", "POST")+sep()+g.pick(g.number(), ""))
	}
	if g.r.IntN(3) == 0 {
		s += sep() + g.pick("dev", "DEV") + sep() + g.pick(g.number(), "")
	}
	return s
}

func (g generator) local() string {
	if g.r.IntN(3) > 0 {
		return ""
	}
	s := "+" + g.localPart()
	for range g.r.IntN(3) {
		s += g.pick(".", "-", "_") + g.localPart()
	}
	return s
}

func (g generator) localPart() string {
	return g.pick("a", "abc", "Ubuntu", "cu121", "1", "01", "007", "0a", "g12ab")
}

func (g generator) version() string {
	v := g.maybe(6, "v", "V") + g.maybe(6, "0!", "1!", "01!", "20!") + g.release() + g.suffix() + g.local()
	return g.maybe(15, " ", "\t", "\u00a0", "\n", "\x1c") + g.spoil(v, ".-_+!ab1xé*") + g.maybe(15, " ", "\n", "\u2003")
}

// neighbour generates versions close to each other, so that order and membership depend on the suffixes.
func (g generator) neighbour() string {
	return g.maybe(9, "1!") + g.pick("1", "1.0", "1.0.0", "1.1", "1.2", "2", "2.0", "0") + g.suffix() + g.local()
}

func (g generator) clause(version string) string {
	op := g.pick("==", "!=", "<=", ">=", "<", ">", "~=", "==", "!=", "===")
	return op + g.maybe(4, " ", "  ", "\t") + version + g.maybe(5, ".*")
}

func (g generator) specifiers() string {
	s := g.maybe(9, " ", ",")
	for i := range 1 + g.r.IntN(3) {
		if i > 0 {
			s += g.pick(",", ", ", " ,", ",,")
		}
		s += g.clause(strings.TrimSpace(g.version()))
	}
	return g.spoil(s, "=<>~!.,*+ a1") + g.maybe(9, ",", " ")
}

// plainSpecifiers are mostly valid and use versions like those of neighbour.
func (g generator) plainSpecifiers() string {
	var parts []string
	for range 1 + g.r.IntN(2) {
		base := g.pick("1", "1.0", "1.1", "1.0.0", "2.0", "1!1.0")
		switch op := g.pick("==", "!=", "<=", ">=", "<", ">", "~=", "*", "==="); op {
		case "*":
			parts = append(parts, g.pick("==", "!=")+base+".*")
		case "~=":
			parts = append(parts, op+base+".0"+g.suffix())
		case "==", "!=", "===":
			parts = append(parts, op+base+g.suffix()+g.local())
		default:
			parts = append(parts, op+base+g.suffix())
		}
	}
	return strings.Join(parts, ",")
}

func (g generator) name() string {
	s := g.pick("foo", "Foo", "a", "7", "zope", "PyYAML", "x1")
	for range g.r.IntN(3) {
		s += g.pick("-", "_", ".", "--", "._-") + g.pick("bar", "Baz", "1", "interface")
	}
	return g.spoil(s, "-_.aZ é\n/")
}

// safeName is a name that remains valid when modified: a trailing underscore is one of our differences.
func (g generator) safeName() string {
	return strings.TrimRight(g.pick("foo", "Foo.Bar", "zope.interface", "a", "x--y", "Django", "py_3"), "_")
}

func (g generator) requirement() string {
	blank := func() string { return g.pick("", "", " ", "  ", "\t") }
	s := blank() + g.safeName() + blank()
	if g.r.IntN(3) == 0 {
		s += "[" + blank() + g.pick("", "Test", "a,b", "b , A", "x_y,x-y", "a,", "a b", "-a", "a_") + blank() +
			g.pick("]", "]", "]", "]", "") + blank()
	}
	switch g.r.IntN(5) {
	case 0:
		s += "@" + blank() + g.pick("https://example.org/a.whl", "file:///x;y", "git+ssh://h/p@v#egg=1", "") + " "
	case 1:
		s += "(" + blank() + g.plainSpecifiers() + blank() + g.pick(")", ")", ")", "")
	case 2, 3:
		s += g.pick(strings.TrimSpace(g.specifiers()), g.plainSpecifiers())
	}
	if g.r.IntN(2) == 0 {
		s += blank() + g.pick(";", ";", ";", "") + blank() + g.spoil(g.marker(0), `"'()=<> aé.`)
	}
	return s + blank()
}

func (g generator) marker(depth int) string {
	s := g.atom(depth)
	for range g.r.IntN(3) {
		s += g.pick(" and ", " or ", "  and ", " and ", " or ", " xor ", " and", "or ") + g.atom(depth)
	}
	return s
}

func (g generator) atom(depth int) string {
	if depth < 3 && g.r.IntN(4) == 0 {
		return g.pick("(", "( ", " (") + g.marker(depth+1) + g.pick(")", " )", ") ")
	}
	variable := g.pick("python_version", "python_full_version", "os_name", "os.name", "sys_platform", "sys.platform",
		"platform_machine",
		"platform.python_implementation", "python_implementation", "platform_release", "platform_system", "platform.version",
		"implementation_name", "implementation_version", "extra", "extras", "dependency_groups", "extra", "python_version",
		g.pick("extra", "nonsense"))
	text := g.pick(`"3.8"`, `'3.8'`, `"linux"`, `'a"b'`, `"it's"`, `"Test_Extra"`, `'X..y'`, `""`, `"win32"`, `"x-y"`,
		g.pick(`"x"`, `"x`))
	op := g.pick("==", "!=", "<=", ">=", "<", ">", "~=", "===", " in ", " not in ", " not  in ", " == ", " != ", ">=",
		"<", " in ", g.pick("notin", "=", " in"))
	if g.r.IntN(4) == 0 {
		return text + op + variable
	}
	return variable + op + text
}

func (g generator) wheel() string {
	v := strings.TrimSpace(g.pick(g.neighbour(), g.release()))
	s := strings.ReplaceAll(v, "-", "_") + g.maybe(5, "-1", "-01", "-2ubuntu", "-x1", "-10_b") +
		"-" + g.pick("py3", "py2.py3", "cp311", "CP311", "py3.py2.py3", "3", "") + "-" +
		g.pick("none", "abi3", "cp311.abi3", "NONE") +
		"-" + g.pick("any", "linux_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", "macosx_11_0_arm64", "any.", "") +
		g.pick(".whl", ".whl", ".whl", ".WHL", ".zip")
	return g.pick("foo", "Foo", "foo_bar", "zope.interface", "a", "x1", "foo__bar") + "-" + g.spoil(s, "-_.a1")
}

func (g generator) sdist() string {
	v := strings.ReplaceAll(strings.TrimSpace(g.pick(g.neighbour(), g.release())), "-", ".")
	s := v + g.pick(".tar.gz", ".tar.gz", ".zip", ".whl", "")
	return g.pick("foo", "Foo", "foo-bar", "foo_bar", "zope.interface", "a", "Flask-Cors") + "-" + g.spoil(s, "_.a1")
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}
