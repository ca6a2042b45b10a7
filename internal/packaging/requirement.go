package packaging

import (
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// maxRequirement bounds a requirement's text in bytes.
const maxRequirement = 16 << 10

// Requirement is a dependency as PEP 508 writes it: a name with extras, and either versions or a URL, under a marker.
type Requirement struct {
	Name       ProjectName
	Extras     []string // normal form, sorted, each once
	Specifiers Specifiers
	URL        string
	Marker     Marker
}

// ParseRequirement reads a requirement as Python's packaging does, versions in parentheses included, and stricter in
// three things no published file needs: the name must be a project name, a string in a marker has no backslash, and
// parentheses nest at most 64 deep. It returns fault.Invalid for anything else and for more than 16 KiB.
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

// Canonical returns a text equal for requirements that differ in spelling only: normal names, sorted extras, canonical
// versions, and the marker quoted and spaced in one way.
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

// requirement reads all of the scanner's text; the second result says what is wrong with it, or nothing.
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

// url reads up to the next blank; a ";" without a blank before it belongs to the URL (PEP 508).
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

// clauses moves past version clauses and the commas between them, and returns their text.
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
		return Marker{}, "what follows the name is not a version specifier, and a marker begins with a semicolon: " +
			quote(sc.rest)
	}
	m, problem := sc.marker(0)
	if problem == "" && sc.rest != "" {
		problem = "the marker goes on with " + quote(sc.rest)
	}
	return Marker{root: m}, problem
}

func sortedSet(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
