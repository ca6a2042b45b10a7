package workload

import "strings"

// Claims is the payload of an identity token after its signature, issuer, audience and times were checked.
// Values are as encoding/json decodes them, numbers as json.Number.
type Claims map[string]any

// Rule is the compiled form of the fields that a person typed.
type Rule struct {
	Lookup  string            // the key by which rules for some claims are found
	Fields  map[string]string // normal, complete; equal rules have equal fields
	OwnerID string            // the id that the rule is pinned to; "" if it is not known yet
}

// LeavesIDs reports whether a rule takes the ids of its owner and its repository from the first accepted token.
func LeavesIDs(fields map[string]string) bool { return fields[fieldRepositoryID] == firstToken }

// The fields that several kinds have, or that the registry asks for.
const (
	FieldEnvironment  = "environment"
	fieldRef          = "ref"
	fieldRefProtected = "ref_protected"
	fieldRunner       = "runner_environment"
	fieldRepositoryID = "repository_id"
)

// firstToken, as a repository's id, leaves it to the first accepted token to say it, together with the owner's.
const firstToken = "first"

// joined returns the values of some fields with "/" between.
func joined(r Rule, fields ...string) string {
	var all []string
	for _, name := range fields {
		all = append(all, r.Fields[name])
	}
	return strings.Join(all, "/")
}
