package folder_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/folder"
)

var built = time.Date(2022, 1, 2, 3, 4, 5, 0, time.UTC)

// write writes files with their content, all changed at the same time.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, built, built); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, to, from string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(from), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, from); err != nil {
		t.Fatal(err)
	}
}

// read returns the files of a folder as "project place filename problem".
func read(t *testing.T, dir string) (out []string, s *folder.Source) {
	t.Helper()
	s, err := folder.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for p, err := range s.Projects(t.Context(), func(packaging.ProjectName) bool { return true }) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Files {
			out = append(out, strings.TrimSpace(p.Name.String()+" "+f.Place+" "+f.Filename+" "+f.Problem))
		}
	}
	return out, s
}

// Subfolders count, a file that is met twice is one, names are unescaped, and the folder tells the project of a name
// that may be read in two ways.
func TestLayouts(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"demo-1.0.tar.gz": "a", "deep/er/demo-1.1.zip": "b", "Foo-2/foo-2-1.0.tar.gz": "c", "foo-2/1.1/foo-2-1.1.tar.gz": "d",
		"acme-1.0%2Bcu1-py3-none-any.whl": "e", "simple/demo/demo-1.0.tar.gz": "a", "simple/index.html": "x",
		"demo-1.0.tar.gz.asc": "sig", ".hidden/demo-9.0.tar.gz": "h", "other/demo-1.1.zip": "not b",
		"hp-latest.tar.gz": "q", "demo-1.0-py3.7.egg": "egg",
	})
	link(t, "../../deep/er/demo-1.1.zip", filepath.Join(dir, "simple", "x", "demo-1.1.zip"))
	got, s := read(t, dir)
	want := []string{
		"acme acme-1.0%2Bcu1-py3-none-any.whl acme-1.0+cu1-py3-none-any.whl",
		"demo demo-1.0-py3.7.egg demo-1.0-py3.7.egg",
		"demo demo-1.0.tar.gz demo-1.0.tar.gz",
		"demo other/demo-1.1.zip demo-1.1.zip",
		"demo deep/er/demo-1.1.zip demo-1.1.zip it has other content than other/demo-1.1.zip, which has the same name",
		"demo simple/x/demo-1.1.zip demo-1.1.zip it has other content than other/demo-1.1.zip, which has the same name",
		"foo-2 Foo-2/foo-2-1.0.tar.gz foo-2-1.0.tar.gz",
		"foo-2 foo-2/1.1/foo-2-1.1.tar.gz foo-2-1.1.tar.gz",
		"hp hp-latest.tar.gz hp-latest.tar.gz",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var notes []string
	for _, n := range s.Notes() {
		notes = append(notes, n.Text)
	}
	wantNotes := []string{
		"1 file that ends in .asc passed over: not distributions", "1 file that ends in .html passed over: not distributions",
	}
	if diff := cmp.Diff(wantNotes, notes); diff != "" {
		t.Error(diff)
	}
}

// The time of a file is guessed; one that no package can have is unknown.
func TestTimes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"demo-1.0.tar.gz": "a", "demo-1.1.tar.gz": "b"})
	epoch := time.Unix(0, 0)
	if err := os.Chtimes(filepath.Join(dir, "demo-1.1.tar.gz"), epoch, epoch); err != nil {
		t.Fatal(err)
	}
	s, err := folder.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for p := range s.Projects(t.Context(), func(packaging.ProjectName) bool { return true }) {
		if f := p.Files[0]; f.TimeTrust != transfer.Guessed || !f.UploadedAt.Equal(built) || f.Size != 1 {
			t.Errorf("%+v, want a guessed time", f)
		}
		if f := p.Files[1]; f.TimeTrust != transfer.Unknown || !f.UploadedAt.IsZero() {
			t.Errorf("%+v, want no time", f)
		}
	}
}

// Nothing outside the folder is read: neither by links nor by a place that somebody made up.
func TestNothingOutsideIsRead(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside, map[string]string{"demo-1.0.tar.gz": "secret"})
	link(t, filepath.Join(outside, "demo-1.0.tar.gz"), filepath.Join(dir, "demo-1.0.tar.gz"))
	link(t, outside, filepath.Join(dir, "folder"))
	link(t, "loop-1.0.tar.gz", filepath.Join(dir, "loop-1.0.tar.gz"))
	write(t, dir, map[string]string{"fifo-0.1.tar.gz": "x"})
	got, s := read(t, dir)
	want := []string{
		"demo demo-1.0.tar.gz demo-1.0.tar.gz it is a symbolic link that leads outside the folder, or nowhere",
		"fifo fifo-0.1.tar.gz fifo-0.1.tar.gz",
		"loop loop-1.0.tar.gz loop-1.0.tar.gz it is a symbolic link that leads outside the folder, or nowhere",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, place := range []string{
		"demo-1.0.tar.gz", "folder/demo-1.0.tar.gz", "../" + filepath.Base(outside) + "/demo-1.0.tar.gz",
		filepath.Join(outside, "demo-1.0.tar.gz"),
	} {
		r, err := s.Open(t.Context(), transfer.File{Place: place})
		if err == nil {
			b, _ := io.ReadAll(r)
			t.Errorf("Open(%s) = %q", place, b)
		}
	}
	if _, err := s.Open(t.Context(), transfer.File{Place: "gone"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("Open(gone) = %v, want not found", err)
	}
}

// User names of a password file become notes with a command. No password is in any.
func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"demo-1.0.tar.gz": "a", ".htpasswd": "alice:$apr1$secret\n# bob:x\n$(rm -rf):x\nbob:$2y$secret\nnothing\n",
	})
	_, s := read(t, dir)
	var commands []string
	for _, n := range s.Notes() {
		commands = append(commands, n.Command)
		if strings.Contains(n.Text+n.Command, "secret") {
			t.Errorf("note %+v has a password", n)
		}
	}
	if diff := cmp.Diff([]string{"index user add alice", "index user add bob"}, commands); diff != "" {
		t.Error(diff)
	}
}

// A path that is no folder is refused.
func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	write(t, filepath.Dir(file), map[string]string{"x": ""})
	for _, path := range []string{file, file + "missing", ""} {
		if path == "" {
			path = filepath.Join(file, "below")
		}
		if _, err := folder.Open(path, ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("Open(%s) = %v, want invalid", path, err)
		}
	}
}
