package attest

import (
	"encoding/json"
	"errors"
	"fmt"

	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/strictjson"
	"pyindex/internal/workload"
)

var _ ingest.Reverifier = (*Verifier)(nil)

// Limits of a provenance document. Its attestations are three levels deeper than those of an upload.
const (
	maxBundles  = 10
	maxDocument = maxBundles * ingest.MaxAttestations // bytes
	maxDepth    = 12
	maxValues   = maxBundles * 512
)

// Reverify implements ingest.Reverifier. The identity of an attestation is the publisher that the document names, if
// the certificate proves it: its repository and workflow. The environment is in no certificate, so it is left out.
// Without a trusted root, attestations are kept as unverified.
func (v *Verifier) Reverify(document []byte, filename packaging.Filename, sha256 string) (keep []catalog.Attestation,
	warnings []string,
) {
	if v.policy == Ignore {
		return nil, []string{ignored}
	}
	if v.rooted {
		v.late.Do(v.loadLate)
		if v.trust == nil {
			return nil, []string{fmt.Sprintf(unread, "the trusted root of this index cannot be read")}
		}
	}
	if len(document) > maxDocument {
		return nil, []string{fmt.Sprintf(unread, fmt.Sprintf("the provenance is longer than %d bytes", maxDocument))}
	}
	o, err := strictjson.ObjectWithin(document, maxDepth, maxValues)
	bundles, ok := o["attestation_bundles"].([]any)
	if err == nil && (!ok || len(bundles) > maxBundles) {
		err = errors.New("the provenance has no list of bundles, or a long one")
	}
	if err != nil {
		return nil, []string{fmt.Sprintf(unread, oneLine(err))}
	}
	u := ingest.Attested{Filename: filename, SHA256: sha256}
	seen := map[string]bool{}
	for i, b := range bundles {
		some, err := v.reverifyBundle(b, u)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf(unread, fmt.Sprintf("bundle %d: %s", i+1, oneLine(err))))
		}
		for _, a := range some {
			if !seen[a.Predicate] {
				keep, seen[a.Predicate] = append(keep, a), true
			}
		}
	}
	if len(keep) > 0 && v.trust == nil {
		warnings = append(warnings, untrusted)
	}
	return keep, warnings
}

// loadLate reads the trusted root in a program of the operator, which needs it only for imports.
func (v *Verifier) loadLate() {
	if v.trust == nil {
		if trust, _, err := load(v.root, v.sct); err == nil {
			v.trust = trust
		}
	}
}

// reverifyBundle returns the attestations of a bundle. It returns an error if one of them is not valid.
func (v *Verifier) reverifyBundle(b any, u ingest.Attested) ([]catalog.Attestation, error) {
	o, ok := b.(map[string]any)
	if !ok {
		return nil, errors.New("it is not an object")
	}
	text, err := json.Marshal(o["attestations"])
	if err != nil {
		return nil, err
	}
	all, err := parse(string(text))
	if err != nil || v.trust == nil {
		return unverified(all), err
	}
	publisher, _ := o["publisher"].(map[string]any)
	id, err := v.published(publisher)
	if err != nil {
		return nil, err
	}
	keep, _, err := v.verified(all, id, u)
	return keep, err
}

// published returns the identity of a publisher of a provenance document.
func (v *Verifier) published(p map[string]any) (id identity, err error) {
	text := func(o map[string]any, name string) string { s, _ := o[name].(string); return s }
	claims, _ := p["claims"].(map[string]any)
	id.issuer = text(claims, "iss")
	known := func(kind, public string) bool {
		if id.issuer == "" {
			id.issuer = public
		}
		return id.issuer == public || v.kind(id.issuer) == kind
	}
	repository := text(p, "repository")
	switch kind := text(p, "kind"); {
	case kind == "GitHub" && known("github", workload.GitHubIssuer) && twoParts(repository):
		workflow := text(p, "workflow")
		id.repository = workload.GitHub.Site(id.issuer) + "/" + repository
		id.config = id.repository + "/.github/workflows/" + workflow
		id.publisher = id.named(kind, map[string]any{"repository": repository, "workflow": workflow, "environment": nil})
	case kind == "GitLab" && known("gitlab", workload.GitLabIssuer) && repository != "":
		file := text(p, "workflow_filepath")
		id.repository = workload.GitLab.At(v.server(id.issuer)).Site(id.issuer) + "/" + repository
		id.config = id.repository + "//" + file
		id.publisher = id.named(kind, map[string]any{
			"repository": repository, "workflow_filepath": file, "environment": nil,
		})
	case kind == "Google" && known("google", workload.GoogleIssuer) && text(p, "email") != "":
		id.email = text(p, "email")
		id.publisher = id.named(kind, map[string]any{"email": id.email})
	default:
		err = errUnverifiable
	}
	return id, err
}
