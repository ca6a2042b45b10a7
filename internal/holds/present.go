package holds

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/policy"
)

// Present returns what is decided now about the files of a request, read as the caller reads the repository of the
// request. Files about which the same rule decides share one decision, with the hold that ends last. The decision that
// a file is served has no rule. It needs a maintainer of the repository. It returns fault.NotFound if the request has no
// files any more, and the errors of Files.FilesOf.
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
func (r Request) target() (Target, error) {
	text := r.Project
	if r.Version != "" {
		text += "==" + r.Version
	}
	return ParseTarget(text, r.Filename)
}
