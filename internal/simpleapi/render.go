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

// tree is where a repository's addresses begin: a path, and for those that must be absolute the origin before it, ""
// where there is none with https.
type tree struct{ prefix, origin string }

// projectPage renders a project's page in a form.
func (f format) projectPage(t tree, c catalog.Contents) *ready.Answer {
	out := make([]byte, 0, pageRoom+len(c.Files)*(fileRoom+2*len(t.prefix))+len(c.Releases)*16)
	if f.json() {
		out = appendProjectJSON(out, t, c)
	} else {
		out = appendProjectHTML(out, t, c)
	}
	return ready.NewAnswer(f.media(), c.Project.Stamp(), slices.Clip(out))
}

// listPage renders a repository's list in a form.
func (f format) listPage(prefix string, l catalog.Listing) *ready.Answer {
	out := make([]byte, 0, pageRoom+len(l.Projects)*(projectRoom+len(prefix)))
	if f.json() {
		out = appendListJSON(out, l)
	} else {
		out = appendListHTML(out, prefix, l)
	}
	return ready.NewAnswer(f.media(), l.Stamp(), out)
}

// appendFilePath appends where a file's bytes are. Mirrors insist that it begins with /packages.
func appendFilePath(dst []byte, prefix string, f *catalog.File) []byte {
	dst = append(dst, prefix...)
	dst = append(dst, "/packages/"...)
	dst = append(dst, f.SHA256...)
	dst = append(dst, '/')
	return appendPath(dst, f.Filename)
}

// provenanceLinked reports whether a page links a file's provenance: clients take nothing but an absolute https URL.
func (t tree) provenanceLinked(f *catalog.File) bool { return f.Attested && t.origin != "" }

// appendProvenanceURL appends where a file's provenance is. Nothing in it needs escaping for JSON or HTML.
func (t tree) appendProvenanceURL(dst []byte, p *catalog.Project, f *catalog.File) []byte {
	dst = append(append(dst, t.origin...), t.prefix...)
	dst = append(dst, "/integrity/"...)
	dst = append(dst, p.Name.String()...)
	dst = appendPath(append(dst, '/'), f.Version)
	dst = appendPath(append(dst, '/'), f.Filename)
	return append(dst, "/provenance"...)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
