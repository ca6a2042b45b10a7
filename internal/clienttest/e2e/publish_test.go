package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"pyindex/internal/clienttest"
)

// Every client publishes, may repeat the upload, and gets a clear error if it would change existing files.
func TestPublish(t *testing.T) {
	t.Parallel()
	for _, p := range publishers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, clienttest.Options{})
			dir := clienttest.Project(t, p.kind, "1.0")
			built := clienttest.Build(t, dir)

			p.publish(t, s, s.upload, dir, built...).OK(t)
			for _, f := range dists(t, dir) {
				s.has(t, p.project, f)
			}
			p.publish(t, s, s.upload, dir, built...).OK(t)

			first := sums(t, dists(t, dir))
			change(t, dir)
			clienttest.Build(t, dir)
			r := p.publish(t, s, s.upload, dir, built...).Says(t, "already exists")
			if r.Code == 0 {
				t.Errorf("%s: exit status 0, want a refusal of other bytes", r.Command)
			}
			for name, digest := range first {
				s.gives(t, p.project, name, digest)
			}
		})
	}
}

// sums is the sha256 of local files by base name.
func sums(t *testing.T, files []string) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, f := range files {
		m[filepath.Base(f)] = sum(t, f)
	}
	return m
}

// change makes the next build differ in every distribution, at the same version.
func change(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "README.md")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\nOne more line.\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// The administrator's own upload passes the same checks, and the running server shows it at once.
func TestUploadByCommand(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	files := clienttest.Sample(t, "setuptools", "1.0")
	s.Index(append([]string{"upload"}, files...)...).OK(t)
	for _, f := range files {
		s.has(t, "acme-greeter", f)
	}
	bad := without(t, clienttest.Sample(t, "setuptools", "1.1")[1], "RECORD")
	s.Index("upload", bad).Refused(t, "RECORD")
}

// uv reads the existing files from the simple pages before it sends anything.
func TestCheckURL(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	dir := clienttest.Project(t, "setuptools", "1.0")
	built := clienttest.Build(t, dir)
	check := []string{"--check-url", s.simple()}

	uvPublish(t, s, s.upload, dir, check, built...).OK(t)
	uvPublish(t, s, s.upload, dir, check, built...).OK(t).Says(t, "already exists")
	change(t, dir)
	clienttest.Build(t, dir)
	uvPublish(t, s, s.upload, dir, check, built...).Refused(t)
	if paths, _ := s.files(t, "acme-greeter"); len(paths) != 2 {
		t.Errorf("files after a refused change = %v, want the first two", paths)
	}
}

// Half of a release is there: the half that is missing goes up, the other is left.
func TestCheckURLCompletes(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	built := clienttest.Sample(t, "setuptools", "1.0")
	s.publish(t, built[1])
	uvPublish(t, s, s.upload, "", []string{"--check-url", s.simple()}, built...).OK(t)
	for _, f := range built {
		s.has(t, "acme-greeter", f)
	}
}
