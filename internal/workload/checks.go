package workload

import (
	"strings"
)

// text returns a claim that is a string, and "" for any other claim.
func text(c map[string]any, claim string) string {
	s, _ := c[claim].(string)
	return s
}

// said returns a claim, or a mismatch if the claim is not a non-empty string.
func said(c Claims, claim string) (string, *Mismatch) {
	s := text(c, claim)
	if s == "" {
		return "", wrong(claim, c[claim], "but must be a non-empty string")
	}
	return s, nil
}

// exactly compares a claim with a string. An empty want fits nothing.
func exactly(c Claims, claim, want string) *Mismatch {
	got, m := said(c, claim)
	if m == nil && (want == "" || got != want) {
		m = differs(claim, got, want)
	}
	return m
}

// is compares a claim with a field, case-sensitively.
func is(claim, field string) check {
	return func(r Rule, c Claims) *Mismatch { return exactly(c, claim, r.Fields[field]) }
}

// folds compares a claim with the values of fields, joined by "/", ignoring the case of ASCII letters.
func folds(claim string, fields ...string) check {
	return func(r Rule, c Claims) *Mismatch {
		got, m := said(c, claim)
		if want := joined(r, fields...); m == nil && lowerASCII(got) != want {
			m = differs(claim, got, want)
		}
		return m
	}
}

// pinned compares a claim with the id that the rule is pinned to. If the rule is not pinned yet, any well-formed value
// fits.
func pinned(claim string, form *pattern, why string) check {
	return func(r Rule, c Claims) *Mismatch {
		got, m := said(c, claim)
		if m != nil {
			return m
		}
		if !form.MatchString(got) {
			return wrong(claim, got, why)
		}
		if want, _, _ := strings.Cut(r.OwnerID, "/"); want != "" && got != want {
			return differs(claim, got, want)
		}
		return nil
	}
}

// pinnedIfAny is pinned for a claim that not every token has. A token without it fits only rules that are not pinned
// yet. lacking completes the error of the others.
func pinnedIfAny(claim string, form *pattern, why, lacking string) check {
	fits := pinned(claim, form, why)
	return func(r Rule, c Claims) *Mismatch {
		switch {
		case c[claim] != nil:
			return fits(r, c)
		case r.OwnerID != "":
			return wrong(claim, nil, lacking)
		}
		return nil
	}
}

// numberFits compares a claim with the repository's id if the rule has one.
func numberFits(claim string) check {
	return func(r Rule, c Claims) *Mismatch {
		want := r.Fields[fieldRepositoryID]
		if want == "" {
			return nil
		}
		got := text(c, claim)
		if !decimalID.MatchString(got) {
			return wrong(claim, c[claim], "not a decimal number")
		}
		if want == firstToken {
			if r.OwnerID == "" {
				return nil
			}
			_, want, _ = strings.Cut(r.OwnerID, "/")
		}
		if got != want {
			return differs(claim, got, want)
		}
		return nil
	}
}

// present requires a claim to be a non-empty string.
func present(claim string) check {
	return func(_ Rule, c Claims) *Mismatch {
		_, m := said(c, claim)
		return m
	}
}

// isText requires a claim to be a string, which may be empty.
func isText(claim string) check {
	return func(_ Rule, c Claims) *Mismatch {
		if _, ok := c[claim].(string); !ok {
			return wrong(claim, c[claim], "but must be a string")
		}
		return nil
	}
}

// textIfAny requires a claim to be a string if it is there.
func textIfAny(claim string) check {
	return func(_ Rule, c Claims) *Mismatch {
		v, there := c[claim]
		if _, ok := v.(string); there && !ok {
			return wrong(claim, v, "but must be a string if present")
		}
		return nil
	}
}

// fileFits compares a claim with the two values that it may have: the place in any case, a file in the place, "@", and
// the token's own ref or commit. It does not split the claim, because file names, branches and tags may all contain
// "@", ".yml" and "/".
func fileFits(c Claims, claim, place, file, refClaim string) *Mismatch {
	at, ok := afterPlace(text(c, claim), place, place+file+"@")
	if ok && at != "" && (at == text(c, refClaim) || at == text(c, "sha")) {
		return nil
	}
	return &Mismatch{
		Claim: claim, Got: Show(c[claim]), Want: Show(place + file + "@ followed by the token's own " + refClaim + " or sha"),
	}
}

// afterPlace removes the prefix want, which begins with place, from got. It ignores case only within place.
func afterPlace(got, place, want string) (rest string, ok bool) {
	if len(got) < len(place) || lowerASCII(got[:len(place)]) != place {
		return "", false
	}
	return strings.CutPrefix(got[len(place):], want[len(place):])
}

func differs(claim, got, want string) *Mismatch {
	return &Mismatch{Claim: claim, Got: Show(got), Want: Show(want)}
}

func wrong(claim string, got any, why string) *Mismatch {
	return &Mismatch{Claim: claim, Got: Show(got), Why: why}
}
