package packaging

import "strings"

func checkLicense(m *Metadata, _ Kind, r Rules) string {
	if r.License && m.License != "" && m.LicenseExpression != "" {
		return "it cannot be combined with license_expression: remove one of them"
	}
	return ""
}

// checkLicenseFile requires a path below the project, with "/" only and without wildcards (PEP 639).
func checkLicenseFile(s string) string {
	if s[0] == '/' || strings.ContainsAny(s, `\*`) || len(s) > 1 && s[1] == ':' && isLetter(s[0]) {
		return quote(s) + " is not a relative path with / between its parts"
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || part == "." || strings.Contains(part, "..") {
			return quote(s) + " is not a plain path: leave out . and .. and doubled slashes"
		}
	}
	return ""
}

// LicenseKey returns a text that is equal for two spellings of a license expression: SPDX identifiers are compared
// without case, and build backends keep the case in which a project wrote them.
func LicenseKey(expression string) string {
	return strings.ToLower(strings.Join(strings.Fields(spacedBrackets.Replace(expression)), " "))
}

var spacedBrackets = strings.NewReplacer("(", " ( ", ")", " ) ")

// checkLicenseExpression parses the SPDX grammar of PEP 639: identifiers joined by AND, OR and WITH, with optional
// parentheses. It checks only the form of identifiers, because the list of licenses grows.
func checkLicenseExpression(s string) string {
	e := &licenseScanner{words: strings.Fields(spacedBrackets.Replace(s))}
	if e.expression(0) && len(e.words) == 0 {
		return ""
	}
	return quote(s) + ` is not an SPDX license expression, as in "MIT OR Apache-2.0"`
}

type licenseScanner struct{ words []string }

func (e *licenseScanner) take(word string) bool {
	if len(e.words) == 0 || !strings.EqualFold(e.words[0], word) {
		return false
	}
	e.words = e.words[1:]
	return true
}

func (e *licenseScanner) expression(depth int) bool {
	for {
		if !e.term(depth) {
			return false
		}
		if !e.take("AND") && !e.take("OR") {
			return true
		}
	}
}

func (e *licenseScanner) term(depth int) bool {
	if e.take("(") {
		return depth < maxNesting && e.expression(depth+1) && e.take(")")
	}
	if !e.identifier(isLicense) {
		return false
	}
	return !e.take("WITH") || e.identifier(isLicenseWord)
}

func (e *licenseScanner) identifier(fits func(string) bool) bool {
	if len(e.words) == 0 || !fits(e.words[0]) {
		return false
	}
	e.words = e.words[1:]
	return true
}

// isLicense accepts the "or later" sign after an identifier, but not after a LicenseRef.
func isLicense(s string) bool {
	if hasPrefixFold(s, "licenseref-") {
		return isLicenseWord(s[len("licenseref-"):])
	}
	return isLicenseWord(strings.TrimSuffix(s, "+"))
}

func isLicenseWord(s string) bool {
	switch strings.ToUpper(s) {
	case "", "AND", "OR", "WITH":
		return false
	}
	return spanOf(s, func(c byte) bool { return isAlnum(c) || c == '.' || c == '-' }) == len(s)
}
