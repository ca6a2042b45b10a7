package server

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"pyindex/internal/fault"
)

// plainPath normalizes u so that handlers get the path as net/url decoded it, exactly once. It returns fault.Invalid
// for paths that two programs could interpret differently. None of our URLs needs an encoded slash, a percent sign, a
// backslash, a control character or a dot segment.
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
	"invalid path: encoded slashes, backslashes, percent signs, control characters and dot segments are refused")

func forbidden(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' || c == '%' }

// dotted reports whether a segment is "." or "..", even if followed by the ";" that some proxies strip.
func dotted(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return true
		}
	}
	return false
}
