package packaging

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

type metadataVersion struct{ major, minor int }

var (
	v10 = metadataVersion{1, 0}
	v11 = metadataVersion{1, 1}
	v12 = metadataVersion{1, 2}
	v21 = metadataVersion{2, 1}
	v22 = metadataVersion{2, 2}
	v23 = metadataVersion{2, 3}
	v24 = metadataVersion{2, 4}
	v25 = metadataVersion{2, 5}
	v26 = metadataVersion{2, 6}
)

// knownMetadataVersions are the versions that have been published, which Python's packaging accepts; 2.0 was withdrawn.
var knownMetadataVersions = []metadataVersion{v10, v11, v12, v21, v22, v23, v24, v25, v26}

func parseMetadataVersion(s string) (metadataVersion, bool) {
	major, minor, ok := strings.Cut(s, ".")
	if !ok || !isDigits(major) || !isDigits(minor) {
		return metadataVersion{}, false
	}
	x, errX := strconv.Atoi(major)
	y, errY := strconv.Atoi(minor)
	return metadataVersion{x, y}, errX == nil && errY == nil
}

func (v metadataVersion) known() bool { return slices.Contains(knownMetadataVersions, v) }

func (v metadataVersion) before(other metadataVersion) bool {
	return cmp.Or(cmp.Compare(v.major, other.major), cmp.Compare(v.minor, other.minor)) < 0
}

func (v metadataVersion) String() string { return strconv.Itoa(v.major) + "." + strconv.Itoa(v.minor) }
