package workload

import (
	"regexp"

	"pyindex/internal/fault"
)

// GoogleIssuer signs the identity tokens of Google's service accounts.
const GoogleIssuer = "https://accounts.google.com"

// Google knows the claims of Google's accounts: an e-mail address that Google verified, and the account behind it, which
// is what a rule is pinned to.
type Google struct{}

var _ Provider = Google{}

const (
	fieldEmail   = "email"
	fieldSubject = "sub"
)

var (
	emailAddress  = regexp.MustCompile(`\A[A-Za-z0-9!#$%&'*+/=?^_{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,9}\z`)
	googleSubject = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,255}\z`)
)

// googleChecks begin with the address, which is the lookup key.
var googleChecks = []check{
	func(r Rule, c Claims) *Mismatch { return exactly(c, "email", r.Fields[fieldEmail]) },
	googleVerified, googleSubjectFits,
}

// Name implements Provider.
func (Google) Name() string { return "google" }

// Issuer implements Provider.
func (Google) Issuer() string { return GoogleIssuer }

// PinField implements Provider: an address can be given to another account, whose subject differs.
func (Google) PinField() string { return fieldSubject }

// NeedsTokenID implements Provider: Google does not number its tokens.
func (Google) NeedsTokenID() bool { return false }

// Compile implements Provider. The address stays as typed and is compared letter by letter.
func (Google) Compile(fields map[string]string) (Rule, error) {
	for name := range fields {
		if name != fieldEmail && name != fieldSubject {
			return Rule{}, fault.New(fault.Invalid, "%.40q is not a field of a google publisher: use email and sub", name)
		}
	}
	email, sub := fields[fieldEmail], fields[fieldSubject]
	if !emailAddress.MatchString(email) {
		return Rule{}, fault.InField(fieldEmail, "email %.100q is not an address: write it as Google does, as publisher@project.iam.gserviceaccount.com", email)
	}
	if sub != "" && !googleSubject.MatchString(sub) {
		return Rule{}, fault.InField(fieldSubject, "sub %.100q is not the account's id: letters and digits, as the token's own sub", sub)
	}
	return Rule{Lookup: email, Fields: map[string]string{fieldEmail: email}, OwnerID: sub, Sentence: "Google account " + email}, nil
}

// Lookup implements Provider: the address, exactly.
func (Google) Lookup(c Claims) (string, error) {
	s, ok := c["email"].(string)
	if !ok || !emailAddress.MatchString(s) {
		return "", fault.New(fault.Invalid, "claim email is %s, not an address; ask for the token with its e-mail address", Show(c["email"]))
	}
	return s, nil
}

// Admits implements Provider. Its errors are *Mismatch.
func (Google) Admits(r Rule, c Claims) error { return ask(googleChecks, r, c) }

// Differences implements Differ.
func (Google) Differences(r Rule, c Claims) []*Mismatch { return askAll(googleChecks, r, c) }

// OwnerID implements Provider.
func (Google) OwnerID(_ Rule, c Claims) string {
	sub, _ := c["sub"].(string)
	return sub
}

// googleVerified wants true itself: "true" and 1 are somebody else's spelling.
func googleVerified(_ Rule, c Claims) *Mismatch {
	if v, ok := c["email_verified"].(bool); !ok || !v {
		return wrong("email_verified", c["email_verified"], "but must be true")
	}
	return nil
}

func googleSubjectFits(r Rule, c Claims) *Mismatch {
	got, m := text(c, "sub")
	if m != nil {
		return m
	}
	if !googleSubject.MatchString(got) {
		return wrong("sub", got, "not the id of an account")
	}
	if r.OwnerID != "" && got != r.OwnerID {
		return differs("sub", got, r.OwnerID)
	}
	return nil
}

// Suggest implements Suggester.
func (Google) Suggest(c Claims) map[string]string {
	email, _ := c["email"].(string)
	sub, _ := c["sub"].(string)
	return map[string]string{fieldEmail: email, fieldSubject: sub}
}
