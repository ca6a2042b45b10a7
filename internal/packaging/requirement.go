package packaging

import (
	"slices"
	"strings"

	"pyindex/internal/fault"
)

const maxRequirement = 16 << 10

// Requirement is a dependency as in PEP 508: a name with extras, either versions or a URL, and a marker.
type Requirement struct {
	Name       ProjectName
	Extras     []string // normalized, sorted, unique
	Specifiers Specifiers
	URL        string
	Marker     Marker
}

// ParseRequirement parses a requirement like Python's packaging, including versions in parentheses. It is stricter in
// three respects, which no published file needs: the name must be a valid project name, a string in a marker must not
// contain a backslash, and parentheses nest at most 64 deep. It returns fault.Invalid for anything else and for more
// than 16 KiB.
func ParseRequirement(s string) (Requirement, error) {
	if len(s) > maxRequirement {
		return Requirement{},
			fault.New(fault.Invalid, "requirement %s is too long: at most %d bytes", quote(s), maxRequirement)
	}
	sc := &scanner{rest: s}
	r, problem := sc.requirement()
	if problem != "" {
		return Requirement{}, fault.New(fault.Invalid, "requirement %s is not valid: %s", quote(s), problem)
	}
	return r, nil
}

// Canonical returns a text that is equal for requirements that differ only in spelling: normalized names, sorted
// extras, canonical versions, and a marker with uniform quotes and spaces.
func (r Requirement) Canonical() string {
	var b strings.Builder
	b.WriteString(r.Name.String())
	if len(r.Extras) > 0 {
		b.WriteString("[" + strings.Join(r.Extras, ",") + "]")
	}
	b.WriteString(r.Specifiers.String())
	if r.URL != "" {
		b.WriteString(" @ " + r.URL)
	}
	if !r.Marker.IsZero() {
		if r.URL != "" {
			b.WriteString(" ")
		}
		b.WriteString("; " + r.Marker.String())
	}
	return b.String()
}

// requirement parses the whole text. The second result is the problem with it, or "".
func (sc *scanner) requirement() (r Requirement, problem string) {
	sc.blanks()
	name, err := ParseProjectName(sc.identifier())
	if err != nil {
		return r, "it must begin with a project name"
	}
	r.Name = name
	sc.blanks()
	if r.Extras, problem = sc.extras(); problem != "" {
		return r, problem
	}
	sc.blanks()
	if sc.take("@") {
		r.URL, problem = sc.url()
	} else {
		r.Specifiers, problem = sc.versions()
	}
	if problem != "" || sc.rest == "" {
		return r, problem
	}
	r.Marker, problem = sc.semicolonMarker()
	return r, problem
}

func (sc *scanner) extras() ([]string, string) {
	if !sc.take("[") {
		return nil, ""
	}
	var extras []string
	sc.blanks()
	for extra := sc.identifier(); extra != ""; extra = sc.identifier() {
		extras = append(extras, normalize(extra))
		sc.blanks()
		if !sc.take(",") {
			return sortedSet(extras), sc.closing("]", "the extras")
		}
		sc.blanks()
	}
	if len(extras) > 0 {
		return nil, "an extra's name must follow the comma"
	}
	return nil, sc.closing("]", "the extras")
}

// url reads up to the next blank. A ";" belongs to the URL unless a blank precedes it (PEP 508).
func (sc *scanner) url() (string, string) {
	sc.blanks()
	n := strings.IndexAny(sc.rest, " \t")
	if n < 0 {
		n = len(sc.rest)
	}
	if n == 0 {
		return "", "a URL must follow the @"
	}
	url := sc.rest[:n]
	sc.rest = sc.rest[n:]
	sc.blanks()
	return url, ""
}

func (sc *scanner) versions() (Specifiers, string) {
	inside := sc.take("(")
	sc.blanks()
	text := sc.clauses()
	if strings.HasPrefix(sc.rest, ".*") {
		return Specifiers{}, ".* is allowed only with == and !=, not after " + quote(strings.TrimSpace(text))
	}
	if inside {
		if problem := sc.closing(")", "the versions"); problem != "" {
			return Specifiers{}, problem
		}
	}
	sc.blanks()
	set, err := ParseSpecifiers(text)
	if err != nil {
		return Specifiers{}, fault.Message(err)
	}
	return set, ""
}

// clauses skips version clauses separated by commas, and returns their text.
func (sc *scanner) clauses() string {
	before := sc.rest
	for {
		_, n := scanClause(sc.rest)
		if n == 0 {
			break
		}
		sc.rest = sc.rest[n:]
		sc.blanks()
		if !sc.take(",") {
			break
		}
		sc.blanks()
	}
	return before[:len(before)-len(sc.rest)]
}

func (sc *scanner) semicolonMarker() (Marker, string) {
	if !sc.take(";") {
		return Marker{}, "the text after the name is not a version specifier, and a marker must begin with a semicolon: " +
			quote(sc.rest)
	}
	m, problem := sc.marker(0)
	if problem == "" && sc.rest != "" {
		problem = "there is unexpected text after the marker: " + quote(sc.rest)
	}
	return Marker{root: m}, problem
}

func sortedSet(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
