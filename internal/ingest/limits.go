package ingest

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Limits returns what bounds the files of a project: its own limits, and what is configured where it has none; for the
// zero name what is configured. It needs an uploader; fault.NotFound where there is no such project for the caller,
// fault.Denied without the right.
func (x *Intake) Limits(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) (catalog.Limits, error) {
	if name.IsZero() {
		_, err := x.uploadTarget(ctx, who, repo)
		return x.limits, err
	}
	p, err := x.index.Project(ctx, who, repo, name)
	if err == nil {
		err = catalog.Permit(who, access.Uploader, p)
	}
	if err != nil {
		return catalog.Limits{}, err
	}
	return p.LimitsUnder(x.limits), nil
}

// checkSize refuses a file of a size that would pass a limit of p, which is the zero Project where the file is its first.
func checkSize(l catalog.Limits, p catalog.Project, name packaging.ProjectName, size int64) error {
	if l.FileSize > 0 && size > l.FileSize {
		return fault.New(fault.TooLarge, "File too large: project %s takes files of up to %s", name, bytesText(l.FileSize))
	}
	if l.ProjectSize > 0 && p.Size+size > l.ProjectSize {
		return fault.New(fault.TooLarge, "File too large: project %s has %s of the %s that this index gives a project", name, bytesText(p.Size), bytesText(l.ProjectSize))
	}
	return nil
}
