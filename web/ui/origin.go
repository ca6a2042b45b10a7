package ui

import (
	"net/url"
	"regexp"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/workload"
)

// Origin describes the uploader of a file. Its links are built only from verified claims.
type Origin struct {
	Kind                      string // "user", "service", "publisher", "operator", "import", or "" if unknown
	Name                      string // of the person, or the publisher's sentence
	Repository, RepositoryURL string
	Workflow, Environment     string
	Ref, Commit, CommitURL    string
	Run, RunURL               string
	Actor                     string
}

// OriginOf returns the origin of a file.
func (k *Kit) OriginOf(u catalog.Uploader) Origin {
	o := Origin{Kind: u.Kind, Name: u.Name}
	if rest, ok := strings.CutPrefix(u.Name, "imported"); ok && u.Kind == catalog.UploaderImport {
		o.Name = "Imported" + rest
	}
	if u.Kind == string(access.KindPublisher) {
		iss, _ := u.Claims["iss"].(string)
		server := ""
		if k.Server != nil {
			server = k.Server(iss)
		}
		o.claims(u.Claims, iss, server)
	}
	return o
}

var (
	slugForm   = regexp.MustCompile(`\A[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){1,20}\z`)
	commitForm = regexp.MustCompile(`\A[0-9a-f]{7,64}\z`)
	digitsForm = regexp.MustCompile(`\A[0-9]{1,20}\z`)
)

// claims reads the claims of GitHub and GitLab jobs. Claims of other issuers result in no links. server is the address
// of the issuer's platform, "" if it is the issuer's.
func (o *Origin) claims(c map[string]any, issuer, server string) {
	text := func(name string) string {
		s, _ := c[name].(string)
		return s
	}
	o.Environment, o.Ref, o.Commit = text("environment"), text("ref"), text("sha")
	if !commitForm.MatchString(o.Commit) {
		o.Commit = ""
	}
	switch {
	case text("repository") != "":
		o.Repository, o.Run, o.Actor = text("repository"), text("run_id"), text("actor")
		_, file, _ := strings.Cut(text("job_workflow_ref"), "/.github/workflows/")
		o.Workflow, _, _ = strings.Cut(file, "@")
		o.link(workload.GitHub.Site(issuer), "/commit/", "/actions/runs/")
	case text("project_path") != "":
		o.Repository, o.Run, o.Actor = text("project_path"), text("job_id"), text("user_login")
		_, file, _ := strings.Cut(text("ci_config_ref_uri"), "//")
		o.Workflow, _, _ = strings.Cut(file, "@")
		o.link(workload.GitLab.At(server).Site(issuer), "/-/commit/", "/-/jobs/")
	}
}

func (o *Origin) link(server, commit, run string) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil ||
		!slugForm.MatchString(o.Repository) {
		return
	}
	o.RepositoryURL = server + "/" + o.Repository
	if o.Commit != "" {
		o.CommitURL = o.RepositoryURL + commit + o.Commit
	}
	if digitsForm.MatchString(o.Run) {
		o.RunURL = o.RepositoryURL + run + o.Run
	}
}
