package bandersnatch_test

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
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/bandersnatch"
)

const (
	digestA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	master  = "https://up.example/"
)

func write(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, dir string) *bandersnatch.Source {
	t.Helper()
	s, err := bandersnatch.Open(t.Context(), dir, bandersnatch.Options{Master: master})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
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

func says(t testing.TB, s transfer.Source, want ...string) {
	t.Helper()
	var b strings.Builder
	for _, n := range s.Notes() {
		b.WriteString(n.Kind + ": " + n.Text + "\n")
	}
	for _, w := range want {
		if !strings.Contains(b.String(), w) {
			t.Errorf("the notes lack %q:\n%s", w, &b)
		}
	}
}

// wheel is the path of the file of the pages below.
const wheel = "packages/aa/bb/" + "0123/acme_tools-1.0-py3-none-any.whl"

// jsonPage is a page as bandersnatch 6.8 writes it with json = true, shortened.
func jsonPage(link, more string) string {
	return `{"info": {"name": "Acme.Tools", "description": "x", "package_url": "https://me:hunter2@derived.example/project/acme/"},
	"last_serial": 7, "releases": {"0.9": [], "1.0": [{"filename": "acme_tools-1.0-py3-none-any.whl", "url": "` + link + `",
	"digests": {"sha256": "` + digestA + `", "md5": "` + digestA[:32] + `", "blake2b_256": "` + digestA + `"},
	"upload_time": "2020-01-02T03:04:05", "upload_time_iso_8601": "2020-01-02T03:04:05.678901Z",
	"requires_python": ">=3.8",
	"yanked": true, "yanked_reason": "broken", "core-metadata": {"sha256": "` + digestB + `"}` + more + `}]}, "urls": []}`
}

func want() []transfer.File {
	return []transfer.File{{
		URL:            "https://files.example/" + wheel,
		Place:          wheel,
		Filename:       "acme_tools-1.0-py3-none-any.whl",
		Version:        "1.0",
		Size:           7,
		Hashes:         map[string]string{"sha256": digestA, "md5": digestA[:32]},
		UploadedAt:     time.Date(2020, 1, 2, 3, 4, 5, 678901000, time.UTC),
		TimeTrust:      transfer.Stated,
		Yanked:         true,
		YankedReason:   "broken",
		RequiresPython: ">=3.8",
		MetadataSHA256: digestB,
	}}
}

// TestMirrorByItsJSON: times, yanks and digests are those of the index that is mirrored.
func TestMirrorByItsJSON(t *testing.T) {
	for name, page := range map[string]string{
		"web/json/acme-tools": "", "web/pypi/acme-tools/json": "", "json/acme-tools": "",
	} {
		web := strings.HasPrefix(name, "web/")
		prefix := map[bool]string{true: "web/", false: ""}[web]
		page = jsonPage("https://files.example/"+wheel, "")
		s := open(t, write(t, t.TempDir(), map[string]string{
			name: page, prefix + wheel: "content", prefix + "simple/acme-tools/index.html": "<html></html>",
			prefix + "simple/index.html": "x",
		}))
		got := read(t, s)["acme-tools"]
		if got.Display != "Acme.Tools" {
			t.Errorf("%s: display %q", name, got.Display)
		}
		if diff := cmp.Diff(want(), got.Files); diff != "" {
			t.Errorf("%s: %s", name, diff)
			continue
		}
		in, err := s.Open(t.Context(), got.Files[0])
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(in); err != nil || string(b) != "content" {
			t.Errorf("content %q, %v", b, err)
		}
		_ = in.Close()
	}
}

// TestMirrorByItsSimplePages: a mirror without json has its times in index.v1_json, and else in the times of the files.
func TestMirrorByItsSimplePages(t *testing.T) {
	v1 := `{"meta": {"api-version": "1.1", "_last-serial": "6"}, "name": "acme-tools", "files": [{"filename":
	"acme_tools-1.0-py3-none-any.whl", "hashes": {"sha256": "` + digestA + `"}, "url": "../../` + wheel + `", "size": 7,
	"upload-time": "2020-01-02T03:04:05.678901Z", "yanked": "broken", "requires-python": ">=3.8"}]}`
	html := `<!DOCTYPE html><html><head><title>Links for acme-tools</title></head><a href="../../` + wheel + `#sha256=` +
		digestA + `" data-requires-python="&gt;=3.8" data-yanked="broken">acme_tools-1.0-py3-none-any.whl</a></html>`
	for _, hashed := range []string{"", "a/"} {
		for file, text := range map[string]string{"index.v1_json": v1, "index.html": html} {
			if hashed != "" {
				text = strings.ReplaceAll(text, "../../"+wheel, "../../../"+wheel)
			}
			dir := write(t, t.TempDir(), map[string]string{
				"web/simple/" + hashed + "acme-tools/" + file: text, "web/" + wheel: "content",
			})
			at := time.Date(2020, 1, 2, 3, 4, 5, 678901000, time.UTC)
			if err := os.Chtimes(filepath.Join(dir, "web", wheel), at, at); err != nil {
				t.Fatal(err)
			}
			files := want()
			files[0].URL = "" // the links are relative
			files[0].Hashes = map[string]string{"sha256": digestA}
			files[0].MetadataSHA256 = ""
			if file == "index.html" {
				files[0].TimeTrust = transfer.Guessed
			}
			if diff := cmp.Diff(files, read(t, open(t, dir))["acme-tools"].Files); diff != "" {
				t.Errorf("%s%s: %s", hashed, file, diff)
			}
		}
	}
}

// TestMirrorIsNeverOwn: About names the index that is mirrored, by the flag, the configuration or the pages.
func TestMirrorIsNeverOwn(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{
		"web/json/acme": jsonPage("https://x.example/"+wheel, ""),
		"conf": "[plugins]\nmaster = https://wrong.example\n# c\n[mirror]\n; master = https://old.example\nmaster = https://me:hunter2@conf.example/\n" +
			"directory: /srv\n[other]\nmaster = x\n",
		"bad": "[mirror]\nmaster = nothing\n",
	})
	for _, test := range []struct {
		o    bandersnatch.Options
		want string
	}{
		{bandersnatch.Options{Master: "https://flag.example"}, "https://flag.example"},
		{bandersnatch.Options{Config: filepath.Join(dir, "conf")}, "https://conf.example/"},
		{bandersnatch.Options{}, "https://derived.example/"},
	} {
		s, err := bandersnatch.Open(t.Context(), dir, test.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.About(); got.Upstream != test.want || got.Kind != "bandersnatch" || got.Location != dir {
			t.Errorf("%+v: About() = %+v, want %s", test.o, got, test.want)
		}
		_ = s.Close()
	}
	for _, o := range []bandersnatch.Options{
		{Master: "x"},
		{Master: "https://me:hunter2@flag.example"},
		{Config: filepath.Join(dir, "bad")},
		{Config: filepath.Join(dir, "none")},
	} {
		if _, err := bandersnatch.Open(t.Context(), dir, o); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	bare, err := bandersnatch.Open(t.Context(), write(t, t.TempDir(), map[string]string{"web/json/acme": "{}"}),
		bandersnatch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if got := bare.About().Upstream; got == "" {
		t.Error("a mirror of an unknown index would be taken for own files")
	}
}

// TestFilesThatAreNotThere: a file that is missing or cut is listed as refused.
func TestFilesThatAreNotThere(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"web/json/acme-tools": jsonPage("/"+wheel, "")})
	s := open(t, dir)
	if f := read(t, s)["acme-tools"].Files[0]; !strings.Contains(f.Problem, "the page has it, but") {
		t.Errorf("a missing file: %+v", f)
	}
	says(t, s, "files that the pages have and the folder lacks (1): acme_tools-1.0-py3-none-any.whl")
	write(t, dir, map[string]string{"web/json/acme-tools": jsonPage("/"+wheel, `, "size": 9`), "web/" + wheel: "content"})
	if f := read(t, s)["acme-tools"].Files[0]; !strings.Contains(f.Problem, "7 bytes and should have 9") {
		t.Errorf("a cut file: %+v", f)
	}
}

func TestHostileMirror(t *testing.T) {
	for _, link := range []string{
		"https://x.example/packages/../../secret/acme_tools-1.0-py3-none-any.whl", "/etc/passwd", "", "%zz",
		"https://x.example/packages/%2e%2e/%2e%2e/acme_tools-1.0-py3-none-any.whl", "file:///packages/other-1.0.whl",
	} {
		s := open(t, write(t, t.TempDir(), map[string]string{
			"web/json/acme-tools": jsonPage(link, ""), "secret/acme_tools-1.0-py3-none-any.whl": "x",
		}))
		f := read(t, s)["acme-tools"].Files[0]
		if f.Problem == "" {
			t.Errorf("%s: %+v", link, f)
		}
		if _, err := s.Open(t.Context(), f); err == nil {
			t.Errorf("%s was opened", link)
		}
	}
	s := open(t, write(t, t.TempDir(), map[string]string{
		"web/json/broken": "{\n\"releases\": {\"1\": [", "web/json/good": "{}", "web/json/-": "{}", "web/simple/empty/x": "",
	}))
	if got := read(t, s); len(got) != 1 {
		t.Errorf("projects %v", got)
	}
	says(t, s, "projects whose page cannot be read (1): ", "web/json/broken, line 2: the JSON ends early",
		"projects without a page (1): empty")
	for _, place := range []string{"packages/../json/good", "json/good", "../x", ""} {
		if _, err := s.Open(t.Context(), transfer.File{Place: place}); !fault.Is(err, fault.Invalid) {
			t.Errorf("Open(%q): %v", place, err)
		}
	}
	if _, err := bandersnatch.Open(t.Context(), t.TempDir(), bandersnatch.Options{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty folder: %v", err)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(jsonPage("https://files.example/"+wheel, `, "size": 7`)))
	f.Add(
		[]byte(
			`{"releases": {"1": [{"url": "packages/../x", "filename": "x", "size": -1, "upload_time": "0000-00-00T00:00:00"}]}}`,
		),
	)
	dir := write(f, f.TempDir(), map[string]string{"web/" + wheel: "content", "web/json/acme-tools": "{}"})
	s := open(f, dir)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			t.Skip()
		}
		write(t, dir, map[string]string{"web/json/acme-tools": string(b)})
		start := time.Now()
		for _, p := range read(t, s) {
			for _, file := range p.Files {
				if strings.ContainsAny(file.Filename+file.Version+file.YankedReason+file.Place, "\r\n\x00") {
					t.Fatalf("file %+v", file)
				}
				in, err := s.Open(context.Background(), file)
				if err == nil {
					_ = in.Close()
				}
				if err == nil && file.Place != wheel {
					t.Fatalf("%q was opened", file.Place)
				}
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("%d bytes take %v", len(b), d)
		}
	})
}
