package workload

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"pyindex/internal/fault"
)

// Claims is the payload of an identity token after its signature, issuer, audience and times were checked.
// Values are as encoding/json decodes them, numbers as json.Number.
type Claims map[string]any

// Rule is the compiled form of the fields that a person typed.
type Rule struct {
	Lookup  string            // the key by which rules for some claims are found
	Fields  map[string]string // normal, complete; equal rules have equal fields
	OwnerID string            // the id that the rule is pinned to; "" if it is not known yet
}

// Kind is a kind of issuer of identity tokens: the fields of its rules, and what the claims of its workloads mean.
type Kind struct {
	Title   string // whose workloads: "GitHub Actions"
	Short   string // of a tab: "GitHub"
	Help    string // of the command that trusts one: "A GitHub Actions workflow."
	Fields  []Field
	Account string // the field whose number the issuer's API can be asked for; "" if there is no such API

	name     string   // of the configuration and the command line
	issuer   string   // the usual one
	host     string   // where people see the usual issuer, if its URL says otherwise
	pin      string   // the field that holds what rules are pinned to
	numbered bool     // tokens always have an id
	claims   []string // compared with every rule
	sentence string   // see Words.fill
	key      []string // the fields that make the lookup key
	run      runClaims

	lookup   func(c Claims) (string, *Mismatch)
	shape    func(c Claims) *Mismatch // what every token of the kind has to be, whatever the rule
	checks   []check                  // in the order of identity
	validate func(r Rule) error       // of several fields together
	suggest  func(c Claims) map[string]string
	warn     func(fields map[string]string, ownerID string) []Warning
	open     *openKind // for a kind whose rules may name any claim
}

// openKind is how a kind without fields of its own does what others do by their fields.
type openKind struct {
	compile  func(fields map[string]string) (Rule, error)
	checks   func(r Rule) []check
	admits   func(r Rule, c Claims) error
	describe func(w *Words, issuer string, fields map[string]string)
	forms    []Form
}

// Name returns the word of the configuration and command line: "github".
func (k *Kind) Name() string { return k.name }

// Issuer returns the issuer that is meant if none is named; "" if a rule has to name one.
func (k *Kind) Issuer() string { return k.issuer }

// PinField returns the name of the field that holds the id which rules are pinned to: "owner_id"; "" if they are not.
func (k *Kind) PinField() string { return k.pin }

// NeedsTokenID reports whether the issuers always number their tokens ("jti"), so that one without is refused. For
// other kinds, what was signed stands in for the number: either way a token can be used once.
func (k *Kind) NeedsTokenID() bool { return k.numbered }

// Field returns the field of a name, or of the name under which rules store it.
func (k *Kind) Field(name string) (Field, bool) {
	i := slices.IndexFunc(k.Fields, func(f Field) bool { return f.Name == name || f.RuleName() == name })
	if i < 0 {
		return Field{}, false
	}
	return k.Fields[i], true
}

// Flag returns the name of a field's flag on the command line. A field "project" is called by the kind there, and a
// list by one of its words.
func (k *Kind) Flag(field string) string {
	f, _ := k.Field(field)
	switch name := strings.ReplaceAll(field, "_", "-"); {
	case name == "project":
		return k.name + "-project"
	case f.List:
		return strings.TrimSuffix(name, "s")
	default:
		return name
	}
}

// Compile checks what a person typed. It returns fault.Invalid, which names the field and says what is allowed.
func (k *Kind) Compile(fields map[string]string) (Rule, error) {
	if k.open != nil {
		return k.open.compile(fields)
	}
	given := map[string]string{}
	for name, v := range fields {
		f, ok := k.Field(name)
		if !ok {
			return Rule{}, fault.New(fault.Invalid, "%.40q is not a field of a %s publisher: use %s", name, k.name,
				k.fieldNames())
		}
		given[f.Name] = v
	}
	r := Rule{Fields: map[string]string{}}
	for _, f := range k.Fields {
		if err := f.compile(given[f.Name], f.Name == k.pin, &r); err != nil {
			return Rule{}, err
		}
	}
	if k.validate != nil {
		if err := k.validate(r); err != nil {
			return Rule{}, err
		}
	}
	if r.OwnerID != "" && LeavesIDs(r.Fields) {
		id, _ := k.Field(fieldRepositoryID)
		return Rule{}, fault.InField(k.pin, "%s %s takes the %s's id from the first token too: leave %s out, or type both",
			id.Name, firstToken, k.key[0], k.pin)
	}
	r.Lookup = joined(r, k.key...)
	return r, nil
}

// fieldNames lists the fields, those that only make a rule stricter last.
func (k *Kind) fieldNames() string {
	var usual, stricter []string
	for _, f := range k.Fields {
		if f.Stricter {
			stricter = append(stricter, f.Name)
		} else {
			usual = append(usual, f.Name)
		}
	}
	if len(stricter) == 0 {
		return strings.Join(usual, ", ")
	}
	return strings.Join(usual, ", ") + " and, to be stricter, " + strings.Join(stricter, ", ")
}

// Lookup returns the key by which rules for these claims are found. It returns fault.Invalid if a claim that it needs
// is missing or malformed.
func (k *Kind) Lookup(c Claims) (string, error) {
	key, m := k.lookup(c)
	if m != nil {
		return "", fault.Wrap(fault.Invalid, m, "%s", m.Public())
	}
	return key, nil
}

// Admits returns nil if the claims fit the rule, and otherwise the first difference as a *Mismatch. A rule whose
// OwnerID is "" fits any owner id that is well formed.
func (k *Kind) Admits(r Rule, c Claims) error {
	if k.open != nil {
		return k.open.admits(r, c)
	}
	if k.shape != nil {
		if m := k.shape(c); m != nil {
			return m
		}
	}
	for passed, fits := range append(slices.Clip(k.checks), k.optionsFit) {
		if m := fits(r, c); m != nil {
			m.Passed = passed
			return m
		}
	}
	return nil
}

// optionsFit compares the claims that the optional fields of a rule are about.
func (k *Kind) optionsFit(r Rule, c Claims) *Mismatch {
	for _, f := range k.Fields {
		if m := f.differs(r, c); m != nil {
			return m
		}
	}
	return nil
}

// Differences returns the claims by which c differs from r, each once, in the order in which Admits looks.
func (k *Kind) Differences(r Rule, c Claims) []*Mismatch {
	if k.shape != nil {
		if m := k.shape(c); m != nil {
			return []*Mismatch{m}
		}
	}
	checks := slices.Clip(k.checks)
	if k.open != nil {
		checks = k.open.checks(r)
	}
	for _, f := range k.Fields {
		checks = append(checks, f.differs)
	}
	var out []*Mismatch
	for _, fits := range checks {
		m := fits(r, c)
		if m != nil && !slices.ContainsFunc(out, func(o *Mismatch) bool { return o.Claim == m.Claim }) {
			out = append(out, m)
		}
	}
	return out
}

// Compares returns the claims that a rule looks at.
func (k *Kind) Compares(r Rule) []string {
	out := slices.Clip(k.claims)
	for _, f := range k.Fields {
		if f.Claim != "" && r.Fields[f.RuleName()] != "" {
			out = append(out, f.Claim)
		}
	}
	for field := range r.Fields {
		if _, claim, ok := strings.Cut(field, ":"); ok && k.open != nil {
			out = append(out, claim)
		}
	}
	return out
}

// Identity returns the claims that every rule is about, in the order in which people read them.
func (k *Kind) Identity() []string {
	out := slices.Clip(k.claims)
	for _, f := range k.Fields {
		if f.Recommended && f.Claim != "" {
			out = append(out, f.Claim)
		}
	}
	return out
}

// OwnerID returns the id that a rule is pinned to by the first claims that it admits; "" if rules of this kind are not
// pinned. A rule that leaves the repository's id to the first token too is pinned to both, with "/" between: so no
// token can give one of them and another token the other.
func (k *Kind) OwnerID(r Rule, c Claims) string {
	pin, _ := k.Field(k.pin)
	owner := text(c, pin.Claim)
	if owner == "" || !LeavesIDs(r.Fields) {
		return owner
	}
	id, _ := k.Field(fieldRepositoryID)
	return owner + "/" + text(c, id.Claim)
}

// LeavesIDs reports whether a rule takes the ids of its owner and its repository from the first accepted token.
func LeavesIDs(fields map[string]string) bool { return fields[fieldRepositoryID] == firstToken }

// Suggest returns the fields of the narrowest rule for the workload of these claims, as Compile takes them, after
// asking Compile and Admits. Anybody may have chosen the values, so quote them when showing them. It returns
// fault.Invalid, which says why there is none.
func (k *Kind) Suggest(c Claims) (map[string]string, error) {
	fields := k.Recognize(c)
	if fields == nil {
		return nil, fault.New(fault.Invalid,
			"the claims are not those of a workload that a publisher of kind %s could accept", k.name)
	}
	for name, v := range fields {
		if strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return nil, fault.New(fault.Invalid, "%s %.100q cannot be shown safely", name, v)
		}
	}
	rule, err := k.Compile(fields)
	if err != nil {
		return nil, err
	}
	if lookup, err := k.Lookup(c); err != nil || lookup != rule.Lookup {
		return nil, fault.New(fault.Invalid, "the claims do not say clearly whose workload it is")
	}
	if err := k.Admits(rule, c); err != nil {
		return nil, fault.New(fault.Invalid, "no publisher of kind %s can accept it: %v", k.name, AsMismatch(err))
	}
	return fields, nil
}

// Recognize returns the fields that the claims of a workload of this kind say, unchecked; nil if they are not those of
// one.
func (k *Kind) Recognize(c Claims) map[string]string {
	out := map[string]string{}
	if k.suggest != nil {
		if out = k.suggest(c); out == nil {
			return nil
		}
	}
	for _, f := range k.Fields {
		if f.fits == nil && (!f.Stricter || f.Name == k.pin) {
			out[f.Name] = cmp.Or(out[f.Name], text(c, f.Claim))
		}
		if f.Required && out[f.Name] == "" {
			return nil
		}
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// Seen returns the value of a field that lets in jobs such as the one with these claims; "" if they do not say.
func (k *Kind) Seen(field string, claims map[string]any) string {
	f, ok := k.Field(field)
	v := text(claims, f.Claim)
	switch {
	case !ok || f.fits == nil:
		return v
	case strings.HasPrefix(v, "refs/tags/"):
		return "refs/tags/*"
	case strings.HasPrefix(v, "refs/heads/"):
		return v
	}
	return ""
}

// Describe says whom a rule of compiled fields trusts: "workflow release.yml in acme/widgets, environment pypi, on
// github.com, tags v* only".
func (k *Kind) Describe(issuer string, fields map[string]string) Words {
	var w Words
	if k.open != nil {
		k.open.describe(&w, k.Host(issuer), fields)
		return w
	}
	w.fill(k.sentence, k.Host(issuer), fields)
	for _, f := range k.Fields {
		if v := fields[f.RuleName()]; v != "" && f.say != nil {
			f.say(&w, v)
		}
	}
	return w
}

// Host returns where the workloads of an issuer run, for people: "github.com", or the host of its URL.
func (k *Kind) Host(issuer string) string {
	if issuer == k.issuer && k.host != "" {
		return k.host
	}
	return hostOf(issuer)
}

// Warnings returns in which ways a rule of compiled fields is loose, the worst first. ownerID is what it is pinned to.
func (k *Kind) Warnings(fields map[string]string, ownerID string) []Warning {
	if k.warn == nil {
		return nil
	}
	out := k.warn(fields, ownerID)
	slices.SortStableFunc(out, func(a, b Warning) int { return int(b.Degree) - int(a.Degree) })
	return out
}

// Forms returns the forms of a kind: one for most, and for generic one for each preset and then the one for rules on
// claims.
func (k *Kind) Forms() []Form {
	if k.open != nil {
		return k.open.forms
	}
	return []Form{{Provider: k.name, Title: k.Title, Fields: k.Fields}}
}
