package packaging_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What StartupCode calls code runs in a real Python, and nothing else does.
func TestStartupCodeAsPython(t *testing.T) {
	python := os.Getenv("INDEX_TEST_PYTHON")
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("INDEX_TEST_PYTHON is not set")
		}
		t.Skip("INDEX_TEST_PYTHON is not set")
	}
	version, err := exec.Command(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").Output()
	if err != nil {
		t.Fatal(err)
	}
	// Before 3.13, site reads lines as the file object splits them, and decodes by the locale.
	old := map[string]bool{}
	if strings.TrimSpace(string(version)) < "3.13" {
		for _, name := range []string{
			"after a form feed", "after a vertical tab", "after FS", "after NEL", "after LS", "after PS", "after a BOM",
			"after bytes not UTF-8",
		} {
			old[name] = true
		}
	}
	for name, c := range startupCode {
		if old[name] {
			continue
		}
		dir := t.TempDir()
		for file, content := range map[string]string{
			"acme.py": "print('it runs')\n", "demo.pth": c.content,
		} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		start := fmt.Sprintf("import site, sys; sys.path.insert(0, %q); site.addsitedir(%q)", dir, dir)
		cmd := exec.Command(python, "-I", "-c", start)
		cmd.Env = []string{"PYTHONUTF8=1"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		want := c.runs && strings.Contains(c.content, "acme")
		if got := strings.Contains(string(out), "it runs"); got != want {
			t.Errorf("%s: Python %s runs %q: %v, want %v\n%s", name, version, c.content, got, want, out)
		}
	}
}
