package clienttest

import (
	"bytes"
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"testing"
)

// projects contains one small project for each build backend. Two of them depend on acme-greeter.
//
//go:embed all:testdata/projects
var projects embed.FS

// Project copies a sample project into a new folder, with the given version, and returns the folder. The kinds are the
// folders of testdata/projects: "setuptools" is acme-greeter, "hatch" acme-counter (needs acme-greeter), "flit"
// acme_flag, "poetry" Acme.Menu (needs acme-greeter >= 1.0).
func Project(t testing.TB, kind, version string) string {
	t.Helper()
	from, err := fs.Sub(projects, "testdata/projects/"+kind)
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	err = fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return write(filepath.Join(to, path), bytes.ReplaceAll(b, []byte("@VERSION@"), []byte(version)))
	})
	if err != nil {
		t.Fatalf("copying the %s project: %v", kind, err)
	}
	return to
}

func write(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// Build runs "python -m build" in a project's folder and returns the paths of its distributions, source first. The
// environment already contains the backends, so nothing is downloaded.
func Build(t testing.TB, dir string) []string {
	t.Helper()
	Builder(t).Python(t, dir, "-m", "build", "--no-isolation").OK(t)
	found, _ := filepath.Glob(filepath.Join(dir, "dist", "*"))
	sort.Slice(found, func(i, j int) bool { return filepath.Ext(found[i]) < filepath.Ext(found[j]) })
	if len(found) != 2 {
		t.Fatalf("python -m build made %q, want a source distribution and a wheel", found)
	}
	return found
}

// Sample builds the distributions of a sample project at a version, with Project and Build.
func Sample(t testing.TB, kind, version string) []string {
	t.Helper()
	return Build(t, Project(t, kind, version))
}

// Builder returns the environment with every build backend, for installing from source without a download.
func Builder(t testing.TB) *Client {
	t.Helper()
	return client(t, "build")
}
