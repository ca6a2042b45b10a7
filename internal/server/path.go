package server

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"pyindex/internal/fault"
)

// plainPath makes u's path the one that is matched and handed to handlers, decoded exactly once by net/url, and
// refuses what two programs could read in two ways. None of our addresses needs an encoded slash, a percent sign, a
// backslash, a control character or a dot segment, so fault.Invalid costs nobody a file.
func plainPath(u *url.URL) error {
	if u.RawPath != "" {
		if strings.Count(u.RawPath, "/") != strings.Count(u.Path, "/") {
			return errPath
		}
		u.RawPath = ""
	}
	if u.Path == "" || u.Path[0] != '/' || strings.IndexFunc(u.Path, forbidden) >= 0 || !utf8.ValidString(u.Path) {
		return errPath
	}
	if strings.Contains(u.Path, "/.") && dotted(u.Path) {
		return errPath
	}
	return nil
}

var errPath = fault.New(fault.Invalid,
	"this path is not one of this index: encoded slashes, backslashes, percent signs, control characters and dot segments are refused")

func forbidden(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' || c == '%' }

// dotted reports whether a segment is "." or "..", also with the ";" that some proxies strip.
func dotted(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return true
		}
	}
	return false
}
