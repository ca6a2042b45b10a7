// Package alias counts the use of aliases: paths of another index at which this one serves a repository, so that old
// configurations of installers continue to work.
package alias

import (
	"strings"

	"pyindex/internal/fault"
)

// Alias is a path at which the simple index of a repository is served in addition to its own.
type Alias struct {
	Path       string // begins and ends with a slash, such as "/root/pypi/+simple/"
	Repository string
}

// ParsePath parses the path of an alias, with or without the last slash. It returns fault.Invalid if the path cannot
// be one: installers and proxies would not agree on it, or it is the root of the index.
func ParsePath(s string) (string, error) {
	path := strings.Trim(s, "/")
	if !strings.HasPrefix(s, "/") || path == "" || len(s) > maxPath {
		return "", fault.InField("path",
			"path: %.80q is no path of another index: write for example /root/pypi/+simple/", s)
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, forbidden) {
			return "", fault.InField("path",
				"path: %.80q: each part consists of letters, digits and the characters - . _ ~ + @ !, without an encoding", s)
		}
	}
	return "/" + path + "/", nil
}

const maxPath = 200

func forbidden(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._~+@!", c))
}

// Check returns fault.Invalid if two aliases have the same path, or if the path of one is that of a project of another.
func Check(all []Alias) error {
	for i, a := range all {
		for _, b := range all[:i] {
			if a.Path == b.Path {
				return fault.InField("path", "path: %s is listed twice", a.Path)
			}
			for _, pair := range [][2]string{{a.Path, b.Path}, {b.Path, a.Path}} {
				if rest, ok := strings.CutPrefix(pair[0], pair[1]); ok && strings.Count(rest, "/") == 1 {
					return fault.InField("path", "path: %s would be the page of a project below %s", pair[0], pair[1])
				}
			}
		}
	}
	return nil
}
