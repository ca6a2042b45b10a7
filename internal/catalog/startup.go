package catalog

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/packaging"
)

// SetStartupFiles sets whether uploads to a project may have start-up files although no earlier version has one. It has
// no effect if the index refuses all start-up files. It needs an owner: it returns fault.NotFound if the caller may not
// see the project, and fault.Denied if the role is missing.
func (x *Index) SetStartupFiles(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	on bool,
) error {
	e := x.changes.Entry(who, "project.startup-files", map[string]any{"on": on})
	return x.change(ctx, who, access.Owner, target{repo: repo, name: name}, e,
		func(_ Tx, p *Project, _ *audit.Entry) error {
			p.StartupFiles = on
			return nil
		})
}
