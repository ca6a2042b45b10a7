package packaging

import (
	"strings"
	"unicode/utf8"

	"pyindex/internal/fault"
)

const (
	maxMetadata = 16 << 20 // bytes
	maxHeaders  = 50_000
)

// ParseMetadata reads a METADATA or PKG-INFO file as Python's email parser does, so that it sees what pip sees. Folded
// lines are kept, the body is the description, a blank value and UNKNOWN are absent, and of a field that is repeated
// against the specification the first counts.
//
// It returns fault.Invalid for what readers could understand in different ways (a repeated Metadata-Version, Name,
// Version or Requires-Python; a field that decides what is installed after a line that is no header), for broken UTF-8
// in such a field, and for more than 16 MiB or 50,000 fields. It checks no value: see Check.
func ParseMetadata(b []byte) (Metadata, error) {
	if len(b) > maxMetadata {
		return Metadata{}, fault.New(fault.Invalid, "the metadata file is too large: at most %d bytes", maxMetadata)
	}
	headers, body, err := splitHeaders(string(b))
	if err != nil {
		return Metadata{}, err
	}
	var m Metadata
	seen := map[string]bool{}
	for _, h := range headers {
		f, known := fieldsByHeader[h.name]
		if !known {
			continue
		}
		if err := m.set(f, h.value, seen[h.name]); err != nil {
			return Metadata{}, err
		}
		seen[h.name] = true
	}
	if trimSpace(body) != "" {
		m.Description = clean(body)
	}
	return m, nil
}

// set keeps one header's value in its field.
func (m *Metadata) set(f field, value string, again bool) error {
	if f.exact() && !utf8.ValidString(value) {
		return fault.New(fault.Invalid, "the metadata file's %s is not UTF-8: %s", f.header, quote(value))
	}
	if f.one != nil && again {
		if f.exact() {
			return fault.New(fault.Invalid, "the metadata file states %s more than once", f.header)
		}
		return nil
	}
	if isAbsent(value) && f.header != "name" && f.header != "version" {
		return nil
	}
	if f.many != nil {
		list := f.many(m)
		*list = append(*list, clean(value))
		return nil
	}
	if f.header == "description" || f.header == "license" {
		value = dedent(value)
	}
	*f.one(m) = clean(value)
	return nil
}

// dedent takes back what distutils put before the further lines of a long text: eight blanks, the last of them "|" at
// times.
func dedent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines[1:] {
		for _, margin := range []string{"       |", "        "} {
			if cut, ok := strings.CutPrefix(l, margin); ok {
				l = cut
				break
			}
		}
		lines[i+1] = l
	}
	return strings.Join(lines, "\n")
}
