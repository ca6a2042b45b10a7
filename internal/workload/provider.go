package workload

import "time"

// Claims is the payload of an identity token after its signature, issuer, audience and times were checked.
// Values are as encoding/json decodes them, numbers as json.Number.
type Claims map[string]any

// Rule is what a provider makes of the fields that a person typed.
type Rule struct {
	Lookup   string            // see Publisher
	Fields   map[string]string // normal, complete; equal rules have equal fields
	OwnerID  string            // "" where not known yet
	Sentence string            // for people: "workflow release.yml in acme/widgets, environment pypi"
}

// Provider knows the claims of one kind of issuer.
type Provider interface {
	// Name is the word of the configuration and command line: "github".
	Name() string
	// Issuer is the issuer that is meant where none is named.
	Issuer() string
	// Compile checks what a person typed; fault.Invalid names the field and says what is allowed.
	Compile(fields map[string]string) (Rule, error)
	// Lookup returns the key by which rules for these claims are found; fault.Invalid when a
	// claim that it needs is missing or of the wrong type.
	Lookup(c Claims) (string, error)
	// Admits returns nil when the claims fit the rule and the difference otherwise, as a *Mismatch; a branch that cannot
	// happen refuses. A rule whose OwnerID is "" fits any owner id that is well formed.
	Admits(r Rule, c Claims) error
	// OwnerID returns what a rule that admitted the claims is pinned to: the account's id, which may go with the
	// repository's; "" where rules of this kind are not pinned.
	OwnerID(r Rule, c Claims) string
	// PinField names the field in which that id can be typed: "owner_id"; "" where rules of this kind are not pinned.
	PinField() string
	// NeedsTokenID reports whether the issuers always number their tokens ("jti"), so that one without is refused. Where
	// they do not, what was signed stands in for the number: either way a token counts once.
	NeedsTokenID() bool
}

// Differ is a Provider that tells every claim that differs, not the first alone.
type Differ interface {
	// Differences returns the claims by which c differs from r, in the order in which Admits looks, none where it admits c.
	Differences(r Rule, c Claims) []*Mismatch
}

// Leeway is how much the clocks of issuers and of this index may differ: times in tokens are read with it.
const Leeway = 30 * time.Second

// Providers returns all kinds of provider.
func Providers() []Provider {
	return []Provider{GitHub{}, GitLab{}, Google{}, ActiveState{}, Generic{}}
}
