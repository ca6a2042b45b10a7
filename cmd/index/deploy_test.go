package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// deployed are the files that set this program up.
func deployed(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"docker-compose*.yml", "Dockerfile", "deploy/*", "deploy/*/*"} {
		found, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[path] = string(text)
		}
	}
	if len(files) < 15 {
		t.Fatalf("only %d files to deploy with were found", len(files))
	}
	return files
}

var variable = regexp.MustCompile(`\bINDEX_[A-Z_]+\b`)

// ours are variables of the files themselves and of the tests, which the program does not read.
var ours = []string{"INDEX_HOST", "INDEX_REPLICAS", "INDEX_TEST_CACHE", "INDEX_TEST_POSTGRES", "INDEX_TEST_S"}

// TestDeployNamesSettings: every variable in what sets the program up is one that it reads, so that a setting which is
// renamed is renamed there too.
func TestDeployNamesSettings(t *testing.T) {
	known := map[string]bool{}
	parser, err := newParser(new(commands), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range parser.Model.Flags {
		for _, env := range f.Envs {
			known[env] = true
		}
	}
	named := 0
	for path, text := range deployed(t) {
		for _, name := range variable.FindAllString(text, -1) {
			named++
			if !known[name] && !slices.Contains(ours, name) {
				t.Errorf("%s names %s, which is no setting", path, name)
			}
		}
	}
	if named < 30 {
		t.Errorf("only %d settings are named", named)
	}
}

// TestDeployParses: YAML is YAML, and the configuration of the service is one.
func TestDeployParses(t *testing.T) {
	for path, text := range deployed(t) {
		switch filepath.Ext(path) {
		case ".yaml", ".yml":
			for d := yaml.NewDecoder(strings.NewReader(text)); ; {
				var v any
				if err := d.Decode(&v); err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("%s: %v", path, err)
					break
				}
			}
		case ".toml":
			var errs bytes.Buffer
			if status := run(t.Context(), []string{"version", "--config", path}, strings.NewReader(""), io.Discard, &errs); status != statusDone {
				t.Errorf("index --config %s: %s", path, errs.String())
			}
		}
	}
}
