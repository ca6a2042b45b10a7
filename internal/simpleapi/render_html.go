package simpleapi

import (
	"strconv"

	"pyindex/internal/catalog"
)

// pageStart is common to all pages. Old versions of pip ignore a page without the doctype.
const pageStart = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="` + apiVersion + `">
`

func appendHeadHTML(b []byte, c catalog.Contents) []byte {
	b = append(b, pageStart...)
	b = appendStatusHTML(b, &c.Project)
	return appendTitleHTML(b, "Links for "+c.Project.Name.String())
}

// appendStatusHTML writes the status marker and its reason (PEP 792).
func appendStatusHTML(b []byte, p *catalog.Project) []byte {
	b = append(b, `<meta name="pypi:project-status" content="`...)
	b = appendHTML(b, string(p.Status))
	b = append(b, "\">\n"...)
	if p.StatusReason == "" {
		return b
	}
	b = append(b, `<meta name="pypi:project-status-reason" content="`...)
	b = appendHTML(b, p.StatusReason)
	return append(b, "\">\n"...)
}

func appendTitleHTML(b []byte, title string) []byte {
	b = append(b, "<title>"...)
	b = appendHTML(b, title)
	b = append(b, "</title>\n</head>\n<body>\n<h1>"...)
	b = appendHTML(b, title)
	return append(b, "</h1>\n"...)
}

func appendEndHTML(b []byte, serial int64) []byte {
	b = append(b, "</body>\n</html>\n<!--SERIAL "...)
	b = appendInt(b, serial)
	return append(b, "-->\n"...)
}

func appendFileHTML(b []byte, t tree, p *catalog.Project, f *catalog.File) []byte {
	b = append(b, `<a href="`...)
	b = appendFilePath(b, t.prefix, f)
	if f.SHA256 != "" {
		b = append(b, "#sha256="...)
		b = append(b, f.SHA256...)
	}
	b = append(b, '"')
	if f.RequiresPython != "" {
		b = append(b, ` data-requires-python="`...)
		b = append(appendHTML(b, f.RequiresPython), '"')
	}
	if f.MetadataSHA256 != "" {
		b = appendMetadataHTML(b, f.MetadataSHA256)
	} else if f.Upstream != nil && f.Upstream.Metadata {
		b = append(b, ` data-core-metadata="true" data-dist-info-metadata="true"`...)
	}
	if f.Upstream != nil && f.Upstream.Signed != nil {
		b = append(b, ` data-gpg-sig="`...)
		b = append(strconv.AppendBool(b, *f.Upstream.Signed), '"')
	}
	if f.Yanked { // the attribute alone means yanked, so it must be absent otherwise (PEP 592)
		b = append(b, ` data-yanked="`...)
		b = append(appendHTML(b, f.YankedReason), '"')
	}
	if t.provenanceLinked(f) {
		b = append(b, ` data-provenance="`...)
		b = append(t.appendProvenanceURL(b, p, f), '"')
	}
	b = append(b, '>')
	b = appendHTML(b, f.Filename)
	return append(b, "</a><br>\n"...)
}

// appendMetadataHTML writes both names: clients older than PEP 714 know only the second.
func appendMetadataHTML(b []byte, sha256 string) []byte {
	b = append(b, ` data-core-metadata="sha256=`...)
	b = append(b, sha256...)
	b = append(b, `" data-dist-info-metadata="sha256=`...)
	b = append(b, sha256...)
	return append(b, '"')
}

func headHTML(b []byte, _ int64) []byte {
	b = append(b, pageStart...)
	return appendTitleHTML(b, "Simple index")
}

func endHTML(b []byte, serial int64) []byte { return appendEndHTML(b, serial) }

func appendListHTML(b []byte, prefix string, s *catalog.Section) []byte {
	for l := range s.Lines() {
		if l.Hidden {
			continue
		}
		b = append(b, `<a href="`...)
		b = append(b, prefix...)
		b = append(b, "/simple/"...)
		b = append(b, l.Name...)
		b = append(b, `/">`...)
		if l.Plain {
			b = append(b, l.Shown...)
		} else {
			b = appendHTML(b, string(l.Shown))
		}
		b = append(b, "</a><br>\n"...)
	}
	return b
}
