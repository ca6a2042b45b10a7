package simpleapi

import (
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/simpleapi/ready"
)

// apiVersion is the version in both formats (PEP 792 is 1.4). HTML never goes beyond it (PEP 833).
const apiVersion = "1.4"

// These are typical sizes in bytes, used to allocate a page once. An underestimate costs a copy.
const (
	fileRoom = 640
	pageRoom = 512
)

// tree is the start of a repository's URLs: a path, and the origin for URLs that must be absolute. origin is "" unless
// the base URL is https.
type tree struct{ prefix, origin string }

// projectPage returns the page of a project. last may be an earlier page of the same project and format, or nil.
func (f format) projectPage(t tree, c catalog.Contents, last *ready.Answer) *ready.Answer {
	var answer *ready.Answer
	if len(c.Files) < longPage {
		out := make([]byte, 0, pageRoom+len(c.Files)*(fileRoom+2*len(t.prefix))+len(c.Releases)*16)
		out = f.appendHead(out, t, c)
		out = f.appendFiles(out, t, &c.Project, c.Files, true)
		answer = ready.NewAnswer(f.media(), c.Project.Stamp(), slices.Clip(f.appendEnd(out, c)))
	} else {
		answer = ready.NewPieces(f.media(), c.Project.Stamp(), f.pieces(t, c), last)
	}
	if c.Project.Serial == 0 {
		answer.OmitSerial()
	}
	return answer
}

func (f format) appendHead(b []byte, t tree, c catalog.Contents) []byte {
	if f.json() {
		return appendHeadJSON(b, t, c)
	}
	return appendHeadHTML(b, c)
}

// appendFiles appends files of a page. first says that there is none before them.
func (f format) appendFiles(b []byte, t tree, p *catalog.Project, files []catalog.File, first bool) []byte {
	for i := range files {
		switch {
		case !f.json():
			b = appendFileHTML(b, t, p, &files[i])
			continue
		case i > 0 || !first:
			b = append(b, ',')
		}
		b = appendFileJSON(b, t, p, &files[i])
	}
	return b
}

func (f format) appendEnd(b []byte, c catalog.Contents) []byte {
	switch {
	case f.json():
		return append(b, "]}"...)
	case c.Project.Serial == 0:
		return append(b, "</body>\n</html>\n"...)
	}
	return appendEndHTML(b, c.Project.Serial)
}

// listPage returns the page of a list. last may be an earlier page for the same repository and format, or nil.
func (f format) listPage(prefix string, l catalog.Listing, last *ready.Answer) *ready.Answer {
	head, end := headHTML, endHTML
	if f.json() {
		head, end = headJSON, endJSON
	}
	pieces := []ready.Piece{{Key: listEdge{false, l.Serial}, Append: func(b []byte) []byte { return head(b, l.Serial) }}}
	for s := range l.Roll.Sections() {
		part := listPart{section: s, format: f, prefix: prefix, first: len(pieces) == 1}
		pieces = append(pieces, ready.Piece{Key: part, Append: part.append})
	}
	pieces = append(pieces, ready.Piece{
		Key: listEdge{true, l.Serial}, Append: func(b []byte) []byte { return end(b, l.Serial) },
	})
	return ready.NewPieces(f.media(), l.Stamp(), pieces, last)
}

// listPart is a section of a list on a page.
type listPart struct {
	section *catalog.Section
	format  format
	prefix  string
	first   bool // there is none before it
}

// listEdge is the beginning or the end of a list.
type listEdge struct {
	end    bool
	serial int64
}

func (p listPart) append(b []byte) []byte {
	if p.format.json() {
		return appendListJSON(b, p.section, p.first)
	}
	return appendListHTML(b, p.prefix, p.section)
}

// appendFilePath appends the path of a file. Mirrors require it to begin with /packages.
func appendFilePath(dst []byte, prefix string, f *catalog.File) []byte {
	dst = append(dst, prefix...)
	dst = append(dst, "/packages/"...)
	if f.Upstream != nil {
		dst = append(append(dst, f.Upstream.Name...), '/')
		return appendPaths(dst, f.Upstream.Path)
	}
	dst = append(dst, f.SHA256...)
	dst = append(dst, '/')
	return appendPath(dst, f.Filename)
}

// appendPaths appends a path of several segments.
func appendPaths(dst []byte, path string) []byte {
	for {
		segment, rest, more := strings.Cut(path, "/")
		dst = appendPath(dst, segment)
		if !more {
			return dst
		}
		dst, path = append(dst, '/'), rest
	}
}

// artifactBase returns the prefix of the files whose URL here can be turned back into that at their upstream, or "".
func (t tree) artifactBase(files []catalog.File) string {
	for i := range files {
		if from := files[i].Upstream; from != nil && !strings.HasPrefix(from.Path, "-/") {
			return t.prefix + "/packages/" + from.Name + "/"
		}
	}
	return ""
}

// provenanceLinked reports whether a page links a file's provenance. Clients accept only an absolute https URL.
func (t tree) provenanceLinked(f *catalog.File) bool {
	return (f.Attested || f.Upstream != nil && f.Upstream.Provenance) && t.origin != ""
}

// appendProvenanceURL appends the URL of a file's provenance. It needs no escaping for JSON or HTML.
func (t tree) appendProvenanceURL(dst []byte, p *catalog.Project, f *catalog.File) []byte {
	dst = append(append(dst, t.origin...), t.prefix...)
	dst = append(dst, "/integrity/"...)
	dst = append(dst, p.Name.String()...)
	dst = appendPath(append(dst, '/'), f.Version)
	dst = appendPath(append(dst, '/'), f.Filename)
	return append(dst, "/provenance"...)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
