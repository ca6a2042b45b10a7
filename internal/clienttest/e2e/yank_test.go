package e2e

import (
	"testing"

	"pyindex/internal/clienttest"
)

// A yanked release is passed over, still installs when pinned, with its reason shown, and comes back when unyanked.
func TestYank(t *testing.T) {
	t.Parallel()
	s := stocked(t, clienttest.Options{})
	const reason = "greets the wrong people"
	s.Index("project", "yank", "acme-greeter", "1.1", "--reason", reason).OK(t)

	installers := map[string]func(t *testing.T, target, requirement string) clienttest.Result{
		"pip": func(t *testing.T, target, requirement string) clienttest.Result {
			return clienttest.NewestPip(t).Run(t, target, "install", "--target", target, "--index-url", s.simple(), requirement)
		},
		"uv": func(t *testing.T, target, requirement string) clienttest.Result {
			c := clienttest.UV(t)
			return c.Run(t, target, "pip", "install", "--python", c.Interpreter(), "--target", target, "--index-url",
				s.simple(), requirement)
		},
	}
	check := func(name, requirement, want string, words ...string) {
		t.Run(name+" "+requirement, func(t *testing.T) {
			target := t.TempDir()
			installers[name](t, target, requirement).OK(t).Says(t, words...)
			if got := installed(t, target); got != want {
				t.Errorf("%s of %s installed %s, want %s", name, requirement, got, want)
			}
		})
	}
	for name := range installers {
		t.Run(name, func(t *testing.T) {
			check(name, "acme-greeter", "1.0")
			check(name, "acme-greeter==1.1", "1.1", reason)
		})
	}
	s.Index("project", "unyank", "acme-greeter", "1.1").OK(t)
	for name := range installers {
		t.Run(name, func(t *testing.T) {
			check(name, "acme-greeter>=1", "1.1")
		})
	}
}

// A deleted release is removed, and its file names remain reserved.
func TestDelete(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	files := clienttest.Sample(t, "setuptools", "1.0")
	s.publish(t, files...)
	s.Index("project", "delete", "acme-greeter", "1.0", "--yes").OK(t)
	if paths, _ := s.files(t, "acme-greeter"); len(paths) != 0 {
		t.Errorf("after the deletion the project lists %v", paths)
	}
	twine(t, s, s.upload, "", files[1]).Refused(t, "deleted")
	uv(t, s, s.upload, "", files[1]).Refused(t, "deleted")
}
