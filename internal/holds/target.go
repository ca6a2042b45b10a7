package holds

import (
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Target is a project, one of its versions, or one of its files. Version is zero for every version, and Filename is ""
// for every file.
type Target struct {
	Project  packaging.ProjectName
	Version  packaging.Version
	Filename string
}

// ParseTarget parses PROJECT or PROJECT==VERSION, and the name of a file of that project unless it is "". It returns
// fault.Invalid for anything else, such as a pattern, another operator, or a file of another version.
func ParseTarget(text, filename string) (t Target, err error) {
	name, version, exact := strings.Cut(text, "==")
	if t.Project, err = packaging.ParseProjectName(strings.TrimSpace(name)); err != nil {
		return Target{}, err
	}
	if exact {
		if strings.HasPrefix(version, "=") || strings.HasSuffix(strings.TrimSpace(version), ".*") {
			return Target{}, fault.InField("version", "%.80q names no single version: use PROJECT==VERSION", text)
		}
		if t.Version, err = packaging.ParseVersion(version); err != nil {
			return Target{}, err
		}
	}
	t.Filename = filename
	return t.complete()
}

// complete returns t with the version of its file. It returns fault.Invalid if the file is not of the project and
// version.
func (t Target) complete() (Target, error) {
	if t.Project.IsZero() {
		return Target{}, fault.InField("project", "name a project")
	}
	if t.Filename == "" {
		return t, nil
	}
	f, err := packaging.ParseFilename(t.Filename, t.Project)
	if err != nil {
		return Target{}, err
	}
	if !t.Version.IsZero() && t.Version.Key() != f.Version().Key() {
		return Target{}, fault.InField("filename", "%s is a file of version %s, not of %s", t.Filename, f.Version(),
			t.Version)
	}
	t.Version = f.Version()
	return t, nil
}

// IsZero reports whether t is the zero Target.
func (t Target) IsZero() bool { return t.Project.IsZero() && t.Version.IsZero() && t.Filename == "" }

// String returns the target as people write it: PROJECT, PROJECT==VERSION, or the name of the file.
func (t Target) String() string {
	switch {
	case t.Filename != "":
		return t.Filename
	case !t.Version.IsZero():
		return t.Project.String() + "==" + t.Version.String()
	}
	return t.Project.String()
}

// selects reports whether t has a file.
func (t Target) selects(f File) bool {
	if t.Filename != "" {
		return f.Filename == t.Filename
	}
	if t.Version.IsZero() {
		return true
	}
	v, err := packaging.ParseVersion(f.Version)
	return err == nil && v.Key() == t.Version.Key()
}

// sameVersion reports whether two texts are spellings of one version, or both are "".
func sameVersion(a, b string) bool { return a == b || catalog.SameVersion(a, b) }

// checkDigest returns a SHA-256 in lower-case hex, or fault.Invalid.
func checkDigest(s string) (string, error) {
	s = strings.ToLower(s)
	if len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", fault.InField("sha256", "%.80q is not a SHA-256 digest: it has 64 hexadecimal digits", s)
	}
	return s, nil
}
