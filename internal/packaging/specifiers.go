package packaging

import (
	"slices"
	"strings"

	"pyindex/internal/fault"
)

const maxSpecifiers = 8 << 10

// Specifiers is a set of version clauses that must all hold, such as ">=1.0,<2" (PEP 440). The zero value admits every
// version.
type Specifiers struct{ clauses []clause }

// ParseSpecifiers parses clauses separated by commas. Like Python's packaging, it accepts empty text and empty clauses.
// It returns fault.Invalid for anything else and for more than 8 KiB.
func ParseSpecifiers(s string) (Specifiers, error) {
	if len(s) > maxSpecifiers {
		return Specifiers{},
			fault.New(fault.Invalid, "version specifier %s is too long: at most %d bytes", quote(s), maxSpecifiers)
	}
	var out Specifiers
	for part := range strings.SplitSeq(s, ",") {
		part = trimSpace(part)
		if part == "" {
			continue
		}
		c, n := scanClause(part)
		if n != len(part) {
			return Specifiers{}, badSpecifier(part)
		}
		out.clauses = append(out.clauses, c)
	}
	return out, nil
}

func badSpecifier(part string) error {
	if operatorAt(part) == "" {
		return fault.New(fault.Invalid, "version specifier %s has no operator: write for example >=1.0", quote(part))
	}
	return fault.New(fault.Invalid,
		"version specifier %s is not valid: a PEP 440 version must follow the operator; .* is allowed only with == and !=, and ~= needs two numbers", quote(part))
}

// Contains reports whether every clause admits v. Pre-releases are treated like any other version. No set contains the
// zero Version.
func (s Specifiers) Contains(v Version) bool {
	if v.IsZero() {
		return false
	}
	for _, c := range s.clauses {
		if !c.admits(v) {
			return false
		}
	}
	return true
}

// String returns the canonical text: unique normalized clauses, sorted, separated by commas. Equal sets have equal
// texts.
func (s Specifiers) String() string {
	parts := make([]string, len(s.clauses))
	for i, c := range s.clauses {
		parts[i] = c.canonical()
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), ",")
}

// IsZero reports whether the set is empty.
func (s Specifiers) IsZero() bool { return len(s.clauses) == 0 }
