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
