package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

const shown = 3

// Disagreement returns fault.Invalid if the form and the metadata in the file contradict each other in a field that
// affects installation: name, version, Requires-Python, Requires-Dist, Provides-Extra. Spelling and order are ignored,
// and so are fields missing from the form. The message shows both values.
func Disagreement(form, archive Metadata) error {
	for _, c := range []struct {
		field         string
		form, archive []string
		same          func(string) string
	}{
		{"name", one(form.Name), one(archive.Name), sameName},
		{"version", one(form.Version), one(archive.Version), sameVersion},
		{"provides_extra", form.ProvidesExtra, archive.ProvidesExtra, sameName},
		{"requires_dist", form.RequiresDist, archive.RequiresDist, sameRequirement},
		{"requires_python", one(form.RequiresPython), one(archive.RequiresPython), sameSpecifiers},
	} {
		if len(c.form) == 0 {
			continue
		}
		onlyForm, onlyArchive := without(c.form, c.archive, c.same), without(c.archive, c.form, c.same)
		if len(onlyForm)+len(onlyArchive) > 0 {
			return fault.New(fault.Invalid,
				"%s: the form says %s, but the metadata inside the file says %s: build and upload again", c.field, show(onlyForm),
				show(onlyArchive))
		}
	}
	return nil
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// without returns the values of list that are equivalent to none in other.
func without(list, other []string, same func(string) string) []string {
	known := map[string]bool{}
	for _, s := range other {
		known[same(s)] = true
	}
	var rest []string
	for _, s := range list {
		if !known[same(s)] {
			rest = append(rest, s)
		}
	}
	return rest
}

func show(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	texts := make([]string, 0, shown+1)
	for _, v := range values {
		if len(texts) == shown {
			texts = append(texts, "and more")
			break
		}
		texts = append(texts, quote(v))
	}
	return strings.Join(texts, ", ")
}

// The same… functions return one text for all spellings of a value. A value that cannot be parsed is returned as it is.

func sameName(s string) string { return normalize(trimSpace(s)) }

func sameVersion(s string) string {
	if v, err := ParseVersion(s); err == nil {
		return v.Key()
	}
	return trimSpace(s)
}

func sameRequirement(s string) string {
	if r, ok := LegacyRequirement(trimSpace(s)); ok {
		return r.Canonical()
	}
	return trimSpace(s)
}

func sameSpecifiers(s string) string {
	if set, err := ParseSpecifiers(s); err == nil {
		return set.String()
	}
	return trimSpace(s)
}
