package workload

// check compares claims with a rule in one respect; nil where they fit.
type check func(r Rule, c Claims) *Mismatch

// ask runs the checks in order and returns the first difference, which knows how many checks were passed before.
func ask(checks []check, r Rule, c Claims) error {
	for passed, fits := range checks {
		if m := fits(r, c); m != nil {
			m.Passed = passed
			return m
		}
	}
	return nil
}

// askAll runs all checks and returns every difference.
func askAll(checks []check, r Rule, c Claims) []*Mismatch {
	var out []*Mismatch
	for _, fits := range checks {
		if m := fits(r, c); m != nil {
			out = append(out, m)
		}
	}
	return out
}

// text returns a claim that has to be a text which says something.
func text(c Claims, claim string) (string, *Mismatch) {
	s, ok := c[claim].(string)
	if !ok || s == "" {
		return "", wrong(claim, c[claim], "but must be a text that says something")
	}
	return s, nil
}

// exactly compares a claim with a text. A rule without the text fits nothing.
func exactly(c Claims, claim, want string) *Mismatch {
	got, m := text(c, claim)
	if m != nil {
		return m
	}
	if want == "" || got != want {
		return differs(claim, got, want)
	}
	return nil
}
