package devpi_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/devpi"
)

const (
	digestA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// export writes the folder of an export with files of these paths, whose content is their path.
func export(t testing.TB, dataindex string, paths ...string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "dataindex.json", dataindex)
	for _, p := range paths {
		write(t, dir, p, p)
	}
	return dir
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir, index string) *devpi.Source {
	t.Helper()
	s, err := devpi.Open(t.Context(), dir, devpi.Options{Index: index, Repository: "own"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func projects(t testing.TB, s transfer.Source) map[string]transfer.Project {
	t.Helper()
	out, last := map[string]transfer.Project{}, ""
	for p, err := range s.Projects(context.Background(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Name.String() <= last {
			t.Errorf("%s comes after %s", p.Name, last)
		}
		last = p.Name.String()
		out[last] = p
	}
	return out
}

// one returns the only file of a source.
func one(t testing.TB, s transfer.Source) transfer.File {
	t.Helper()
	var all []transfer.File
	for _, p := range projects(t, s) {
		all = append(all, p.Files...)
	}
	if len(all) != 1 {
		t.Fatalf("files %+v, want one", all)
	}
	return all[0]
}

func notes(s transfer.Source) string {
	var b strings.Builder
	for _, n := range s.Notes() {
		b.WriteString(n.Kind + ": " + n.Text + "\n")
		if n.Command != "" {
			b.WriteString("  " + n.Command + "\n")
		}
	}
	return b.String()
}

func says(t testing.TB, s transfer.Source, want ...string) {
	t.Helper()
	text := notes(s)
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("the notes lack %q:\n%s", w, text)
		}
	}
}

// whole is an export as devpi-server 6.20 writes it, shortened.
const whole = `{
"users": {
 "root": {"pwhash": "$argon2id$hunter2", "username": "root"},
 "alice": {"pwhash": "$argon2id$hunter2", "email": "alice@corp.example", "username": "alice"},
 "bob": {"pwsalt": "hunter2", "pwhash": "hunter2"},
 "carol": {"pwhash": "hunter2"}},
"indexes": {
 "root/public": {"indexconfig": {"type": "mirror", "volatile": false,
 "mirror_url": "https://me:hunter2@up.example/simple/"}},
 "alice/dev": {"indexconfig": {"type": "stage", "volatile": true, "bases": []}, "projects": {}, "files": [
  {"type": "releasefile", "projectname": "acme", "version": "2.0", "relpath": "alice/dev/acme/2.0/acme-2.0.tar.gz",
   "entrymapping": {"hashes": {"sha256": "` + digestA + `"}, "last_modified": "Sun, 29 Nov 2020 21:52:10 GMT"},
   "log": [{"what": "overwrite", "who": null, "when": [2020, 11, 29, 21, 52, 10], "count": 2},
    {"what": "upload", "who": "alice", "when": [2020, 11, 29, 21, 52, 10], "dst": "alice/dev"}]}]},
 "alice/prod": {"indexconfig": {"type": "stage", "volatile": false, "bases": ["alice/dev", "root/public", "gone/away"],
   "acl_upload": ["alice", "bob", ":ANONYMOUS:", ":developers"],
   "mirror_whitelist": ["acme-tools"], "x_plugin": {"a": [1]}},
  "projects": {"acme-tools": {"1.0": {"name": "Acme.Tools", "version": "1.0", "description": "x",
  "requires_python": ">=3"},
   "0.1": {"name": "Acme.Tools", "version": "0.1"}}, "acme": {"2.0": {"name": "acme"}}},
  "files": [
   {"version": "1.0", "type": "releasefile", "projectname": "acme-tools", "relpath": "alice/prod/acme-tools/1.0/Acme.Tools-1.0.tar.gz",
    "entrymapping": {"hash_spec": "sha256=` + digestA + `", "hashes": {"sha256": "` + digestA + `"},
     "last_modified": "Sun, 29 Nov 2020 21:52:11 GMT"},
    "log": [{"what": "upload", "who": "bob", "when": [2020, 11, 29, 21, 52, 9], "dst": "alice/prod"}]},
   {"version": "2.0", "type": "releasefile", "projectname": "acme", "relpath": "alice/prod/acme/2.0/acme-2.0.tar.gz",
    "entrymapping": {"hash_spec": "sha256=` + digestB + `", "last_modified": "Mon, 30 Nov 2020 00:00:00 GMT"},
    "log": [{"what": "upload", "who": "carol", "when": [2019, 1, 2, 3, 4, 5], "dst": "alice/dev"},
     {"what": "push", "who": "alice", "when": [2020, 11, 30, 0, 0, 0], "src": "alice/dev", "dst": "alice/prod"}]},
   {"version": "0.1", "type": "doczip", "projectname": "acme-tools", "relpath": "alice/prod/acme-tools-0.1.doc.zip"},
   {"version": "1.0", "type": "toxresult", "projectname": "acme-tools", "for_entrypath": "x",
    "relpath": "alice/prod/acme-tools/sha256=` + digestA + `/Acme.Tools-1.0.tar.gz.toxresult-20201129215210-0"}]}},
"dumpversion": "2", "pythonversion": [3, 11], "devpi_server": "6.20.3"}`

var wholePaths = []string{
	"alice/dev/acme/2.0/acme-2.0.tar.gz", "alice/prod/acme-tools/1.0/Acme.Tools-1.0.tar.gz",
	"alice/prod/acme/2.0/acme-2.0.tar.gz", "alice/prod/acme-tools-0.1.doc.zip",
}

func TestProjectsOfAnExport(t *testing.T) {
	s := open(t, export(t, whole, wholePaths...), "alice/prod")
	got := projects(t, s)
	if len(got) != 2 || got["acme-tools"].Display != "Acme.Tools" {
		t.Fatalf("projects %+v", got)
	}
	want := []transfer.File{{
		Place:      "alice/prod/acme-tools/1.0/Acme.Tools-1.0.tar.gz",
		Filename:   "Acme.Tools-1.0.tar.gz",
		Version:    "1.0",
		Size:       int64(len(wholePaths[1])),
		Hashes:     map[string]string{"sha256": digestA},
		UploadedAt: time.Date(2020, 11, 29, 21, 52, 9, 0, time.UTC),
		TimeTrust:  transfer.Stated,
		Uploader:   "bob",
	}}
	if diff := cmp.Diff(want, got["acme-tools"].Files); diff != "" {
		t.Error(diff)
	}
	in, err := s.Open(t.Context(), got["acme-tools"].Files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if b, err := io.ReadAll(in); err != nil || string(b) != wholePaths[1] {
		t.Errorf("content %q, %v", b, err)
	}
	if a := s.About(); a.Kind != "devpi" || a.Upstream != "" || !filepath.IsAbs(a.Location) {
		t.Errorf("About() = %+v", a)
	}
}

// TestPushedFilesKeepTimeAndPersonOfTheirOrigin: the first upload counts, and its time is not exact if the file was
// pushed from a volatile index.
func TestPushedFilesKeepTimeAndPersonOfTheirOrigin(t *testing.T) {
	f := projects(t, open(t, export(t, whole, wholePaths...), "alice/prod"))["acme"].Files[0]
	if f.Uploader != "carol" || !f.UploadedAt.Equal(time.Date(2019, 1, 2, 3, 4, 5, 0, time.UTC)) ||
		f.TimeTrust != transfer.Latest {
		t.Errorf("a pushed file is %+v", f)
	}
}

func TestTimesOfVolatileIndexesAreNotExact(t *testing.T) {
	s := open(t, export(t, whole, wholePaths...), "alice/dev")
	if f := one(t, s); f.TimeTrust != transfer.Latest || f.UploadedAt.IsZero() || f.Uploader != "alice" {
		t.Errorf("a file of a volatile index is %+v", f)
	}
	says(t, s, "times: files of a volatile index may be older than the upload times")
}

// TestNotes: what cannot be carried over is said, with the commands that do it here.
func TestNotes(t *testing.T) {
	s := open(t, export(t, whole, wholePaths...), "alice/prod")
	projects(t, s)
	says(t, s,
		"secret: the export has the password hashes of all users",
		"deleted: devpi keeps no record of deleted files",
		"documentation is not imported (1): alice/prod/acme-tools-0.1.doc.zip",
		"test results are not imported (1)",
		"versions without a file are no releases and are not imported (1): acme-tools 0.1",
		"index user invite --name alice --email alice@corp.example",
		"index user invite --name bob\n",
		"users of the export without a right in alice/prod: 2",
		"index grant add --repository own --user alice --role owner",
		"index grant add --repository own --user bob --role uploader",
		"index grant add --repository own --group developers --role uploader",
		"anybody may upload to alice/prod without an account",
		"index upstream add root-public --url https://up.example/simple/\n",
		"with a user name and password that are not shown here",
		"index repository add alice-dev && index import devpi ",
		"--index alice/dev --to alice-dev",
		"alice/prod draws on gone/away, which is not in the export",
		"index repository set own --base alice-dev --base upstream:root-public",
		"index origin set own acme-tools both --reason 'mirror_whitelist of alice/prod'",
		"settings of alice/prod without a counterpart here: x_plugin",
	)
	if text := notes(s); strings.Contains(text, "hunter2") || strings.Contains(text, "argon2") {
		t.Errorf("the notes contain a secret:\n%s", text)
	}
}

func TestIndexesAreListedUnlessOneIsChosen(t *testing.T) {
	dir := export(t, whole, wholePaths...)
	list := "root/public (mirror, 0 files), alice/dev (stage, 1 file), alice/prod (stage, 2 files)"
	for index, want := range map[string]string{
		"":            "choose an index of the export by --index: " + list,
		"alice/no":    "the export has no index alice/no: " + list,
		"root/public": "root/public is a mirror, and the export has none of its files",
	} {
		_, err := devpi.Open(t.Context(), dir, devpi.Options{Index: index})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("index %q: %v, want %s", index, err, want)
		}
	}
	single := strings.NewReplacer("alice/prod", "alice/none", `"files": [
   {"version"`, `"other": [
   {"version"`).Replace(whole)
	if got := open(t, export(t, single, wholePaths...), "").About().Location; !strings.HasSuffix(got, "#alice/dev") {
		t.Errorf("the only index with files is not chosen: %s", got)
	}
}

// TestMirroredFilesAreNeverOwn: the time is when devpi fetched the file, so it is no upload time, and what the index
// mirrors is named.
func TestMirroredFilesAreNeverOwn(t *testing.T) {
	s := open(t, export(t, `{"dumpversion": "2", "users": {}, "indexes": {"root/m": {"indexconfig": {"type": "mirror",
	"mirror_url": "https://u:hunter2@up.example/simple/"},
	"projects": {"foo": {"1.0": {"name": "foo", "requires_python": ">=3.8",
	"yanked": "broken"}}}, "files": [{"type": "releasefile", "projectname": "foo", "version": "1.0", "log": [],
	"relpath": "root/m/foo/1.0/foo-1.0.tar.gz", "entrymapping": {"url": "https://files.example/foo-1.0.tar.gz",
	"last_modified": "Sun, 29 Nov 2020 21:52:11 GMT", "hashes": {"sha256": "`+digestA+`"}}}]}}}`,
		"root/m/foo/1.0/foo-1.0.tar.gz"), "root/m")
	f := one(t, s)
	if !f.UploadedAt.IsZero() || f.TimeTrust != transfer.Unknown || f.Uploader != "" || !f.Yanked ||
		f.URL != "https://files.example/foo-1.0.tar.gz" ||
		f.YankedReason != "broken" || f.RequiresPython != ">=3.8" {
		t.Errorf("a mirrored file is %+v", f)
	}
	if got := s.About().Upstream; got != "https://up.example/simple/" {
		t.Errorf("Upstream = %q", got)
	}
}

func TestDumpVersion1(t *testing.T) {
	s := open(t, export(t, `{"dumpversion": "1", "users": {}, "indexes": {"a/b": {"indexconfig": {"type": "stage",
	"pypi_whitelist": ["x"]}, "projects": {}, "files": [{"type": "releasefile", "projectname": "Acme_Tools",
	"relpath": "a/b/Acme_Tools/1.0/Acme_Tools-1.0.tar.gz", "entrymapping": {"md5": "`+digestA[:32]+`",
	"hash_spec": "sha256=`+digestB+`", "last_modified": "Sun, 29 Nov 2015 21:52:11 GMT"}}]}}}`,
		"a/b/Acme_Tools/1.0/Acme_Tools-1.0.tar.gz"), "")
	f := one(t, s)
	want := map[string]string{"md5": digestA[:32], "sha256": digestB}
	if f.Version != "1.0" || cmp.Diff(want, f.Hashes) != "" || f.UploadedAt.Year() != 2015 ||
		f.TimeTrust != transfer.Stated {
		t.Errorf("a file of dumpversion 1 is %+v", f)
	}
	says(t, s, "index origin set own x both")
}

// TestHostileExport: an export cannot reach outside of its folder, and says what is wrong with a file.
func TestHostileExport(t *testing.T) {
	file := func(path, more string) string {
		return `{"type": "releasefile", "projectname": "foo", "version": "1.0", "relpath": "` + path + `"` + more + `}`
	}
	with := func(files ...string) string {
		return `{"dumpversion": 2, "users": {}, "indexes": {"a/b": {"indexconfig": {"type": "stage"}, "files": [` +
			strings.Join(files, ",") + `]}}}`
	}
	for path, want := range map[string]string{
		"../../etc/passwd": "its path is not inside", "a/b/../../../x.whl": "its path is not inside",
		"a/c/foo-1.0.tar.gz": "its path is not inside", "/a/b/foo.whl": "its path is not inside",
		"":           "its path is not inside",
		`a/b\\..\\x`: "its path is not inside", "a/b/foo-1.0.zip": "not in the folder", "a/b/up/secret": "cannot be read",
		"a/b/dir": "not a regular file",
	} {
		dir := export(t, with(file(path, "")), "a/b/dir/x")
		if err := os.Symlink("../../..", filepath.Join(dir, "a/b/up")); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, "")
		f := one(t, s)
		if !strings.Contains(f.Problem, want) {
			t.Errorf("%s: problem %q, want %s", path, f.Problem, want)
		}
		if in, err := s.Open(t.Context(), f); err == nil {
			t.Errorf("%s was opened", path)
			_ = in.Close()
		}
	}
	s := open(t, export(t, with(file("a/b/foo-1.0.zip", `, "entrymapping": {"hash_spec": "sha256=`+digestA+
		`", "hashes": {"sha256": "`+digestB+`"}}`)), "a/b/foo-1.0.zip"), "")
	if f := one(t, s); !strings.Contains(f.Problem, "two different digests") {
		t.Errorf("two digests: %+v", f)
	}
	s = open(t, export(t, with(file("a/b/foo-1.0.zip", ""), file("a/b/foo-1.0.zip", ""),
		`{"type": "releasefile", "projectname": "-", "relpath": "a/b/x"}`, `{"type": "virus", "relpath": "a/b/y"}`, "7"),
		"a/b/foo-1.0.zip"), "")
	one(t, s)
	says(t, s, "projects without a valid name are not imported (1): -",
		"files of a type that is not known here are not imported (2)")
}

func TestTimesThatAreNone(t *testing.T) {
	for _, when := range []string{
		`[2020, 13, 1, 0, 0, 0]`, `[2020, 2, 30, 0, 0, 0]`, `[1, 1, 1, 1, 1, 1]`, `["x", 1, 1, 1, 1, 1]`, `[2020]`, `null`,
		`[99999, 1, 1, 1, 1, 1]`, `[2020, 1, 1, 25, 0, 0]`, `{}`,
	} {
		s := open(t, export(t, `{"dumpversion": "2", "users": {}, "indexes": {"a/b": {"indexconfig": {}, "files": [
		{"type": "releasefile", "projectname": "foo", "relpath": "a/b/foo-1.0.zip",
		"entrymapping": {"last_modified": "yesterday"},
		"log": [{"what": "upload", "when": `+when+`}]}]}}}`, "a/b/foo-1.0.zip"), "")
		if f := one(t, s); !f.UploadedAt.IsZero() || f.TimeTrust != transfer.Unknown {
			t.Errorf("%s: %+v", when, f)
		}
	}
}

func TestDamagedExport(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                         "does not say its dumpversion",
		"[]":                         "line 1: this is not an object",
		"{\n\"dumpversion\": \"3\"}": `dumpversion "3", and only 1 and 2 are known`,
		"{\n\"users\": {\n":          "dataindex.json, line 2: the JSON ends early",
		`{"dumpversion": "2", "indexes": {"../x": {}}}`:       `is not the name of an index`,
		`{"dumpversion": "2", "indexes": {"a/..": {}}}`:       `is not the name of an index`,
		`{"dumpversion": "2", "indexes": {"a/b": {"files": [`: "line 1: the JSON ends early",
		`{"dumpversion": "2", "indexes": {}}`:                 "it has no index",
	} {
		_, err := devpi.Open(t.Context(), export(t, text), devpi.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.50q: %v, want %s", text, err, want)
		}
	}
	if _, err := devpi.Open(t.Context(), t.TempDir(), devpi.Options{}); !fault.Is(err, fault.NotFound) ||
		!strings.Contains(err.Error(), "devpi-export writes it") {
		t.Errorf("a folder without dataindex.json: %v", err)
	}
}

func TestMatchSelectsProjects(t *testing.T) {
	s := open(t, export(t, whole, wholePaths...), "alice/prod")
	count := 0
	for p, err := range s.Projects(t.Context(), func(n packaging.ProjectName) bool { return n.String() == "acme" }) {
		if err != nil || p.Name.String() != "acme" {
			t.Error(p.Name, err)
		}
		count++
	}
	if count != 1 {
		t.Errorf("%d projects", count)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Projects(ctx, nil) {
		if err == nil {
			t.Error("an interrupted source goes on")
		}
	}
}

// TestMemoryOfALargeExport: long descriptions take no memory, and a file takes less than two kilobytes.
func TestMemoryOfALargeExport(t *testing.T) {
	const files = 5000
	var b strings.Builder
	b.WriteString(
		`{"dumpversion": "2", "users": {}, "indexes": {"a/b": {"indexconfig": {"type": "stage"}, "projects": {"foo": {`,
	)
	description := strings.Repeat("long ", 1000)
	for i := range files {
		if i > 0 {
			b.WriteString(",")
		}
		n, _ := json.Marshal(i)
		b.WriteString(`"1.` + string(n) + `": {"name": "foo", "description": "` + description + `"}`)
	}
	b.WriteString(`}}, "files": [`)
	for i := range files {
		if i > 0 {
			b.WriteString(",")
		}
		n, _ := json.Marshal(i)
		b.WriteString(`{"type": "releasefile", "projectname": "foo", "version": "1.` + string(n) +
			`", "relpath": "a/b/foo/1.` +
			string(n) + `/foo-1.` + string(n) + `.tar.gz", "entrymapping": {"hashes": {"sha256": "` + digestA + `"}}}`)
	}
	b.WriteString(`]}}}`)
	dir := export(t, b.String())
	b.Reset()
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	s := open(t, dir, "")
	if kept := int64(used()) - int64(before); kept > files*2000 {
		t.Errorf("%d files keep %d bytes", files, kept)
	}
	if n := len(projects(t, s)["foo"].Files); n != files {
		t.Errorf("%d files", n)
	}
}

// FuzzOpen: whatever an export says, no path leaves its folder, and texts are short and clean.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(whole))
	f.Add(
		[]byte(
			`{"dumpversion": 1, "indexes": {"a/b": {"files": [{"type": "releasefile", "projectname": "f", "relpath": "../x"}]}}}`,
		),
	)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			t.Skip()
		}
		write(t, dir, "dataindex.json", string(b))
		start := time.Now()
		for _, index := range []string{"", "a/b", "alice/prod"} {
			s, err := devpi.Open(context.Background(), dir, devpi.Options{Index: index})
			if err != nil {
				if len(err.Error()) > 12_000 || strings.ContainsAny(err.Error(), "\r\n\x00") {
					t.Fatalf("unfit error %q", err)
				}
				continue
			}
			for p, err := range s.Projects(context.Background(), nil) {
				if err != nil || p.Name.IsZero() || len(p.Display) > 1000 {
					t.Fatalf("project %+v, %v", p, err)
				}
				for _, file := range p.Files {
					if in, err := s.Open(context.Background(), file); err == nil && file.Place != "dataindex.json" {
						_ = in.Close()
						t.Fatalf("%q was opened", file.Place)
					}
					if len(file.Filename) > 1000 || strings.ContainsAny(file.Uploader+file.Version, "\n\x00") {
						t.Fatalf("file %+v", file)
					}
				}
			}
			if text := notes(s); len(text) > 100*len(b)+10_000 {
				t.Fatalf("%d bytes of notes for %d bytes", len(text), len(b))
			}
			_ = s.Close()
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("%d bytes take %v", len(b), d)
		}
	})
}
