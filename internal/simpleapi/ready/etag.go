package ready

import "strings"

// Matches reports whether an If-None-Match header matches etag, a quoted strong entity tag, by the weak comparison of
// RFC 9110, section 13.1.2. Anything malformed ends the evaluation of its line.
func Matches(lines []string, etag string) bool {
	for _, line := range lines {
		if strings.Trim(line, " \t") == "*" || matchesLine(line, etag) {
			return true
		}
	}
	return false
}

func matchesLine(line, etag string) bool {
	for {
		line = strings.TrimLeft(line, " \t,")
		line = strings.TrimPrefix(line, "W/")
		if line == "" || line[0] != '"' {
			return false
		}
		end := strings.IndexByte(line[1:], '"')
		if end < 0 {
			return false
		}
		if line[:end+2] == etag {
			return true
		}
		line = line[end+2:]
	}
}
