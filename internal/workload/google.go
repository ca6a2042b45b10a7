package workload

// GoogleIssuer signs the identity tokens of Google's service accounts.
const GoogleIssuer = "https://accounts.google.com"

var (
	emailAddress = newPattern(
		`\A[A-Za-z0-9!#$%&'*+/=?^_{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,9}\z`,
	)
	googleSubject = newPattern(`\A[A-Za-z0-9._-]{1,255}\z`)
)

// Google identifies Google accounts by an e-mail address that Google verified, case-sensitively. Rules are pinned to
// the account's subject, because an address can be reassigned to another account. Tokens have no id.
var Google = &Kind{
	name: "google", Short: "Google", Title: "Google Cloud", Help: "A Google service account.",
	issuer: GoogleIssuer, host: "google.com", pin: "sub", key: []string{"email"},
	sentence: "Google service account {email}",
	Fields: []Field{
		{
			Name: "email", Label: "Service account", Example: "publisher@acme.iam.gserviceaccount.com", Required: true,
			Claim: "email",
			Help:  "The account's e-mail address exactly as Google writes it.", Pattern: "an e-mail address",
			parse: matching(emailAddress,
				"is not an e-mail address: write it as Google does, for example publisher@project.iam.gserviceaccount.com"),
		}, {
			Name: "sub", Label: "Account ID", Example: "104242424242424242424", Stricter: true, Claim: "sub",
			Tighten: "Pin to this account",
			Help: "The ID does not change when another account gets the address. " +
				"The index takes it from the first accepted token. Enter it to be sure.",
			Pattern: "letters and digits, as in the token's sub",
			parse:   matching(googleSubject, "is not an account id: write the value of the token's sub"),
		},
	},
	claims: []string{"email", "email_verified", "sub"},
	lookup: func(c Claims) (string, *Mismatch) {
		if !emailAddress.MatchString(text(c, "email")) {
			return "", wrong("email", c["email"], "not an e-mail address; request the token with format=full")
		}
		return text(c, "email"), nil
	},
	renames: renaming{
		adopt: func(r Rule, c Claims) { r.Fields["email"] = text(c, "email") },
		ids: []lasting{{
			thing: "account", claim: "sub", id: ownerID, of: "email",
			name: func(r Rule) (string, string) { return r.Fields["email"], "" },
		}},
	},
	checks: []check{is("email", "email"), googleVerified, pinned("sub", googleSubject, "not the id of an account")},
	run:    runClaims{workload: []string{"email"}, ref: "ref"},
	warn: func(_ map[string]string, ownerID string) []Warning {
		if ownerID != "" {
			return nil
		}
		return []Warning{{
			Loose,
			"Not pinned yet. The index will pin the account that has this address when the first token is accepted.",
			"sub", "",
		}}
	},
}

// googleVerified requires the boolean true, as Google sends it: "true" and 1 are refused.
func googleVerified(_ Rule, c Claims) *Mismatch {
	if v, ok := c["email_verified"].(bool); !ok || !v {
		return wrong("email_verified", c["email_verified"], "but must be true")
	}
	return nil
}
