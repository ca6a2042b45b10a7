package programs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/programs"
)

// serve returns the handler of a set.
func serve(t *testing.T, folder string) (*programs.Set, http.Handler) {
	t.Helper()
	s, err := programs.New(programs.Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	table := s.Table()
	if err := table.Check(); err != nil {
		t.Fatal(err)
	}
	return s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		row := table.Routes[0]
		if file, ok := strings.CutPrefix(r.URL.Path, "/_/client/"); ok && file != "" {
			row = table.Routes[1]
			r.SetPathValue("file", file)
		}
		if err := row.Handle(w, r, access.Caller{}); err != nil {
			table.Fail(w, r, err)
		}
	})
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w
}

func write(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("program "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The running program can be downloaded whole, and its digest is that of the download.
func TestRunningProgram(t *testing.T) {
	_, h := serve(t, "")
	name := programs.Name(runtime.GOOS, runtime.GOARCH)
	w := get(h, "/_/client/"+name)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusOK || w.Body.String() != string(want) {
		t.Fatalf("GET the running program = %d with %d bytes, want 200 with %d", w.Code, w.Body.Len(), len(want))
	}
	sum := sha256.Sum256(want)
	line := hex.EncodeToString(sum[:]) + "  " + name + "\n"
	for _, target := range []string{"/_/client/" + name + ".sha256", "/_/client/"} {
		if got := get(h, target).Body.String(); got != line {
			t.Errorf("GET %s = %q, want %q", target, got, line)
		}
	}
	if got := w.Header().Get("Content-Disposition"); !strings.Contains(got, name) {
		t.Errorf("Content-Disposition %q does not name %s", got, name)
	}
}

// A folder adds the programs of a release for other platforms, and nothing else that is in it.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "index-v1.2.3-plan9-amd64", "index-v1.2.3-darwin-arm64", "index-v1.2.3-windows-amd64.exe", "SHA256SUMS",
		"secret.pem", "index.toml", "index-linux-amd64.pem", "index-v1-windows-amd64.exe.txt", "xindex-linux-arm64")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "index-freebsd-amd64")); err != nil {
		t.Fatal(err)
	}
	s, h := serve(t, dir)
	names := strings.Join(s.Names(), " ")
	for _, want := range []string{"index-darwin-arm64", "index-windows-amd64.exe"} {
		if !strings.Contains(names, want) {
			t.Errorf("Names() = %s, without %s", names, want)
		}
	}
	if n := len(s.Names()); n != 3 {
		t.Errorf("Names() = %s: %d names, want 3", names, n)
	}
	if got := get(h, "/_/client/index-darwin-arm64").Body.String(); got != "program index-v1.2.3-darwin-arm64" {
		t.Errorf("the download has %q", got)
	}
	for _, file := range []string{
		"index-freebsd-amd64", "secret.pem", "SHA256SUMS", "index-v1.2.3-darwin-arm64", "../secret.pem", "index-plan9-amd64",
		"",
		".sha256", "index-darwin-arm64.sha256.sha256",
	} {
		w := get(h, "/_/client/"+strings.ReplaceAll(file, "/", "%2F")+map[bool]string{true: "x"}[file == ""])
		if body, _ := io.ReadAll(w.Body); w.Code != http.StatusNotFound || strings.Contains(string(body), "program secret") {
			t.Errorf("GET %q = %d %s, want 404", file, w.Code, body)
		}
	}
}

// The running program is offered even if the folder has another build for its platform.
func TestFolderDoesNotReplaceTheRunningProgram(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "index-v9.9.9-"+runtime.GOOS+"-"+runtime.GOARCH)
	s, h := serve(t, dir)
	if n := s.Names(); len(n) != 1 {
		t.Errorf("Names() = %v, want one", n)
	}
	if w := get(h, "/_/client/"+programs.Name(runtime.GOOS, runtime.GOARCH)); strings.HasPrefix(w.Body.String(),
		"program ") {
		t.Error("the program of the folder is offered in place of the running one")
	}
}

func TestFolderRefusals(t *testing.T) {
	twice := t.TempDir()
	write(t, twice, "index-v1.0.0-darwin-arm64", "index-v1.0.1-darwin-arm64")
	for name, dir := range map[string]string{"two versions": twice, "missing": filepath.Join(twice, "missing")} {
		if _, err := programs.New(programs.Options{Folder: dir}); err == nil {
			t.Errorf("%s: New() = nil, want an error", name)
		}
	}
}
