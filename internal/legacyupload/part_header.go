package legacyupload

import (
	"net/textproto"
	"net/url"
	"strings"

	"pyindex/internal/fault"
)

// partHeader is the header of one part. The file name is exactly as sent: multipart.Part.FileName would reduce it to
// its last element, and so hide a path traversal.
type partHeader struct {
	field       string
	file        bool // has a file name, possibly an empty one
	filename    string
	contentType string // "" if the part has none, as from uv and flit
}

// readPartHeader parses the header of a part (RFC 7578). It returns fault.Invalid if the header is ambiguous.
func readPartHeader(h textproto.MIMEHeader) (partHeader, error) {
	lines := h["Content-Disposition"]
	if len(lines) != 1 {
		return partHeader{},
			fault.New(fault.Invalid, "every part of the form needs one Content-Disposition header, got %d", len(lines))
	}
	params, err := dispositionParams(lines[0])
	if err != nil {
		return partHeader{}, err
	}
	field, ok := params["name"]
	if !ok || field == "" {
		return partHeader{}, fault.New(fault.Invalid, "a part of the form has no name: %.100q", lines[0])
	}
	name, file, err := fileParam(params)
	if err != nil {
		return partHeader{}, err
	}
	return partHeader{field: field, file: file, filename: name, contentType: h.Get("Content-Type")}, nil
}

// fileParam returns the file name, which may be plain, encoded (RFC 8187; uv, for non-ASCII names), or both with the
// same value.
func fileParam(params map[string]string) (name string, ok bool, err error) {
	plain, hasPlain := params["filename"]
	coded, hasCoded := params["filename*"]
	if !hasCoded {
		return plain, hasPlain, nil
	}
	decoded, err := extendedValue(coded)
	if err != nil {
		return "", false, err
	}
	if hasPlain && plain != decoded {
		return "", false, fault.New(fault.Invalid, "a part of the form has two file names, %.100q and %.100q", plain, decoded)
	}
	return decoded, true, nil
}

// extendedValue decodes "UTF-8'language'percent-encoded" (RFC 8187).
func extendedValue(s string) (string, error) {
	charset, rest, ok := strings.Cut(s, "'")
	_, coded, ok2 := strings.Cut(rest, "'")
	decoded, err := url.PathUnescape(coded)
	if !ok || !ok2 || err != nil || !strings.EqualFold(charset, "utf-8") {
		return "", fault.New(fault.Invalid, "the encoded file name %.100q cannot be read: use UTF-8 and percent encoding", s)
	}
	return decoded, nil
}

// dispositionParams splits `form-data; name="…"; filename="…"`. A parameter given twice is refused.
func dispositionParams(s string) (map[string]string, error) {
	kind, rest, _ := strings.Cut(s, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "form-data") {
		return nil, badDisposition(s)
	}
	params := make(map[string]string, 2)
	for rest = trimBlank(rest); rest != ""; rest = trimBlank(rest) {
		key, value, after, ok := cutParam(rest)
		if _, twice := params[key]; twice || !ok {
			return nil, badDisposition(s)
		}
		params[key], rest = value, after
	}
	return params, nil
}

func cutParam(s string) (key, value, after string, ok bool) {
	key, s, ok = strings.Cut(s, "=")
	key = strings.ToLower(strings.TrimSpace(key))
	if !ok || key == "" || strings.ContainsAny(key, "\"\\; \t") {
		return "", "", "", false
	}
	if s = trimBlank(s); s == "" || s[0] != '"' {
		value, after, _ = strings.Cut(s, ";")
		return key, strings.TrimSpace(value), after, true
	}
	if value, s, ok = cutQuoted(s); !ok {
		return "", "", "", false
	}
	s = trimBlank(s)
	if s != "" && s[0] != ';' {
		return "", "", "", false
	}
	return key, value, strings.TrimPrefix(s, ";"), true
}

// cutQuoted parses a quoted string at the start of s. A backslash escapes a quote and a backslash. Before any other
// character it is literal, so that a Windows path remains visible as one.
func cutQuoted(s string) (value, after string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func trimBlank(s string) string { return strings.TrimLeft(s, " \t") }

func badDisposition(s string) error {
	return fault.New(fault.Invalid, "the Content-Disposition header %.200q of a part of the form cannot be read", s)
}
