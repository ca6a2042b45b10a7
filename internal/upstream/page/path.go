package page

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// hashed is the first segment of a path that is not reversible.
const hashed = "-"

// Path returns the path of the file below packages/<upstream>/ on this index. artifactBase is the setting of the
// upstream, or "". The path has no character that needs escaping but "+" and "!", and ends in the file's name.
//
// A URL below artifactBase, or whose path ends in aa/bb/<60 hex digits>/<file name>, gives the part after that base,
// from which URLOf returns the URL. Every other URL gives "-/<32 hex digits of its SHA-256>/<file name>".
func (f File) Path(artifactBase string) string { return Path(f.URL, f.Filename, artifactBase) }

// Path is like File.Path, for the URL and the name of a file.
func Path(link, filename, artifactBase string) string {
	if base := Base(link, artifactBase); base != "" && lastOf(link) == filename {
		return link[len(base):]
	}
	sum := sha256.Sum256([]byte(link))
	return hashed + "/" + hex.EncodeToString(sum[:16]) + "/" + filename
}

// Base returns the artifact base of a file's URL: the part before its path on this index, which ends in a slash. It
// returns "" for a URL whose path is not reversible.
func Base(link, artifactBase string) string {
	path := pathOf(link)
	if path == "" {
		return ""
	}
	if artifactBase != "" {
		base := strings.TrimSuffix(artifactBase, "/") + "/"
		if rest, ok := strings.CutPrefix(link, base); ok {
			if !plainPath(rest) {
				return ""
			}
			return base
		}
	}
	if n := digestPath(link); n > 0 && plainPath(path) {
		return link[:len(link)-n]
	}
	return ""
}

// pathOf returns the path of an absolute URL without its first slash. It returns "" if the URL is of another kind, or
// has a user, a query or a fragment.
func pathOf(link string) string {
	rest, ok := strings.CutPrefix(link, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(link, "http://")
	}
	host, path, _ := strings.Cut(rest, "/")
	if !ok || host == "" || strings.ContainsAny(host, "@?#") || strings.ContainsAny(path, "?#") {
		return ""
	}
	return path
}

// URLOf returns the URL of a file by its path on this index and its artifact base. It returns false for a path that is
// not reversible.
func URLOf(path, base string) (string, bool) {
	if base == "" || !plainPath(path) {
		return "", false
	}
	return strings.TrimSuffix(base, "/") + "/" + path, true
}

// Base returns the artifact base that all reversible files of the page share. It returns "" if there is none or more
// than one.
func (p Page) Base(artifactBase string) string {
	var base string
	for _, f := range p.Files {
		switch b := Base(f.URL, artifactBase); {
		case b == "" || b == base:
		case base != "":
			return ""
		default:
			base = b
		}
	}
	return base
}

// Find returns the file of the page with this path below packages/<upstream>/, and false if the page has none.
func (p Page) Find(path, artifactBase string) (File, bool) { return find(p.Files, path, artifactBase) }

// FindGone is Find for the files that the page no longer lists. Their LastSeen is when their absence was noticed.
func (p Page) FindGone(path, artifactBase string) (File, bool) {
	return find(p.Gone, path, artifactBase)
}

func find(files []File, path, artifactBase string) (File, bool) {
	name := lastOf(path)
	for i := range files {
		f := &files[i]
		if f.Filename == name && f.Path(artifactBase) == path {
			return *f, true
		}
	}
	return File{}, false
}

// MetadataURL returns the URL of the core metadata of the file (PEP 658). ".metadata" is a part of the path, so it
// comes before a query.
func (f File) MetadataURL() string {
	path, query, found := strings.Cut(f.URL, "?")
	if path += ".metadata"; found {
		path += "?" + query
	}
	return path
}

// lastOf returns the last segment of a path or URL.
func lastOf(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// digestPath returns the length of the end aa/bb/<60 hex digits>/<file name> of a URL, or zero.
func digestPath(link string) int {
	name := lastOf(link)
	const digits = len("aa/bb/") + 60 + len("/")
	n := digits + len(name)
	if name == "" || len(link) <= n || link[len(link)-n-1] != '/' {
		return 0
	}
	for i, c := range []byte(link[len(link)-n : len(link)-len(name)]) {
		slash := i == 2 || i == 5 || i == digits-1
		if slash != (c == '/') || !slash && !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return 0
		}
	}
	return n
}

// plain are the characters of a path that need no escaping and mean nothing but themselves.
var plain = func() (set [256]bool) {
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-~+!") {
		set[c] = true
	}
	return set
}()

// plainPath reports whether a path can be part of a URL of this index and be turned back: segments of unreserved
// characters, "+" and "!", none of which is empty or only dots, and the first of which does not mean a digest.
func plainPath(s string) bool {
	if s == hashed || strings.HasPrefix(s, hashed+"/") {
		return false
	}
	dots := true // the segment is empty or only dots so far
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/' && dots:
			return false
		case c == '/':
			dots = true
		case !plain[c]:
			return false
		case c != '.':
			dots = false
		}
	}
	return !dots
}
