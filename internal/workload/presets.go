package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// fieldPreset chooses how the other fields of a generic publisher are read.
const fieldPreset = "preset"

// preset says how the names that people know become rules on the claims of one kind of issuer. The rules are kept, not
// the preset, so that a later change of it changes no publisher.
type preset struct {
	fields []presetField
	make   func(in, out map[string]string) error // nil, or for what is more than one claim
}

// presetField is a field that becomes a rule on a claim; without a claim it is for make alone.
type presetField struct {
	name, claim string
	needed      bool
	pattern     bool // may end with "*"
	list        bool // may be several, with commas between
}

// presets are by the documentation of each: Forgejo's "OpenID Connect in Actions", Buildkite's "OIDC", CircleCI's "OpenID
// Connect tokens", Jenkins' oidc-provider plugin, Semaphore's "OIDC tokens", Azure DevOps' "Oidctoken" and Kubernetes'
// "Managing Service Accounts".
var presets = map[string]preset{
	"forgejo": {fields: []presetField{
		{name: "owner", needed: true}, {name: "repository", needed: true}, {name: "workflow"},
		{name: "ref", claim: "ref", pattern: true}, {name: "ref_protected", claim: "ref_protected"},
		{name: "events", claim: "event_name", list: true},
		{name: "owner_id", claim: "repository_owner_id"}, {name: "repository_id", claim: "repository_id"},
	}, make: forgejoRules},
	"buildkite": {fields: []presetField{
		{name: "organization", claim: "organization_slug", needed: true}, {name: "pipeline", claim: "pipeline_slug", needed: true},
		{name: "pipeline_id", claim: "pipeline_id"}, {name: "branch", claim: "build_branch", pattern: true},
		{name: "tag", claim: "build_tag", pattern: true}, {name: "step", claim: "step_key"}, {name: "source", claim: "build_source", list: true},
		{name: "runner_environment", claim: "runner_environment"},
	}},
	"circleci": {fields: []presetField{
		{name: "project_id", claim: "oidc.circleci.com/project-id", needed: true},
		{name: "ref", claim: "oidc.circleci.com/vcs-ref", pattern: true}, {name: "origin", claim: "oidc.circleci.com/vcs-origin"},
	}},
	"jenkins": {fields: []presetField{{name: "job", claim: "sub", needed: true}}},
	"semaphore": {fields: []presetField{
		{name: "project_id", claim: "prj_id", needed: true}, {name: "repository", claim: "repo_slug"},
		{name: "ref", claim: "ref", pattern: true}, {name: "ref_type", claim: "ref_type", list: true},
	}},
	"azure-devops": {fields: []presetField{
		{name: "organization", needed: true}, {name: "project", needed: true}, {name: "pipeline"}, {name: "connection"},
		{name: "ref", claim: "rpo_ref", pattern: true}, {name: "repository_id", claim: "rpo_id"}, {name: "project_id", claim: "prj_id"},
	}, make: azureRules},
	"kubernetes": {fields: []presetField{{name: "namespace", needed: true}, {name: "service_account", needed: true}}, make: kubernetesRules},
}

// Presets returns the names of the presets of generic publishers, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

// expand turns the fields of a preset into rules on claims. Fields without a preset are such rules already.
func expand(fields map[string]string) (preset, map[string]string, error) {
	name, ok := fields[fieldPreset]
	if !ok {
		return preset{}, fields, nil
	}
	p, ok := presets[name]
	if !ok {
		return p, nil, fault.InField(fieldPreset, "there is no preset %.40q: choose %s", name, strings.Join(Presets(), ", "))
	}
	for field := range fields {
		if field != fieldPreset && !slices.ContainsFunc(p.fields, func(f presetField) bool { return f.name == field }) {
			return p, nil, fault.New(fault.Invalid, "%.40q is not a field of preset %s: use %s", field, name, p.names())
		}
	}
	out := map[string]string{}
	for _, f := range p.fields {
		if err := f.expand(fields[f.name], out); err != nil {
			return p, nil, err
		}
	}
	if p.make == nil {
		return p, out, nil
	}
	return p, out, p.make(fields, out)
}

// fieldOf is the preset's field that became a rule; without a preset it is the rule's own.
func (p preset) fieldOf(rule string) string {
	_, claim, _ := strings.Cut(rule, ":")
	for _, f := range p.fields {
		if f.claim == claim {
			return f.name
		}
	}
	return rule
}

func (p preset) names() string {
	var names []string
	for _, f := range p.fields {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

func (f presetField) expand(v string, out map[string]string) error {
	switch {
	case v == "" && f.needed:
		return fault.InField(f.name, "%s is needed", f.name)
	case v == "" || f.claim == "":
	case f.pattern && strings.HasSuffix(v, "*"):
		out[prefixRule+f.claim] = v
	case f.list:
		out[oneofRule+f.claim] = strings.ReplaceAll(v, ",", "\n")
	default:
		out[exactRule+f.claim] = v
	}
	return nil
}
