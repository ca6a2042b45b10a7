package resolve

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
)

// FilesOf implements holds.Files. It also returns the files that pages leave out.
func (x *Reader) FilesOf(ctx context.Context, who access.Caller, repository string,
	name packaging.ProjectName,
) ([]holds.File, error) {
	h, err := x.Held(ctx, who, repository, name, Ask{})
	if err != nil {
		return nil, err
	}
	out := make([]holds.File, 0, len(h.Files))
	for i := range h.Files {
		f := &h.Files[i]
		one := holds.File{Filename: f.Filename, Version: f.Version, SHA256: f.SHA256, Own: f.Upstream == nil}
		if f.Decision != nil {
			one.Decision = *f.Decision
		}
		out = append(out, one)
	}
	return out, nil
}
