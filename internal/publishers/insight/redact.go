package insight

import (
	"context"
	"maps"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

// Owners of a project see only the claims that their rule compares, and the claims that identify the run. Anyone can
// write a rule about another person's repository, and unredacted claims would reveal who started its jobs, where they
// run, and everything else in a token.
//
// The claims of an accepted token stay hidden until the workload has published to the project: a matching rule is
// enough to be accepted, even if the job does not know the project. Those of a token that also covers names of a
// repository stay hidden until that very token has published to the project: the workload publishes to it by the
// repository's rule, which an owner could copy to see its runs for all other projects. Administrators see everything.

// runClaims identify the run of a workload.
var runClaims = []string{"ref", "ref_path", "sha", "run_id", "job_id"}

// comparable lists the claims that rules compare, for entries of older versions, which did not record that.
var comparable = []string{
	"repository", "repository_owner", "repository_owner_id", "job_workflow_ref", "event_name",
	"project_path", "namespace_id", "ci_config_ref_uri", "email", "email_verified", "organization", "project",
}

// publishedAmong is the number of a project's newest files that are searched for their publisher.
const publishedAmong = 200

// published holds the publishers of a project's newest files.
type published struct {
	tokens map[string]bool
	files  []catalog.PublishedFile // newest first
}

// Redact removes the claims that the caller may not see from entries. projectID is the project of the history, or ""
// for the history of a pending publisher. Redact changes the entries but not the maps that their details refer to.
func (v *View) Redact(ctx context.Context, tx catalog.Tx, who access.Caller, projectID string,
	entries []audit.Entry,
) error {
	if who.Admin() {
		return nil
	}
	var known *published
	for i := range entries {
		e := &entries[i]
		if _, ok := e.Detail[catalog.DetailPendingRemoved]; ok { // other people's pending publishers for the name
			e.Detail = maps.Clone(e.Detail)
			delete(e.Detail, catalog.DetailPendingRemoved)
		}
		d := detail(e.Detail)
		if u := d.object("uploader"); u != nil {
			e.Detail = maps.Clone(e.Detail)
			u = maps.Clone(u)
			u["claims"] = limited(detail(u).object("claims"), comparable)
			e.Detail["uploader"] = u
			continue
		}
		if d.object("claims") == nil {
			continue
		}
		names := comparable
		if _, ok := d[exchange.DetailCompared]; ok {
			names = d.texts(exchange.DetailCompared)
		}
		e.Detail = maps.Clone(e.Detail)
		delete(e.Detail, exchange.DetailCompared)
		e.Detail["claims"] = limited(d.object("claims"), names)
		if e.Outcome == audit.Refused && d.text("code") != exchange.CodePassedOver {
			continue
		}
		if known == nil {
			p, err := publishedTo(ctx, tx, projectID)
			if err != nil {
				return err
			}
			known = &p
		}
		if !known.run(v.registry.Provider(d.text("provider")), e.Subject, d) {
			delete(e.Detail, "claims")
			e.Detail[detailWithheld] = true
			e.Actor.Address, e.Actor.RequestID = "", ""
		}
	}
	return nil
}

// limited returns the claims with the given names, and those that identify the run.
func limited(c map[string]any, names []string) map[string]any {
	out := map[string]any{}
	for _, list := range [][]string{names, runClaims} {
		for _, name := range list {
			if v, ok := c[name]; ok {
				out[name] = v
			}
		}
	}
	return out
}

func publishedTo(ctx context.Context, tx catalog.Tx, projectID string) (published, error) {
	p := published{tokens: map[string]bool{}}
	if projectID == "" {
		return p, nil
	}
	var err error
	p.files, err = tx.PublishedFiles(ctx, projectID, publishedAmong)
	for _, f := range p.files {
		p.tokens[f.TokenID] = true
	}
	return p, err
}

// run reports whether the run of a recorded exchange may be shown: its token published one of the files, or another
// token of its workload did, unless the token also covers names of a repository.
func (p published) run(provider *workload.Kind, tokenID string, d detail) bool {
	if shared, _ := d[exchange.DetailShared].(bool); shared {
		return tokenID != "" && p.tokens[tokenID]
	}
	return p.by(provider, tokenID, d.object("claims"))
}

// by reports whether a minted token, or the workload with some claims, published one of the files.
func (p published) by(provider *workload.Kind, tokenID string, claims map[string]any) bool {
	if tokenID != "" && p.tokens[tokenID] {
		return true
	}
	me := workloadOf(provider, claims)
	return me != "" && slices.ContainsFunc(p.files,
		func(f catalog.PublishedFile) bool { return workloadOf(provider, f.Claims) == me })
}

// workloadOf returns a key for the workload of some claims and its issuer, or "" if the claims do not identify one.
func workloadOf(p *workload.Kind, claims map[string]any) string {
	iss, _ := claims["iss"].(string)
	if p == nil || iss == "" {
		return ""
	}
	lookup, err := p.Lookup(claims)
	if err != nil || lookup == "" {
		return ""
	}
	if lookup == workload.AnyLookup {
		sub, _ := claims["sub"].(string)
		if sub == "" {
			return ""
		}
		lookup = "sub " + sub
	}
	return iss + "\n" + lookup
}
