package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// maxVersion is the maximum length of a version; a file name cannot contain more.
const maxVersion = 255

// Version is a PEP 440 version. Its numbers are stored as digits because they are unbounded. The zero value is no
// version.
type Version struct {
	raw       string
	epoch     number
	release   []number
	preLetter string // "a", "b", "rc" or ""
	pre       number
	post      number // "" if absent, as for dev
	dev       number
	local     []string
}

// ParseVersion parses a version in any spelling that PEP 440 allows, including surrounding blanks, like Python's
// packaging. It returns fault.Invalid for anything else and for more than 255 bytes.
func ParseVersion(s string) (Version, error) {
	text := trimSpace(s)
	v, n := scanVersion(text)
	if n == 0 || n != len(text) || len(s) > maxVersion {
		return Version{}, fault.New(fault.Invalid,
			"version %s is not valid: use a PEP 440 version, for example 1.2.3, 1.2rc1 or 1.2.post1", quote(s))
	}
	v.raw = s
	return v, nil
}

// String returns the normalized form of PEP 440, which keeps zeros: "v1.0-RC.1" becomes "1.0rc1".
func (v Version) String() string {
	if v.IsZero() {
		return ""
	}
	return v.format(v.release)
}

// Raw returns the version as it was written, or the normalized form if it was not parsed from text.
func (v Version) Raw() string { return v.raw }

// Key returns a text that is equal exactly for equal versions: "1.0.0" and "1.0" both return "1".
func (v Version) Key() string {
	if v.IsZero() {
		return ""
	}
	r := trimZeros(v.release)
	if len(r) == 0 {
		r = []number{"0"}
	}
	return v.format(r)
}

// IsPrerelease reports whether v is a pre-release or a development release.
func (v Version) IsPrerelease() bool { return v.preLetter != "" || v.dev != "" }

// IsPostrelease reports whether v is a post-release.
func (v Version) IsPostrelease() bool { return v.post != "" }

// HasLocal reports whether v has a local part, "+abc".
func (v Version) HasLocal() bool { return len(v.local) > 0 }

// Public returns v without its local part.
func (v Version) Public() Version {
	if !v.HasLocal() {
		return v
	}
	v.local = nil
	v.raw = v.String()
	return v
}

// IsZero reports whether v is the zero value.
func (v Version) IsZero() bool { return len(v.release) == 0 }

func (v Version) format(release []number) string {
	var b strings.Builder
	if v.epoch != "0" {
		b.WriteString(string(v.epoch) + "!")
	}
	b.WriteString(dotted(release))
	if v.preLetter != "" {
		b.WriteString(v.preLetter + string(v.pre))
	}
	if v.post != "" {
		b.WriteString(".post" + string(v.post))
	}
	if v.dev != "" {
		b.WriteString(".dev" + string(v.dev))
	}
	if v.HasLocal() {
		b.WriteString("+" + strings.Join(v.local, "."))
	}
	return b.String()
}

func dotted(release []number) string {
	parts := make([]string, len(release))
	for i, n := range release {
		parts[i] = string(n)
	}
	return strings.Join(parts, ".")
}
