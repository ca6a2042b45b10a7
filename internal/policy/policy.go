// Package policy decides whether a file of an upstream is served. It is pure: the decision depends on the facts alone.
package policy

// Verdict is the outcome of a decision.
type Verdict uint8

// A file that is on Hold may be served later; one that is denied is not, unless the facts change.
const (
	Serve Verdict = iota
	Hold
	Deny
)

// String returns the verdict as its reason phrase begins.
func (v Verdict) String() string {
	switch v {
	case Serve:
		return "served"
	case Hold:
		return "held"
	}
	return "denied"
}

// Rule names what decided, for the header, counters and explanations.
type Rule string

// These are the rules, the strictest first.
const (
	RuleName    Rule = "name"    // the upstream's allow and deny lists
	RuleStatus  Rule = "status"  // the upstream quarantined the project
	RuleDigest  Rule = "digest"  // the content does not have the digest that is pinned
	RuleOffline Rule = "offline" // not held here, and nobody may be asked
)

// Facts are what a decision depends on.
type Facts struct {
	NameDenied  bool   // the project is on a deny list, or not on the allow list
	Quarantined bool   // by the upstream or here
	Pinned      string // SHA-256 that the file had when this index first served it, "" if it was never served
	Stated      string // SHA-256 that the upstream states now
	Wrong       bool   // the content that arrived a moment ago did not have the stated digest
	Offline     bool   // no upstream may be asked
	Held        bool   // the content is stored here
}

// Decision is a verdict with the rule that caused it and the reason for people.
type Decision struct {
	Verdict Verdict
	Rule    Rule
	Reason  string
}

// Counted is what decisions are counted by. Rule is "" for a file that is served.
type Counted struct {
	Rule    Rule
	Verdict Verdict
}

// Decide returns the decision about a file. The first rule that does not serve it decides.
func Decide(f Facts) Decision {
	switch {
	case f.NameDenied:
		return Decision{Deny, RuleName, "this project may not be read from the upstream"}
	case f.Quarantined:
		return Decision{Deny, RuleStatus, "the project is in quarantine"}
	case f.Wrong:
		return Decision{Hold, RuleDigest, "the upstream sent content that does not have the digest it states"}
	case f.Pinned != "" && f.Stated != "" && f.Pinned != f.Stated:
		return Decision{Deny, RuleDigest, "the upstream replaced this file by another one"}
	case f.Offline && !f.Held:
		return Decision{Deny, RuleOffline, "not held here, and this index is offline"}
	}
	return Decision{Verdict: Serve}
}

// Text returns the reason as clients print it, such as "denied: the project is in quarantine".
func (d Decision) Text() string {
	if d.Rule == RuleOffline {
		return "offline: not held here"
	}
	return d.Verdict.String() + ": " + d.Reason
}
