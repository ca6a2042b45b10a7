package trusted_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// actionVariable names a folder with a checkout of pypa/gh-action-pypi-publish. No package registry has it, so
// test.sh does not provide it.
const actionVariable = "INDEX_TEST_PUBLISH_ACTION"

// inContainer are the lines of the action's script that only fit its own container, and what they become elsewhere.
var inContainer = strings.NewReplacer(
	`export HOME="/root"`, ":", `export PATH="/usr/bin:${PATH}"`, ":", ". /etc/profile", ":",
	`export PATH="$(python -m site --user-base)/bin:${PATH}"`, ":",
	`export PYTHONPATH="$(python -m site --user-site):${PYTHONPATH}"`, ":",
)

// TestPublishAction runs the scripts of the publish action in a job of GitHub: its exchange, its checks and its upload.
func TestPublishAction(t *testing.T) {
	checkout := os.Getenv(actionVariable)
	if checkout == "" {
		t.Skip(actionVariable + " names no checkout of pypa/gh-action-pypi-publish")
	}
	script, err := os.ReadFile(filepath.Join(checkout, "twine-upload.sh"))
	if err != nil {
		t.Fatal(err)
	}
	github := cis[0]
	y := newYard(t, cis[:1])
	y.Index(append([]string{
		"publisher", "add", "github", "--issuer", y.issuers["github"].URL, "--project", "from-action", "--pending",
	}, github.add...)...).OK(t)
	path := filepath.Join(t.TempDir(), "twine-upload.sh")
	text := strings.ReplaceAll(inContainer.Replace(string(script)), "/app/", checkout+"/")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(over map[string]any) (clienttest.Result, string) {
		env, _ := y.variables(t, github, over)
		dir, file := y.wheel(t, "from-action")
		env = append(env, "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary"), "INPUT_USER=__token__", "INPUT_PASSWORD=",
			"INPUT_REPOSITORY_URL="+y.URL+"/legacy/", "INPUT_PACKAGES_DIR=dist", "INPUT_VERIFY_METADATA=true",
			"INPUT_SKIP_EXISTING=false", "INPUT_VERBOSE=false", "INPUT_PRINT_HASH=false", "INPUT_ATTESTATIONS=false", "DEBUG=")
		return client(t, "twine", "", env).Shell(t, dir, fmt.Sprintf("exec bash '%s'", path)), file
	}
	r, file := run(nil)
	if r.OK(t); !y.listed("from-action", file) {
		t.Errorf("%s was published and is not listed", file)
	}
	r, file = run(github.stranger)
	r.Refused(t, "trusted publishing exchange failure", "invalid-publisher", github.word)
	if y.listed("from-action", file) {
		t.Errorf("%s of another job is listed", file)
	}
}
