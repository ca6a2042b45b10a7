package crash_test

import (
	"encoding/json"
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

// TestKillBackup kills a backup at a random moment, 200 times in depth, while files come and go on the live server.
// After each kill every snapshot that exists is whole. The next backup succeeds, and the server goes on.
func TestKillBackup(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{})
	s.User("alice", true)
	c := &client{t: t, s: s, token: s.Token("alice")}
	for i := range 20 {
		c.sendAgain([]packagingtest.File{packagingtest.Wheel(fmt.Sprintf("backup-%d", i), "1.0",
			strings.Repeat("#", 256<<10)+fmt.Sprint(i))})
	}
	dir := filepath.Join(t.TempDir(), "backup")
	random := rand.New(rand.NewPCG(2026, 13))
	began := time.Now()
	s.Index("backup", dir+"-timed").OK(t)
	whole := time.Since(began)
	unfinished, last := 0, 0
	rounds := clienttest.Rounds(t, 6, 200)
	for round := range rounds {
		c.sendAgain([]packagingtest.File{packagingtest.Wheel(fmt.Sprintf("backup-%d", round%20), fmt.Sprintf("2.%d", round),
			strings.Repeat("#", 64<<10)+fmt.Sprint(round))})
		if round%5 == 4 {
			os.RemoveAll(dir) // so that there is much to write again
			last = 0
		}
		args := []string{"backup", dir}
		if round%3 == 2 && last > 1 {
			args = []string{"backup", "prune", dir, "--keep", "1"}
		}
		killAfter(t, s, time.Duration(random.Int64N(int64(whole))), args...)
		now := wholeSnapshots(t, s, dir)
		if len(args) == 2 && now == last {
			unfinished++
		}
		if len(args) > 2 && (now < 1 || now > last) {
			t.Fatalf("%d of %d snapshots are left after prune --keep 1 was killed", now, last)
		}
		last = now
	}
	if unfinished == 0 {
		t.Error("every kill came too late to show anything")
	}
	s.Index("backup", dir).OK(t)
	s.Index("backup", "prune", dir, "--keep", "1").OK(t)
	if n := wholeSnapshots(t, s, dir); n != 1 {
		t.Errorf("%d snapshots are left, want 1", n)
	}
	left, err := filepath.Glob(filepath.Join(dir, "snapshots", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("%v are left, %v", left, err)
	}
	s.Index("verify").OK(t) // the index is unhurt
}

// wholeSnapshots returns the number of snapshots after verifying all of them.
func wholeSnapshots(t *testing.T, s *clienttest.Server, dir string) int {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "index-backup")); err != nil {
		return 0
	}
	var all []struct{ ID string }
	if err := json.Unmarshal([]byte(s.Index("backup", "list", dir, "--json").OK(t).Stdout), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) > 0 {
		s.Index("backup", "verify", dir).OK(t)
	}
	return len(all)
}

// killAfter starts a command on the data of a server, and kills it after a time.
func killAfter(t *testing.T, s *clienttest.Server, after time.Duration, args ...string) {
	t.Helper()
	cmd := exec.Command(clienttest.Binary(t, false), args...)
	cmd.Env = []string{"INDEX_DATA_DIR=" + s.DataDir, "INDEX_BASE_URL=" + s.URL, "HOME=" + t.TempDir()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	cmd.Process.Kill()
	cmd.Wait()
}
