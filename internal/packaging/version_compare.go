package packaging

import (
	"cmp"
	"strings"
)

// Compare orders versions as PEP 440 does: negative where v comes before other, 0 where they are equal, else positive.
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

// preRank places a development release of the final one before its first alpha, and the final one after its candidates.
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

// compareDev puts a development release before the release it leads to.
func compareDev(a, b number) int {
	if (a == "") != (b == "") {
		return cmp.Compare(len(b), 0) - cmp.Compare(len(a), 0)
	}
	return a.compare(b)
}

// compareLocal puts words before numbers and a prefix before what it begins (PEP 440, "Local version identifiers").
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
