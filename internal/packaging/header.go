package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// header is one field as a file writes it, the name in lower case, further lines of the value kept with their margin.
type header struct{ name, value string }

// splitHeaders cuts text at its first blank line, or where Python's email parser also stops: at a line that is no
// header.
func splitHeaders(text string) (headers []header, body string, err error) {
	for text != "" {
		line, rest := cutLine(text)
		if line == "" {
			return headers, rest, nil
		}
		name, _, found := strings.Cut(line, ":")
		if !found || !isHeaderName(name) {
			return headers, text, checkStray(text)
		}
		rest = skipFolded(rest)
		value := text[len(name)+1 : len(text)-len(rest)]
		headers = append(headers, header{strings.ToLower(name), unixLines(strings.TrimLeft(value, " \t"))})
		if len(headers) > maxHeaders {
			return nil, "", fault.New(fault.Invalid, "the metadata file has too many fields: at most %d", maxHeaders)
		}
		text = rest
	}
	return headers, "", nil
}

// checkStray looks at what follows a line that is no header, up to a blank line. Readers disagree whether headers go on
// there, so no field that decides what is installed may come. Others do in old files, after a licence's bare text.
func checkStray(text string) error {
	stray, rest := cutLine(text)
	for line := stray; line != ""; line, rest = cutLine(rest) {
		name, _, found := strings.Cut(line, ":")
		if f := fieldsByHeader[strings.ToLower(trimSpace(name))]; found && f.exact() {
			return fault.New(fault.Invalid,
				"the metadata file has fields after the line %s, which is none: indent the further lines of a value", quote(stray))
		}
	}
	return nil
}

// cutLine ends a line where Python does: at LF, CR LF or a lone CR.
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

// skipFolded moves past the lines that belong to the header before them.
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

// isHeaderName is RFC 5322's field name: printable ASCII without blanks.
func isHeaderName(s string) bool {
	return spanOf(s, func(c byte) bool { return '!' <= c && c <= '~' && c != ':' }) == len(s)
}
