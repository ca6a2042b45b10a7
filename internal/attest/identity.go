package attest

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
)

// errUnverifiable says of a publisher that no certificate could be compared with it.
var errUnverifiable = errors.New("no certificate could be compared with the claims of this publisher")

// identity is what a certificate must say to be of the workload whose token uploads.
type identity struct {
	issuer     string
	email      string // of a person or service account; the rest is empty then
	repository string // URI of the source
	config     string // URI of the workflow's file, without its "@" and revision
	ownerID    string // of the source's owner, "" where the token has none
	publisher  map[string]any
}

// identify reads the identity out of the claims that a token was minted for. kind is that of the claims' issuer, "" for
// one that is not configured any more. errUnverifiable where there is none.
func identify(kind string, claims map[string]any) (identity, error) {
	c := texts(claims)
	id := identity{issuer: c["iss"]}
	var err error
	switch kind {
	case "github":
		err = id.github(c)
	case "gitlab":
		err = id.gitlab(c)
	case "google":
		err = id.google(c)
	default:
		err = errUnverifiable
	}
	return id, err
}

// texts returns the claims that are texts.
func texts(claims map[string]any) map[string]string {
	t := make(map[string]string, len(claims))
	for name, v := range claims {
		if s, ok := v.(string); ok {
			t[name] = s
		}
	}
	return t
}

// github wants the workflow that the publisher names to be the job's own: a workflow of another repository, which calls
// itself reusable, is nobody's that the certificate names.
func (id *identity) github(c map[string]string) error {
	server, err := githubServer(id.issuer)
	if err != nil {
		return err
	}
	file, ok := revised(c["job_workflow_ref"], c["repository"]+"/.github/workflows/", c["ref"], c["sha"])
	if !ok || !twoParts(c["repository"]) {
		return errUnverifiable
	}
	id.repository = server + "/" + c["repository"]
	id.config = id.repository + "/.github/workflows/" + file
	id.ownerID = c["repository_owner_id"]
	id.publisher = id.named("GitHub", map[string]any{
		"repository": c["repository"], "workflow": file, "environment": orNull(c["environment"]),
	})
	return nil
}

// githubServer returns where the repositories of an issuer are: github.com for github.com's own and those of its
// enterprises, a tenant's own host for ghe.com, and the issuer's host for a GitHub Enterprise Server.
func githubServer(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return "", errUnverifiable
	}
	const actions = "token.actions."
	switch host := u.Host; {
	case host == actions+"githubusercontent.com":
		return "https://github.com", nil
	case strings.HasPrefix(host, actions) && strings.HasSuffix(host, ".ghe.com"):
		return "https://" + strings.TrimPrefix(host, actions), nil
	default:
		return u.Scheme + "://" + host, nil
	}
}

func (id *identity) gitlab(c map[string]string) error {
	u, err := url.Parse(id.issuer)
	if err != nil || u.Host == "" || !strings.Contains(c["project_path"], "/") {
		return errUnverifiable
	}
	host := u.Host + strings.TrimSuffix(u.Path, "/")
	file, ok := revised(c["ci_config_ref_uri"], host+"/"+c["project_path"]+"//", c["ref_path"], c["sha"])
	if !ok {
		return errUnverifiable
	}
	id.repository = u.Scheme + "://" + host + "/" + c["project_path"]
	id.config = id.repository + "//" + file
	id.ownerID = c["namespace_id"]
	id.publisher = id.named("GitLab", map[string]any{
		"repository": c["project_path"], "workflow_filepath": file, "environment": orNull(c["environment"]),
	})
	return nil
}

func (id *identity) google(c map[string]string) error {
	if !strings.Contains(c["email"], "@") {
		return errUnverifiable
	}
	id.email = c["email"]
	id.publisher = id.named("Google", map[string]any{"email": id.email})
	return nil
}

// named returns the publisher as a provenance object has it. The issuer tells two servers of one kind apart.
func (id *identity) named(kind string, fields map[string]any) map[string]any {
	fields["kind"], fields["claims"] = kind, map[string]any{"iss": id.issuer}
	return fields
}

// revised returns what stands between a prefix and "@" with one of the revisions at the end.
func revised(s, prefix string, revisions ...string) (string, bool) {
	rest, ok := strings.CutPrefix(s, prefix)
	for _, r := range revisions {
		if file, cut := strings.CutSuffix(rest, "@"+r); ok && cut && r != "" && file != "" {
			return file, true
		}
	}
	return "", false
}

func twoParts(repository string) bool {
	owner, name, ok := strings.Cut(repository, "/")
	return ok && owner != "" && name != "" && !strings.Contains(name, "/")
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// fits returns why a verified certificate is not of the identity. Everything is compared literally: the same issuer
// spelled it for the token.
func (id identity) fits(s certificate.Summary) error {
	if id.issuer == "" || s.Issuer != id.issuer {
		return differs("issuer", s.Issuer, id.issuer)
	}
	if id.email != "" {
		return unless(s.SubjectAlternativeName == id.email, "subject", s.SubjectAlternativeName, id.email)
	}
	if id.repository == "" || s.SourceRepositoryURI != id.repository {
		return differs("source repository", s.SourceRepositoryURI, id.repository)
	}
	if got := s.SourceRepositoryOwnerIdentifier; id.ownerID != "" && got != "" && got != id.ownerID {
		return differs("source repository owner", got, id.ownerID)
	}
	got, ok := revised(s.BuildConfigURI, "", s.SourceRepositoryRef, s.SourceRepositoryDigest)
	return unless(ok && got == id.config, "build config", s.BuildConfigURI,
		id.config+"@ and the certificate's own ref or commit")
}

func unless(fits bool, what, got, want string) error {
	if fits {
		return nil
	}
	return differs(what, got, want)
}

func differs(what, got, want string) error {
	return fmt.Errorf("its certificate's %s is %.200q, not %.300q, the publisher of this upload", what, got, want)
}
