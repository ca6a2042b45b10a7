package packaging

import "strings"

func checkDynamics(m *Metadata, kind Kind, r Rules) string {
	if !r.Dynamic {
		return ""
	}
	if why := when(true, checkDynamic, m.Dynamic...); why != "" {
		return why
	}
	return m.fixedDynamic(kind)
}

func checkDynamic(s string) string {
	name := strings.ToLower(s)
	if name == "name" || name == "version" || name == "metadata-version" {
		return quote(s) + " cannot be dynamic"
	}
	if _, known := fieldsByHeader[name]; !known {
		return quote(s) + " is not a metadata field"
	}
	return ""
}

// fixedDynamic returns the problem with a Dynamic field that has a value, or "". Since Metadata-Version 2.6 (PEP 808)
// the value in a source distribution is the part that every wheel keeps and may extend, so only a field that holds a
// list can have one. Up to version 2.5, the value of a Dynamic field promises nothing. In a wheel, Dynamic is only a
// remark.
func (m *Metadata) fixedDynamic(kind Kind) string {
	v, ok := parseMetadataVersion(m.MetadataVersion)
	if kind != SDist || !ok || v.before(v26) {
		return ""
	}
	for _, s := range m.Dynamic {
		f, known := fieldsByHeader[strings.ToLower(s)]
		if known && !f.extensible() && f.stated(m) {
			return quote(s) + " has a value, but is no list that a wheel can extend: leave out its value or the Dynamic"
		}
	}
	return ""
}

// extensible reports whether a build backend can add to a value of the field: it has many values, or one that lists
// people or keywords.
func (f field) extensible() bool {
	switch f.header {
	case "author", "author-email", "maintainer", "maintainer-email", "keywords":
		return true
	}
	return f.many != nil
}
