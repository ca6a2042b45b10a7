package recovery_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// TestKillRestore kills index restore at a random moment, a few times or 200 times in depth. What is left is never half
// an index: other commands refuse it or find nothing, and the same restore then completes it. A restore that had ended
// is complete.
func TestKillRestore(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{OwnStores: true})
	s.User("alice", true)
	d := &drill{T: t, s: s, token: s.Token("alice")}
	for i := range 15 {
		size := 4 << 10
		if i%5 == 0 {
			size = 2 << 20
		}
		d.publish(packagingtest.Wheel(fmt.Sprintf("demo-%d", i), "1.0", strings.Repeat("#", size)+fmt.Sprint(i)))
	}
	dir := filepath.Join(t.TempDir(), "backup")
	s.Index("backup", dir).OK(t)
	s.Stop()
	program := clienttest.Binary(t, false)
	index := func(data string, args ...string) (string, error) {
		cmd := exec.Command(program, append(args, "--data-dir", data)...)
		cmd.Env = []string{"HOME=" + t.TempDir(), "PATH="}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		return out.String(), err
	}
	// projects returns the number of projects, or -1 if the index is refused because its restore is not finished.
	projects := func(data string) int {
		text, err := index(data, "project", "list", "--json")
		if err != nil {
			if strings.Contains(text, "is not finished") || strings.Contains(text, "there is no index") {
				return -1
			}
			t.Fatalf("index project list: %v\n%s", err, text)
		}
		var all []any
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		return len(all)
	}
	restore := []string{"restore", dir, "--revoke-tokens", "--json"}
	began := time.Now()
	whole := filepath.Join(t.TempDir(), "whole")
	if text, err := index(whole, restore...); err != nil {
		t.Fatalf("index restore: %v\n%s", err, text)
	}
	longest := time.Since(began)
	names, err := index(whole, "name", "list", "--json")
	if err != nil || projects(whole) != 15 {
		t.Fatalf("the whole restore has %d projects, %v", projects(whole), err)
	}

	random := rand.New(rand.NewPCG(2026, 22))
	var refused, empty, complete int
	for round := range clienttest.Rounds(t, 6, 200) {
		data := filepath.Join(t.TempDir(), "data")
		cmd := exec.Command(program, append(restore, "--data-dir", data)...)
		cmd.Env = []string{"HOME=" + t.TempDir(), "PATH="}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(longest))))
		_ = cmd.Process.Kill()
		err := cmd.Wait()
		switch n := projects(data); {
		case n == -1:
			refused++
		case n == 0:
			empty++
		case n == 15:
			complete++
		default:
			t.Fatalf("round %d: %d of 15 projects are there after the kill", round, n)
		}
		exit, killed := errors.AsType[*exec.ExitError](err)
		if text, err := index(data, restore...); err != nil &&
			(!strings.Contains(text, "already contains an index") || killed && exit.Exited() && projects(data) != 15) {
			t.Fatalf("round %d: the restore cannot be completed: %v\n%s", round, err, text)
		}
		if n := projects(data); n != 15 {
			t.Fatalf("round %d: %d projects after the second run", round, n)
		}
		if text, err := index(data, "name", "list", "--json"); err != nil || text != names {
			t.Fatalf("round %d: the names are %v\n%s\nwant\n%s", round, err, text, names)
		}
		if text, err := index(data, "doctor", "--bytes"); err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, text)
		}
	}
	t.Logf("a restore takes %v; after the kills, %d were refused, %d empty and %d complete", longest, refused, empty,
		complete)
}
