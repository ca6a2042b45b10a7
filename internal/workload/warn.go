package workload

import (
	"slices"
	"strings"
)

// Looseness says how much a warning should worry.
type Looseness uint8

// The degrees. The zero Looseness is a thing that could be stricter and need not be.
const (
	CouldBeStricter Looseness = iota
	Loose                     // somebody may publish whom few would expect to
	AsLooseAsToken            // whoever may push anything may publish: no better than a token that all of them share
)

// Warning is one way in which a rule is loose, in a sentence, and the field that tightens it, "" where none does.
type Warning struct {
	Degree Looseness
	Text   string
	Field  string
	Value  string // of the field, where one goes without saying
}

// Warnings returns in which ways a rule of compiled fields is loose, the worst first. ownerID is what it is pinned to.
func Warnings(provider string, fields map[string]string, ownerID string) []Warning {
	var out []Warning
	switch provider {
	case "github":
		out = forgeWarnings(fields, ownerID, forge{
			place: fields[FieldOwner] + "/" + fields[fieldRepository], account: fields[FieldOwner], thing: "repository",
			file: fields[fieldWorkflow], pin: fieldOwnerID, id: FieldRepositoryID, hosted: "github-hosted",
		})
		out = append(out, foreignWarnings(fields)...)
	case "gitlab":
		out = forgeWarnings(fields, ownerID, forge{
			place: fields[fieldNamespace] + "/" + fields[fieldProject], account: fields[fieldNamespace], thing: "project",
			file: fields[fieldFilepath], pin: fieldNamespaceID, id: FieldProjectID, hosted: "gitlab-hosted",
		})
	case "google":
		if ownerID == "" {
			out = append(out, Warning{Loose, "Not pinned yet: the account that has this address when the first token comes is the one that is trusted from then on.", fieldSubject, ""})
		}
	case "generic":
		out = claimWarnings(fields)
	}
	slices.SortStableFunc(out, func(a, b Warning) int { return int(b.Degree) - int(a.Degree) })
	return out
}

// forge is what the warnings about a forge's rule call things.
type forge struct {
	place, account, thing, file string
	pin, id                     string // fields
	hosted                      string // runners that are not somebody's own
}

func forgeWarnings(fields map[string]string, ownerID string, f forge) []Warning {
	out := reachWarnings(fields, f)
	if ownerID == "" {
		out = append(out, Warning{Loose, "Not pinned yet: whoever has the name " + f.account + " when the first token comes is trusted from then on.", f.pin, ""})
	}
	if fields[FieldRepositoryID] == "" {
		out = append(out, Warning{CouldBeStricter, "A " + f.thing + " that is made anew under the name " + f.place + " is trusted too.", f.id, ""})
	}
	if runner := fields[fieldRunner]; runner == "" {
		out = append(out, Warning{CouldBeStricter, "Self-hosted runners may publish: what an earlier job left behind on one could use the right to.", fieldRunner, f.hosted})
	} else if runner != f.hosted {
		out = append(out, Warning{CouldBeStricter, "Self-hosted runners publish: what an earlier job left behind on one could use the right to.", "", ""})
	}
	return out
}

// reachWarnings are about who can make the workload run.
func reachWarnings(fields map[string]string, f forge) []Warning {
	guarded, ref := fields[fieldRefProtected] != "", fields[fieldRef]
	switch {
	case fields[FieldEnvironment] == "" && !guarded && anyRef(ref):
		return []Warning{{AsLooseAsToken, "Whoever may push a branch to " + f.place + " may publish, with their own " + f.file + ": this is as loose as a shared token. " +
			"Name an environment and protect it.", FieldEnvironment, ""}}
	case fields[FieldEnvironment] == "" && !guarded:
		return []Warning{{Loose, "No environment: whoever may push " + ref + " to " + f.place + " may publish, and nobody is asked first.", FieldEnvironment, ""}}
	case fields[FieldEnvironment] == "":
		return []Warning{{CouldBeStricter, "No environment: nobody is asked before a release.", FieldEnvironment, ""}}
	case !guarded && anyRef(ref):
		return []Warning{{CouldBeStricter, "Any branch and tag that the environment " + fields[FieldEnvironment] + " lets through: one without protection rules lets all of them through.", fieldRef, ""}}
	}
	return nil
}

// anyRef reports whether a pattern lets every branch in.
func anyRef(pattern string) bool {
	return pattern == "" || pattern == "refs/heads/*"
}

// foreignWarnings are about reusable workflows of other repositories.
func foreignWarnings(fields map[string]string) []Warning {
	at := fields[FieldWorkflowAt]
	if at == "" || commit.MatchString(at) {
		return nil
	}
	return []Warning{{Loose, "The workflow itself is that of " + fields[FieldWorkflowRepository] + " at " + at + ": whoever may push there changes what is published.", "", ""}}
}

// narrowing are the claims that leave out most runs of a repository or project.
var narrowing = []string{
	"ref", "ref_path", "rpo_ref", "oidc.circleci.com/vcs-ref", "build_branch", "build_tag", "branch", "tag", "environment",
	"ref_protected", "sub", "job_workflow_ref",
}

func claimWarnings(fields map[string]string) []Warning {
	r := Rule{Fields: fields}
	narrow := slices.ContainsFunc(narrowing, func(claim string) bool {
		return literal(r, claim) || fields[prefixRule+claim] != "" && !anyRef(fields[prefixRule+claim])
	})
	sub := fields[exactRule+"sub"]
	var out []Warning
	switch {
	case !narrow:
		out = append(out, Warning{AsLooseAsToken, "Every job of it may publish, whatever branch it runs for: this is as loose as a shared token. Say which refs may, or which environment.", FieldClaims, "ref=refs/tags/*"})
	case strings.HasPrefix(sub, "system:serviceaccount:"):
		out = append(out, Warning{CouldBeStricter, "Whoever may make pods or tokens in that namespace can be this service account.", "", ""})
	case (strings.HasPrefix(sub, "p://") || strings.HasPrefix(sub, "sc://")) && !literal(r, "rpo_ref") && fields[prefixRule+"rpo_ref"] == "":
		out = append(out, Warning{Loose, "Any branch that the pipeline builds may publish.", FieldClaims, "rpo_ref=refs/tags/*"})
	}
	for _, field := range genericOrder(r) {
		if strings.HasPrefix(field, oneofRule) && pinRank(field) < len(pinSets) {
			out = append(out, Warning{Loose, "Several workloads in one rule: each of them may publish. A publisher for each can be removed alone.", "", ""})
			break
		}
	}
	return out
}
