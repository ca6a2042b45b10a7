package packaging

import "strings"

// These are the spellings of the letters and their normalized forms. Longer spellings come before their prefixes.
var (
	preSpellings = []spelling{
		{"alpha", "a"}, {"a", "a"}, {"beta", "b"}, {"b", "b"}, {"preview", "rc"}, {"pre", "rc"}, {"c", "rc"}, {"rc", "rc"},
	}
	postSpellings = []spelling{{"post", "post"}, {"rev", "post"}, {"r", "post"}}
	devSpellings  = []spelling{{"dev", "dev"}}
)

type spelling struct{ written, normal string }

// scanVersion parses the longest version at the beginning of s and returns its length in bytes, 0 if there is none.
func scanVersion(s string) (Version, int) {
	v, n := scanPublic(s)
	if n == 0 {
		return Version{}, 0
	}
	local, size := scanLocal(s[n:])
	v.local = local
	return v, n + size
}

func scanPublic(s string) (Version, int) {
	v, n := scanRelease(s)
	if n == 0 {
		return Version{}, 0
	}
	var size int
	v.preLetter, v.pre, size = scanLetter(s[n:], preSpellings)
	n += size
	v.post, size = scanPost(s[n:])
	n += size
	_, v.dev, size = scanLetter(s[n:], devSpellings)
	return v, n + size
}

// scanRelease parses "v", the epoch and the release segments.
func scanRelease(s string) (Version, int) {
	n := 0
	if s != "" && lower(s[0]) == 'v' {
		n = 1
	}
	v := Version{epoch: "0"}
	if d := digitsAt(s[n:]); d > 0 && strings.HasPrefix(s[n+d:], "!") {
		v.epoch = newNumber(s[n : n+d])
		n += d + 1
	}
	release, size := scanSegments(s[n:])
	if size == 0 {
		return Version{}, 0
	}
	v.release = release
	return v, n + size
}

func scanSegments(s string) (release []number, n int) {
	d := digitsAt(s)
	for d > 0 {
		release = append(release, newNumber(s[n:n+d]))
		n += d
		if !strings.HasPrefix(s[n:], ".") {
			break
		}
		if d = digitsAt(s[n+1:]); d > 0 {
			n++
		}
	}
	return release, n
}

// scanLetter parses one of the spellings, with optional separators before it and between it and its number.
func scanLetter(s string, spellings []spelling) (letter string, num number, n int) {
	n = separatorAt(s)
	for _, sp := range spellings {
		if hasPrefixFold(s[n:], sp.written) {
			n += len(sp.written)
			n += separatorAt(s[n:])
			d := digitsAt(s[n:])
			return sp.normal, newNumber(s[n : n+d]), n + d
		}
	}
	return "", "", 0
}

// scanPost also accepts the "-1" of old tools.
func scanPost(s string) (number, int) {
	if strings.HasPrefix(s, "-") {
		if d := digitsAt(s[1:]); d > 0 {
			return newNumber(s[1 : 1+d]), 1 + d
		}
	}
	_, num, n := scanLetter(s, postSpellings)
	return num, n
}

// scanLocal parses "+abc.1" into its normalized parts.
func scanLocal(s string) (parts []string, n int) {
	if !strings.HasPrefix(s, "+") {
		return nil, 0
	}
	for next := 1; ; next = n + 1 {
		size := alnumsAt(s[next:])
		if size == 0 {
			return parts, n
		}
		parts = append(parts, localPart(s[next:next+size]))
		n = next + size
		if separatorAt(s[n:]) == 0 {
			return parts, n
		}
	}
}

func localPart(s string) string {
	if isDigits(s) {
		return string(newNumber(s))
	}
	return strings.ToLower(s)
}
