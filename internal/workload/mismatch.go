package workload

import (
	"errors"
	"fmt"
)

// Mismatch is the first claim by which a token differs from a rule.
type Mismatch struct {
	Claim  string
	Got    string // of the token, as Show writes it
	Want   string // of the rule; "" where the claim is wrong by itself
	Why    string // instead of Want, where the claim is wrong by itself
	Passed int    // claims that fitted before it: the rule with the most is the nearest
}

// Error says everything, for the project's owner and the record.
func (m *Mismatch) Error() string {
	if m.Want == "" {
		return m.Public()
	}
	return fmt.Sprintf("claim %s is %s, expected %s", m.Claim, m.Got, m.Want)
}

// Public leaves out what the rule expects: the bearer of a token may be anybody.
func (m *Mismatch) Public() string {
	why := m.Why
	if m.Want != "" {
		why = "which the nearest publisher does not accept"
	}
	return fmt.Sprintf("claim %s is %s, %s", m.Claim, m.Got, why)
}

// AsMismatch returns err as a mismatch. One that a provider did not explain fits nothing.
func AsMismatch(err error) *Mismatch {
	if m, ok := errors.AsType[*Mismatch](err); ok {
		return m
	}
	return &Mismatch{Claim: "(unknown)", Got: "not acceptable", Why: "and the provider does not say why"}
}

// Show writes a claim's value for people, short and escaped.
func Show(v any) string {
	switch v := v.(type) {
	case nil:
		return "missing"
	case string:
		return fmt.Sprintf("%.100q", v)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	default:
		return fmt.Sprintf("%.40v", v)
	}
}
