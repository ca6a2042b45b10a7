package workload

import "slices"

const anyBranch = " Without it, everyone who may push a branch may publish."

// genericForms returns the form for rules on claims.
func genericForms() []Form {
	return []Form{{Provider: "generic", Title: "Rules on claims", Fields: []Field{{
		Name: FieldClaims, Label: "Claims", Required: true, Lines: true, Example: "repository=acme/widgets\nref=refs/tags/v*",
		Help: "The required claims, case-sensitive. Write one NAME=VALUE on each line, repeat a name to allow several values, write NAME=PREFIX* for claims that hold a ref, and NAME has VALUE for claims that hold a list. " +
			"At least one has to identify the workload: for example sub, repository or project_id.",
		Pattern: "NAME=VALUE, one on each line", Tighten: "Add this rule",
	}}}}
}

// Presets returns the names, sorted, by which the field "preset" of kind generic chooses the kind of a platform; see
// OfPreset.
func Presets() []string {
	var names []string
	for _, k := range All {
		if k.shared {
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	return names
}
