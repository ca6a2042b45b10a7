package main

import (
	"strings"
	"testing"
)

// A publisher is given an environment for one project: that project has the narrower one alone, another keeps the loose one,
// and what cannot be narrowed changes nothing.
func TestPublisherConstrain(t *testing.T) {
	c := newClinic(t)
	id := ""
	for _, project := range []string{"widgets", "gadgets"} {
		path, err := makeWheel(t.TempDir(), project, "1.0", "")
		if err != nil {
			t.Fatal(err)
		}
		c.run(0, "upload", path)
		id, _ = c.run(0, "publisher", "add", "github", "--issuer", c.issuer.URL, "--project", project, "--owner", "acme", "--repository", "source", "--workflow", "release.yml", "--owner-id", "31337")
	}
	id = strings.TrimSpace(id)
	before, _ := c.run(0, "publisher", "list")
	for name, args := range map[string][]string{
		"nothing asked":         {id, "--project", "widgets"},
		"no such publisher":     {"nothing", "--project", "widgets", "--environment", "release"},
		"no such project":       {id, "--project", "elsewhere", "--environment", "release"},
		"a bad environment":     {id, "--project", "widgets", "--environment", "a,b"},
		"another's publisher":   {id, "--project", demo, "--environment", "release"},
		"a bad ref":             {id, "--project", "widgets", "--ref", "main"},
		"no such repository":    {id, "--project", "widgets", "--index-repository", "nowhere", "--environment", "release"},
		"an environment of not": {id, "--project", "widgets", "--environment", " "},
	} {
		if _, errs := c.run(1, append([]string{"publisher", "constrain"}, args...)...); strings.TrimSpace(errs) == "" {
			t.Errorf("%s: nothing is said", name)
		}
	}
	if after, _ := c.run(0, "publisher", "list"); after != before {
		t.Fatalf("refusals changed the publishers:\n%s", after)
	}
	narrow, said := c.run(0, "publisher", "constrain", id, "--project", "widgets", "--environment", "Release")
	if narrow = strings.TrimSpace(narrow); narrow == id || !strings.Contains(said, "environment release") {
		t.Errorf("constrain printed %q and said %q", narrow, said)
	}
	for project, want := range map[string]string{"widgets": narrow, "gadgets": id} {
		list, _ := c.run(0, "publisher", "list", "--project", project, "--json")
		if strings.Count(list, `"id"`) != 1 || !strings.Contains(list, want) {
			t.Errorf("%s has %s, want %s alone", project, list, want)
		}
	}
}
