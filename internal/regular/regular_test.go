//go:build unix

package regular_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pyindex/internal/regular"
)

// TestOnlyRegularFilesAreOpened: pipes, folders and devices are errors at once, in a folder links lead nowhere else,
// and Create replaces a link instead of the file that it leads to.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	victim := filepath.Join(t.TempDir(), "victim")
	for _, err := range []error{
		os.WriteFile(path("file"), []byte("text"), 0o600), os.WriteFile(victim, []byte("whole"), 0o600),
		syscall.Mkfifo(path("pipe"), 0o600), os.Mkdir(path("folder"), 0o700), os.Symlink(victim, path("link")),
		os.Symlink("pipe", path("to-pipe")), os.Symlink("/dev/zero", path("device")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string][2]bool{ // by Open, by OpenIn
		"file": {true, true}, "link": {true, false}, "pipe": {}, "folder": {}, "to-pipe": {}, "device": {}, "none": {},
	} {
		a, err := regular.Open(path(name))
		if (err == nil) != want[0] {
			t.Errorf("Open(%s) = %v", name, err)
		}
		b, err := regular.OpenIn(root, name)
		if (err == nil) != want[1] {
			t.Errorf("OpenIn(%s) = %v", name, err)
		}
		a.Close()
		b.Close()
	}
	f, err := regular.Create(path("link"))
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("new")
	f.Close()
	if b, err := os.ReadFile(victim); string(b) != "whole" {
		t.Errorf("the file behind the link is %q (%v)", b, err)
	}
	if b, err := os.ReadFile(path("link")); string(b) != "new" {
		t.Errorf("the new file is %q (%v)", b, err)
	}
}
