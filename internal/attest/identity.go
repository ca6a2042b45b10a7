package attest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"pyindex/internal/workload"
)

// errUnverifiable is the error for a publisher whose claims cannot be compared with a certificate.
var errUnverifiable = errors.New("no certificate could be compared with the claims of this publisher")

// identity contains the expected certificate contents for the uploading workload.
type identity struct {
	issuer     string
	email      string // of a person or service account; the fields below are then empty, except publisher
	repository string // source URI
	config     string // URI of the workflow file, without "@" and revision
	ownerID    string // of the source's owner, "" if the token has none
	publisher  map[string]any
}

// identify derives the identity from the claims that a token was minted for. kind is the kind of the issuer, "" if it
// is no longer configured, and server the address of its platform, "" if it is the issuer's. It returns errUnverifiable
// if the claims do not contain an identity.
func identify(kind, server string, claims map[string]any) (identity, error) {
	c := texts(claims)
	id := identity{issuer: c["iss"]}
	var err error
	switch kind {
	case "github":
		err = id.github(c)
	case "gitlab":
		err = id.gitlab(c, workload.GitLab.At(server).Site(id.issuer))
	case "google":
		err = id.google(c)
	default:
		err = errUnverifiable
	}
	return id, err
}

func texts(claims map[string]any) map[string]string {
	t := make(map[string]string, len(claims))
	for name, v := range claims {
		if s, ok := v.(string); ok {
			t[name] = s
		}
	}
	return t
}

// github requires the job's workflow to be in the job's own repository: the certificate does not identify the caller of
// a reusable workflow from another repository.
func (id *identity) github(c map[string]string) error {
	server := workload.GitHub.Site(id.issuer)
	file, ok := revised(c["job_workflow_ref"], c["repository"]+"/.github/workflows/", c["ref"], c["sha"])
	if !ok || !twoParts(c["repository"]) || server == "" {
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

// gitlab derives the identity of a job of the server at site.
func (id *identity) gitlab(c map[string]string, site string) error {
	_, place, ok := strings.Cut(site, "://")
	if !ok || !strings.Contains(c["project_path"], "/") {
		return errUnverifiable
	}
	file, ok := revised(c["ci_config_ref_uri"], place+"/"+c["project_path"]+"//", c["ref_path"], c["sha"])
	if !ok {
		return errUnverifiable
	}
	id.repository = site + "/" + c["project_path"]
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

// named returns the publisher for a provenance object. The issuer distinguishes servers of the same kind.
func (id *identity) named(kind string, fields map[string]any) map[string]any {
	fields["kind"], fields["claims"] = kind, map[string]any{"iss": id.issuer}
	return fields
}

// revised returns the part of s between prefix and "@" followed by one of the revisions.
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

// fits returns an error if a verified certificate does not match the identity. It compares literally, because the same
// issuer spelled the values for the token.
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
