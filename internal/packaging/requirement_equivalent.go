package packaging

import (
	"regexp"
	"strconv"
)

// Equivalent is Canonical for a comparison of files by different build backends: uv_build writes
// `python_full_version >= "3.9"` for a project's `python_version > "3.8"`, so every such test is returned in the first
// form. The two differ only for pre-releases of Python.
func (r Requirement) Equivalent() string {
	return pythonVersion.ReplaceAllStringFunc(r.Canonical(), func(test string) string {
		m := pythonVersion.FindStringSubmatch(test)
		op, major, minor := m[1], m[2], m[3]
		n, err := strconv.Atoi(minor)
		if err != nil {
			return test
		}
		suffix := ""
		switch op {
		case ">":
			op, minor = ">=", strconv.Itoa(n+1)
		case "<=":
			op, minor = "<", strconv.Itoa(n+1)
		case "==", "!=":
			suffix = ".*"
		}
		return "python_full_version " + op + ` "` + major + "." + minor + suffix + `"`
	})
}

var pythonVersion = regexp.MustCompile(`\bpython_version (<=|>=|==|!=|<|>) "([0-9]+)\.([0-9]+)"`)
