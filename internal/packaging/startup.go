package packaging

import (
	"bytes"
	"regexp"
	"strings"
)

// StartupPlace reports whether a member of a wheel would be installed to a place where Python looks for start-up files,
// under a name that it reads there: *.pth and *.start files (PEP 829) in site-packages, and the modules sitecustomize
// and usercustomize. A *.pth file runs code only if StartupCode reports it.
func StartupPlace(member string) bool {
	name, ok := siteName(member)
	if !ok {
		return false
	}
	top, _, inside := strings.Cut(name, "/")
	if stem, _, _ := strings.Cut(top, "."); stem == "sitecustomize" || stem == "usercustomize" {
		return true
	}
	return !inside && (strings.HasSuffix(name, ".pth") || strings.HasSuffix(name, ".start"))
}

// siteName returns the path below site-packages to which an installer puts a member of a wheel. The root of a wheel and
// its purelib and platlib schemes go there, and its data scheme can name the folder.
func siteName(member string) (string, bool) {
	folder, rest, inside := strings.Cut(member, "/")
	if !inside || !strings.HasSuffix(strings.ToLower(folder), ".data") {
		return member, true
	}
	scheme, name, _ := strings.Cut(rest, "/")
	switch strings.ToLower(scheme) {
	case "purelib", "platlib":
		return name, true
	case "data":
		for _, site := range []string{"site-packages/", "dist-packages/"} {
			if at := strings.LastIndex(strings.ToLower("/"+name), "/"+site); at >= 0 {
				return name[at+len(site):], true
			}
		}
	}
	return "", false
}

// importLine matches a line that Python's site module runs. The module splits the decoded text like str.splitlines; the
// bytes of its line ends in UTF-8, and of NEL in single-byte encodings, are listed here.
var importLine = regexp.MustCompile(
	`(?:^|[\n\r\x0b\x0c\x1c-\x1e]|\xc2\x85|\x85|\xe2\x80[\xa8\xa9])(?:\xef\xbb\xbf)?import[ \t]`)

// StartupCode reports whether a file for which StartupPlace is true runs code when Python starts. It is true for every
// file other than *.pth, and for a *.pth file with a line that begins with "import" and a blank or tab.
func StartupCode(member string, content []byte) bool {
	return !strings.HasSuffix(member, ".pth") || importLine.Match(latin1(content))
}

// latin1 returns content with each byte as a character, so that a regular expression can match bytes.
func latin1(content []byte) []byte {
	if !bytes.ContainsFunc(content, func(c rune) bool { return c >= 0x80 }) {
		return content
	}
	out := make([]byte, 0, len(content)+len(content)/4)
	for _, b := range content {
		out = append(out, string(rune(b))...)
	}
	return out
}
