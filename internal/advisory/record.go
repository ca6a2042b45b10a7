package advisory

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"pyindex/internal/packaging"
)

// Limits of one record.
const (
	MaxRecord     = 4 << 20 // bytes of JSON
	maxPackages   = 2_000   // Python packages
	maxRanges     = 500     // of one package
	maxEvents     = 5_000   // of one range
	maxVersions   = 20_000  // of one package
	maxDetails    = 32 << 10
	maxSummary    = 500
	maxAliases    = 100
	maxReferences = 100
	maxText       = 2_000 // bytes of an alias, a URL or a severity
)

// ecosystem is the ecosystem of Python packages in the OSV schema, which may be followed by ":" and a suffix.
const ecosystem = "PyPI"

// Record is what a feed states in the OSV format, as far as it is about Python packages. Its JSON has the names of the
// schema. Affected has the names of projects in normal form, and only what can be evaluated: ranges of versions of
// Python packages, and lists of versions.
type Record struct {
	SchemaVersion string      `json:"schema_version,omitempty"`
	ID            string      `json:"id"`
	Modified      string      `json:"modified,omitempty"`
	Published     string      `json:"published,omitempty"`
	Withdrawn     string      `json:"withdrawn,omitempty"`
	Aliases       []string    `json:"aliases,omitempty"`
	Summary       string      `json:"summary,omitempty"`
	Details       string      `json:"details,omitempty"`
	Severity      []Severity  `json:"severity,omitempty"`
	References    []Reference `json:"references,omitempty"`
	Affected      []Affected  `json:"affected"`
	// Malware is set if the record is about malicious releases: its id begins with "MAL-", or it names an origin of
	// malicious packages.
	Malware bool `json:"-"`
}

// Severity is a severity of a record, such as a CVSS vector.
type Severity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

// Reference is a page about a record.
type Reference struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// Affected are versions of one package. A version in any range or in the list is affected.
type Affected struct {
	Package  Package  `json:"package"`
	Ranges   []Range  `json:"ranges,omitempty"`
	Versions []string `json:"versions,omitempty"`
}

// Package names a package.
type Package struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
}

// Range is a range of versions as a sequence of events.
type Range struct {
	Type   string  `json:"type"`
	Events []Event `json:"events"`
}

// Event is one event of a range. One of its fields is set.
type Event struct {
	Introduced   string `json:"introduced,omitempty"`
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"last_affected,omitempty"`
	Limit        string `json:"limit,omitempty"`
}

// rawRecord is a record as a feed states it. What only people read may have any form: it is left out if it has an
// unexpected one.
type rawRecord struct {
	ID         string             `json:"id"`
	Modified   loose[string]      `json:"modified"`
	Published  loose[string]      `json:"published"`
	Withdrawn  jsontext.Value     `json:"withdrawn"`
	Aliases    loose[[]string]    `json:"aliases"`
	Summary    loose[string]      `json:"summary"`
	Details    loose[string]      `json:"details"`
	Severity   loose[[]Severity]  `json:"severity"`
	References loose[[]Reference] `json:"references"`
	Affected   []rawAffected      `json:"affected"`
	Database   loose[struct {
		Origins jsontext.Value `json:"malicious-packages-origins"`
	}] `json:"database_specific"`
}

type rawAffected struct {
	Package  *Package          `json:"package"`
	Ranges   []Range           `json:"ranges"`
	Versions []string          `json:"versions"`
	Severity loose[[]Severity] `json:"severity"`
}

// loose is a value of type T, or the zero value if the JSON has another form.
type loose[T any] struct{ v T }

// UnmarshalJSONFrom reads the next value.
func (l *loose[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	var v T
	if err := json.Unmarshal(value, &v, reading...); err == nil {
		l.v = v
	}
	return nil
}

// reading are the options for reading JSON of feeds. Invalid UTF-8 becomes U+FFFD; of repeated members the last counts.
var reading = []json.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}

var idShape = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._:+-]*\z`)

// validID reports whether a text is an id of an advisory. A length in the expression would take much memory.
func validID(id string) bool { return len(id) <= 128 && idShape.MatchString(id) }

// Problems of records.
var (
	errNoID       = errors.New("it has no valid id")
	errNoVersions = errors.New("it states no versions of Python packages that can be read")
)

// Parse reads a record. It returns nil if the record is about no Python package, and an error if it cannot be read, or
// if what it states about a Python package cannot be evaluated. In the second case the record is returned too if
// something of it can be evaluated.
func Parse(text []byte) (*Record, error) {
	if len(text) > MaxRecord {
		return nil, fmt.Errorf("it is larger than %d MiB", MaxRecord>>20)
	}
	var raw rawRecord
	if err := json.Unmarshal(text, &raw, reading...); err != nil {
		return nil, errors.New("it is not a JSON object of the OSV schema")
	}
	if !validID(raw.ID) {
		return nil, errNoID
	}
	r := &Record{
		SchemaVersion: "1.0.0", ID: raw.ID, Modified: stamp(raw.Modified.v), Published: stamp(raw.Published.v),
		Summary: clip(firstLine(raw.Summary.v), maxSummary),
		Details: clip(strings.ToValidUTF8(raw.Details.v, ""), maxDetails),
		Malware: strings.HasPrefix(raw.ID, "MAL-") || filled(raw.Database.v.Origins),
	}
	for _, a := range raw.Aliases.v {
		if validID(a) && a != r.ID && len(r.Aliases) < maxAliases && !slices.Contains(r.Aliases, a) {
			r.Aliases = append(r.Aliases, a)
		}
	}
	for _, f := range raw.References.v {
		if isWeb(f.URL) && len(r.References) < maxReferences {
			r.References = append(r.References, Reference{clip(f.Type, 40), f.URL})
		}
	}
	r.addSeverity(raw.Severity.v)
	var problem error
	if filled(raw.Withdrawn) {
		at := ""
		_ = json.Unmarshal(raw.Withdrawn, &at)
		if r.Withdrawn = stamp(at); r.Withdrawn == "" {
			return nil, errors.New("the time at which it was withdrawn cannot be read")
		}
	}
	for i := range raw.Affected {
		if err := r.addAffected(&raw.Affected[i]); err != nil {
			problem = err
		}
	}
	if len(r.Affected) == 0 {
		return nil, problem
	}
	return r, problem
}

// addAffected adds what is about a Python package and can be evaluated. The error says what cannot.
func (r *Record) addAffected(a *rawAffected) error {
	if a.Package == nil {
		return nil
	}
	if kind, _, _ := strings.Cut(a.Package.Ecosystem, ":"); kind != ecosystem {
		return nil
	}
	name, err := packaging.ParseProjectName(a.Package.Name)
	if err != nil {
		return fmt.Errorf("%.80q is not the name of a project", a.Package.Name)
	}
	if len(r.Affected) >= maxPackages || len(a.Ranges) > maxRanges || len(a.Versions) > maxVersions {
		return errors.New("it has too many packages, ranges or versions")
	}
	out := Affected{Package: Package{ecosystem, name.String()}}
	var problem error
	for _, g := range a.Ranges {
		if g.Type != "ECOSYSTEM" {
			continue
		}
		if len(g.Events) > maxEvents {
			problem = errors.New("a range has too many events")
			continue
		}
		if _, err := compileRange(g); err != nil {
			problem = err
			continue
		}
		out.Ranges = append(out.Ranges, g)
	}
	for _, v := range a.Versions {
		if v = strings.TrimSpace(v); v != "" && len(v) <= 255 {
			out.Versions = append(out.Versions, strings.ToValidUTF8(v, ""))
		}
	}
	if len(out.Ranges) == 0 && len(out.Versions) == 0 {
		return cmpError(problem, errNoVersions)
	}
	r.Affected = append(r.Affected, out)
	r.addSeverity(a.Severity.v)
	return problem
}

func cmpError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (r *Record) addSeverity(all []Severity) {
	for _, s := range all {
		if s.Score != "" && len(s.Score) <= maxText && len(r.Severity) < 10 && !slices.Contains(r.Severity, s) {
			r.Severity = append(r.Severity, Severity{clip(s.Type, 40), strings.ToValidUTF8(s.Score, "")})
		}
	}
}

// Names returns the projects that a record is about, in normal form, each once.
func (r *Record) Names() []string {
	var out []string
	for _, a := range r.Affected {
		if !slices.Contains(out, a.Package.Name) {
			out = append(out, a.Package.Name)
		}
	}
	return out
}

// Of returns the record with what it states about one project.
func (r *Record) Of(name string) *Record {
	out := *r
	out.Affected = nil
	for _, a := range r.Affected {
		if a.Package.Name == name {
			out.Affected = append(out.Affected, a)
		}
	}
	return &out
}

// link returns the page about the record that people should read, or "".
func (r *Record) link() string {
	for _, kind := range []string{"ADVISORY", "REPORT", "ARTICLE", "WEB", ""} {
		for _, f := range r.References {
			if (f.Type == kind || kind == "") && strings.HasPrefix(f.URL, "https://") {
				return f.URL
			}
		}
	}
	return ""
}

// stamp returns a time in the form of RFC 3339 in UTC, or "".
func stamp(s string) string {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// timeOf reverses stamp.
func timeOf(s string) time.Time {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return at
}

// filled reports whether a value of JSON states something.
func filled(v jsontext.Value) bool {
	switch text := strings.TrimSpace(string(v)); text {
	case "", "null", `""`, "[]", "{}", "false":
		return false
	}
	return true
}

func isWeb(u string) bool {
	return (strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")) && len(u) <= maxText &&
		!strings.ContainsFunc(u, func(c rune) bool { return c <= ' ' || c == 0x7f || c == utf8.RuneError })
}

// firstLine returns a text as one line.
func firstLine(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(c rune) bool {
		return c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029
	}), " ")
}

// clip returns at most n bytes of a text, and marks that it did.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = " […]"
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}
