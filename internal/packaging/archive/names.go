package archive

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"pyindex/internal/packaging"
)

const (
	longest = 4096 // bytes of a name; file systems allow no longer paths
	deepest = 128  // folders in a name; no real archive needs more
)

// checkName rejects a name that some system would unpack outside the target folder, or display as another name.
func checkName(name string) error {
	if name == "" || len(name) > longest {
		return refuse("a member's name is %d bytes long; 1 to %d are allowed", len(name), longest)
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return refuse("the member name %s contains control characters", quote(name))
	}
	if strings.ContainsAny(name[:1], `/\`) || hasDrive(name) {
		return refuse("the member name %s is absolute", quote(name))
	}
	return checkSteps(name)
}

// checkTopStep rejects a name in an sdist that begins with "./". Installers remove the first step of all names, the
// folder in which an sdist contains everything. pip removes "." then, and finds no project.
func (g *gate) checkTopStep(name string) error {
	if g.name.Kind() == packaging.SDist && (name == "." || strings.HasPrefix(name, "./")) {
		stem := strings.TrimSuffix(g.name.String(), g.name.Ext())
		return refuse("its name begins with \"./\", which pip takes for the top folder of the sdist: pack the folder by its "+
			"name, as %s and not as %s, or build the sdist with \"python -m build\"", quote(stem), quote("./"+stem))
	}
	return nil
}

// checkSteps also treats backslashes as separators, as Windows does.
func checkSteps(name string) error {
	for step := range strings.FieldsFuncSeq(name, isSeparator) {
		if strings.TrimRight(step, " ") == ".." {
			return refuse("the member name %s leads outside its folder", quote(name))
		}
	}
	if strings.Count(name, "/") > deepest {
		return refuse("the member name %s is nested more than %d folders deep", quote(name), deepest)
	}
	if clean(name) == "." {
		return refuse("the member name %s does not name a file or folder", quote(name))
	}
	return nil
}

func isSeparator(r rune) bool { return r == '/' || r == '\\' }

// hasDrive reports whether name begins like C:/x or C:x, both absolute on Windows.
func hasDrive(name string) bool {
	if len(name) < 2 || name[1] != ':' {
		return false
	}
	c := name[0] | 0x20
	return 'a' <= c && c <= 'z'
}

func clean(name string) string { return path.Clean(name) }

// fold returns a text that is equal for two paths that are the same file on a system that ignores case, Unicode
// composition, or dots and blanks at the end of a name, as Windows does.
func fold(p string) string {
	if strings.Contains(p, ":") || strings.Contains(p, "./") || strings.Contains(p, " /") || strings.HasSuffix(p, ".") ||
		strings.HasSuffix(p, " ") {
		steps := strings.Split(p, "/")
		for i, step := range steps {
			steps[i] = packaging.PlainStep(step)
		}
		p = strings.Join(steps, "/")
	}
	for i := range len(p) {
		if p[i] >= utf8.RuneSelf {
			return strings.ToLower(strings.ToUpper(norm.NFC.String(p)))
		}
	}
	return strings.ToLower(p)
}

func top(p string) string {
	first, _, _ := strings.Cut(p, "/")
	return first
}
