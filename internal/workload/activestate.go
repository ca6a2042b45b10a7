package workload

import (
	"strings"
)

// ActiveStateIssuer signs the identity tokens of the ActiveState platform.
const ActiveStateIssuer = "https://platform.activestate.com/api/v1/oauth/oidc"

var activeStateName = newPattern(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z`)

var parseActiveState = matching(activeStateName,
	"is not a valid name: use letters, digits, '-', '_' and '.', as in its URL")

// ActiveState identifies builds on the ActiveState platform. All fields are case-sensitive. A rule names the user who
// may start builds by id, because every member of an organization can start some. The platform does not document
// whether its tokens have an id.
var ActiveState = &Kind{
	name: "activestate", Short: "ActiveState", Title: "ActiveState", Help: "A project on the ActiveState platform.",
	issuer: ActiveStateIssuer, key: []string{"organization", "project"},
	sentence: "ActiveState project {organization/project}, started by user {actor_id}",
	Fields: []Field{
		{
			Name: "organization", Label: "Organization", Example: "acme", Required: true, Claim: "organization",
			Help: "The organization's name in its URL on the platform.", Pattern: nameWords, parse: parseActiveState,
		}, {
			Name: "project", Label: "Project on ActiveState", Example: "widgets", Required: true, Claim: "project",
			Help: "The project's name in its URL on the platform.", Pattern: nameWords, parse: parseActiveState,
		}, {
			Name: "actor_id", Label: "User ID", Example: "00000000-0000-1000-8000-000000000002", Required: true,
			Claim: "actor_id", Alias: "actor",
			Help:    "The ID of the user who starts the builds. Any member of an organization can start builds.",
			Pattern: "a UUID", parse: parseUUID,
		},
	},
	claims: []string{"organization", "project", "sub", "actor_id", "builder"},
	lookup: func(c Claims) (string, *Mismatch) {
		for _, claim := range []string{"organization", "project"} {
			if !activeStateName.MatchString(text(c, claim)) {
				return "", wrong(claim, c[claim], "not a name")
			}
		}
		return text(c, "organization") + "/" + text(c, "project"), nil
	},
	checks: []check{
		is("organization", "organization"), is("project", "project"), activeStateSubjectFits, is("actor_id", "actor_id"),
		// The only builder that publishes.
		func(_ Rule, c Claims) *Mismatch { return exactly(c, "builder", "pypi-publisher") },
	},
	run: runClaims{workload: []string{"organization", "project"}, ref: "ref"},
}

// activeStateSubjectFits compares the first four parts of the subject. What the platform may add after them does not
// identify the project.
func activeStateSubjectFits(r Rule, c Claims) *Mismatch {
	got, m := said(c, "sub")
	part := strings.SplitN(got, ":", 5)
	want := "org:" + r.Fields["organization"] + ":project:" + r.Fields["project"]
	if m == nil && strings.Join(part[:min(4, len(part))], ":") != want {
		m = differs("sub", got, want)
	}
	return m
}
