package clienttest

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// enough is the number of real distributions that a meaningful run needs.
const enough = 30

// packages is the list of real distributions.
//
//go:embed packages.txt
var packages string

// Package is one real distribution as published.
type Package struct {
	Project string // normalized name
	Name    string // file name
	SHA256  string // hex
	Path    string
}

// Packages returns every distribution of packages.txt that test.sh could fetch. test.sh has checked its digest.
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

// listed parses packages.txt: project, file name and SHA-256 on a line, comments after "#".
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
