package blobs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob/fileblob"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
)

var (
	sum = strings.Repeat("0123456789abcdef", 4)
	key = custody.FileKey(sum)
)

// TestFolderLayout checks that Open returns the file itself, readable only by its owner, at the path that fileblob
// uses.
func TestFolderLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	b := open(t, dir)
	s, err := b.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Write([]byte("bytes"))
	if err := b.Keep(t.Context(), key, s); err != nil {
		t.Fatal(err)
	}
	s.Discard()
	r, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, ok := r.(*os.File); !ok {
		t.Errorf("Open() = %T, want *os.File for sendfile", r)
	}
	bucket, err := fileblob.OpenBucket(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bucket.ReadAll(t.Context(), key); err != nil || string(got) != "bytes" {
		t.Errorf("fileblob reads %q, %v, want what was kept", got, err)
	}
	checkModes(t, dir)
}

func checkModes(t *testing.T, dir string) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want nothing for others", path, info.Mode())
		}
		if !d.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, %v, want one file and no stage", files, err)
	}
}

// TestFolderLeftovers checks that files left by a crash are harmless, that a damaged file is detected, and that a
// deleted folder is recreated.
func TestFolderLeftovers(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	stale := filepath.Join(dir, ".stage", "upload-of-a-crash")
	if err := os.WriteFile(stale, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour)
	os.Chtimes(stale, old, old)
	if err := b.SweepStages(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("an old stage is still there after the sweep")
	}
	staging := filepath.Join(dir, ".stage")
	if err := os.RemoveAll(staging); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), key, []byte("bytes")); err != nil {
		t.Errorf("Put(stage folder gone) = %v, want it made again", err)
	}
	os.RemoveAll(staging)
	if err := os.WriteFile(staging, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Ping(nowhere to stage) = %v, want unavailable", err)
	}
	os.Remove(staging)
	if err := b.Ping(t.Context()); err != nil {
		t.Errorf("Ping() = %v, want nil", err)
	}
}

// TestFolderWithoutParents checks that directories removed while the program runs are recreated.
func TestFolderWithoutParents(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	for range 2 {
		if err := b.Put(t.Context(), key, []byte("bytes")); err != nil {
			t.Fatalf("Put() = %v", err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "files")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ location, says string }{
		"nothing":            {"", "path of a folder"},
		"no path":            {"file://", "path of a folder"},
		"a host":             {"file://server/share", "cannot be read"},
		"options":            {"file:///tmp?create_dir=1", "cannot be read"},
		"a file":             {"file://" + file, "not a folder"},
		"below a file":       {file + "/below", "cannot be created"},
		"an empty scheme":    {"://", `unknown storage "://"`},
		"an unknown store":   {"swift://bucket", `unknown storage "swift://"`},
		"no bucket":          {"s3://", "names no bucket"},
		"credentials":        {"s3://key:secret@bucket", "belong in the environment"},
		"unknown parameters": {"s3://bucket?colour=red", "colour"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := blobs.Open(t.Context(), row.location, blobs.Options{})
			if err == nil {
				b.Close()
			}
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s: Open(%q) = %v, want invalid with %q", name, row.location, err, row.says)
			}
		})
	}
}

// TestForeignStage checks that a stage of one store cannot be kept in another.
func TestForeignStage(t *testing.T) {
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	s, err := a.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	if err := b.Keep(t.Context(), key, s); err == nil {
		t.Error("Keep(stage of another store) = nil, want an error")
	}
}

// TestStageDir checks that a store that is not a folder stages in StageDir, and removes its own temporary directory.
func TestStageDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stage")
	b, err := blobs.Open(t.Context(), "mem://", blobs.Options{StageDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d stages in the directory, want 1", len(left))
	}
	s.Discard()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("after Discard and Close: %v, %v, want the empty directory", left, err)
	}
}
