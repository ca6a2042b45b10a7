package clienttest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestListedPackages(t *testing.T) {
	digest := regexp.MustCompile(`^[0-9a-f]{64}$`)
	for _, l := range []struct {
		name, text string
		least      int
	}{{"packages.txt", packages, 34}, {"wellknown.txt", wellKnown, 60}} {
		seen, projects := map[string]bool{}, map[string]bool{}
		for _, p := range listed(l.text) {
			if !digest.MatchString(p.SHA256) {
				t.Errorf("%s: %s has sha256 %q, want 64 hex digits", l.name, p.Name, p.SHA256)
			}
			if seen[p.Name] {
				t.Errorf("%s names %s twice", l.name, p.Name)
			}
			seen[p.Name], projects[p.Project] = true, true
		}
		if len(projects) < l.least && l.name == "wellknown.txt" || len(seen) < l.least {
			t.Errorf("%s names %d distributions of %d projects, want at least %d", l.name, len(seen), len(projects), l.least)
		}
	}
}

func TestMajor(t *testing.T) {
	for name, want := range map[string]int{"pip-9.0.3": 9, "pip-19.3.1": 19, "pip-26.3": 26, "pip-27": 27} {
		t.Run(name, func(t *testing.T) {
			if got := major(name); got != want {
				t.Errorf("major(%q) = %d, want %d", name, got, want)
			}
		})
	}
}

// Each backend makes the names the e2e tests ask for.
func TestSample(t *testing.T) {
	tests := []struct{ kind, sdist, wheel string }{
		{"setuptools", "acme_greeter-1.2.tar.gz", "acme_greeter-1.2-py3-none-any.whl"},
		{"hatch", "acme_counter-1.2.tar.gz", "acme_counter-1.2-py3-none-any.whl"},
		{"flit", "acme_flag-1.2.tar.gz", "acme_flag-1.2-py3-none-any.whl"},
		{"poetry", "acme_menu-1.2.tar.gz", "acme_menu-1.2-py3-none-any.whl"},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			got := Sample(t, tt.kind, "1.2")
			if filepath.Base(got[0]) != tt.sdist || filepath.Base(got[1]) != tt.wheel {
				t.Errorf("Sample(%s) = %q, want %s and %s", tt.kind, got, tt.sdist, tt.wheel)
			}
		})
	}
}

// A client that is said to be there runs, and is the one its folder is named for.
func TestClientsRun(t *testing.T) {
	for _, c := range append(Pips(t), Twine(t), UV(t), Poetry(t), Hatch(t), Flit(t), PDM(t), Pipenv(t)) {
		t.Run(c.Name, func(t *testing.T) {
			c.Run(t, t.TempDir(), "--version").OK(t).Says(t, strings.TrimPrefix(c.Name, "pip-"))
		})
	}
	Audit(t).Shell(t, t.TempDir(), "pip-audit --version").OK(t).Says(t, "pip-audit")
}

func TestRounds(t *testing.T) {
	for value, want := range map[string]int{"": 20, "yes": 200, "no": 20} {
		t.Setenv(AllVariable, value)
		if got := Rounds(t, 20, 200); got != want {
			t.Errorf("%s=%s: %d rounds, want %d", AllVariable, value, got, want)
		}
	}
}
