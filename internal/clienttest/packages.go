package clienttest

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// enough is how many real distributions must be there for a run to say anything about real ones.
const enough = 30

//go:embed packages.txt
var packages string

// Package is one real distribution as the public wrote it.
type Package struct {
	Project string // normalised name
	Name    string // file name
	SHA256  string // hex
	Path    string
}

// Packages is every real distribution of packages.txt that test.sh could fetch; its digest has been checked there.
func Packages(t testing.TB) []Package {
	t.Helper()
	dir := os.Getenv("INDEX_TEST_PACKAGES")
	if dir == "" {
		Missing(t, "INDEX_TEST_PACKAGES names no folder of distributions; run ./test.sh")
	}
	var here []Package
	for _, p := range listed() {
		p.Path = filepath.Join(dir, p.Name)
		if _, err := os.Stat(p.Path); err == nil {
			here = append(here, p)
		}
	}
	if len(here) < enough {
		Missing(t, "only %d real distributions are in %s, want at least %d", len(here), dir, enough)
	}
	return here
}

// listed reads packages.txt: project, file name and sha256 in a line, comments after "#".
func listed() []Package {
	var all []Package
	for line := range strings.Lines(packages) {
		row, _, _ := strings.Cut(line, "#")
		if f := strings.Fields(row); len(f) == 3 {
			all = append(all, Package{Project: f[0], Name: f[1], SHA256: f[2]})
		}
	}
	return all
}
