package workload

// needed and strict are the two sorts of field that presets have.
func needed(name, label, example, help, pattern string) FormField {
	return FormField{Name: name, Label: label, Example: example, Help: help, Pattern: pattern, Required: true}
}

func strict(name, label, example, help, pattern string) FormField {
	return FormField{Name: name, Label: label, Example: example, Help: help, Pattern: pattern, Stricter: true}
}

func recommended(name, label, example, help, pattern string) FormField {
	return FormField{Name: name, Label: label, Example: example, Help: help, Pattern: pattern, Recommended: true}
}

const (
	nameWords = "letters, digits, '-', '_' and '.'"
	refWords  = "a full name that begins with refs/, with one * at its end at most"
	starWords = "a name, with one * at its end at most"
)

// presetForms are the forms of generic publishers.
var presetForms = []Form{
	{Provider: "generic", Preset: "forgejo", Title: "Forgejo Actions", Fields: []FormField{
		needed("owner", "Owner", "acme", "The user or organisation that has the repository.", nameWords),
		needed("repository", "Repository", "widgets", "Its name, without the owner.", nameWords),
		recommended("workflow", "Workflow file", "release.yml", "The file that publishes; a name without a folder lies in .forgejo/workflows. Without one, every workflow of the repository may publish.", "a file name or a path"),
		recommended("ref", "Tags or branches", "refs/tags/v*", "Only runs for these refs. Without it, everybody who may push a branch may publish.", refWords),
		{Name: "ref_protected", Label: "Protected refs only", Example: "true", Help: "Only branches and tags that Forgejo protects.", Pattern: "true, or nothing", Stricter: true, Check: true},
		strict("events", "Started by", "push", "Only runs that one of these started; several with commas between.", "words with commas between"),
		strict("owner_id", "Owner's number", "42", "It stays when the name goes to somebody else.", "a number"),
		strict("repository_id", "Repository's number", "77", "Leaves out a repository that is made anew under this name.", "a number"),
	}},
	{Provider: "generic", Preset: "buildkite", Title: "Buildkite", Fields: []FormField{
		needed("organization", "Organisation", "acme", "Its name in its address.", nameWords),
		needed("pipeline", "Pipeline", "widgets", "Its name in its address.", nameWords),
		recommended("branch", "Branch", "main", "Only builds of this branch. Without branch, tag or step, everybody who may push a branch may publish.", starWords),
		recommended("tag", "Tag", "v*", "Only builds of such tags.", starWords),
		strict("step", "Step", "publish", "Only the step with this key.", "the step's key"),
		strict("source", "Started by", "webhook", "webhook, ui, api, schedule or trigger_job; several with commas between.", "words with commas between"),
		strict("pipeline_id", "Pipeline's id", "01890000-0000-4000-8000-000000000001", "It stays when the name goes to another pipeline.", "a UUID"),
		strict("runner_environment", "Runners", "self-hosted", "Only such agents.", "a word"),
	}},
	{Provider: "generic", Preset: "circleci", Title: "CircleCI", Fields: []FormField{
		needed("project_id", "Project's id", "01890000-0000-4000-8000-000000000002", "From the project's settings on CircleCI.", "a UUID"),
		recommended("ref", "Tags or branches", "refs/tags/v*", "Only jobs for these refs. Without it, everybody who may push a branch may publish.", refWords),
		strict("origin", "Repository", "github.com/acme/widgets", "Where the code comes from, as the token says it.", "host/owner/name"),
	}},
	{Provider: "generic", Preset: "jenkins", Title: "Jenkins", Fields: []FormField{
		needed("job", "Job", "https://jenkins.acme.example/job/widgets/", "The job's address, as the token's sub says it.", "a URL"),
	}},
	{Provider: "generic", Preset: "semaphore", Title: "Semaphore", Fields: []FormField{
		needed("project_id", "Project's id", "01890000-0000-4000-8000-000000000003", "From the project's settings on Semaphore.", "a UUID"),
		recommended("ref", "Tags or branches", "refs/tags/v*", "Only jobs for these refs. Without it, everybody who may push a branch may publish.", refWords),
		strict("ref_type", "Sort of ref", "tag", "branch, tag or pull-request; several with commas between.", "words with commas between"),
		strict("repository", "Repository", "widgets", "Its name, as the token says it.", "a name"),
	}},
	{Provider: "generic", Preset: "azure-devops", Title: "Azure DevOps", Fields: []FormField{
		needed("organization", "Organisation", "acme", "Its name in its address.", nameWords),
		needed("project", "Project", "widgets", "Its name.", "letters, digits, blanks, '-', '_', '.', '(' and ')'"),
		recommended("pipeline", "Pipeline", "release", "The pipeline that publishes. Either this or a service connection is needed.", "a name"),
		strict("connection", "Service connection", "pypi", "In place of a pipeline: every pipeline that may use it may publish.", "a name"),
		recommended("ref", "Tags or branches", "refs/tags/v*", "Only runs for these refs. Without it, everybody who may push a branch may publish.", refWords),
		strict("repository_id", "Repository's id", "01890000-0000-4000-8000-000000000004", "Leaves out other repositories that the pipeline could build.", "a UUID"),
		strict("project_id", "Project's id", "01890000-0000-4000-8000-000000000005", "It stays when the name goes to another project.", "a UUID"),
	}},
	{Provider: "generic", Preset: "kubernetes", Title: "Kubernetes", Fields: []FormField{
		needed("namespace", "Namespace", "ci", "Of the cluster whose issuer this is.", "small letters, digits, '-' and '.'"),
		needed("service_account", "Service account", "publisher", "Whoever may make pods in the namespace can be this account: keep a namespace for it.", "small letters, digits, '-' and '.'"),
	}},
	{Provider: "generic", Title: "Rules on claims", Fields: []FormField{{
		Name: FieldClaims, Label: "Claims", Required: true, Lines: true, Example: "repository=acme/widgets\nref=refs/tags/v*",
		Help: "What the token's claims have to be, letter by letter: NAME=VALUE on each line, the same name again for one of several, and NAME=BEGINNING* for claims that hold a ref. " +
			"One of them has to name the workload: sub, repository, project_id and the like.",
		Pattern: "NAME=VALUE, one on each line",
	}}},
}
