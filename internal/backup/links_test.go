//go:build unix

package backup_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pyindex/internal/backup"
)

// TestBackupWritesThroughNoLink: a link in the folder does not lead a backup to a file elsewhere.
func TestBackupWritesThroughNoLink(t *testing.T) {
	w := newWorld(t)
	w.uploads("demo")
	o := w.options()
	victim := filepath.Join(t.TempDir(), "victim")
	for _, err := range []error{
		os.WriteFile(victim, []byte("whole"), 0o600), os.MkdirAll(w.dir, 0o700),
		os.Symlink(victim, filepath.Join(w.dir, "index-backup.new")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.backup(o)
	if b, err := os.ReadFile(victim); string(b) != "whole" {
		t.Errorf("the file behind the link is %q (%v)", b, err)
	}
	w.verified(1)
}

// TestPipesInABackup: a named pipe in place of a file is a fault at once, for verify and restore.
func TestPipesInABackup(t *testing.T) {
	w := newWorld(t)
	w.uploads("demo")
	o := w.options()
	m := w.backup(o)
	path := anyContent(t, w.dir)
	for _, p := range []string{path, filepath.Join(w.dir, "snapshots", m.ID, "rows.jsonl.zst")} {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := backup.Verify(t.Context(), w.dir, backup.VerifyOptions{})
	if err != nil || got.Broken() < 2 {
		t.Errorf("Verify = %+v, %v", got, err)
	}
	f, err := backup.OpenFolder(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.CheckParts(m) == nil {
		t.Error("CheckParts takes a pipe for a part")
	}
	if _, err := f.OpenContent(backup.Content{SHA256: filepath.Base(path)}); err == nil {
		t.Error("OpenContent opens a pipe")
	}
}
