package packaging

import (
	"mime"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxSummary = 512 // characters
	maxLabel   = 32  // characters
)

func checkSummary(s string) string {
	if strings.ContainsAny(s, "\r\n\v\f\x1c\x1d\x1e\u0085\u2028\u2029") {
		return "it must be one line"
	}
	if utf8.RuneCountInString(s) > maxSummary {
		return "it must have at most 512 characters"
	}
	return ""
}

// checkClassifier checks only the form: the list of classifiers grows, and a copy would reject new ones.
func checkClassifier(s string) string {
	parts := strings.Split(s, " :: ")
	if len(parts) < 2 || slices.ContainsFunc(parts, func(p string) bool { return p == "" || p != trimSpace(p) }) {
		return quote(s) + ` is not a classifier such as "Topic :: Subtopic"`
	}
	if parts[0] == "Private" {
		return quote(s) + " marks a package that must not be published"
	}
	return ""
}

func checkContentType(s string) string {
	kind, params, err := mime.ParseMediaType(s)
	if err != nil || kind != "text/plain" && kind != "text/x-rst" && kind != "text/markdown" {
		return quote(s) + " is not text/plain, text/x-rst or text/markdown"
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return quote(s) + " names a charset other than UTF-8"
	}
	variant, ok := params["variant"]
	if kind == "text/markdown" && ok && variant != "GFM" && variant != "CommonMark" {
		return quote(s) + " names a variant other than GFM and CommonMark"
	}
	return ""
}

// checkLink requires a scheme that is safe to link to.
func checkLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return quote(s) + " is not an http or https URL"
	}
	return ""
}

func checkProjectURLs(m *Metadata, _ Kind, r Rules) string {
	if !r.ProjectURLs {
		return ""
	}
	seen := map[string]bool{}
	for _, s := range m.ProjectURLs {
		label, link, ok := strings.Cut(s, ",")
		label = trimSpace(label)
		if !ok || label == "" || utf8.RuneCountInString(label) > maxLabel {
			return quote(s) + ` is not a label of at most 32 characters, a comma and a URL`
		}
		if why := checkLink(trimSpace(link)); why != "" {
			return why
		}
		if seen[label] {
			return "the label " + quote(label) + " is used twice"
		}
		seen[label] = true
	}
	return ""
}

// checkEmail checks the first address: the one in angle brackets, or the text before a comma.
func checkEmail(s string) string {
	address, _, _ := strings.Cut(s, ",")
	if _, rest, ok := strings.Cut(s, "<"); ok {
		address, _, _ = strings.Cut(rest, ">")
	}
	address = trimSpace(address)
	user, host, _ := strings.Cut(address, "@")
	if user == "" || host == "" || strings.ContainsAny(address, " \t\r\n<>()") || strings.Contains(host, "@") {
		return quote(s) + " does not begin with an e-mail address"
	}
	return ""
}

// checkImport requires dotted ASCII identifiers, optionally followed by "; private" (PEP 794).
func checkImport(s string) string {
	name, mark, marked := strings.Cut(s, ";")
	for part := range strings.SplitSeq(trimSpace(name), ".") {
		if part == "" || isDigit(part[0]) || spanOf(part, isIdentifierByte) < len(part) {
			return quote(s) + " is not an import name"
		}
	}
	if marked && trimSpace(mark) != "private" {
		return quote(s) + ` may be followed only by "; private"`
	}
	return ""
}

// isIdentifierByte accepts all non-ASCII bytes, because the letters that Python accepts change with Unicode.
func isIdentifierByte(c byte) bool { return isWord(c) || c >= 0x80 }
