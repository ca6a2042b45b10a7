package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// NamePrefix is a prefix of project names. It covers the name that equals it, and the names that continue it after a
// "-", as PEP 752 compares namespaces: "acme" covers "acme" and "acme-widgets", and not "acmecorp". It is comparable,
// and the zero value covers nothing.
type NamePrefix struct{ normal string }

// ParseNamePrefix parses a prefix in any spelling, with or without a final separator or "-*": "Acme", "acme_" and
// "acme-*" are the same prefix. It returns fault.Invalid for a prefix that is no project name otherwise, and for one
// such as "acme*", which would look as if it covered "acmecorp".
func ParseNamePrefix(s string) (NamePrefix, error) {
	text := strings.TrimSpace(s)
	body, star := strings.CutSuffix(text, "*")
	if star && (body == "" || !isSeparator(body[len(body)-1])) {
		return NamePrefix{}, fault.New(fault.Invalid,
			"%s is not a name prefix: write acme or acme-*, which cover acme and the names that begin with acme-", quote(s))
	}
	name, err := ParseProjectName(strings.TrimRight(body, "-_."))
	if err != nil {
		return NamePrefix{}, fault.Wrap(fault.Invalid, err,
			"%s is not a name prefix: use ASCII letters, digits, '.', '_' and '-', beginning with a letter or digit", quote(s))
	}
	return NamePrefix(name), nil
}

// Covers reports whether a name equals p, or begins with p and "-".
func (p NamePrefix) Covers(n ProjectName) bool {
	rest, ok := strings.CutPrefix(n.normal, p.normal)
	return ok && p.normal != "" && (rest == "" || rest[0] == '-')
}

// String returns the normalized prefix, such as "acme".
func (p NamePrefix) String() string { return p.normal }

// Pattern returns the prefix as people write it: "acme-*".
func (p NamePrefix) Pattern() string { return p.normal + "-*" }

// IsZero reports whether p is the zero value.
func (p NamePrefix) IsZero() bool { return p.normal == "" }
