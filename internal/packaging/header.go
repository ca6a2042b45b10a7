package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// header is one field of a metadata file, with its name in lower case. Continuation lines of the value keep their
// indentation.
type header struct{ name, value string }

// splitHeaders splits text into headers and body. Like Python's email parser, it ends the headers at the first blank
// line or at a line that is not a header. In the second case the body begins with that line, and stray is the same
// text.
func splitHeaders(text string) (headers []header, body, stray string, err error) {
	for text != "" {
		line, rest := cutLine(text)
		if line == "" {
			return headers, rest, "", nil
		}
		name, _, found := strings.Cut(line, ":")
		if !found || !isHeaderName(name) {
			return headers, text, text, nil
		}
		rest = skipFolded(rest)
		value := text[len(name)+1 : len(text)-len(rest)]
		headers = append(headers, header{strings.ToLower(name), unixLines(strings.TrimLeft(value, " \t"))})
		if len(headers) > maxHeaders {
			return nil, "", "", fault.New(fault.Invalid, "the metadata file has too many fields: at most %d", maxHeaders)
		}
		text = rest
	}
	return headers, "", "", nil
}

// checkStray checks the lines after one that is not a header, up to a blank line. Readers disagree whether more headers
// can follow there, so it rejects fields that affect installation if installers use this file. Otherwise it rejects
// only another project, version or metadata version. Old files do contain fields there, after an unindented license
// text.
func (r *metadataReader) checkStray(text string) error {
	stray, rest := cutLine(text)
	for line := stray; line != ""; line, rest = cutLine(rest) {
		name, value, found := strings.Cut(line, ":")
		f, known := fieldsByHeader[strings.ToLower(trimSpace(name))]
		if !found || !known {
			continue
		}
		if f.exact() && (r.decides || r.contradicts(f, value)) {
			return fault.New(fault.Invalid,
				"the metadata file has fields after the line %s, which is not a field: indent the continuation lines of a value",
				quote(stray))
		}
		r.once("the metadata file has fields after the line "+quote(stray)+", which is not a field",
			"they are ignored, the first of them is "+f.header+"; indent the continuation lines of a value")
	}
	return nil
}

// contradicts reports whether a field that identifies the release has another value than in the headers.
func (r *metadataReader) contradicts(f field, value string) bool {
	switch f.header {
	case "metadata-version", "name", "version":
		return trimSpace(value) != r.first[f.header]
	}
	return false
}

// cutLine splits s after its first line. As in Python, lines end at LF, CR LF or a lone CR.
func cutLine(s string) (line, rest string) {
	i := strings.IndexAny(s, "\r\n")
	if i < 0 {
		return s, ""
	}
	if strings.HasPrefix(s[i:], "\r\n") {
		return s[:i], s[i+2:]
	}
	return s[:i], s[i+1:]
}

func skipFolded(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		_, s = cutLine(s)
	}
	return s
}

func unixLines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.TrimRight(s, "\n")
}

// isHeaderName reports whether s is a field name of RFC 5322: printable ASCII without blanks.
func isHeaderName(s string) bool {
	return spanOf(s, func(c byte) bool { return '!' <= c && c <= '~' && c != ':' }) == len(s)
}
