package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// maxName is the maximum length of a project name; file systems and the file name rule do not allow more anyway.
const maxName = 200

// ProjectName is a project name normalized by PEP 503: lower case, with each run of "-", "_" and "." replaced by one
// "-". It is comparable, and the zero value is no name.
type ProjectName struct{ normal string }

// ParseProjectName parses a project name in any spelling: ASCII letters, digits, ".", "_" and "-", beginning and ending
// with a letter or digit (core metadata, "Name"). It returns fault.Invalid for anything else, including a trailing
// newline.
func ParseProjectName(s string) (ProjectName, error) {
	if !isIdentifier(s) {
		return ProjectName{}, fault.New(fault.Invalid,
			"project name %s is not valid: use ASCII letters, digits, '.', '_' and '-', beginning and ending with a letter or digit", quote(s))
	}
	if len(s) > maxName {
		return ProjectName{},
			fault.New(fault.Invalid, "project name %s is too long: at most %d characters", quote(s), maxName)
	}
	return ProjectName{normal: normalize(s)}, nil
}

// String returns the normalized form, such as "foo-bar".
func (n ProjectName) String() string { return n.normal }

// Underscored returns the form used in file names (PEP 625, wheel specification), such as "foo_bar".
func (n ProjectName) Underscored() string { return strings.ReplaceAll(n.normal, "-", "_") }

// IsZero reports whether n is the zero value.
func (n ProjectName) IsZero() bool { return n.normal == "" }

// LooksLike reports whether two names are easily confused: whether they are equal after "-" is dropped and letters that
// look like 1 and 0 are replaced by digits. PyPI rejects new names by the same rule. A name looks like itself.
func (n ProjectName) LooksLike(other ProjectName) bool { return n.Skeleton() == other.Skeleton() }

// Skeleton returns a text that is equal for all names that look alike.
func (n ProjectName) Skeleton() string { return confusable.Replace(n.normal) }

var confusable = strings.NewReplacer("-", "", "l", "1", "i", "1", "o", "0")

// normalize applies PEP 503 to s, which is ASCII.
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

// isIdentifier reports whether s matches the grammar of project names and extras (PEP 508, "identifier").
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
