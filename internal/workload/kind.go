package workload

import "time"

// Kind is a kind of identity-token issuer: the fields of its rules, and the meaning of its claims.
type Kind struct {
	Title   string // the platform: "GitHub Actions"
	Short   string // a tab's label: "GitHub"
	Help    string // of the command that adds a publisher: "A GitHub Actions workflow."
	Fields  []Field
	Account string // the field whose id the issuer's API can look up; "" if there is no such API

	name     string        // of the configuration and the command line
	issuer   string        // the default
	host     string        // display name of the default issuer; "" if it is the host of its URL
	pin      string        // the field with the id that rules are pinned to
	pinsAll  bool          // the id is that of the whole workload, not that of its account
	numbered bool          // tokens always have an id
	life     time.Duration // longest lifetime of a token; 0 for a day
	claims   []string      // compared with every rule
	sentence string        // see Words.fill
	key      []string      // the fields that make the lookup key
	run      runClaims
	server   string                     // see At
	site     func(issuer string) string // the base URL of the platform's pages; nil if it is the issuer

	// shared means that an issuer of this kind may be configured as kind generic too, and has rules on claims from then.
	shared    bool
	listed    bool                                   // an audience may be a list of one
	recognize func(issuer string, c Claims) bool     // the token is one of this platform; for shared kinds
	others    func(issuer string, c Claims) []string // see OtherIssuers; nil if the platform has one issuer
	// recognizeRule reports whether a rule on claims probably concerns this platform, by its issuer or by the claims that
	// it names; for shared kinds. The issuer may be unknown ("").
	recognizeRule func(issuer string, r Rule) bool
	withoutID     func(fields map[string]string) bool // tokens of the workload have no id to pin; nil for none
	// what rules of this kind compare and rules on claims usually do not; "" for nothing
	beyond string

	lookup   func(c Claims) (string, *Mismatch)
	shape    []check            // refuse a token that the platform would not issue, or that cannot be compared
	checks   []check            // those that identify the workload first
	never    []check            // refuse a well-formed token whatever the rule says
	validate func(r Rule) error // validates combinations of fields
	strict   func(r Rule) error // more validation, for new rules only: stored ones keep working
	possible func(r Rule) error // refuses rules that no token can fit, for new rules only
	suggest  func(c Claims) map[string]string
	// remedy says what a refused job, or its publisher, needs instead of a suggested rule; "" if it does not know. The
	// rule is the nearest one; it is empty if there is none.
	remedy  func(r Rule, c Claims, m *Mismatch) string
	warn    func(fields map[string]string, ownerID string) []Warning
	renames renaming
	// adds the claims that no field is equal to to a job that a rule admits; for shared kinds, see Kind.Implies
	sampled func(r Rule, job Claims)
	open    *openKind // for a kind whose rules may name any claim
}

// openKind replaces the fields of a kind whose rules may name any claim.
type openKind struct {
	compile  func(fields map[string]string) (Rule, error)
	checks   func(k *Kind, r Rule) []check
	admits   func(k *Kind, r Rule, c Claims) error
	describe func(w *Words, issuer string, fields map[string]string)
	forms    []Form
	fits     map[string]func(claim, want string, got any) bool // by the beginning of a field's name
}

// runClaims names the claims that a Run is read from.
type runClaims struct {
	workload []string // joined by "/"
	ref      string
	tag      string // claims with names instead of a ref
	branch   string
	word     string // the platform's word for a run: "job"
	id       string // claim with the run's id; "" if runs have no page
	path     string // of the run's page, between the workload's path and the id
}

// Field is a field of a rule: its input, the claim that it restricts, and its words in a sentence.
type Field struct {
	Name, Label, Help, Pattern, Example string // Pattern is in words

	Required    bool
	Recommended bool // without it a rule is loose
	Stricter    bool // an optional restriction, which most rules do not need
	Check       bool // a checkbox: "true" or nothing
	Lines       bool // several lines: FieldClaims, or a field with Named
	Named       bool // one value for each NAME: rules have a field "repo_property_NAME" for a claim of that name
	List        bool // comma-separated words

	Claim    string // the claim that it restricts
	Default  string // of its command-line flag
	Stored   string // its name in rules, if different
	Alias    string // its name in links for other indexes
	Tighten  string // label of the button that adds it to a rule
	Renames  bool   // adding it makes a rule for another workload, not a narrower rule
	Tickable bool   // its warning suggests a value, so a button is enough
	Ref      bool   // its claim is a full ref, and its value may end in "*"
	ID       bool   // its claim is an id, which the platform never gives to another workload; otherwise a name

	known []string // the words that a list may have in new rules; nil for any

	path  []string // of the claim inside an object of the token; nil if it is a claim of its own
	parse parser
	fits  fitting // compares the claim; nil if the kind's checks do
	// returns a value that fits jobs like the one with these claims; nil for the claim's own
	like  func(c Claims) string
	event bool                     // its claim says what started the job
	say   func(w *Words, v string) // appends its part of the sentence; nil if the kind's sentence has it

	// lacking completes the error for a token without the claim, if platforms send it only on some conditions.
	lacking string
}

// parser parses the value that a person typed into a field.
type parser func(field, s string) (string, error)

// check is one comparison of claims with a rule. It returns nil if they fit.
type check func(r Rule, c Claims) *Mismatch
