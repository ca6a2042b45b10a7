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

// ParseMetadata parses the METADATA of a wheel or the PKG-INFO of a source distribution like Python's email parser, so
// that it gets the same result as pip. Folded lines are kept, the body is the description, and blank values and UNKNOWN
// are treated as absent. If a single-value field is repeated, the first value is used. The second result describes the
// defects that change nothing for an installer, each in a sentence.
//
// It returns fault.Invalid for ambiguous input: two different values of Metadata-Version, Name, Version or
// Requires-Python, or a field that affects installation after a line that is not a header. It also does so for invalid
// UTF-8 in such a field, and for more than 16 MiB or 50,000 fields. It does not validate the values; Check does.
//
// A PKG-INFO below Metadata-Version 2.2 does not decide about dependencies, because installers build the source
// distribution to learn them. So its stray lines and the invalid UTF-8 in its dependencies are only defects.
func ParseMetadata(b []byte, kind Kind) (Metadata, []string, error) {
	if len(b) > maxMetadata {
		return Metadata{}, nil, fault.New(fault.Invalid, "the metadata file is too large: at most %d bytes", maxMetadata)
	}
	headers, body, stray, err := splitHeaders(string(b))
	if err != nil {
		return Metadata{}, nil, err
	}
	r := &metadataReader{
		first: map[string]string{}, noted: map[string]bool{}, decides: decides(kind, metadataVersionIn(headers)),
	}
	for _, h := range headers {
		f, known := fieldsByHeader[h.name]
		if !known {
			continue
		}
		if err := r.set(f, h.value); err != nil {
			return Metadata{}, nil, err
		}
	}
	if err := r.checkStray(stray); err != nil {
		return Metadata{}, nil, err
	}
	if trimSpace(body) != "" {
		r.m.Description = clean(body)
	}
	return r.m, r.defects, nil
}

// metadataVersionIn returns the value of the first Metadata-Version, or "".
func metadataVersionIn(headers []header) string {
	for _, h := range headers {
		if h.name == "metadata-version" {
			return trimSpace(h.value)
		}
	}
	return ""
}

// metadataReader collects the fields of a metadata file.
type metadataReader struct {
	m       Metadata
	decides bool              // installers take the dependencies from this file
	first   map[string]string // first values of the single-value fields, by header
	defects []string
	noted   map[string]bool // the kinds of defects so far
}

// once adds a defect unless there is one of its kind. The detail is only that of the first.
func (r *metadataReader) once(kind, detail string) {
	if !r.noted[kind] {
		r.noted[kind] = true
		r.defects = append(r.defects, kind+": "+detail)
	}
}

// set stores the value of one header.
func (r *metadataReader) set(f field, value string) error {
	if f.exact() && !utf8.ValidString(value) {
		if r.decides || f.one != nil {
			return fault.New(fault.Invalid, "the metadata file's %s is not UTF-8: %s", f.header, quote(value))
		}
		r.once("the metadata file's "+f.header+" is not UTF-8", quote(value))
	}
	if f.one != nil {
		if before, again := r.first[f.header]; again {
			return r.repeated(f, before, trimSpace(value))
		}
		r.first[f.header] = trimSpace(value)
	}
	if isAbsent(value) && f.header != "name" && f.header != "version" {
		return nil
	}
	if f.many != nil {
		list := f.many(&r.m)
		*list = append(*list, clean(value))
		return nil
	}
	if f.header == "description" || f.header == "license" {
		value = dedent(value)
	}
	*f.one(&r.m) = clean(value)
	return nil
}

// repeated handles another value of a single-value field. The same value changes nothing. Of different values readers
// might use either, which matters only in fields that affect installation.
func (r *metadataReader) repeated(f field, before, value string) error {
	if f.exact() && value != before {
		return fault.New(fault.Invalid, "the metadata file contains %s more than once: %s and %s", f.header, quote(before),
			quote(value))
	}
	kind, detail := "the metadata file contains "+f.header+" more than once", "with the same value"
	if value != before {
		detail = "the first value is used"
	}
	r.once(kind, detail)
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
