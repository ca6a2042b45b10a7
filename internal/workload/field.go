package workload

import (
	"regexp"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// Field is a field of a rule: how a person fills it in, how it is read, the claim that it is about and how it is said.
type Field struct {
	Name, Label, Help, Pattern, Example string // Pattern is in words

	Required    bool
	Recommended bool // a rule without it is loose
	Stricter    bool // for those who want to be stricter than most
	Check       bool // a box to tick: "true" or nothing
	Lines       bool // several lines, for FieldClaims alone
	List        bool // several words with commas between

	Claim    string // the claim whose value it is
	Default  string // of its flag on the command line
	Stored   string // its name in rules, if that is another
	Alias    string // its name in links that are made for another index
	Tighten  string // the button of a form that makes a rule stricter by it
	Renames  bool   // a rule with it is about another workload, not a narrower one
	Tickable bool   // its warning's value goes without saying: a button is enough

	parse parser
	fits  func(want, got string) bool // compares the claim; nil if the kind's own checks do
	say   func(w *Words, v string)    // its part of the sentence, if it is not in the kind's
	rule  string                      // of a preset: what the claim's rule begins with
}

// parser reads what a person typed into a field.
type parser func(field, s string) (string, error)

// The fields that several kinds have, or that the registry asks for.
const (
	FieldEnvironment  = "environment"
	fieldRef          = "ref"
	fieldRefProtected = "ref_protected"
	fieldRunner       = "runner_environment"
	fieldRepositoryID = "repository_id"
)

// firstToken, as a repository's id, leaves it to the first accepted token to say it, together with the owner's.
const firstToken = "first"

// RuleName returns the name under which rules keep the field.
func (f Field) RuleName() string {
	if f.Stored != "" {
		return f.Stored
	}
	return f.Name
}

// compile reads a value into a rule. Only fields that make a rule stricter are left out if they are empty.
func (f Field) compile(v string, pin bool, r *Rule) (err error) {
	if v != "" || f.Required {
		if v, err = f.parse(f.Name, v); err != nil {
			return err
		}
	}
	switch {
	case pin:
		r.OwnerID = v
	case v != "" || !f.Stricter:
		r.Fields[f.RuleName()] = v
	}
	return nil
}

// differs compares the field's claim with a rule that has the field. A claim that is missing or no text fits none.
func (f Field) differs(r Rule, c Claims) *Mismatch {
	want := r.Fields[f.RuleName()]
	if want == "" || f.fits == nil {
		return nil
	}
	if got, ok := c[f.Claim].(string); !ok || !f.fits(want, got) {
		return &Mismatch{Claim: f.Claim, Got: Show(c[f.Claim]), Want: Show(want)}
	}
	return nil
}

// The fields that forges have in common.
func refField(claim, where string) Field {
	return Field{
		Name: fieldRef, Label: "Tags or branches", Example: "refs/tags/v*", Stricter: true, Claim: claim,
		Help: "Only runs for these refs of " + where +
			": refs/tags/v* for tags that begin with v, refs/heads/main for one branch.",
		Pattern: refWords, Tighten: "Only from these refs", parse: parseRef, fits: refFits, say: sayRef,
	}
}

func protectedField(where string) Field {
	return Field{
		Name: fieldRefProtected, Label: "Protected refs only", Example: "true", Stricter: true, Check: true,
		Claim: "ref_protected",
		Help:  "Only branches and tags that " + where + " protects.", Pattern: "true, or nothing",
		Tighten: "Only from protected refs",
		parse:   parseTrue, fits: equal, say: func(w *Words, _ string) { w.say(", protected refs only") },
	}
}

func eventsField(claim string, parse parser) Field {
	return Field{
		Name: "events", Label: "Started by", Example: "push", Stricter: true, List: true, Claim: claim,
		Help:    "Only runs that one of these started, as the claim " + claim + " says; several with commas between.",
		Pattern: "words of small letters, '-' and '_', with commas between",
		parse:   parse, fits: listed, say: phrase(", started by ", ""),
	}
}

func runnerField(example string) Field {
	return Field{
		Name: fieldRunner, Label: "Runners", Example: example, Stricter: true, Claim: "runner_environment",
		Help: example +
			" leaves out self-hosted runners, on which an earlier job may have left something behind; self-hosted is the reverse.",
		Pattern: "a word of small letters and '-'", Tighten: "Leave out self-hosted runners", Tickable: true,
		parse: parseWord, fits: equal, say: phrase(", on ", " runners only"),
	}
}

// The two sorts of field that presets have beside recommended ones.
func needed(name, label, example, help, pattern string) Field {
	return Field{Name: name, Label: label, Example: example, Help: help, Pattern: pattern, Required: true}
}

func strict(name, label, example, help, pattern string) Field {
	return Field{Name: name, Label: label, Example: example, Help: help, Pattern: pattern, Stricter: true}
}

func recommended(name, label, example, help, pattern string) Field {
	return Field{Name: name, Label: label, Example: example, Help: help, Pattern: pattern, Recommended: true}
}

// is makes a preset's field become a rule on a claim: exactRule, or oneofRule or prefixRule if several values or one
// with "*" at its end may be typed.
func (f Field) is(claim, rule string) Field {
	f.Claim, f.rule = claim, rule
	return f
}

const (
	nameWords = "letters, digits, '-', '_' and '.'"
	refWords  = "a full name that begins with refs/, with one * at its end at most"
	starWords = "a name, with one * at its end at most"
	fileWords = "a file name that ends in .yml or .yaml, without '/'"
)

func equal(want, got string) bool { return got == want }

// listed reports whether got is one of the words of a list.
func listed(want, got string) bool { return slices.Contains(strings.Split(want, ","), got) }

// refFits compares a full ref with a pattern; "*", which is only ever last, stands for anything, "/" too.
func refFits(pattern, ref string) bool {
	if stem, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(ref, stem)
	}
	return ref == pattern
}

// matching reads what an expression matches; why says what it has to be.
func matching(re *regexp.Regexp, why string) parser {
	return func(field, s string) (string, error) {
		if !re.MatchString(s) {
			return "", fault.InField(field, "%s %.100q %s", field, s, why)
		}
		return s, nil
	}
}

// folded reads as parse does, and lowers the letters A to Z.
func folded(parse parser) parser {
	return func(field, s string) (string, error) {
		s, err := parse(field, s)
		return lowerASCII(s), err
	}
}

// parseRef reads a full ref, or the beginning of refs of one sort with "*" behind it.
func parseRef(field, s string) (string, error) {
	stem, open := strings.CutSuffix(s, "*")
	part := strings.SplitN(stem, "/", 3)
	good := len(part) == 3 && part[0] == "refs" && part[1] != "" && (open || part[2] != "") &&
		len(s) <= 255 && !strings.ContainsAny(stem, "*?[ ~^:\\") && !HasControl(s)
	if !good {
		return "", fault.InField(field,
			"%s %.100q is not a ref: write a full name such as refs/heads/main, or refs/tags/v* with one * at its end", field, s)
	}
	return s, nil
}

func parseTrue(field, s string) (string, error) {
	if s != "true" {
		return "", fault.InField(field, "%s %.40q: write true, or leave it out", field, s)
	}
	return s, nil
}

var (
	word      = regexp.MustCompile(`\A[a-z][a-z_-]{0,59}\z`)
	decimalID = regexp.MustCompile(`\A[1-9][0-9]{0,18}\z`)
	commit    = regexp.MustCompile(`\A[0-9a-f]{40}(?:[0-9a-f]{24})?\z`)
	uuidText  = regexp.MustCompile(`\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z`)
)

var parseWord = matching(word, "is not a word of small letters, '-' and '_'")

// parseWords reads words with commas between, which may stand in any order.
func parseWords(field, s string) (string, error) {
	var all []string
	for w := range strings.SplitSeq(s, ",") {
		w, err := parseWord(field, strings.TrimSpace(w))
		if err != nil {
			return "", err
		}
		all = append(all, w)
	}
	if len(all) > 20 {
		return "", fault.InField(field, "%s has %d words; at most 20 are kept", field, len(all))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ","), nil
}

func parseRepositoryID(field, s string) (string, error) {
	if s != firstToken && !decimalID.MatchString(s) {
		return "", fault.InField(field, "%s %.40q is not a number, nor %q for the one of the first accepted token", field, s,
			firstToken)
	}
	return s, nil
}

func parseUUID(field, s string) (string, error) {
	if !uuidText.MatchString(lowerASCII(s)) {
		return "", fault.InField(field, "%s %.60q is not an id: it looks like 00000000-0000-1000-8000-000000000002", field, s)
	}
	return lowerASCII(s), nil
}

// HasControl reports whether a text holds control characters, or others that could change how it is shown.
func HasControl(s string) bool {
	return strings.ContainsFunc(s,
		func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\ufffd' })
}

// lowerASCII lowers A to Z and nothing else. Unicode would also make the Kelvin sign a "k", and an environment of that
// name is another one, which whoever may edit a workflow can have without its protection.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
