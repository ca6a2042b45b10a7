package crash_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// TestKillExport kills an export at a random moment, 200 times in depth, while files come and go on the live server.
// After each kill every file that is there under its name is whole, and a header is there only if all of the export is.
// In the end a last run completes the export: it equals one that was never interrupted.
func TestKillExport(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{})
	s.User("alice", true)
	c := &client{t: t, s: s, token: s.Token("alice")}
	for i := range 20 {
		c.sendAgain([]packagingtest.File{packagingtest.Wheel(fmt.Sprintf("export-%d", i), "1.0",
			strings.Repeat("#", 256<<10)+fmt.Sprint(i))})
	}
	dir := filepath.Join(t.TempDir(), "export")
	random := rand.New(rand.NewPCG(2026, 12))
	began := time.Now()
	s.Index("export", dir+"-timed").OK(t)
	whole := time.Since(began)
	unfinished := 0
	for round := range clienttest.Rounds(t, 6, 200) {
		c.sendAgain([]packagingtest.File{packagingtest.Wheel(fmt.Sprintf("export-%d", round%20), fmt.Sprintf("2.%d", round),
			strings.Repeat("#", 64<<10)+fmt.Sprint(round))})
		if round%5 == 4 {
			os.RemoveAll(dir) // so that there is much to write again
		}
		killAfter(t, s, time.Duration(random.Int64N(int64(whole))), "export", dir)
		if !checkExport(t, dir) {
			unfinished++
		}
	}
	if unfinished == 0 {
		t.Error("every kill came too late to show anything")
	}
	s.Index("export", dir).OK(t)
	s.Index("export", dir+"-again").OK(t)
	got, want := digests(t, dir), digests(t, dir+"-again")
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if got[path] != want[path] {
			t.Errorf("%s differs from that of an export that was not interrupted", path)
		}
		delete(got, path)
	}
	if len(got) > 0 {
		t.Errorf("%v are left over", slices.Sorted(maps.Keys(got)))
	}
}

// checkExport fails t if an export has a file that is not whole, and reports whether it has a header.
func checkExport(t *testing.T, dir string) (finished bool) {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, "index-export.json"))
	finished = err == nil
	sums, _ := filepath.Glob(filepath.Join(dir, "main/packages/*/SHA256SUMS"))
	all := digests(t, dir)
	for _, path := range sums {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		folder, _ := filepath.Rel(dir, filepath.Dir(path))
		for lines := bufio.NewScanner(f); lines.Scan(); {
			digest, name, _ := strings.Cut(lines.Text(), "  ")
			if got := all[filepath.Join(folder, name)]; got != digest {
				t.Fatalf("%s in %s has the digest %q, want %q", name, folder, got, digest)
			}
		}
		f.Close()
	}
	projects, _ := filepath.Glob(filepath.Join(dir, "main/projects/*.json"))
	if finished && (len(projects) != len(sums) || len(sums) != 20) {
		t.Fatalf("an export with a header has %d projects, and the files of %d", len(projects), len(sums))
	}
	return finished
}

// digests returns the digests of the files below a folder, except the header, by their paths.
func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), "index-export") {
			return err
		}
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}
