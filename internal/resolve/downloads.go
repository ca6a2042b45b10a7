package resolve

import (
	"cmp"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/downloads"
	"pyindex/internal/packaging"
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

// DownloadedOwn records and counts that a caller downloads a file of this index through a repository, "" being main.
func (x *Reader) DownloadedOwn(who access.Caller, repo string, name packaging.ProjectName, f catalog.File) {
	x.index.NoteDownload(f)
	x.o.Downloads.Note(who, downloads.File{
		Repository: cmp.Or(repo, catalog.MainRepository),
		Project:    name.String(),
		Version:    f.Version,
		Filename:   f.Filename,
		SHA256:     f.SHA256,
	})
}
