package catalog

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/packaging"
)

// SetTrustedOnly says whether only trusted publishers upload to a project, so that API tokens are refused: its owners'
// and administrators' too. The command line on the server's own data goes on uploading. It needs an owner;
// fault.NotFound where there is no such project for the caller, fault.Denied without the right.
func (x *Index) SetTrustedOnly(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	on bool,
) error {
	e := x.changes.Entry(who, "project.trusted-only", map[string]any{"on": on})
	return x.change(ctx, who, access.Owner, target{repo: repo, name: name}, e,
		func(_ Tx, p *Project, _ *audit.Entry) error {
			p.TrustedOnly = on
			return nil
		})
}
