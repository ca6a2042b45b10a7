package packaging

import (
	"fmt"

	"pyindex/internal/fault"
)

func checkRequiresDist(m *Metadata, kind Kind, r Rules) string {
	for _, s := range m.RequiresDist {
		if why := m.checkRequirement(s, kind, r); why != "" {
			return why
		}
	}
	return ""
}

// checkRequirement accepts a requirement that no installer reads, or that at least uv reads, unless the rules require
// that pip reads all of them.
func (m *Metadata) checkRequirement(s string, kind Kind, r Rules) string {
	req, err := ParseRequirement(s)
	if err != nil && !r.Requirements {
		if (!m.Decides(kind) || r.Legacy) && len(s) <= maxRequirement {
			return ""
		}
		var ok bool
		if req, ok = LegacyRequirement(s); ok {
			err = nil
		}
	}
	if err != nil {
		return fault.Message(err)
	}
	if r.DirectURLs && req.URL != "" {
		return quote(s) + " depends on a URL, which the upload policy does not allow"
	}
	return ""
}

// CheckDependencies is Check for Requires-Dist alone. It is for the metadata in a file whose form passed Check, because
// a form may omit fields. If no installer uses the field (see Decides), it requires only a length that can be shown.
func (m Metadata) CheckDependencies(kind Kind, r Rules) error {
	if !m.Decides(kind) {
		r = Rules{}
	}
	if why := checkRequiresDist(&m, kind, r); why != "" {
		return fault.New(fault.Invalid, "requires_dist: %s", why)
	}
	return nil
}

func checkOldDists(values []string, r Rules) string {
	if !r.OldDists {
		return ""
	}
	for _, s := range values {
		req, err := ParseRequirement(s)
		if err != nil {
			return fault.Message(err)
		}
		if r.DirectURLs && req.URL != "" {
			return quote(s) + " depends on a URL, which the upload policy does not allow"
		}
	}
	return ""
}

// Tolerated describes the problems of an accepted file of this kind that its owner should mend, each in a sentence: a
// requirement that pip does not read, a summary that is not one short line, a Dynamic field with a value that it must
// not have.
func (m Metadata) Tolerated(kind Kind) []string {
	var out []string
	if why := m.unreadable(kind); why != "" {
		out = append(out, "requires_dist: "+why)
	}
	if why := checkSummary(m.Summary); why != "" {
		out = append(out, "summary: PyPI would refuse it: "+why)
	}
	if why := m.fixedDynamic(kind); why != "" {
		out = append(out, "dynamic: "+why)
	}
	return out
}

// unreadable describes the requirements that pip does not read, or returns "".
func (m *Metadata) unreadable(kind Kind) string {
	n, first := 0, ""
	for _, s := range m.RequiresDist {
		if _, err := ParseRequirement(s); err != nil {
			if n++; n == 1 {
				first = fault.Message(err)
			}
		}
	}
	switch {
	case n == 0:
		return ""
	case kind == Wheel:
		return fmt.Sprintf("pip does not install this wheel (uv does), because it cannot read %d of its requirements: %s", n,
			first)
	}
	return fmt.Sprintf("pip cannot read %d of the requirements in PKG-INFO: %s", n, first)
}

func checkRequiresPython(s string) string {
	_, err := ParseSpecifiers(s)
	return fault.Message(err)
}

func checkExtra(s string) string {
	if !isIdentifier(s) {
		return quote(s) + " is not a valid name for an extra"
	}
	return ""
}
