package crash_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// Projects of one source of TestKillImport, and their files.
const (
	importedProjects = 20
	importedFiles    = 3
)

// TestKillImport kills an import at a random moment, 6 times or 200 times in depth, beside a running server. After each
// kill every listed file can be read with its digest, and a project has all its files or none. The run that is not
// killed completes the import, and verify finds no difference.
func TestKillImport(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{})
	s.User("alice", true)
	c := &client{t: t, s: s, token: s.Token("alice")}
	kills := clienttest.Rounds(t, 6, 200)
	random := rand.New(rand.NewPCG(2026, 22))
	killed, completed, half := 0, 0, 0
	var whole time.Duration
	for source := 0; killed < kills; source++ {
		dir := fill(t, source)
		for {
			began := time.Now()
			after := time.Hour
			if completed > 0 && killed < kills { // the first run shows how long one takes
				after = time.Duration(random.Int64N(int64(whole + whole/4)))
			}
			if ended := importUntilKilled(t, s, dir, after); ended {
				completed++
				whole = max(whole, time.Since(began))
				break
			}
			killed++
			if c.importedSoFar(source) > 0 {
				half++
			}
		}
		if n := c.importedSoFar(source); n != importedProjects {
			t.Errorf("source %d: %d projects after a complete import, want %d", source, n, importedProjects)
		}
		s.Index("import", "verify", "folder", dir, "--to", "main").OK(t)
	}
	t.Logf("%d kills, %d of them in the midst of projects, %d complete imports", killed, half, completed)
	if half == 0 {
		t.Error("no kill left an import half done: the test shows nothing")
	}
}

func imported(source, i int) string { return fmt.Sprintf("import-%d-%d", source, i) }

// fill writes a folder of distributions.
func fill(t *testing.T, source int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range importedProjects {
		for k := range importedFiles {
			f := packagingtest.Wheel(imported(source, i), fmt.Sprintf("1.%d", k), strings.Repeat("#", 4<<10)+fmt.Sprint(i, k))
			if err := os.WriteFile(filepath.Join(dir, f.Name), f.Bytes, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// importUntilKilled imports a folder, and kills the process after a time. It reports whether the import ended by
// itself.
func importUntilKilled(t *testing.T, s *clienttest.Server, dir string, after time.Duration) bool {
	t.Helper()
	cmd := exec.Command(clienttest.Binary(t, false), "import", "folder", dir, "--to", "main", "--json")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "INDEX_DATA_DIR=" + s.DataDir, "INDEX_BASE_URL=" + s.URL}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if kill.Stop() {
		if err != nil {
			t.Fatalf("the import failed: %v\n%s", err, out.String())
		}
		return true
	}
	return err == nil
}

// importedSoFar returns the number of projects of a source that the index lists. It checks that each has all its files,
// and reads one of them.
func (c *client) importedSoFar(source int) (n int) {
	c.t.Helper()
	for i := range importedProjects {
		listed := c.listed(imported(source, i))
		if len(listed) != 0 && len(listed) != importedFiles {
			c.t.Fatalf("project %s has %d files, want none or %d", imported(source, i), len(listed), importedFiles)
		}
		if len(listed) > 0 {
			n++
		}
	}
	return n
}
