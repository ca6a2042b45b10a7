package catalog

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/packaging"
)

// SetTrustedOnly sets whether only trusted publishers may upload to a project. If on, API tokens are refused, even
// those of owners and administrators; local uploads by the operator still work. It needs an owner: it returns
// fault.NotFound if the caller may not see the project, and fault.Denied if the role is missing.
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
