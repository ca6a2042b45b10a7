package ciconfig_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/workload"
	"pyindex/internal/workload/ciconfig"
)

var (
	usesLine  = regexp.MustCompile(`(?m)uses: (.*)$`)
	byCommit  = regexp.MustCompile(`\A[a-z-]+/[a-z-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+\z`)
	byVersion = regexp.MustCompile(`\A[a-z-]+/[a-z-]+@v[0-9]+\.[0-9]+\.[0-9]+\z`)
	pipLine   = regexp.MustCompile(`(?m)pip install (.*)$`)
	pinned    = regexp.MustCompile(`\A[a-z]+==[0-9.]+\z`)
)

// TestPinnedActions checks that GitHub jobs name every action by commit, and Forgejo jobs by a full version tag.
func TestPinnedActions(t *testing.T) {
	github := compile(t, workload.GitHub, map[string]string{"owner": "acme", "repository": "widgets", "workflow": "w.yml"})
	forgejo := map[string]string{"owner": "acme", "repository": "widgets"}
	for _, c := range []struct {
		name  string
		guide ciconfig.Guide
		want  *regexp.Regexp
	}{
		{"GitHub", ciconfig.For(target, "github", workload.GitHubIssuer, github), byCommit},
		{"Forgejo", ciconfig.For(target, "forgejo", "https://forge.acme.example/api/actions", forgejo), byVersion},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, f := range c.guide.Files {
				all := usesLine.FindAllStringSubmatch(f.Text, -1)
				if len(all) == 0 {
					t.Errorf("%s: the file uses no action", f.Key)
				}
				for _, m := range all {
					if !c.want.MatchString(m[1]) {
						t.Errorf("%s: uses: %s is not pinned", f.Key, m[1])
					}
				}
			}
		})
	}
}

// TestPinnedTools checks that every file names a version of each tool that it installs, and that the versions are
// those of the client tests.
func TestPinnedTools(t *testing.T) {
	provision, err := os.ReadFile("../../clienttest/provision.sh")
	if err != nil {
		t.Fatal(err)
	}
	tested := func(requirement string) bool {
		return regexp.MustCompile(`(?m)[ \t]` + regexp.QuoteMeta(requirement) + `([ \t]|$)`).Match(provision)
	}
	eachForm(t, func(t *testing.T, g ciconfig.Guide) {
		for _, f := range g.Files {
			for _, m := range pipLine.FindAllStringSubmatch(f.Text, -1) {
				for requirement := range strings.FieldsSeq(m[1]) {
					if !pinned.MatchString(requirement) || !tested(requirement) {
						t.Errorf("%s: %s is not a version of the client tests", f.Key, requirement)
					}
				}
			}
			for _, m := range regexp.MustCompile(`uvx ([^ ]+)`).FindAllStringSubmatch(f.Text, -1) {
				if name, version, _ := strings.Cut(m[1], "@"); !tested(name + "==" + version) {
					t.Errorf("%s: %s is not a version of the client tests", f.Key, m[1])
				}
			}
			for _, m := range regexp.MustCompile(`astral-sh/uv:([0-9.]*)|version: "([0-9.]+)"\n +- run: uv`).
				FindAllStringSubmatch(f.Text, -1) {
				if !tested("uv==" + m[1] + m[2]) {
					t.Errorf("%s: uv %q is not the version of the client tests", f.Key, m[1]+m[2])
				}
			}
		}
	})
}
