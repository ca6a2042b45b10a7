package packaging

import (
	"cmp"
	"strings"
)

// Compare orders versions as in PEP 440. It returns a negative number if v comes before other, 0 if they are equal, and
// otherwise a positive number.
func (v Version) Compare(other Version) int {
	return cmp.Or(
		v.compareBase(other),
		v.comparePre(other),
		v.post.compare(other.post),
		compareDev(v.dev, other.dev),
		compareLocal(v.local, other.local),
	)
}

func (v Version) compareBase(other Version) int {
	if c := v.epoch.compare(other.epoch); c != 0 {
		return c
	}
	return compareReleases(v.release, other.release)
}

func (v Version) comparePre(other Version) int {
	if c := cmp.Compare(v.preRank(), other.preRank()); c != 0 {
		return c
	}
	return v.pre.compare(other.pre)
}

// preRank sorts a development release of the final version before its first alpha, and the final version after its
// candidates.
func (v Version) preRank() int {
	switch {
	case v.preLetter == "a":
		return 1
	case v.preLetter == "b":
		return 2
	case v.preLetter == "rc":
		return 3
	case v.post == "" && v.dev != "":
		return 0
	}
	return 4
}

// compareDev sorts a development release before its release.
func compareDev(a, b number) int {
	if (a == "") != (b == "") {
		return cmp.Compare(len(b), 0) - cmp.Compare(len(a), 0)
	}
	return a.compare(b)
}

// compareLocal sorts words before numbers, and a prefix before its extensions (PEP 440, "Local version identifiers").
func compareLocal(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if c := compareLocalPart(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func compareLocalPart(a, b string) int {
	an, bn := isDigits(a), isDigits(b)
	switch {
	case an && bn:
		return number(a).compare(number(b))
	case an:
		return 1
	case bn:
		return -1
	}
	return strings.Compare(a, b)
}
