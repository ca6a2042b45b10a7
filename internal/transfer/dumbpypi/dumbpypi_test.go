package dumbpypi_test

import (
	"context"
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
	"pyindex/internal/transfer/dumbpypi"
)

const digestA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func write(t testing.TB, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// open opens a list with a folder that has files of these names.
func open(t testing.TB, list string, names ...string) (*dumbpypi.Source, error) {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		write(t, filepath.Join(dir, n), n)
	}
	files, err := dumbpypi.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	return dumbpypi.Open(t.Context(), write(t, filepath.Join(t.TempDir(), "list.json"), list), files)
}

func mustOpen(t testing.TB, list string, names ...string) *dumbpypi.Source {
	t.Helper()
	s, err := open(t, list, names...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t testing.TB, s transfer.Source) map[string]transfer.Project {
	t.Helper()
	out, last := map[string]transfer.Project{}, ""
	for p, err := range s.Projects(context.Background(), nil) {
		if err != nil || p.Name.String() <= last {
			t.Fatal(p.Name, last, err)
		}
		last = p.Name.String()
		out[last] = p
	}
	return out
}

func notes(s transfer.Source) string {
	var b strings.Builder
	for _, n := range s.Notes() {
		b.WriteString(n.Kind + ": " + n.Text + "\n")
	}
	return b.String()
}

// TestListCarriesWhatPagesLack: uploader, time and yank of a line, and lines that are names alone.
func TestListCarriesWhatPagesLack(t *testing.T) {
	s := mustOpen(t, `{"filename": "Acme.Tools-1.0.tar.gz", "hash": "sha256=`+digestA+
		`", "requires_python": ">=3.8", "requires_dist": ["x"], `+
		`"upload_timestamp": 1577836800.5, "uploaded_by": "alice", "yanked_reason": "broken", "core_metadata": "sha256=`+
		digestA+`"}
acme_tools-1.1-py3-none-any.whl

{"filename": "zeta-1.zip", "yanked_reason": null, "upload_timestamp": null}
`, "Acme.Tools-1.0.tar.gz", "acme_tools-1.1-py3-none-any.whl")
	got := read(t, s)
	want := map[string]transfer.Project{
		"acme-tools": {Name: name(t, "acme-tools"), Display: "Acme.Tools", Files: []transfer.File{{
			Place:          "Acme.Tools-1.0.tar.gz",
			Filename:       "Acme.Tools-1.0.tar.gz",
			Version:        "1.0",
			Size:           21,
			Hashes:         map[string]string{"sha256": digestA},
			UploadedAt:     time.Date(2020, 1, 1, 0, 0, 0, 500_000_000, time.UTC),
			TimeTrust:      transfer.Stated,
			Uploader:       "alice",
			Yanked:         true,
			YankedReason:   "broken",
			RequiresPython: ">=3.8",
			MetadataSHA256: digestA,
		}, {
			Place:    "acme_tools-1.1-py3-none-any.whl",
			Filename: "acme_tools-1.1-py3-none-any.whl",
			Version:  "1.1",
			Size:     31,
		}}},
		"zeta": {Name: name(t, "zeta"), Display: "zeta", Files: []transfer.File{{
			Place:    "zeta-1.zip",
			Filename: "zeta-1.zip",
			Version:  "1",
			Size:     -1,
			Problem:  "the list has it, but zeta-1.zip is not in the folder",
		}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(packaging.ProjectName{})); diff != "" {
		t.Error(diff)
	}
	in, err := s.Open(t.Context(), got["acme-tools"].Files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if b, err := io.ReadAll(in); err != nil || string(b) != "Acme.Tools-1.0.tar.gz" {
		t.Errorf("content %q, %v", b, err)
	}
	if text := notes(s); !strings.Contains(text, "2 files without upload_timestamp") ||
		!strings.Contains(text, "1 file of the list cannot be read") {
		t.Errorf("notes:\n%s", text)
	}
}

func name(t *testing.T, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOddFilesAreListedAsRefused: files that belong to no release are named with the reason.
func TestOddFilesAreListedAsRefused(t *testing.T) {
	s := mustOpen(t, "acme-1.0-py2.7.egg\nacme-1.0.zip\n+-1.egg\nREADME\n", "acme-1.0-py2.7.egg", "acme-1.0.zip")
	files := read(t, s)["acme"].Files
	if len(files) != 2 || !strings.Contains(files[0].Problem, "egg") || files[1].Problem != "" {
		t.Errorf("files %+v", files)
	}
	if text := notes(s); !strings.Contains(text, "belong to no project are not imported (1): +-1.egg") {
		t.Errorf("notes:\n%s", text)
	}
}

func TestFileThatIsListedTwice(t *testing.T) {
	line := func(c string) string {
		return `{"filename": "acme-1.zip", "hash": "sha256=` + strings.Repeat(c, 64) + `"}` + "\n"
	}
	if files := read(t, mustOpen(t, line("a")+line("a"), "acme-1.zip"))["acme"].Files; len(files) != 1 ||
		files[0].Problem != "" {
		t.Errorf("equal lines: %+v", files)
	}
	files := read(t, mustOpen(t, line("a")+"\n"+line("b"), "acme-1.zip"))["acme"].Files
	if len(files) != 1 || !strings.Contains(files[0].Problem, "in the lines 1 and 3") {
		t.Errorf("two digests: %+v", files)
	}
}

// TestHostileList: errors name the file and the line, and no name is a path.
func TestHostileList(t *testing.T) {
	for list, want := range map[string]string{
		"":                                       "lists no file",
		"a-1.zip\n{\"filename\": \"b-1.zip\"":    "list.json, line 2: the JSON ends early",
		"{\"filename\": 7}":                      `line 1: "" is not the name of a file`,
		"a-1.zip\n../../etc/passwd\n":            "line 2: ",
		"{\"filename\": \"..\"}":                 "line 1: ",
		"{\"filename\": \"a/b-1.zip\"}":          "line 1: ",
		"{\"filename\": \"a\\nb-1.zip\"}":        "line 1: ",
		"a-1.zip\n" + strings.Repeat("a", 5<<20): "line 2: the line is longer than 4 MiB",
	} {
		if _, err := open(t, list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", list, err, want)
		}
	}
	s := mustOpen(t, "a-1.zip")
	for _, place := range []string{"../list.json", "/etc/passwd", "x/y", ""} {
		if _, err := s.Open(t.Context(), transfer.File{Place: place}); !fault.Is(err, fault.Invalid) {
			t.Errorf("Open(%q): %v", place, err)
		}
	}
	if _, err := s.Open(t.Context(), transfer.File{Place: "a-1.zip"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing file: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("a-1.zip\n{\"filename\": \"b-1.zip\", \"hash\": \"sha256=" + digestA +
		"\", \"upload_timestamp\": 1e300}\n"))
	f.Add([]byte("{\"filename\": \"b-1.egg\", \"yanked_reason\": null, \"core_metadata\": true}"))
	dir := f.TempDir()
	files, err := dumbpypi.Folder(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			t.Skip()
		}
		start := time.Now()
		s, err := dumbpypi.Open(context.Background(), write(t, filepath.Join(dir, "list"), string(b)), files)
		if err != nil {
			if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Fatalf("unfit error %q", err)
			}
			return
		}
		size := 0
		for _, p := range read(t, s) {
			for _, file := range p.Files {
				if strings.ContainsAny(file.Filename+file.Uploader+file.YankedReason, "\r\n\x00") || file.Filename == "" {
					t.Fatalf("file %+v", file)
				}
				size += len(file.Filename) + len(file.Uploader) + len(file.YankedReason) + len(file.RequiresPython)
			}
		}
		if size > 3*len(b) || len(notes(s)) > 10_000 {
			t.Fatalf("%d bytes become %d", len(b), size)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("%d bytes take %v", len(b), d)
		}
	})
}
