package packaging

import (
	"cmp"
	"strings"
)

// number is a natural number as digits without leading zeros. "" means that the number is absent; it sorts before all
// others.
type number string

// newNumber parses digits; no digits mean 0, as in "1.0rc".
func newNumber(digits string) number {
	if d := strings.TrimLeft(digits, "0"); d != "" {
		return number(d)
	}
	return "0"
}

func (n number) compare(other number) int {
	if c := cmp.Compare(len(n), len(other)); c != 0 {
		return c
	}
	return strings.Compare(string(n), string(other))
}

// trimZeros drops trailing zeros: 1.0 and 1.0.0 are the same release.
func trimZeros(release []number) []number {
	for len(release) > 0 && release[len(release)-1] == "0" {
		release = release[:len(release)-1]
	}
	return release
}

// compareReleases compares segment by segment and treats missing segments as zeros.
func compareReleases(a, b []number) int {
	for i := range max(len(a), len(b)) {
		if c := segment(a, i).compare(segment(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

func segment(release []number, i int) number {
	if i < len(release) {
		return release[i]
	}
	return "0"
}
