package workload

import (
	"fmt"
	"regexp"

	"pyindex/internal/fault"
)

// ActiveStateIssuer signs the identity tokens of the ActiveState platform.
const ActiveStateIssuer = "https://platform.activestate.com/api/v1/oauth/oidc"

// ActiveState knows the claims of builds on the ActiveState platform. A rule names the person who may start them by id,
// because every member of an organisation can start some.
type ActiveState struct{}

var _ Provider = ActiveState{}

const (
	fieldOrganization = "organization"
	fieldActorID      = "actor_id"
)

// activeStateBuilder is the only builder that publishes.
const activeStateBuilder = "pypi-publisher"

var (
	activeStateName = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z`)
	uuidText        = regexp.MustCompile(`\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z`)
)

var activeStateChecks = []check{
	func(r Rule, c Claims) *Mismatch { return exactly(c, "organization", r.Fields[fieldOrganization]) },
	func(r Rule, c Claims) *Mismatch { return exactly(c, "project", r.Fields[fieldProject]) },
	func(r Rule, c Claims) *Mismatch { return exactly(c, "sub", activeStateSubject(r)) },
	func(r Rule, c Claims) *Mismatch { return exactly(c, "actor_id", r.Fields[fieldActorID]) },
	func(_ Rule, c Claims) *Mismatch { return exactly(c, "builder", activeStateBuilder) },
}

// Name implements Provider.
func (ActiveState) Name() string { return "activestate" }

// Issuer implements Provider.
func (ActiveState) Issuer() string { return ActiveStateIssuer }

// PinField implements Provider: the actor's id is part of every rule.
func (ActiveState) PinField() string { return "" }

// NeedsTokenID implements Provider: it is not documented that the platform numbers its tokens.
func (ActiveState) NeedsTokenID() bool { return false }

// Compile implements Provider. All fields are needed and compared letter by letter.
func (ActiveState) Compile(fields map[string]string) (Rule, error) {
	for name := range fields {
		if name != fieldOrganization && name != fieldProject && name != fieldActorID {
			return Rule{}, fault.New(fault.Invalid, "%.40q is not a field of an activestate publisher: use organization, project and actor_id", name)
		}
	}
	r := Rule{Fields: map[string]string{fieldOrganization: fields[fieldOrganization], fieldProject: fields[fieldProject], fieldActorID: lowerASCII(fields[fieldActorID])}}
	for _, name := range []string{fieldOrganization, fieldProject} {
		if !activeStateName.MatchString(r.Fields[name]) {
			return Rule{}, fault.InField(name, "%s %.100q cannot be one: letters, digits, '-', '_' and '.', as in its URL", name, r.Fields[name])
		}
	}
	if !uuidText.MatchString(r.Fields[fieldActorID]) {
		return Rule{}, fault.InField(fieldActorID, "actor_id %.60q is not the id of a user: it looks like 00000000-0000-1000-8000-000000000002", fields[fieldActorID])
	}
	r.Lookup = r.Fields[fieldOrganization] + "/" + r.Fields[fieldProject]
	r.Sentence = fmt.Sprintf("ActiveState project %s, started by user %s", r.Lookup, r.Fields[fieldActorID])
	return r, nil
}

// Lookup implements Provider: "organization/project".
func (ActiveState) Lookup(c Claims) (string, error) {
	for _, claim := range []string{"organization", "project"} {
		if s, ok := c[claim].(string); !ok || !activeStateName.MatchString(s) {
			return "", fault.New(fault.Invalid, "claim %s is %s, not a name", claim, Show(c[claim]))
		}
	}
	return c["organization"].(string) + "/" + c["project"].(string), nil
}

// Admits implements Provider. Its errors are *Mismatch.
func (ActiveState) Admits(r Rule, c Claims) error { return ask(activeStateChecks, r, c) }

// Differences implements Differ.
func (ActiveState) Differences(r Rule, c Claims) []*Mismatch { return askAll(activeStateChecks, r, c) }

// OwnerID implements Provider.
func (ActiveState) OwnerID(Rule, Claims) string { return "" }

func activeStateSubject(r Rule) string {
	if r.Lookup == "" {
		return ""
	}
	return "org:" + r.Fields[fieldOrganization] + ":project:" + r.Fields[fieldProject]
}

// Suggest implements Suggester.
func (ActiveState) Suggest(c Claims) map[string]string {
	out := map[string]string{}
	for _, name := range []string{fieldOrganization, fieldProject, fieldActorID} {
		out[name], _ = c[name].(string)
	}
	return out
}
