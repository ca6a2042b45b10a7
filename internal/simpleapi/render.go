package simpleapi

import (
	"slices"
	"strconv"

	"pyindex/internal/catalog"
	"pyindex/internal/simpleapi/ready"
)

// apiVersion is what both forms say (PEP 792 is 1.4). HTML never goes beyond it (PEP 833).
const apiVersion = "1.4"

// About how many bytes an entry of a page takes: room is made once. A guess that is short costs a copy.
const (
	fileRoom    = 640
	projectRoom = 80
	pageRoom    = 512
)

// projectPage renders a project's page in a form.
func (f format) projectPage(prefix string, c catalog.Contents) *ready.Answer {
	out := make([]byte, 0, pageRoom+len(c.Files)*(fileRoom+2*len(prefix))+len(c.Releases)*16)
	if f.json() {
		out = appendProjectJSON(out, prefix, c)
	} else {
		out = appendProjectHTML(out, prefix, c)
	}
	return ready.NewAnswer(f.media(), c.Project.Serial, slices.Clip(out))
}

// listPage renders a repository's list in a form.
func (f format) listPage(prefix string, l catalog.Listing) *ready.Answer {
	out := make([]byte, 0, pageRoom+len(l.Projects)*(projectRoom+len(prefix)))
	if f.json() {
		out = appendListJSON(out, l)
	} else {
		out = appendListHTML(out, prefix, l)
	}
	return ready.NewAnswer(f.media(), l.Serial, out)
}

// appendFilePath appends where a file's bytes are. Mirrors insist that it begins with /packages.
func appendFilePath(dst []byte, prefix string, f *catalog.File) []byte {
	dst = append(dst, prefix...)
	dst = append(dst, "/packages/"...)
	dst = append(dst, f.SHA256...)
	dst = append(dst, '/')
	return appendPath(dst, f.Filename)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
