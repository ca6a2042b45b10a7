package resolve

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// Held is what policy decides about the files of a project.
type Held struct {
	// Contents has all files, also those that are held or denied and pages leave out.
	catalog.Contents
	Whole *policy.Decision // denies the project as a whole, nil if nothing does
}

// Held returns all files of a project as a repository reads it, with the decisions about them. Errors are those of
// View.
func (x *Reader) Held(ctx context.Context, who access.Caller, repository string, name packaging.ProjectName,
	ask Ask,
) (h Held, err error) {
	v, err := x.View(ctx, who, repository, name, ask)
	if err != nil {
		return h, err
	}
	h.Contents, err = x.Contents(ctx, who, v)
	return h, err
}
