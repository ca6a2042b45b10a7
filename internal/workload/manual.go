package workload

import (
	"maps"
	"slices"
	"strings"
)

// Manual is what the manual says about a kind beyond its fields. Its texts are sentences in Markdown. In them,
// {audience} stands for the audience of this index, and {variable} for the variable that GitLab's jobs have it in.
type Manual struct {
	Issuer   string            // an example, or the only issuer
	Where    string            // where the issuer's URL comes from; "" if the platform has one issuer
	Audience string            // the only audience of the platform's tokens; "" if a job can choose it
	Refused  []string          // which tokens are refused whatever a rule says
	Facts    []string          // what people should know before they trust the platform's tokens
	Needs    string            // what a job needs to get an identity token; "" if nobody can ask for one
	Steps    bool              // its jobs consist of steps that share no shell, so index login writes to a file
	parts    map[string]string // the claims of the fields that compare a part of one
}

// Manual returns what the manual says about the kind.
func (k *Kind) Manual() Manual {
	m := manuals[k.name]
	if m.Issuer == "" {
		m.Issuer = k.issuer
	}
	return m
}

// FixedAudience returns the audience of all tokens of an issuer, or "" if a job can choose it.
func (k *Kind) FixedAudience(issuer string) string {
	switch audience := manuals[k.name].Audience; audience {
	case "issuer":
		return issuer
	default:
		return audience
	}
}

// Concerns returns the claim that a field restricts, or of which it restricts a part.
func (k *Kind) Concerns(f Field) string {
	if f.Claim != "" {
		return f.Claim
	}
	return manuals[k.name].parts[f.Name]
}

// Sample returns the fields of an ordinary rule, with invented values: those that a rule needs and those that most
// rules should have.
func (k *Kind) Sample() map[string]string {
	if k.open != nil {
		return map[string]string{exactRule + "repository": "acme/widgets", prefixRule + "ref": "refs/tags/v*"}
	}
	out := map[string]string{}
	for _, f := range k.Fields {
		if f.Required || f.Recommended {
			out[f.Name] = f.Example
		}
	}
	return out
}

// SampleFlags returns the command-line flags of Sample, in the order of the fields. Values are not quoted.
func (k *Kind) SampleFlags() [][2]string {
	fields := k.Sample()
	var out [][2]string
	for _, f := range k.Fields {
		if v := fields[f.Name]; v != "" {
			out = append(out, [2]string{"--" + k.Flag(f.Name), v})
		}
	}
	if k.open == nil {
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		kind, claim, _ := strings.Cut(name, ":")
		flag := map[string]string{exactRule: "--claim", prefixRule: "--claim-prefix"}[kind+":"]
		out = append(out, [2]string{flag, claim + "=" + fields[name]})
	}
	return out
}

// Sort says in one word what a field compares: "ID" for an id that the platform never gives to another workload, "name"
// for a name, which can be, and "" for anything else.
func (f Field) Sort() string {
	switch {
	case f.ID:
		return "ID"
	case f.Ref || f.event || f.Check || f.List || f.Lines || f.Name == fieldRunner:
		return ""
	}
	return "name"
}

// noJTI is a fact about the tokens of platforms that give them no id.
const noJTI = "Tokens have no ID (`jti`). The index compares the whole token instead, so that each is accepted once."

var manuals = map[string]Manual{
	"github": {
		Where: "GitHub Enterprise Server has the issuer `https://HOST/_services/token`.",
		Refused: []string{
			"Runs for `pull_request_target`: strangers can start them, and they have the identity of the repository.",
			"Tokens without `job_workflow_ref` or `event_name`, and those with neither a ref nor a commit.",
		},
		Facts: []string{
			"Owner, repository and workflow are names. The owner's ID is looked up when a publisher is added, so whoever " +
				"takes over the name of a deleted account is refused. With the repository's ID, so is a repository that is " +
				"recreated.",
			"`sub` is not compared. Its format depends on settings of the organization, and repositories that were made " +
				"after July 2026 have IDs in it.",
			"Pull requests from forks get no token. A pull request from a branch of the repository does: require an " +
				"environment, or tags, so that it cannot publish.",
		},
		Needs: "`permissions: id-token: write`", Steps: true,
		parts: map[string]string{
			"owner": "repository", "repository": "repository", "workflow": "job_workflow_ref",
			"workflow_repository": "job_workflow_ref", "workflow_at": "job_workflow_ref",
			"repo_property": propertyClaim + "NAME",
		},
	},
	"gitlab": {
		Where: "A self-managed GitLab is its own issuer: its URL without a slash at the end. If its administrator set " +
			"another issuer, write that one, and the URL of the GitLab as `server`.",
		Refused: []string{
			"Jobs of merge requests from forks. On versions before 18.4, which do not say where a job ran, all merge " +
				"requests are refused, unless the publisher names the event.",
			"Pipelines whose file is in another project.",
			"Jobs that a policy added to the pipeline, unless the publisher names them: they are not in its file.",
		},
		Facts: []string{
			"`ci_config_ref_uri` names only the top file. Included files and child pipelines run under its name, so include " +
				"only what you trust.",
			"Namespace and project are names. The namespace's ID is taken from the first accepted token.",
			"A token is valid as long as its job may run, up to a month. It is accepted once.",
		},
		Needs: "an entry in `id_tokens`: `{variable}: {aud: {audience}}`",
		parts: map[string]string{
			"namespace": "project_path", "project": "project_path", "workflow_filepath": "ci_config_ref_uri",
		},
	},
	"circleci": {
		Where: "`https://oidc.circleci.com` signs tokens that a job requests with `--root-issuer`, as uv and pdm do. " +
			"`https://oidc.circleci.com/org/ORG_ID` signs the others.",
		Refused: []string{
			"Jobs that were run again with SSH, and tokens that do not say so: somebody has a shell in such a job.",
		},
		Facts: []string{
			"All IDs are UUIDs that CircleCI never gives to something else.",
			"A project can have several pipeline definitions, each with a configuration file of its own. So a publisher " +
				"names one.",
			"Jobs of forks get a token only if the project passes secrets to them. The field Repository refuses them.",
			"A job needs no context to get a token. Restrict a context, and name it, to require an approval.",
			noJTI,
		},
		Needs: "nothing",
	},
	"buildkite": {
		Where: "Buildkite has one issuer.",
		Refused: []string{
			"Tokens without the pipeline's ID, once the publisher is pinned to it.",
		},
		Facts: []string{
			"Organization and pipeline are names. Their IDs are only in tokens of jobs that ask for them, as the job below " +
				"does: the first accepted one pins the publisher.",
			"No claim says that a build is one of a fork, and a fork can have a branch of any name. Publish from tags, with " +
				"a pipeline of its own that builds no forks.",
			"`sub` is not compared, because a job can choose another one.",
			noJTI,
		},
		Needs: "the `buildkite-agent` program; in containers, `mount-buildkite-agent: true`",
	},
	"semaphore": {
		Issuer: "https://acme.semaphoreci.com", Where: "Replace `acme` by the name of your organization.",
		Audience: "issuer",
		Refused:  []string{"Debug jobs: somebody has a shell in them."},
		Facts: []string{
			"The audience of all tokens is the issuer's URL. Other services that trust your organization get the same " +
				"tokens: send the token of a job that publishes to no other service.",
			"The ref of a pull request can look like that of a branch. So a publisher with a ref also names the kind of ref.",
			"The name of an organization is part of its issuer, and is a name: somebody else can get it after a rename.",
		},
		Needs: "nothing: the variable `SEMAPHORE_OIDC_TOKEN` has the token",
	},
	"forgejo": {
		Issuer: "https://forge.acme.example/api/actions",
		Where:  "It is the URL of your Forgejo, with its path if it has one, and `/api/actions`.",
		Refused: []string{
			"Runs for `pull_request_target`: strangers can start them, and they have the identity of the repository.",
			"Tokens whose ref is not a full name.",
		},
		Facts: []string{
			"Owner and repository are names, and tokens of Forgejo 15 have no IDs. With later versions, the first accepted " +
				"token that has the owner's ID pins the publisher.",
			"Forgejo has no environments. Restrict the refs, and protect them on Forgejo.",
			"Gitea issues no identity tokens yet.",
			noJTI,
		},
		Needs: "`enable-openid-connect: true` (Forgejo 15 and its runner 12.5, or newer)", Steps: true,
		parts: map[string]string{"owner": "repository", "repository": "repository", "workflow": "workflow_ref"},
	},
	"azure-devops": {
		Issuer:   "https://vstoken.dev.azure.com/01890000-0000-4000-8000-000000000006",
		Where:    "It ends in the ID of your organization.",
		Audience: "api://AzureADTokenExchange",
		Refused: []string{
			"Tokens without the project's ID, once the publisher is pinned to it.",
		},
		Facts: []string{
			"Organization, project and pipeline are names. The project's ID is taken from the first accepted token. With " +
				"the pipeline's ID, another pipeline that gets the name is refused.",
			"The token of a service connection has only its name. So such a publisher cannot restrict refs or IDs: restrict " +
				"the connection on Azure DevOps.",
			"The audience is always `api://AzureADTokenExchange`. Tokens that are requested for Microsoft Entra are valid " +
				"here too, and the other way around.",
			"The repository's ID is a UUID for a repository on Azure DevOps. For one on GitHub it is `owner/name`, which is " +
				"a name.",
		},
		Needs: "`SYSTEM_ACCESSTOKEN: $(System.AccessToken)` in the `env` of the step",
		parts: map[string]string{"organization": "sub", "project": "sub", "pipeline": "sub", "connection": "sub"},
	},
	"bitbucket": {
		Issuer:  "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
		Where:   "Replace `acme` by your workspace.",
		Refused: []string{"Tokens for several audiences: one of those services could use them here."},
		Facts: []string{
			"The repository's UUID identifies it, also after a rename. `sub` is another one for each step.",
			"A deployment environment can restrict who may deploy, and from which branches.",
			"The workspace in the issuer's URL is a name. With the workspace's UUID, another workspace that gets the name " +
				"is refused.",
			noJTI,
		},
		Needs: "`oidc: {audiences: [{audience}]}` in the step",
	},
	"jenkins": {
		Issuer: "https://jenkins.acme.example/oidc", Where: "It is the URL of your Jenkins and `/oidc`, or the URL that " +
			"the credential has.",
		Facts: []string{
			"The plugin *OpenID Connect Provider* issues the tokens. Use a version newer than 96: older ones do not check " +
				"claims that a build can set.",
			"The job's URL is a name: whoever may rename or create jobs can take it.",
			"Everybody who may configure the job, or push to the Jenkinsfile that it runs, can publish.",
			noJTI,
		},
		Needs: "a credential of the type *OpenID Connect id token* with the audience `{audience}`, in the variable " +
			"`IDENTITY`",
	},
	"kubernetes": {
		Issuer: "https://kubernetes.acme.example",
		Where: "Use the issuer that `kubectl get --raw /.well-known/openid-configuration` shows, exactly: some end in " +
			"`/`. The index has to reach it to fetch its keys.",
		Facts: []string{
			"Namespace and service account are names. The account's ID refuses an account that is recreated.",
			"Everybody who may create pods in the namespace can act as the account: use a namespace of its own.",
			"The audience is a list. It may have only one element.",
		},
		Needs: "a projected `serviceAccountToken` volume with the audience `{audience}`, mounted at " +
			"`/var/run/secrets/index`",
		parts: map[string]string{"namespace": "sub", "service_account": "sub"},
	},
	"google": {
		Where:   "Google has one issuer.",
		Refused: []string{"Tokens whose address Google has not verified."},
		Facts: []string{
			"The e-mail address is a name. The account's ID (`sub`) is taken from the first accepted token.",
			"Everybody who may act as the service account can publish.",
			noJTI,
		},
		Needs: "a service account; the metadata server gives out its token",
	},
	"activestate": {
		Where:   "ActiveState has one issuer.",
		Refused: []string{"Tokens of other builders than `pypi-publisher`."},
		Facts: []string{
			"Organization and project are names, and no ID of them is documented.",
			"Every member of an organization can start builds. So a publisher names the user by ID.",
		},
	},
	"generic": {
		Issuer: "https://ci.acme.example",
		Where: "Any issuer that serves OpenID discovery and signs with RS256. The URL is exactly the `iss` of its " +
			"tokens, with or without a slash at the end.",
		Refused: []string{
			"Tokens that the kinds of platforms refuse: `pull_request_target`, CircleCI jobs that were run again with SSH, " +
				"Semaphore's debug jobs and GitLab's merge requests from forks.",
		},
		Facts: []string{
			"Use the platform's own kind if there is one. It compares more, for example IDs that not every token has.",
			"At least one rule has to identify the workload: `sub`, the repository, or the claim for its project or pipeline.",
			"Values are case-sensitive. A trailing `*` works only for claims that hold a ref.",
		},
		Needs: "`INDEX_ID_TOKEN`, or `--token-file FILE`, with an identity token for the audience `{audience}`",
	},
}
