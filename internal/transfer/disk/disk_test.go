package disk_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/transfer/disk"
)

func open(t *testing.T) (*disk.Folder, string) {
	t.Helper()
	outside := t.TempDir()
	dir := filepath.Join(outside, "dir")
	for name, text := range map[string]string{"secret": "x", "dir/a": "text", "dir/sub/b": "b"} {
		name = filepath.Join(outside, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, dir
}

func TestPathsStayInTheFolder(t *testing.T) {
	f, dir := open(t)
	for name, target := range map[string]string{
		"up": "../secret", "absolute": filepath.Join(filepath.Dir(dir), "secret"), "inside": "sub/b", "folder": "..",
		"gone": "no",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]fault.Kind{
		"../secret": fault.Invalid, "sub/../../secret": fault.Invalid, "": fault.Invalid, ".": fault.Invalid,
		"sub//b": fault.Invalid, "./a": fault.Invalid, `sub\b`: fault.Invalid, "/etc/passwd": fault.Invalid,
		"up": fault.Invalid, "absolute": fault.Invalid, "folder/secret": fault.Invalid, "sub": fault.Invalid,
		"a/x": fault.Invalid, "gone": fault.NotFound, "missing": fault.NotFound, "sub/missing": fault.NotFound,
		strings.Repeat("a/", 3000) + "a": fault.Invalid, "a\x00": fault.Invalid,
	} {
		if _, err := f.OpenFile(name); !fault.Is(err, want) {
			t.Errorf("OpenFile(%.40q): %v, want %v", name, err, want)
		}
		if _, err := f.Stat(name); !fault.Is(err, want) {
			t.Errorf("Stat(%.40q): %v, want %v", name, err, want)
		}
	}
	for name, want := range map[string]string{"a": "text", "sub/b": "b", "inside": "b"} {
		in, err := f.OpenFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if _ = in.Close(); err != nil || string(b) != want {
			t.Errorf("%s is %q, %v", name, b, err)
		}
	}
}

// TestPipesAreNotOpened: opening a pipe would wait for a writer for ever.
func TestPipesAreNotOpened(t *testing.T) {
	f, dir := open(t)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenFile("pipe"); !fault.Is(err, fault.Invalid) {
		t.Errorf("a pipe was opened: %v", err)
	}
}

func TestRead(t *testing.T) {
	f, _ := open(t)
	if b, err := f.Read("a", 4); err != nil || string(b) != "text" {
		t.Errorf("Read() = %q, %v", b, err)
	}
	if _, err := f.Read("a", 3); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a file above the limit: %v", err)
	}
	if f.IsDir("a") || !f.IsDir("sub") || f.IsDir("no") || f.IsDir("..") {
		t.Error("IsDir is wrong")
	}
}

func TestNames(t *testing.T) {
	f, _ := open(t)
	var names []string
	if err := f.Names("sub", func(e fs.DirEntry) error { names = append(names, e.Name()); return nil }); err != nil {
		t.Fatal(err)
	}
	if sort.Strings(names); strings.Join(names, " ") != "b" {
		t.Errorf("names %v", names)
	}
	if err := f.Names("missing", nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestMissingFolder(t *testing.T) {
	if _, err := disk.Open(filepath.Join(t.TempDir(), "no")); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing folder: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Open(file); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file: %v", err)
	}
}
