package workload

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

// runClaims are the claims that a Run is read from.
type runClaims struct {
	workload []string // with "/" between
	ref      string
	word     string // for a run: "job"
	id       string // of a run, and where its page is below the workload's; "" for kinds without one
	path     string
}

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

// check compares claims with a rule in one respect; nil if they fit.
type check func(r Rule, c Claims) *Mismatch
