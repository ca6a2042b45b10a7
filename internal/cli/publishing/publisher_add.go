package publishing

import (
	"maps"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

type publisherAddCmd struct {
	GitHub      publisherAdd[githubRule]      `cmd:"" name:"github" help:"A GitHub Actions workflow."`
	GitLab      publisherAdd[gitlabRule]      `cmd:"" name:"gitlab" help:"A GitLab CI/CD pipeline."`
	Google      publisherAdd[googleRule]      `cmd:"" name:"google" help:"A Google service account."`
	ActiveState publisherAdd[activestateRule] `cmd:"" name:"activestate" help:"A project on the ActiveState platform."`
	Generic     publisherAdd[genericRule]     `cmd:"" name:"generic" help:"A job of any other issuer, by rules on its claims or by a preset."`
}

// ruleFlags is the flags that say of one kind of issuer which workloads are meant.
type ruleFlags interface {
	// rule returns the kind's name and the fields of its rule.
	rule() (kind string, fields map[string]string, err error)
}

// publisherAdd is the command for one kind.
type publisherAdd[W ruleFlags] struct {
	publisherTarget
	Workload W `embed:""`
}

// Run adds the publisher.
func (c *publisherAdd[W]) Run(s *cli.Session) error {
	kind, fields, err := c.Workload.rule()
	if err != nil {
		return err
	}
	return c.add(s, kind, fields)
}

// publisherTarget is what a publisher of any kind is for.
type publisherTarget struct {
	Project         string `required:"" placeholder:"P" help:"The project that it may publish."`
	Issuer          string `placeholder:"URL" help:"Which of the configured issuers of this kind (default: the usual one, or the only one)."`
	User            string `placeholder:"NAME" help:"With --pending: who becomes the project's owner."`
	Pending         bool   `help:"The project does not exist yet: the first token makes it."`
	IndexRepository string `default:"main" help:"The repository of this index that the project is in."`
}

// add adds the publisher. Standard output is its id alone; what it trusts, and what is still open, is on standard
// error.
func (t *publisherTarget) add(s *cli.Session, kind string, fields map[string]string) error {
	if t.User != "" && !t.Pending {
		return fault.New(fault.Invalid, "--user goes with --pending: a project that exists has its owners already")
	}
	issuer, err := s.Config.IssuerOf(kind, t.Issuer)
	if err != nil {
		return err
	}
	maps.DeleteFunc(fields, func(_, v string) bool { return v == "" })
	return s.With(func(a *app.App) error {
		added, err := a.Registry.Add(s.Ctx, a.Operator, publishers.AddRequest{
			Provider: kind, Issuer: issuer, Repository: t.IndexRepository, Project: t.Project, Pending: t.Pending, User: t.User,
			Fields: fields,
		})
		if err != nil {
			return err
		}
		tell(s, added)
		return nil
	})
}

// strictness is what the rules of forges may ask besides who it is.
type strictness struct {
	Ref               string   `placeholder:"REF" help:"Only from this ref: refs/heads/main, or refs/tags/v* with one * at the end."`
	RefProtected      bool     `help:"Only from protected branches and tags."`
	Event             []string `placeholder:"WORD" help:"Only runs that this started, as push; once for each."`
	RunnerEnvironment string   `placeholder:"WORD" help:"Only on such runners, as github-hosted or self-hosted."`
}

func (t *strictness) fields() map[string]string {
	f := map[string]string{"ref": t.Ref, "events": strings.Join(t.Event, ","), "runner_environment": t.RunnerEnvironment}
	if t.RefProtected {
		f["ref_protected"] = "true"
	}
	return f
}

// githubRule says which workloads of GitHub's are meant.
type githubRule struct {
	Owner              string `required:"" placeholder:"O" help:"User or organisation on GitHub."`
	Repository         string `required:"" placeholder:"R" help:"Repository on GitHub, without its owner."`
	Workflow           string `required:"" placeholder:"W" help:"File name of the workflow, as release.yml; of the reusable one where that publishes."`
	Environment        string `placeholder:"E" help:"Environment of the job (default: any)."`
	OwnerID            string `placeholder:"N" help:"The owner's numeric id (default: asked of GitHub, else taken from the first token)."`
	RepositoryID       string `placeholder:"N" help:"The repository's numeric id, or first for that of the first token (default: any of that name)."`
	CallingWorkflow    string `placeholder:"W" help:"File name of the workflow that has to call the reusable one."`
	WorkflowRepository string `placeholder:"O/R" help:"Where a reusable workflow lies, if not in the repository."`
	WorkflowAt         string `placeholder:"REF" help:"With --workflow-repository: which ref or commit of it."`
	strictness
}

func (c githubRule) rule() (string, map[string]string, error) {
	fields := c.strictness.fields()
	maps.Copy(fields, map[string]string{
		"owner": c.Owner, "repository": c.Repository, "workflow": c.Workflow, "environment": c.Environment,
		"owner_id":      c.OwnerID,
		"repository_id": c.RepositoryID, "calling_workflow": c.CallingWorkflow,
		"workflow_repository": c.WorkflowRepository, "workflow_at": c.WorkflowAt,
	})
	return "github", fields, nil
}

// gitlabRule says which workloads of GitLab's are meant.
type gitlabRule struct {
	Namespace        string `required:"" placeholder:"N" help:"Group or user on GitLab, with subgroups: group/subgroup."`
	GitLabProject    string `required:"" name:"gitlab-project" placeholder:"G" help:"Project on GitLab, without its namespace."`
	WorkflowFilepath string `placeholder:"F" default:".gitlab-ci.yml" help:"The pipeline's file, from the root of the project."`
	Environment      string `placeholder:"E" help:"Environment of the job, letter by letter (default: any)."`
	NamespaceID      string `placeholder:"N" help:"The namespace's numeric id (default: taken from the first token)."`
	ProjectID        string `placeholder:"N" help:"The numeric id of GitLab's project, or first for that of the first token (default: any of that name)."`
	strictness
}

func (c gitlabRule) rule() (string, map[string]string, error) {
	fields := c.strictness.fields()
	maps.Copy(fields, map[string]string{
		"namespace": c.Namespace, "project": c.GitLabProject, "workflow_filepath": c.WorkflowFilepath,
		"environment": c.Environment, "namespace_id": c.NamespaceID, "project_id": c.ProjectID,
	})
	return "gitlab", fields, nil
}

// googleRule says which workloads of Google's are meant.
type googleRule struct {
	Email string `required:"" placeholder:"A" help:"Address of the service account, letter by letter."`
	Sub   string `placeholder:"N" help:"The account's id (default: taken from the first token)."`
}

func (c googleRule) rule() (string, map[string]string, error) {
	return "google", map[string]string{"email": c.Email, "sub": c.Sub}, nil
}

// activestateRule says which workloads of ActiveState's are meant.
type activestateRule struct {
	Organization       string `required:"" placeholder:"O" help:"Organisation on the platform."`
	ActiveStateProject string `required:"" name:"activestate-project" placeholder:"A" help:"Project on the platform."`
	ActorID            string `required:"" placeholder:"UUID" help:"Id of the user who starts the builds."`
}

func (c activestateRule) rule() (string, map[string]string, error) {
	return "activestate",
		map[string]string{"organization": c.Organization, "project": c.ActiveStateProject, "actor_id": c.ActorID}, nil
}
