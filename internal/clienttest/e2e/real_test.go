package e2e

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// Real distributions go through the gate unchanged and come back byte for byte, whoever sends them. What a client of
// today will not send (it checks metadata of 2005 by the rules of today) is sent as a plain form instead, so that the
// index is asked about every one of them.
func TestRealDistributions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		publish publisher
	}{{"twine", twine}, {"uv", uv}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			given := clienttest.Packages(t)
			s := open(t, clienttest.Options{})
			for _, p := range given {
				t.Run(p.Name, func(t *testing.T) {
					s.take(t, c.publish, p)
					s.has(t, p.Project, p.Path)
					s.hasMetadata(t, p)
				})
			}
			if c.name == "twine" {
				t.Run("pip download", func(t *testing.T) { download(t, s, given) })
			}
		})
	}
}

// take publishes one distribution with a client, or by form when the client did not send it.
func (s *site) take(t *testing.T, publish publisher, p clienttest.Package) {
	t.Helper()
	before := strings.Count(s.Log(), "/legacy/")
	r := publish(t, s, s.upload, filepath.Dir(p.Path), p.Path)
	if paths, _ := s.files(t, p.Project); paths[p.Name] != "" {
		return
	}
	if strings.Count(s.Log(), "/legacy/") > before {
		t.Fatalf("%s was refused by the index:\n%s%s", p.Name, r.Stdout, r.Stderr)
	}
	t.Logf("the client does not send %s: %s", p.Name, r.Output())
	if status, body := s.send(t, p.Path); status != http.StatusOK {
		t.Fatalf("%s sent as a form was refused: %d %s", p.Name, status, body)
	}
}

// hasMetadata fails t unless a wheel's metadata is offered and is the file in the wheel.
func (s *site) hasMetadata(t *testing.T, p clienttest.Package) {
	t.Helper()
	if filepath.Ext(p.Name) != ".whl" {
		return
	}
	want, err := metadata(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	paths, _ := s.files(t, p.Project)
	answer, got := s.get(t, paths[p.Name]+".metadata", "*/*")
	if answer.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
		t.Errorf("GET %s.metadata = %s, %d bytes, want the %d bytes in the wheel", p.Name, answer.Status, len(got), len(want))
	}
}

// download fetches every pure wheel with pip and compares it with the original.
func download(t *testing.T, s *site, given []clienttest.Package) {
	pip, target := clienttest.NewestPip(t), t.TempDir()
	args := []string{"download", "--no-deps", "--dest", target, "--only-binary", ":all:", "--index-url", s.simple()}
	var pure []clienttest.Package
	for _, p := range given {
		tags := strings.SplitN(p.Name, "-", 3)
		if strings.HasSuffix(p.Name, "-none-any.whl") {
			pure, args = append(pure, p), append(args, p.Project+"=="+tags[1])
		}
	}
	pip.Run(t, target, args...).OK(t)
	for _, p := range pure {
		if got := sum(t, filepath.Join(target, p.Name)); got != p.SHA256 {
			t.Errorf("sha256 of %s from pip download = %s, want %s", p.Name, got, p.SHA256)
		}
	}
	if left, _ := os.ReadDir(target); len(left) != len(pure) {
		t.Errorf("pip downloaded %d files, want %d", len(left), len(pure))
	}
}
