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

// ParseMetadata parses a METADATA or PKG-INFO file like Python's email parser, so that it gets the same result as pip.
// Folded lines are kept, the body is the description, and blank values and UNKNOWN are treated as absent. If a
// single-value field is repeated, the first value is used.
//
// It returns fault.Invalid for ambiguous input: a repeated Metadata-Version, Name, Version or Requires-Python, or a
// field that affects installation after a line that is not a header. It also does so for invalid UTF-8 in such a field,
// and for more than 16 MiB or 50,000 fields. It does not validate the values; Check does.
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

// set stores the value of one header. again is set if the header occurred before.
func (m *Metadata) set(f field, value string, again bool) error {
	if f.exact() && !utf8.ValidString(value) {
		return fault.New(fault.Invalid, "the metadata file's %s is not UTF-8: %s", f.header, quote(value))
	}
	if f.one != nil && again {
		if f.exact() {
			return fault.New(fault.Invalid, "the metadata file contains %s more than once", f.header)
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

// dedent removes the indentation that distutils added to continuation lines: eight blanks, or seven and "|".
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
