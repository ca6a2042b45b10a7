package workload

import "strings"

// Claims is the payload of an identity token whose signature, issuer, audience and times were verified. Values have the
// types of encoding/json, with json.Number for numbers.
type Claims map[string]any

// Rule is the compiled form of the fields that a person typed.
type Rule struct {
	Lookup  string            // the key under which rules for some claims are found
	Fields  map[string]string // normalized and complete: equal rules have equal fields
	OwnerID string            // the id that the rule is pinned to; "" if not known yet
	Server  string            // base URL of the platform if it is not the issuer's; see Kind.At
}

// LeavesIDs reports whether a rule takes the ids of its owner and its repository from the first accepted token.
func LeavesIDs(fields map[string]string) bool { return fields[fieldRepositoryID] == firstToken }

// Fields that several kinds share, or that package publishers needs.
const (
	FieldEnvironment  = "environment"
	fieldRef          = "ref"
	fieldRefProtected = "ref_protected"
	fieldRunner       = "runner_environment"
	fieldEvents       = "events"
	fieldJobSource    = "job_source"
	fieldRepositoryID = "repository_id"
)

// firstToken is the repository id of a rule that takes the ids of repository and owner from the first accepted token.
const firstToken = "first"

// joined returns the values of fields, joined by "/".
func joined(r Rule, fields ...string) string {
	var all []string
	for _, name := range fields {
		all = append(all, r.Fields[name])
	}
	return strings.Join(all, "/")
}
