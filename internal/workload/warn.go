package workload

import "slices"

// Looseness is the severity of a warning.
type Looseness uint8

// The degrees of looseness. CouldBeStricter is a hint: such a rule is acceptable.
const (
	CouldBeStricter Looseness = iota
	Loose                     // more people may publish than most would expect
	AsLooseAsToken            // everyone with push access may publish, as with a shared token
)

// Warning describes one way in which a rule is loose, and the field that tightens it ("" if none does).
type Warning struct {
	Degree Looseness
	Text   string
	Field  string
	Value  string // a suggested value for the field; may be ""
}

// forge holds a platform's terms for the warnings about its rules.
type forge struct {
	place, thing, file string
	account            string // what is pinned
	pin, id            string // names of fields
	hosted             string // the value of fieldRunner for the platform's own runners
}

func forgeWarnings(fields map[string]string, ownerID string, f forge) []Warning {
	out := reachWarnings(fields, f)
	if ownerID == "" {
		out = append(out, Warning{
			Loose, "Not pinned yet. The index will pin " + f.account + " when the first token is accepted.",
			f.pin, "",
		})
	}
	if fields[fieldRepositoryID] == "" {
		out = append(out, Warning{
			CouldBeStricter, "A " + f.thing + " that is recreated under the name " + f.place + " is trusted too.", f.id, "",
		})
	}
	if runner := fields[fieldRunner]; runner == "" {
		out = append(out, Warning{
			CouldBeStricter, "Self-hosted runners may publish: anything an earlier job left behind on a runner could publish too.",
			fieldRunner, f.hosted,
		})
	} else if runner != f.hosted {
		out = append(out, Warning{
			CouldBeStricter, "Self-hosted runners publish: anything an earlier job left behind on a runner could publish too.",
			"",
			"",
		})
	}
	return out
}

// reachWarnings returns the warnings about who can start the workload.
func reachWarnings(fields map[string]string, f forge) []Warning {
	guarded, ref := fields[fieldRefProtected] != "", fields[fieldRef]
	switch {
	case fields[FieldEnvironment] == "" && !guarded && anyRef(ref):
		return []Warning{{
			AsLooseAsToken,
			"Anyone who can push a branch to " + f.place + " can publish with their own " + f.file +
				". Require a protected environment.", FieldEnvironment, "",
		}}
	case fields[FieldEnvironment] == "" && !guarded:
		return []Warning{{
			Loose, "No environment: anyone who can push " + ref + " to " + f.place + " can publish without approval.",
			FieldEnvironment, "",
		}}
	case fields[FieldEnvironment] == "":
		return []Warning{{CouldBeStricter, "No environment: releases need no approval.", FieldEnvironment, ""}}
	case !guarded && anyRef(ref):
		return []Warning{{
			CouldBeStricter, "Any branch or tag that the environment " + fields[FieldEnvironment] +
				" allows may publish: an environment without protection rules allows all of them.", fieldRef, "",
		}}
	}
	return nil
}

// anyRef reports whether a pattern matches every branch.
func anyRef(pattern string) bool {
	return pattern == "" || pattern == "refs/heads/*"
}

// foreignWarnings returns the warnings about reusable workflows of other repositories.
func foreignWarnings(fields map[string]string) []Warning {
	at := fields["workflow_at"]
	if at == "" || commit.MatchString(at) {
		return nil
	}
	return []Warning{{
		Loose, "The workflow itself is in " + fields["workflow_repository"] + " at " + at +
			": everyone who may push there can change the published files.", "", "",
	}}
}

// Warnings returns the ways in which a rule of compiled fields is loose, the most severe first. ownerID is the id that
// the rule is pinned to.
func (k *Kind) Warnings(fields map[string]string, ownerID string) []Warning {
	if k.warn == nil {
		return nil
	}
	out := k.warn(fields, ownerID)
	if k.open != nil {
		out = append(out, platformWarnings(fields)...)
	}
	slices.SortStableFunc(out, func(a, b Warning) int { return int(b.Degree) - int(a.Degree) })
	return out
}

// Severest returns the most severe of the warnings about a rule that lets in more than most would expect, other than
// that it is not pinned yet. It returns false if there is none.
func (k *Kind) Severest(fields map[string]string, ownerID string) (Warning, bool) {
	for _, w := range k.Warnings(fields, ownerID) {
		if w.Degree >= Loose && (w.Field == "" || w.Field != k.PinField()) {
			return w, true
		}
	}
	return Warning{}, false
}
