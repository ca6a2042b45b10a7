package archive_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

//go:embed testdata/members.py
var membersScript string

// seen is the result of one reader for one archive.
type seen struct {
	Members  []string `json:"members"`
	Streamed []string `json:"streamed"` // nil where no reader can stream
	Metadata string   `json:"metadata"`
}

// TestPythonSeesTheSame compares accepted archives with three readers in Python: zipfile, which follows the directory,
// a streaming reader like uv's, and tarfile. They must list the same members and read the same metadata.
// INDEX_TEST_ARCHIVES adds a folder of real archives.
func TestPythonSeesTheSame(t *testing.T) {
	python := os.Getenv("INDEX_TEST_PYTHON")
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("INDEX_TEST_PYTHON is not set")
		}
		t.Skip("INDEX_TEST_PYTHON is not set")
	}
	dir := t.TempDir()
	want := map[string]seen{}
	for i, u := range slices.Concat(accepted(), fuzzed(t)) {
		file := filepath.Join(dir, strconv.Itoa(i)+"-"+u.file)
		if err := os.WriteFile(file, u.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := inspect(t, u.file, u.data); err == nil {
			want[file] = seen{Members: c.Members, Metadata: string(c.Metadata)}
		}
	}
	realArchives(t, want)
	compare(t, want, ask(t, python, want))
}

// realArchives inspects the files of INDEX_TEST_ARCHIVES, all of which must be accepted.
func realArchives(t *testing.T, want map[string]seen) {
	dir := os.Getenv("INDEX_TEST_ARCHIVES")
	if dir == "" {
		return
	}
	var files []string
	for _, ext := range []string{".whl", ".tar.gz", ".tgz", ".tar.bz2", ".zip"} {
		found, err := filepath.Glob(filepath.Join(dir, "*"+ext))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		c, err := archive.Inspect(f, st.Size(), realName(t, filepath.Base(file)), archive.DefaultLimits(), archive.Rules{})
		if err != nil {
			t.Errorf("real archive: %v", err)
			continue
		}
		for _, w := range c.Warnings {
			t.Logf("%s: warning: %s", filepath.Base(file), w)
		}
		want[file] = seen{Members: c.Members, Metadata: string(c.Metadata)}
	}
}

// realName guesses the project: everything before the first dash of a wheel, and the last of an sdist.
func realName(t *testing.T, base string) packaging.Filename {
	cut := strings.LastIndex(base, "-")
	if strings.HasSuffix(base, ".whl") {
		cut = strings.Index(base, "-")
	}
	return named(t, base, base[:cut])
}

// ask runs the script, which reads file names as a JSON list and returns a JSON object.
func ask(t *testing.T, python string, want map[string]seen) map[string]seen {
	var files []string
	for f := range want {
		files = append(files, f)
	}
	in, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", membersScript)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", python, err)
	}
	got := map[string]seen{}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func compare(t *testing.T, want, got map[string]seen) {
	for file, w := range want {
		g := got[file]
		// JSON replaces invalid UTF-8 on both sides.
		for i, m := range w.Members {
			w.Members[i] = strings.ToValidUTF8(m, "\ufffd")
		}
		slices.Sort(w.Members)
		if !slices.Equal(w.Members, g.Members) {
			t.Errorf("%s: members = %q, Python lists %q", file, w.Members, g.Members)
		}
		if g.Streamed != nil && !slices.Equal(w.Members, g.Streamed) {
			t.Errorf("%s: members = %q, streaming lists %q", file, w.Members, g.Streamed)
		}
		if !strings.Contains(w.Metadata, g.Metadata) || g.Metadata == "" {
			t.Errorf("%s: metadata differs: %q, Python reads %q", file, w.Metadata, g.Metadata)
		}
	}
	t.Logf("%d archives agree", len(want))
}
