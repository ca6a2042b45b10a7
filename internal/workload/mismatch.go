package workload

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Mismatch is the first claim by which a token differs from a rule.
type Mismatch struct {
	Claim  string
	Got    string // the token's value, as formatted by Show
	Want   string // the rule's value; "" if the claim is invalid under any rule
	Why    string // replaces Want if the claim is invalid under any rule
	Note   string // explains the difference from Want; "" if it needs no explanation
	Passed int    // number of checks passed before it: the rule with the most is the nearest
}

// Error returns the full difference, for the project's owner and the audit log.
func (m *Mismatch) Error() string {
	if m.Want == "" {
		return m.Public()
	}
	return fmt.Sprintf("claim %s is %s, expected %s", m.Claim, m.Got, m.Want) + m.noted()
}

// Public omits the rule's value, because anyone may present a token.
func (m *Mismatch) Public() string {
	why := m.Why
	if m.Want != "" {
		why = "which the nearest publisher does not accept"
	}
	return fmt.Sprintf("claim %s is %s, %s", m.Claim, m.Got, why) + m.noted()
}

// noted returns the note after a colon, or "".
func (m *Mismatch) noted() string {
	if m.Note == "" {
		return ""
	}
	return ": " + m.Note
}

// AsMismatch returns err as a mismatch. An error of another type becomes a mismatch without a claim.
func AsMismatch(err error) *Mismatch {
	if m, ok := errors.AsType[*Mismatch](err); ok {
		return m
	}
	return &Mismatch{Claim: "(unknown)", Got: "not acceptable", Why: "and the provider gives no reason"}
}

// inToken returns the mismatch of a token: a claim that the token has as JSON null is not missing.
func (m *Mismatch) inToken(c Claims) *Mismatch {
	if m == nil || m.Got != Show(nil) {
		return m
	}
	if v, ok := c[m.Claim]; ok && v == nil {
		out := *m
		out.Got = "null"
		return &out
	}
	return m
}

// Show formats a claim's value for display, shortened and escaped.
func Show(v any) string {
	switch v := v.(type) {
	case nil:
		return "missing"
	case string:
		if short := fmt.Sprintf("%.100q", v); short != strconv.Quote(v) {
			return short + "…"
		}
		return strconv.Quote(v)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	default:
		return fmt.Sprintf("%.40v", v)
	}
}

// showList formats the first values of a claim that is a list.
func showList(all []any) string {
	if len(all) == 0 {
		return "an empty list"
	}
	var out []string
	for _, v := range all[:min(len(all), 5)] {
		out = append(out, Show(v))
	}
	if len(all) > len(out) {
		out = append(out, "…")
	}
	return "a list of " + strings.Join(out, ", ")
}
