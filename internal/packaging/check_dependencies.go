package packaging

import "pyindex/internal/fault"

func checkRequiresDist(m *Metadata, r Rules) string { return checkRequirements(m.RequiresDist, r) }

func checkOldDists(values []string, r Rules) string {
	if !r.OldDists {
		return ""
	}
	return checkRequirements(values, r)
}

func checkRequirements(values []string, r Rules) string {
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
