package holds

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
)

// Present returns what is decided now about the files of a request, read as the caller reads the repository of the
// request. Files about which the same rule decides share one decision, with the hold that ends last. The decision that
// a file is served has no rule. It needs a maintainer of the repository. It returns fault.NotFound if the request has
// no files any more, and the errors of Files.FilesOf.
func (h *Holds) Present(ctx context.Context, who access.Caller, q Request) ([]policy.Decision, error) {
	r, err := h.index.Repository(ctx, who, q.Repository)
	if err != nil {
		return nil, err
	}
	if !mayManage(who, r) {
		return nil, errNoMaintainer
	}
	t, err := q.target()
	if err != nil {
		return nil, err
	}
	files, err := h.selected(ctx, who, q.Repository, t)
	if err != nil {
		return nil, err
	}
	return summed(present(files, t)), nil
}

// Known returns the number of files of a denial that the repositories show now, also if they are held or denied. It is
// 0 for a name that this index does not know, and for content of any project. It needs an administrator, and reads
// pages of upstreams that are too old.
func (h *Holds) Known(ctx context.Context, who access.Caller, r Ruling) (int, error) {
	if !who.Admin() {
		return 0, errNoAdministrator
	}
	if r.Project == "" {
		return 0, nil
	}
	t, err := parseTarget(r.Project, r.Version, r.Filename)
	if err != nil {
		return 0, err
	}
	all, err := h.index.Repositories(ctx, who)
	if err != nil {
		return 0, err
	}
	known := map[Content]bool{}
	for _, repo := range all {
		files, err := h.selected(ctx, who, repo.Name, t)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return 0, err
		}
		for _, f := range files {
			if r.SHA256 == "" || f.SHA256 == r.SHA256 {
				known[Content{f.Filename, f.SHA256}] = true
			}
		}
	}
	return len(known), nil
}

// summed returns the decisions about files, one for each verdict, rule and detail, with the latest end.
func summed(files []File) (out []policy.Decision) {
	type kind struct {
		verdict      policy.Verdict
		rule         policy.Rule
		detail, repo string
	}
	at := map[kind]int{}
	for _, f := range files {
		d := f.Decision
		if d.Verdict == policy.Serve {
			d = policy.Decision{}
		}
		key := kind{d.Verdict, d.Rule, d.Detail, d.Repository}
		i, known := at[key]
		switch {
		case !known:
			at[key] = len(out)
			out = append(out, d)
		case d.Until.After(out[i].Until):
			out[i] = d
		}
	}
	return out
}

// target returns what the request is about.
func (r Request) target() (Target, error) { return parseTarget(r.Project, r.Version, r.Filename) }

// parseTarget returns a target from the columns of a row.
func parseTarget(project, version, filename string) (Target, error) {
	if version != "" {
		project += "==" + version
	}
	return ParseTarget(project, filename)
}
