package workload

import "slices"

// refField returns the field for a tag or branch, which all forges have.
func refField(where string) FormField {
	return FormField{
		Name: fieldRef, Label: "Tags or branches", Example: "refs/tags/v*", Stricter: true,
		Help:    "Only runs for these refs of " + where + ": refs/tags/v* for tags that begin with v, refs/heads/main for one branch.",
		Pattern: "a full name that begins with refs/, with one * at its end at most",
	}
}

func protectedField(where string) FormField {
	return FormField{
		Name: fieldRefProtected, Label: "Protected refs only", Example: "true", Stricter: true, Check: true,
		Help: "Only branches and tags that " + where + " protects.", Pattern: "true, or nothing",
	}
}

func eventsField(claim, example string) FormField {
	return FormField{
		Name: fieldEvents, Label: "Started by", Example: example, Stricter: true,
		Help:    "Only runs that one of these started, as the claim " + claim + " says; several with commas between.",
		Pattern: "words of small letters, '-' and '_', with commas between",
	}
}

func runnerField(example string) FormField {
	return FormField{
		Name: fieldRunner, Label: "Runners", Example: example, Stricter: true,
		Help:    example + " leaves out self-hosted runners, on which an earlier job may have left something behind; self-hosted is the reverse.",
		Pattern: "a word of small letters and '-'",
	}
}

// forms are in the order in which people meet them. The examples of a form go together.
var forms = slices.Concat([]Form{githubForm, gitlabForm, googleForm, activeStateForm}, presetForms)

var githubForm = Form{Provider: "github", Title: "GitHub Actions", Fields: []FormField{
	{
		Name: FieldOwner, Label: "Owner", Example: "acme", Required: true,
		Help:    "The user or organisation that has the repository: acme of acme/widgets.",
		Pattern: "letters, digits and '-', beginning with a letter or digit",
	}, {
		Name: fieldRepository, Label: "Repository", Example: "widgets", Required: true,
		Help: "Its name, without the owner.", Pattern: "letters, digits, '-', '_' and '.'",
	}, {
		Name: fieldWorkflow, Label: "Workflow file", Example: "release.yml", Required: true,
		Help:    "The file in .github/workflows that publishes: its name alone, no folders.",
		Pattern: "a file name that ends in .yml or .yaml, without '/'",
	}, {
		Name: FieldEnvironment, Label: "Environment", Example: "pypi", Recommended: true,
		Help: "The environment of the job that publishes. Protect it in the repository's settings, by reviewers or by a rule about tags: " +
			"then something stands between a push and a release. Without one, everybody who may push a branch may publish.",
		Pattern: "at most 255 bytes, none of ' \" ` , ; \\",
	},
	refField("the repository"), protectedField("GitHub"), eventsField("event_name", "push"), runnerField("github-hosted"),
	{
		Name: fieldOwnerID, Label: "Owner's number", Example: "4242", Stricter: true,
		Help: "The account's number stays when its name goes to somebody else. GitHub is asked for it, and where it cannot be reached " +
			"the first accepted token tells it; type it to be sure.",
		Pattern: "a number",
	}, {
		Name: FieldRepositoryID, Label: "Repository's number", Example: "31337", Stricter: true,
		Help:    "Leaves out a repository that is made anew under this name. first takes owner and repository from the first accepted token together.",
		Pattern: "a number, or the word first",
	}, {
		Name: fieldCaller, Label: "Calling workflow", Example: "main.yml", Stricter: true,
		Help:    "Where the workflow file above is a reusable one: the file of the workflow that has to call it.",
		Pattern: "a file name that ends in .yml or .yaml, without '/'",
	}, {
		Name: FieldWorkflowRepository, Label: "Repository of the reusable workflow", Example: "acme/ci", Stricter: true,
		Help: "Only where the workflow file lies in another repository than the one that publishes.", Pattern: "owner/name",
	}, {
		Name: FieldWorkflowAt, Label: "Version of the reusable workflow", Example: "refs/heads/main", Stricter: true,
		Help:    "Goes with the field above: the ref or commit of it that is trusted.",
		Pattern: "a commit, or a full name that begins with refs/",
	},
}}

var gitlabForm = Form{Provider: "gitlab", Title: "GitLab CI/CD", Fields: []FormField{
	{
		Name: fieldNamespace, Label: "Namespace", Example: "acme", Required: true,
		Help: "The group or user that has the project, with subgroups: acme or acme/libs.", Pattern: "parts of a GitLab path, with '/' between",
	}, {
		Name: fieldProject, Label: "Project", Example: "widgets", Required: true,
		Help: "Its name in its address on GitLab, without the namespace.", Pattern: "letters, digits, '-', '_' and '.'",
	}, {
		Name: fieldFilepath, Label: "Pipeline file", Example: ".gitlab-ci.yml", Required: true,
		Help: "The file of the pipeline, from the project's root.", Pattern: "a path that ends in .yml or .yaml",
	}, {
		Name: FieldEnvironment, Label: "Environment", Example: "pypi", Recommended: true,
		Help: "The environment of the job that publishes, letter by letter. Protect it in the project's settings: then only some may deploy to it. " +
			"Without one, everybody who may push a branch may publish.",
		Pattern: "letters, digits, blanks inside, and - _ . / $ { }",
	},
	refField("the project"), protectedField("GitLab"), eventsField("pipeline_source", "push"), runnerField("gitlab-hosted"),
	{
		Name: fieldNamespaceID, Label: "Namespace's number", Example: "72", Stricter: true,
		Help: "It stays when the name goes to somebody else. The first accepted token tells it; type it to be sure.", Pattern: "a number",
	}, {
		Name: FieldProjectID, Label: "Project's number", Example: "20", Stricter: true,
		Help:    "Leaves out a project that is made anew under this name. first takes namespace and project from the first accepted token together.",
		Pattern: "a number, or the word first",
	},
}}

var googleForm = Form{Provider: "google", Title: "Google Cloud", Fields: []FormField{
	{
		Name: fieldEmail, Label: "Service account", Example: "publisher@acme.iam.gserviceaccount.com", Required: true,
		Help: "Its address as Google writes it, letter by letter.", Pattern: "an e-mail address",
	}, {
		Name: fieldSubject, Label: "Account's id", Example: "104242424242424242424", Stricter: true,
		Help:    "It stays when the address is given to another account. The first accepted token tells it; type it to be sure.",
		Pattern: "letters and digits, as the token's own sub",
	},
}}

var activeStateForm = Form{Provider: "activestate", Title: "ActiveState", Fields: []FormField{
	{
		Name: fieldOrganization, Label: "Organisation", Example: "acme", Required: true,
		Help: "As in its address on the platform.", Pattern: "letters, digits, '-', '_' and '.'",
	}, {
		Name: fieldProject, Label: "Project on ActiveState", Example: "widgets", Required: true,
		Help: "As in its address on the platform.", Pattern: "letters, digits, '-', '_' and '.'",
	}, {
		Name: fieldActorID, Label: "User's id", Example: "00000000-0000-1000-8000-000000000002", Required: true,
		Help: "Of the user who starts the builds: every member of an organisation can start some.", Pattern: "a UUID",
	},
}}
