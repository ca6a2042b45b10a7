package workload

import (
	"regexp"
	"strings"
)

// text returns a claim that is a text, and "" for any other.
func text(c map[string]any, claim string) string {
	s, _ := c[claim].(string)
	return s
}

// said returns a claim that has to be a text which says something.
func said(c Claims, claim string) (string, *Mismatch) {
	s := text(c, claim)
	if s == "" {
		return "", wrong(claim, c[claim], "but must be a string that says something")
	}
	return s, nil
}

// exactly compares a claim with a text. A rule without the text fits nothing.
func exactly(c Claims, claim, want string) *Mismatch {
	got, m := said(c, claim)
	if m == nil && (want == "" || got != want) {
		m = differs(claim, got, want)
	}
	return m
}

// is compares a claim with a field, letter by letter.
func is(claim, field string) check {
	return func(r Rule, c Claims) *Mismatch { return exactly(c, claim, r.Fields[field]) }
}

// folds compares a claim with fields that have "/" between, whatever the case of its letters A to Z.
func folds(claim string, fields ...string) check {
	return func(r Rule, c Claims) *Mismatch {
		got, m := said(c, claim)
		if want := joined(r, fields...); m == nil && lowerASCII(got) != want {
			m = differs(claim, got, want)
		}
		return m
	}
}

// pinned compares a claim with what the rule is pinned to. Any well-formed value fits a rule that is not pinned yet.
func pinned(claim string, form *regexp.Regexp, why string) check {
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

// numberFits compares a claim with the repository's id if the rule is about it.
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

// environmentFits compares the job's environment if the rule names one; fold makes of the claim what the field is.
func environmentFits(fold func(string) string) check {
	return func(r Rule, c Claims) *Mismatch {
		v, there := c["environment"]
		got, ok := v.(string)
		if there && !ok {
			return wrong("environment", v, "but must be a text if it is there")
		}
		if want := r.Fields[FieldEnvironment]; want != "" && fold(got) != want {
			return &Mismatch{Claim: "environment", Got: Show(v), Want: Show(want)}
		}
		return nil
	}
}

// fileFits compares a claim with the two values that it may have, rather than taking it apart: file names, branches and
// tags may all hold "@", ".yml" and "/". They are a place, whose letters A to Z may be large or small, a file in it,
// "@" and the token's own ref or commit.
func fileFits(c Claims, claim, place, file, refClaim string) *Mismatch {
	at, ok := afterPlace(text(c, claim), place, place+file+"@")
	if ok && at != "" && (at == text(c, refClaim) || at == text(c, "sha")) {
		return nil
	}
	return &Mismatch{
		Claim: claim, Got: Show(c[claim]), Want: Show(place + file + "@ followed by the token's own " + refClaim + " or sha"),
	}
}

// afterPlace cuts want, which begins with a place, off the front of got. Only the place's letters may be large or
// small.
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
