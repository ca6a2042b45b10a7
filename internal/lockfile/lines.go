package lockfile

import (
	"bytes"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// userInfo matches the part of a URL between the scheme and the host that has a user name, and perhaps a password.
// JSON may write a slash with a backslash.
var userInfo = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*:\\?/\\?/([^\s/\\?#"'<>@]*(?:@[^\s/\\?#"'<>@]*)*)@`)

// passwordKey matches a key of TOML that holds the password of a source.
var passwordKey = regexp.MustCompile(`^\s*password\s*=\s*["']([^"']+)["']`)

// passwords returns the lines of a text that contain a password in a URL, or a key with one.
func passwords(path string, text []byte) (found []Place) {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if !bytes.Contains(line, []byte("@")) && !bytes.Contains(line, []byte("password")) {
			continue
		}
		here := false
		for _, m := range userInfo.FindAllSubmatch(line, -1) {
			user, password, has := strings.Cut(string(m[1]), ":")
			// A long user name without a password is a token; what a keyring asks for is short.
			here = here || has && secret(password) || !has && len(user) >= 20 && secret(user)
		}
		if m := passwordKey.FindSubmatch(line); m != nil && secret(string(m[1])) {
			here = true
		}
		if here {
			found = append(found, Place{path, n})
		}
	}
	return found
}

// variables matches the forms of a variable: ${NAME}, $NAME, %NAME%, {{ name }}.
var variables = regexp.MustCompile(`^(\$\{[^}]*\}|\$\w+|%\w+%|%\(\w+\)s|\{\{.*\}\})$`)

// secret reports whether a password is written out: it is neither empty, nor a variable, nor masked by a tool.
func secret(s string) bool {
	return strings.Trim(s, "*xX") != "" && !variables.MatchString(s)
}

// Clean returns a URL without credentials and without a fragment. It accepts texts that are no valid URL, because files
// may have variables in them.
func Clean(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "#")
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	host, below := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, below = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	return scheme + "://" + host + below
}

// baseName returns the file name at the end of a URL or path.
func baseName(s string) string {
	s = Clean(s)
	if u, err := url.Parse(s); err == nil && u.Path != "" {
		s = u.Path
	}
	return path.Base(strings.ReplaceAll(s, `\`, "/"))
}

// lines finds the lines of a text.
type lines struct {
	path  string
	ends  []int          // the offsets of line ends
	urls  map[string]int // the first line of each URL, as it is written
	heads []int          // the lines of the tables of an array, in order
}

var quotedURL = regexp.MustCompile(`"([a-zA-Z][a-zA-Z0-9+.-]*://[^"\s]*)"`)

// linesOf indexes a TOML text and the tables of one of its arrays.
func linesOf(path string, text []byte, array string) *lines {
	l := &lines{path: path, urls: map[string]int{}}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		l.ends = append(l.ends, len(line))
		if n > 1 {
			l.ends[n-1] += l.ends[n-2]
		}
		for _, m := range quotedURL.FindAllSubmatch(line, -1) {
			if _, again := l.urls[string(m[1])]; !again {
				l.urls[string(m[1])] = n
			}
		}
	}
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.ArrayTable {
			continue
		}
		var key []string
		at := 0
		for it := e.Key(); it.Next(); {
			if at == 0 {
				at = l.line(int(it.Node().Raw.Offset))
			}
			key = append(key, string(it.Node().Data))
		}
		if strings.Join(key, ".") == array {
			l.heads = append(l.heads, at)
		}
	}
	return l
}

// line returns the number of the line at an offset.
func (l *lines) line(offset int) int {
	i, found := slices.BinarySearch(l.ends, offset)
	if found {
		i++
	}
	return i + 1
}

// table returns the place of the nth table of the array.
func (l *lines) table(n int) Place {
	if n < len(l.heads) {
		return Place{l.path, l.heads[n]}
	}
	return Place{l.path, 0}
}

// of returns the place of a URL as it is written in the text, or the other place.
func (l *lines) of(url string, other Place) Place {
	if n := l.urls[url]; n > 0 {
		return Place{l.path, n}
	}
	return other
}
