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

// wellKnown is the list of real distributions that are installed together.
//
//go:embed wellknown.txt
var wellKnown string

// Packages returns every distribution of packages.txt that test.sh could fetch. test.sh has checked its digest.
func Packages(t testing.TB) []Package {
	t.Helper()
	all, missing := present(listed(packages), packagesDir(t))
	if len(all) < enough {
		Missing(t, "only %d real distributions are there, want at least %d; %v are missing", len(all), enough, missing)
	}
	return all
}

// WellKnown returns about 80 distributions of well-known projects that clients can resolve and install together. All of
// them are there, because a graph with a hole cannot be installed.
func WellKnown(t testing.TB) []Package {
	t.Helper()
	all, missing := present(listed(wellKnown), filepath.Join(packagesDir(t), "wellknown"))
	if len(missing) > 0 {
		Missing(t, "well-known distributions are missing: %v; run ./test.sh", missing)
	}
	return all
}

func packagesDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("INDEX_TEST_PACKAGES")
	if dir == "" {
		Missing(t, "INDEX_TEST_PACKAGES names no folder of distributions; run ./test.sh")
	}
	return dir
}

// present returns the packages that are in dir, with their paths, and the names of the others.
func present(all []Package, dir string) (here []Package, missing []string) {
	for _, p := range all {
		p.Path = filepath.Join(dir, p.Name)
		if _, err := os.Stat(p.Path); err != nil {
			missing = append(missing, p.Name)
			continue
		}
		here = append(here, p)
	}
	return here, missing
}

// listed parses a list: project, file name and SHA-256 on a line, comments after "#".
func listed(text string) []Package {
	var all []Package
	for line := range strings.Lines(text) {
		row, _, _ := strings.Cut(line, "#")
		if f := strings.Fields(row); len(f) == 3 {
			all = append(all, Package{Project: f[0], Name: f[1], SHA256: f[2]})
		}
	}
	return all
}
