package policy_test

import (
	"testing"

	"pyindex/internal/policy"
)

// TestDecide has every rule with the facts that trigger it, and checks that a stricter rule decides first.
func TestDecide(t *testing.T) {
	const one, other = "aa", "bb"
	for name, c := range map[string]struct {
		facts   policy.Facts
		verdict policy.Verdict
		rule    policy.Rule
	}{
		"nothing known":             {policy.Facts{}, policy.Serve, ""},
		"first read":                {policy.Facts{Stated: one}, policy.Serve, ""},
		"the same digest again":     {policy.Facts{Stated: one, Pinned: one, Held: true}, policy.Serve, ""},
		"no digest stated any more": {policy.Facts{Pinned: one}, policy.Serve, ""},
		"another digest":            {policy.Facts{Stated: other, Pinned: one}, policy.Deny, policy.RuleDigest},
		"another digest, ours held": {
			policy.Facts{Stated: other, Pinned: one, Held: true}, policy.Deny, policy.RuleDigest,
		},
		"wrong content a moment ago":    {policy.Facts{Stated: one, Wrong: true}, policy.Hold, policy.RuleDigest},
		"offline and held":              {policy.Facts{Offline: true, Held: true}, policy.Serve, ""},
		"offline and not held":          {policy.Facts{Offline: true}, policy.Deny, policy.RuleOffline},
		"quarantined and held":          {policy.Facts{Quarantined: true, Held: true}, policy.Deny, policy.RuleStatus},
		"denied name, held":             {policy.Facts{NameDenied: true, Held: true}, policy.Deny, policy.RuleName},
		"denied name before quarantine": {policy.Facts{NameDenied: true, Quarantined: true}, policy.Deny, policy.RuleName},
		"quarantine before offline":     {policy.Facts{Quarantined: true, Offline: true}, policy.Deny, policy.RuleStatus},
	} {
		d := policy.Decide(c.facts)
		if d.Verdict != c.verdict || d.Rule != c.rule {
			t.Errorf("%s: Decide() = %v %q, want %v %q", name, d.Verdict, d.Rule, c.verdict, c.rule)
		}
		if d.Verdict != policy.Serve && d.Text() == "" {
			t.Errorf("%s: no text", name)
		}
	}
}
