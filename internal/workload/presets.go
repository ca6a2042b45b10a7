package workload

import (
	"regexp"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// preset converts the names that people know into rules on the claims of one kind of issuer. Only the rules are stored,
// so a later change of a preset does not change existing publishers.
type preset struct {
	name, title string
	fields      []Field
	make        func(in, out map[string]string) error // adds rules that combine several fields; may be nil
	// known reports whether the preset probably fits an issuer and the claims that a publisher's rules name.
	known func(issuer, host, sub string, has func(claims ...string) bool) bool
}

const anyBranch = " Without it, everyone who may push a branch may publish."

// presets are in display order. Each follows its platform's documentation: Forgejo's "OpenID Connect in Actions",
// Buildkite's "OIDC", CircleCI's "OpenID Connect tokens", Jenkins' oidc-provider plugin, Semaphore's "OIDC tokens",
// Azure DevOps' "Oidctoken" and Kubernetes' "Managing Service Accounts".
var presets = []preset{
	{name: "forgejo", title: "Forgejo Actions", make: forgejoRules, fields: []Field{
		needed("owner", "Owner", "acme",
			"The user or organization that owns the repository. You can paste acme/widgets or the repository's URL.", nameWords),
		needed("repository", "Repository", "widgets", "Its name, without the owner.", nameWords),
		recommended("workflow", "Workflow file", "release.yml",
			"The file that publishes; a bare name is looked up in .forgejo/workflows. Without it, every workflow of the repository may publish.", "a file name or a path"),
		recommended("ref", "Tags or branches", "refs/tags/v*", "Only runs for these refs."+anyBranch, refWords).is("ref",
			prefixRule),
		{
			Name:     "ref_protected",
			Label:    "Protected refs only",
			Example:  "true",
			Help:     "Only branches and tags that Forgejo protects.",
			Pattern:  "true, or nothing",
			Stricter: true,
			Check:    true,
			Claim:    "ref_protected",
		},
		strict("events", "Events", "push",
			"Only runs started by these events (claim event_name), separated by commas.",
			"comma-separated words").is("event_name", oneofRule),
		strict("owner_id", "Owner ID", "42",
			"It does not change when someone else takes over the name. It is the id at https://HOST/api/v1/users/OWNER.",
			"a number").is("repository_owner_id", exactRule),
		strict("repository_id", "Repository ID", "77", "Excludes a repository that is recreated under this name.",
			"a number").is("repository_id", exactRule),
	}, known: func(issuer, _, _ string, _ func(...string) bool) bool {
		return strings.HasSuffix(issuer, "/api/actions")
	}},
	{name: "buildkite", title: "Buildkite", fields: []Field{
		needed("organization", "Organization", "acme", "Its name in its address.", nameWords).is("organization_slug",
			exactRule),
		needed("pipeline", "Pipeline", "widgets", "Its name in its address.", nameWords).is("pipeline_slug", exactRule),
		recommended("branch", "Branch", "main",
			"Only builds of this branch. Without branch, tag or step, everyone who may push a branch may publish.",
			starWords).is("build_branch", prefixRule),
		recommended("tag", "Tag", "v*", "Only builds of these tags.", starWords).is("build_tag", prefixRule),
		strict("step", "Step", "publish", "Only the step with this key.", "the step's key").is("step_key", exactRule),
		strict("source", "Started by", "webhook", "webhook, ui, api, schedule or trigger_job; separate several with commas.",
			"comma-separated words").is("build_source", oneofRule),
		strict("pipeline_id", "Pipeline ID", "01890000-0000-4000-8000-000000000001",
			"It does not change when another pipeline takes over the name.", "a UUID").is("pipeline_id", exactRule),
		strict("runner_environment", "Runners", "self-hosted", "Only agents of this kind.", "a word").is("runner_environment",
			exactRule),
	}, known: func(_, host, _ string, has func(...string) bool) bool {
		return has("organization_slug", "pipeline_slug") || host == "agent.buildkite.com"
	}},
	{name: "jenkins", title: "Jenkins", fields: []Field{
		needed("job", "Job", "https://jenkins.acme.example/job/widgets/", "The job's URL, as in the token's sub.",
			"a URL").is("sub", exactRule),
	}, known: func(issuer, _, _ string, _ func(...string) bool) bool { return strings.HasSuffix(issuer, "/oidc") }},
	{name: "semaphore", title: "Semaphore", fields: []Field{
		needed("project_id", "Project ID", "01890000-0000-4000-8000-000000000003",
			"From the project's settings on Semaphore.", "a UUID").is("prj_id", exactRule),
		recommended("ref", "Tags or branches", "refs/tags/v*", "Only jobs for these refs."+anyBranch, refWords).is("ref",
			prefixRule),
		strict("ref_type", "Sort of ref", "tag", "branch, tag or pull-request; separate several with commas.",
			"comma-separated words").is("ref_type", oneofRule),
		strict("repository", "Repository", "widgets", "Its name, as in the token.", "a name").is("repo_slug", exactRule),
	}, known: func(_, host, _ string, has func(...string) bool) bool {
		return has("prj_id") || strings.HasSuffix(host, ".semaphoreci.com")
	}},
	{name: "azure-devops", title: "Azure DevOps", make: azureRules, fields: []Field{
		needed("organization", "Organization", "acme", "Its name in its address.", nameWords),
		needed("project", "Project", "widgets", "Its name.", "letters, digits, blanks, '-', '_', '.', '(' and ')'"),
		recommended("pipeline", "Pipeline", "release",
			"The pipeline that publishes. Either this or a service connection is needed.", "a name"),
		strict("connection", "Service connection", "pypi",
			"Replaces the pipeline: every pipeline that may use the connection may publish.", "a name"),
		recommended("ref", "Tags or branches", "refs/tags/v*", "Only runs for these refs."+anyBranch, refWords).is("rpo_ref",
			prefixRule),
		strict("repository_id", "Repository ID", "01890000-0000-4000-8000-000000000004",
			"Excludes other repositories that the pipeline could build.", "a UUID").is("rpo_id", exactRule),
		strict("project_id", "Project ID", "01890000-0000-4000-8000-000000000005",
			"It does not change when another project takes over the name.", "a UUID").is("prj_id", exactRule),
	}, known: func(_, host, sub string, _ func(...string) bool) bool {
		return strings.HasPrefix(sub, "p://") || strings.HasPrefix(sub, "sc://") || host == "vstoken.dev.azure.com"
	}},
	{name: "kubernetes", title: "Kubernetes", make: kubernetesRules, fields: []Field{
		needed("namespace", "Namespace", "ci", "A namespace of the issuer's cluster.",
			"lower-case letters, digits, '-' and '.'"),
		needed("service_account", "Service account", "publisher",
			"Anyone who may create pods in the namespace can act as this account: use a separate namespace.",
			"lower-case letters, digits, '-' and '.'"),
	}, known: func(_, host, sub string, _ func(...string) bool) bool {
		return strings.HasPrefix(sub, "system:serviceaccount:") || strings.Contains(host, "kubernetes")
	}},
}

// genericForms returns the forms of all presets, followed by the form for rules on claims.
func genericForms() []Form {
	var out []Form
	for _, p := range presets {
		out = append(out, Form{Provider: "generic", Preset: p.name, Title: p.title, Fields: p.fields})
	}
	return append(out, Form{Provider: "generic", Title: "Rules on claims", Fields: []Field{{
		Name: FieldClaims, Label: "Claims", Required: true, Lines: true, Example: "repository=acme/widgets\nref=refs/tags/v*",
		Help: "The required claims, case-sensitive. Write one NAME=VALUE on each line, repeat a name to allow several values, and write NAME=PREFIX* for claims that hold a ref. " +
			"At least one has to identify the workload: for example sub, repository or project_id.",
		Pattern: "NAME=VALUE, one on each line", Tighten: "Add this rule",
	}}})
}

// Presets returns the names of the presets of generic publishers, sorted.
func Presets() []string {
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return names
}

// PresetOf guesses the preset for an issuer and the fields of a rule. It returns "" if none fits.
func PresetOf(issuer string, fields map[string]string) string {
	has := func(claims ...string) bool {
		return !slices.ContainsFunc(claims, func(c string) bool { return !literal(Rule{Fields: fields}, c) })
	}
	if has("oidc.circleci.com/project-id") || hostOf(issuer) == "oidc.circleci.com" {
		return CircleCI.name
	}
	for _, p := range slices.Backward(presets) {
		if p.known(issuer, hostOf(issuer), fields[exactRule+"sub"], has) {
			return p.name
		}
	}
	return ""
}

// expand converts the fields of a preset to rules on claims. Without a preset, the fields are such rules already.
func expand(fields map[string]string) (preset, map[string]string, error) {
	name, ok := fields[fieldPreset]
	if !ok {
		return preset{}, fields, nil
	}
	i := slices.IndexFunc(presets, func(p preset) bool { return p.name == name })
	if i < 0 {
		return preset{}, nil,
			fault.InField(fieldPreset, "there is no preset %.40q: choose %s", name, strings.Join(Presets(), ", "))
	}
	p := presets[i]
	for field := range fields {
		if field != fieldPreset && !slices.ContainsFunc(p.fields, func(f Field) bool { return f.Name == field }) {
			return p, nil, fault.New(fault.Invalid, "%.40q is not a field of preset %s: use %s", field, name, p.names())
		}
	}
	out := map[string]string{}
	for _, f := range p.fields {
		if err := f.expand(fields[f.Name], out); err != nil {
			return p, nil, err
		}
	}
	if p.make == nil {
		return p, out, nil
	}
	return p, out, p.make(fields, out)
}

// fieldOf returns the name of the preset's field that became a rule, or the rule's own name without a preset.
func (p preset) fieldOf(rule string) string {
	_, claim, _ := strings.Cut(rule, ":")
	for _, f := range p.fields {
		if f.Claim == claim {
			return f.Name
		}
	}
	return rule
}

func (p preset) names() string {
	var names []string
	for _, f := range p.fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// expand adds the rule on the field's claim to out.
func (f Field) expand(v string, out map[string]string) error {
	switch {
	case v == "" && f.Required:
		return fault.InField(f.Name, "%s is required", f.Name)
	case v == "" || f.Claim == "":
	case f.rule == prefixRule && strings.HasSuffix(v, "*"):
		out[prefixRule+f.Claim] = v
	case f.rule == oneofRule:
		out[oneofRule+f.Claim] = strings.ReplaceAll(v, ",", "\n")
	default:
		out[exactRule+f.Claim] = v
	}
	return nil
}

var (
	forgejoName    = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z`)
	azureName      = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9 ._()-]{0,99}\z`)
	kubernetesName = regexp.MustCompile(`\A[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\z`)
)

// forgejoRules pins the repository and, if given, the workflow file at any ref. A bare file name is looked up in
// .forgejo/workflows.
func forgejoRules(in, out map[string]string) error {
	for _, name := range []string{"owner", "repository"} {
		if !forgejoName.MatchString(in[name]) {
			return fault.InField(name, "%s %.100q is not a name on Forgejo: use letters, digits, '-', '_' and '.'", name,
				in[name])
		}
	}
	repository := in["owner"] + "/" + in["repository"]
	out[exactRule+"repository"] = repository
	file := in["workflow"]
	if file == "" {
		return nil
	}
	if !strings.Contains(file, "/") {
		file = ".forgejo/workflows/" + file
	}
	if strings.ContainsAny(file, "@*\\") || strings.Contains(file, "..") || strings.HasPrefix(file, "/") {
		return fault.InField("workflow", "workflow %.100q is not the path of a workflow file", in["workflow"])
	}
	out[prefixRule+"workflow_ref"] = repository + "/" + file + "@*"
	return nil
}

// azureRules pins the subject of a pipeline's or a service connection's tokens.
func azureRules(in, out map[string]string) error {
	kind, last := "p://", "pipeline"
	if in["connection"] != "" {
		kind, last = "sc://", "connection"
	}
	if (in["pipeline"] == "") == (in["connection"] == "") {
		return fault.InField("pipeline", "set either pipeline or connection, not both")
	}
	for _, name := range []string{"organization", "project", last} {
		if !azureName.MatchString(in[name]) {
			return fault.InField(name, "%s %.100q is not a name on Azure DevOps", name, in[name])
		}
	}
	out[exactRule+"sub"] = kind + in["organization"] + "/" + in["project"] + "/" + in[last]
	return nil
}

func kubernetesRules(in, out map[string]string) error {
	for _, name := range []string{"namespace", "service_account"} {
		if !kubernetesName.MatchString(in[name]) {
			return fault.InField(name, "%s %.100q is not a name in Kubernetes: use lower-case letters, digits, '-' and '.'",
				name,
				in[name])
		}
	}
	out[exactRule+"sub"] = "system:serviceaccount:" + in["namespace"] + ":" + in["service_account"]
	return nil
}
