package trusted_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"pyindex/internal/clienttest"
)

// built is a folder as a job has it after its build: the files in dist.
func built(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "dist"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range clienttest.Sample(t, "setuptools", "1.0") {
		b, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "dist", filepath.Base(f)), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		file = filepath.Base(f)
	}
	return dir, file
}

// pasted is the file that the index gives its owner for the one publisher of a project.
func (j *job) pasted(with string) string {
	j.t.Helper()
	return j.Index("publisher", "workflow", "--project", "acme-greeter", "--with", with, "--base-url",
		j.URL).OK(j.t).Stdout
}

// pastedFile is what the tests need of a file of GitHub's or GitLab's.
type pastedFile struct {
	Jobs    map[string]struct{ Steps []struct{ Run string } }
	Publish struct {
		Script   []string
		IDTokens map[string]struct{ Aud string } `yaml:"id_tokens"`
	}
}

// steps are what the job that publishes runs, and the identity tokens that it asks for by their variables.
func (j *job) steps(text string, claims map[string]any) (script string, env []string) {
	t := j.t
	t.Helper()
	var file pastedFile
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatalf("what was given to paste is no YAML: %v\n%s", err, text)
	}
	for variable, token := range file.Publish.IDTokens {
		env = append(env, variable+"="+j.sign(token.Aud, claims))
	}
	all := file.Publish.Script
	for _, s := range file.Jobs["publish"].Steps {
		if s.Run != "" {
			all = append(all, s.Run)
		}
	}
	return strings.Join(all, "\n"), env
}

// uvxTwine matches the command that fetches and runs twine.
var uvxTwine = regexp.MustCompile(`uvx twine@[0-9.]+`)

// TestPasted: the files that the index gives its owners publish as they are, with the real clients, in jobs of both
// forges and by a script of one's own.
func TestPasted(t *testing.T) {
	gitlab := kinds[0]
	for _, c := range []struct{ name, kind, with string }{
		{"GitHub with uv", "github", "uv"},
		{"GitLab with uv", "gitlab", "uv"},
		{"GitLab with twine", "gitlab", "twine"},
		{"a script", "generic", "script"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := newJobOf(t, c.kind)
			env := append(j.env(), "CURL_CA_BUNDLE="+j.bundle)
			add := gitlab.add
			switch c.kind {
			case "github":
				add = []string{
					"--owner", "acme", "--repository", "widgets", "--workflow", "release.yml", "--environment", "release",
					"--owner-id", "4242",
				}
			case "generic":
				add = []string{"--claim", "sub=job-of-acme"}
				env = append(env[2:], "INDEX_ID_TOKEN="+j.sign(j.audience(), map[string]any{"sub": "job-of-acme"}))
			default:
				env = append(env[4:], "GITLAB_CI=true")
			}
			j.Index(append([]string{
				"publisher", "add", c.kind, "--issuer", j.issuer.URL, "--project", "acme-greeter", "--pending",
			}, add...)...).OK(t)
			script := j.pasted(c.with)
			if c.kind != "generic" {
				var tokens []string
				script, tokens = j.steps(script, gitlab.claims)
				env = append(env, tokens...)
			}
			// The files are built already, and nothing is fetched here: twine is that of the test's own environment.
			script = uvxTwine.ReplaceAllString(strings.Replace(script, "\nuv build\n", "\n", 1), "twine")
			client := clienttest.UV(t)
			if c.with == "twine" {
				client = clienttest.Twine(t)
			}
			dir, file := built(t)
			client.Set(env...).Shell(t, dir, script).OK(t)
			if !j.listed("acme-greeter", file) {
				t.Error("what was published is not listed")
			}
		})
	}
}

// TestUVOnGitLab: uv looks for the variable that the file for GitLab names.
func TestUVOnGitLab(t *testing.T) {
	j := newJobOf(t, "gitlab")
	j.Index(append([]string{
		"publisher", "add", "gitlab", "--issuer", j.issuer.URL, "--project", "acme-greeter", "--pending",
	}, kinds[0].add...)...).OK(t)
	variable := strings.NewReplacer(".", "_", ":", "_").Replace(j.audience()) + "_ID_TOKEN"
	env := append(j.env()[4:], "GITLAB_CI=true", variable+"="+j.sign(j.audience(), kinds[0].claims))
	files := clienttest.Sample(t, "setuptools", "1.0")
	clienttest.UV(t).Set(env...).Run(t, "",
		append([]string{"publish", "--trusted-publishing", "always", "--publish-url", j.URL + "/legacy/"}, files...)...).OK(t)
	if !j.listed("acme-greeter", filepath.Base(files[0])) {
		t.Error("what was published is not listed")
	}
}
