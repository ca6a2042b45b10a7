package resolve

import (
	"cmp"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/downloads"
)

// Downloaded records that a caller downloads a file of an upstream through a repository, "" being main.
func (x *Reader) Downloaded(who access.Caller, repo string, f ForeignFile) {
	x.o.Downloads.Note(who, downloads.File{
		Repository: cmp.Or(repo, catalog.MainRepository),
		Upstream:   f.Upstream.Name,
		Project:    f.Project.String(),
		Version:    f.File.Version,
		Filename:   f.File.Filename,
		SHA256:     f.File.SHA256,
	})
}
