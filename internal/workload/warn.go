package workload

import "slices"

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

// forge is what the warnings about a forge's rule call things.
type forge struct {
	place, account, thing, file string
	pin, id                     string // fields
	hosted                      string // runners that are not somebody's own
}

func forgeWarnings(fields map[string]string, ownerID string, f forge) []Warning {
	out := reachWarnings(fields, f)
	if ownerID == "" {
		out = append(out, Warning{
			Loose, "Not pinned yet: whoever has the name " + f.account + " when the first token comes is trusted from then on.",
			f.pin, "",
		})
	}
	if fields[fieldRepositoryID] == "" {
		out = append(out, Warning{
			CouldBeStricter, "A " + f.thing + " that is made anew under the name " + f.place + " is trusted too.", f.id, "",
		})
	}
	if runner := fields[fieldRunner]; runner == "" {
		out = append(out, Warning{
			CouldBeStricter, "Self-hosted runners may publish: what an earlier job left behind on one could use the right to.",
			fieldRunner, f.hosted,
		})
	} else if runner != f.hosted {
		out = append(out, Warning{
			CouldBeStricter, "Self-hosted runners publish: what an earlier job left behind on one could use the right to.", "",
			"",
		})
	}
	return out
}

// reachWarnings are about who can make the workload run.
func reachWarnings(fields map[string]string, f forge) []Warning {
	guarded, ref := fields[fieldRefProtected] != "", fields[fieldRef]
	switch {
	case fields[FieldEnvironment] == "" && !guarded && anyRef(ref):
		return []Warning{{
			AsLooseAsToken,
			"Whoever may push a branch to " + f.place + " may publish, with their own " + f.file +
				": this is as loose as a shared token. " +
				"Name an environment and protect it.", FieldEnvironment, "",
		}}
	case fields[FieldEnvironment] == "" && !guarded:
		return []Warning{{
			Loose, "No environment: whoever may push " + ref + " to " + f.place + " may publish, and nobody is asked first.",
			FieldEnvironment, "",
		}}
	case fields[FieldEnvironment] == "":
		return []Warning{{CouldBeStricter, "No environment: nobody is asked before a release.", FieldEnvironment, ""}}
	case !guarded && anyRef(ref):
		return []Warning{{
			CouldBeStricter, "Any branch and tag that the environment " + fields[FieldEnvironment] +
				" lets through: one without protection rules lets all of them through.", fieldRef, "",
		}}
	}
	return nil
}

// anyRef reports whether a pattern lets every branch in.
func anyRef(pattern string) bool {
	return pattern == "" || pattern == "refs/heads/*"
}

// foreignWarnings are about reusable workflows of other repositories.
func foreignWarnings(fields map[string]string) []Warning {
	at := fields["workflow_at"]
	if at == "" || commit.MatchString(at) {
		return nil
	}
	return []Warning{{
		Loose, "The workflow itself is that of " + fields["workflow_repository"] + " at " + at +
			": whoever may push there changes what is published.", "", "",
	}}
}

// Warnings returns in which ways a rule of compiled fields is loose, the worst first. ownerID is what it is pinned to.
func (k *Kind) Warnings(fields map[string]string, ownerID string) []Warning {
	if k.warn == nil {
		return nil
	}
	out := k.warn(fields, ownerID)
	slices.SortStableFunc(out, func(a, b Warning) int { return int(b.Degree) - int(a.Degree) })
	return out
}
