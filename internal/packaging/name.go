package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// maxName bounds a project's name; file systems and the file name rule allow no more anyway.
const maxName = 200

// ProjectName is a project's name in the normal form of PEP 503: lower case, runs of "-", "_" and "." as one "-".
// It is comparable, and the zero value means "no name".
type ProjectName struct{ normal string }

// ParseProjectName reads a name as written anywhere: ASCII letters, digits, ".", "_" and "-", beginning and ending with
// a letter or digit (core metadata, "Name"). It returns fault.Invalid for anything else, a trailing newline included.
func ParseProjectName(s string) (ProjectName, error) {
	if !isIdentifier(s) {
		return ProjectName{},
			fault.New(fault.Invalid,
				"project name %s is not valid: use ASCII letters, digits, '.', '_' and '-', beginning and ending with a letter or digit", quote(s))
	}
	if len(s) > maxName {
		return ProjectName{},
			fault.New(fault.Invalid, "project name %s is too long: at most %d characters", quote(s), maxName)
	}
	return ProjectName{normal: normalize(s)}, nil
}

// String returns the normal form, "foo-bar".
func (n ProjectName) String() string { return n.normal }

// Underscored returns the form that file names carry (PEP 625, wheel specification), "foo_bar".
func (n ProjectName) Underscored() string { return strings.ReplaceAll(n.normal, "-", "_") }

// IsZero reports whether n is no name at all.
func (n ProjectName) IsZero() bool { return n.normal == "" }

// LooksLike reports whether the two names are easily taken for each other: equal once "-" is dropped and the letters
// that look like 1 and 0 are read as digits. It is the rule by which PyPI refuses new names; a name looks like itself.
func (n ProjectName) LooksLike(other ProjectName) bool { return n.Skeleton() == other.Skeleton() }

// Skeleton returns what names that look alike have in common.
func (n ProjectName) Skeleton() string { return confusable.Replace(n.normal) }

var confusable = strings.NewReplacer("-", "", "l", "1", "i", "1", "o", "0")

// normalize is PEP 503's rule; s is ASCII.
func normalize(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isSeparator(c) {
			c = '-'
			if n := len(out); n > 0 && out[n-1] == '-' {
				continue
			}
		}
		out = append(out, lower(c))
	}
	return string(out)
}

// isIdentifier is the grammar shared by project names and extras (PEP 508, "identifier").
func isIdentifier(s string) bool {
	if s == "" || !isAlnum(s[0]) || !isAlnum(s[len(s)-1]) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && !isSeparator(s[i]) {
			return false
		}
	}
	return true
}
