package publishing_test

import (
	"strings"
	"testing"

	"pyindex/internal/cli/clitest"
)

// A publisher is given an environment for one project: that project has the narrower one alone, another keeps the loose
// one, and what cannot be narrowed changes nothing.
func TestPublisherConstrain(t *testing.T) {
	const issuer = "https://issuer.example"
	dir := t.TempDir()
	run := func(status int, args ...string) (out, errs string) {
		return clitest.Run(t, status,
			append([]string{"--data-dir", dir, "--oidc-issuers", "kind=github,issuer=" + issuer}, args...)...)
	}
	id := ""
	for _, project := range []string{"widgets", "gadgets"} {
		run(0, "upload", clitest.Wheel(t, project))
		id, _ = run(0, "publisher", "add", "github", "--issuer", issuer, "--project", project, "--owner", "acme",
			"--repository", "source", "--workflow", "release.yml", "--owner-id", "31337")
	}
	id = strings.TrimSpace(id)
	before, _ := run(0, "publisher", "list")
	for name, args := range map[string][]string{
		"nothing asked":         {id, "--project", "widgets"},
		"no such publisher":     {"nothing", "--project", "widgets", "--environment", "release"},
		"no such project":       {id, "--project", "elsewhere", "--environment", "release"},
		"a bad environment":     {id, "--project", "widgets", "--environment", "a,b"},
		"another's publisher":   {id, "--project", "demo-pkg", "--environment", "release"},
		"a bad ref":             {id, "--project", "widgets", "--ref", "main"},
		"no such repository":    {id, "--project", "widgets", "--index-repository", "nowhere", "--environment", "release"},
		"an environment of not": {id, "--project", "widgets", "--environment", " "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, errs := run(1, append([]string{"publisher", "constrain"}, args...)...); strings.TrimSpace(errs) == "" {
				t.Errorf("%s: nothing is said", name)
			}
		})
	}
	if after, _ := run(0, "publisher", "list"); after != before {
		t.Fatalf("refusals changed the publishers:\n%s", after)
	}
	narrow, said := run(0, "publisher", "constrain", id, "--project", "widgets", "--environment", "Release")
	if narrow = strings.TrimSpace(narrow); narrow == id || !strings.Contains(said, "environment release") {
		t.Errorf("constrain printed %q and said %q", narrow, said)
	}
	for project, want := range map[string]string{"widgets": narrow, "gadgets": id} {
		list, _ := run(0, "publisher", "list", "--project", project, "--json")
		if strings.Count(list, `"id"`) != 1 || !strings.Contains(list, want) {
			t.Errorf("%s has %s, want %s alone", project, list, want)
		}
	}
}

// TestConstrainToOwnKind replaces rules on claims by the fields of the platform's own kind, as index doctor advises. It
// keeps every restriction, and refuses what would lose one.
func TestConstrainToOwnKind(t *testing.T) {
	const (
		issuer = "https://oidc.circleci.com"
		id     = "01890000-0000-4000-8000-000000000006"
	)
	dir := t.TempDir()
	run := func(status int, args ...string) (out, errs string) {
		return clitest.Run(t, status,
			append([]string{"--data-dir", dir, "--oidc-issuers", "kind=generic,issuer=" + issuer}, args...)...)
	}
	run(0, "upload", clitest.Wheel(t, "widgets"))
	add := func(claims ...string) string {
		args := []string{"publisher", "add", "generic", "--issuer", issuer, "--project", "widgets"}
		for _, c := range claims {
			args = append(args, "--claim", c)
		}
		out, _ := run(0, args...)
		return strings.TrimSpace(out)
	}
	const project = "oidc.circleci.com/project-id=" + id
	plain, other := add(project, "oidc.circleci.com/vcs-ref=refs/heads/main"), add(project, "oidc.circleci.com/job-id="+id)

	before, _ := run(0, "publisher", "list")
	for name, args := range map[string][]string{
		"a required field missing": {plain, "--kind", "circleci", "--org-id", id},
		"another kind":             {plain, "--kind", "buildkite"},
		"an unknown kind":          {plain, "--kind", "nothing"},
		"another value of a field": {
			plain, "--kind", "circleci", "--org-id", id, "--pipeline-definition-id", id, "--vcs-ref", "refs/tags/*",
		},
		"a claim that would be lost":   {other, "--kind", "circleci", "--org-id", id, "--pipeline-definition-id", id},
		"an issuer without that kind":  {plain, "--kind", "github"},
		"an id that is none":           {plain, "--kind", "circleci", "--org-id", "acme", "--pipeline-definition-id", id},
		"fields of the kind, and none": {plain, "--org-id", id, "--pipeline-definition-id", id},
	} {
		t.Run(name, func(t *testing.T) {
			args = append([]string{"publisher", "constrain", "--project", "widgets"}, args...)
			if _, errs := run(1, args...); strings.TrimSpace(errs) == "" {
				t.Error("no error message")
			}
		})
	}
	if after, _ := run(0, "publisher", "list"); after != before {
		t.Fatalf("refusals changed the publishers:\n%s", after)
	}
	_, said := run(0, "publisher", "constrain", plain, "--project", "widgets", "--kind", "circleci", "--org-id", id,
		"--pipeline-definition-id", id)
	if !strings.Contains(said, "CircleCI pipeline "+id) || !strings.Contains(said, "branch main only") {
		t.Errorf("constrain said %q", said)
	}
	if list, _ := run(0, "publisher", "list"); strings.Contains(list, plain) || !strings.Contains(list, other) {
		t.Errorf("the publishers are\n%s", list)
	}
}
