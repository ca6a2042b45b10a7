package catalog_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// TestToleratedUploads: files that the public index serves, with defects that change nothing for an installer or that
// one installer reads, are accepted under the private policy. The sender and the audit log learn the defect.
func TestToleratedUploads(t *testing.T) {
	long := strings.Repeat("x", 513)
	for _, c := range []struct {
		name  string
		file  packagingtest.File
		form  func(*ingest.Upload) // as the client sends it, in addition to name and version
		warn  string
		pypi  string // what PyPI's rules say; "" accepts
		plain bool   // also without a form
	}{
		{
			name: "stray line in an old sdist",
			file: packagingtest.SDist("demo", "1.0", "", "Download-URL: https://x.example/v1", ".tar.gz", "Requires-Dist: six"),
			warn: `after the line ".tar.gz", which is not a field`, plain: true,
		},
		{
			name: "unreadable requirement of an old sdist",
			file: packagingtest.SDist("demo", "1.0", "", "Requires-Dist: six (latest)"),
			form: func(u *ingest.Upload) { u.Form.RequiresDist = []string{"six (latest)"} },
			warn: "pip cannot read 1 of the requirements in PKG-INFO", pypi: "requires_dist: requirement", plain: true,
		},
		{
			name: "field twice in a wheel",
			file: packagingtest.Wheel("demo", "1.0", "", "Requires-Python: >=3.8", "Requires-Python: >=3.8"),
			form: func(u *ingest.Upload) { u.Form.RequiresPython = ">=3.8" },
			warn: "requires-python more than once: with the same value", plain: true,
		},
		{
			name: "legacy requirement of a wheel",
			file: packagingtest.Wheel("demo", "1.0", "", "Requires-Dist: extract-msg (<=0.29.*)"),
			form: func(u *ingest.Upload) { u.Form.RequiresDist = []string{"extract-msg (<=0.29.*)"} },
			warn: "pip does not install this wheel (uv does)", pypi: ".* is allowed only with == and !=", plain: true,
		},
		{
			name: "legacy requirement that the form omits",
			file: packagingtest.Wheel("demo", "1.0", "", "Requires-Dist: extract-msg (<=0.29.*)"),
			warn: "pip does not install this wheel (uv does)", pypi: ".* is allowed only with == and !=",
		},
		{
			name: "module twice in a wheel", file: again(packagingtest.Wheel("demo", "1.0", "x = 1\n"), "demo.py", "x = 1\n"),
			warn: "more than once with the same content", pypi: "two members are named", plain: true,
		},
		{
			name: "long summary",
			file: packagingtest.Wheel("demo", "1.0", "", "Summary: "+long),
			form: func(u *ingest.Upload) { u.Form.Summary = long },
			warn: "at most 512 characters", pypi: "summary: it must have at most 512 characters", plain: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := c.form
			if change == nil {
				change = func(*ingest.Upload) {}
			}
			w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
			got, err := w.upload(w.admin, c.file, change)
			if err != nil || !got.Created || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], c.warn) {
				t.Fatalf("Publish = %v, warnings %q, want %q", err, got.Warnings, c.warn)
			}
			w.recordedWarning(c.warn)
			if c.plain {
				w = newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
				if got, err := w.uploadUnnamed(w.admin, c.file); err != nil || len(got.Warnings) != 1 {
					t.Errorf("Publish without a form = %v, warnings %q", err, got.Warnings)
				}
			}
			strict := newWorld(t, ingest.PyPIPolicy(), catalog.Limits{})
			_, err = strict.upload(strict.admin, c.file, change)
			if c.pypi == "" && err != nil || c.pypi != "" && (!fault.Is(err, fault.Invalid) ||
				!strings.Contains(fault.Message(err), c.pypi)) {
				t.Errorf("Publish under PyPI's policy = %v, want %q", err, c.pypi)
			}
		})
	}
}

// recordedWarning requires that the audit entry of the only upload has the warning.
func (w *world) recordedWarning(want string) {
	w.t.Helper()
	entries := w.recorded("file.add", audit.Granted)
	if len(entries) != 1 {
		w.t.Fatalf("%d uploads are recorded", len(entries))
	}
	b, err := json.Marshal(entries[0])
	if plain := strings.ReplaceAll(string(b), `\"`, `"`); err != nil || !strings.Contains(plain, want) {
		w.t.Errorf("the audit log has %s, %v, want the warning %q", plain, err, want)
	}
}

// again adds another member to a wheel.
func again(f packagingtest.File, name, content string) packagingtest.File {
	r, err := zip.NewReader(bytes.NewReader(f.Bytes), int64(len(f.Bytes)))
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, m := range r.File {
		if err := z.Copy(m); err != nil {
			panic(err)
		}
	}
	i := slices.IndexFunc(r.File, func(m *zip.File) bool { return m.Name == name })
	h := r.File[i].FileHeader
	m, err := z.CreateRaw(&h)
	if err == nil {
		_, err = m.Write([]byte(content))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err)
	}
	f.Bytes = out.Bytes()
	return f
}

// TestUntoleratedUploads: what two readers would read differently, or what no installer reads, stays refused under the
// private policy.
func TestUntoleratedUploads(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	before := w.state()
	for name, c := range map[string]struct {
		file packagingtest.File
		word string
	}{
		"stray line in a wheel": {
			packagingtest.Wheel("demo", "1.0", "", "Download-URL: https://x.example/v1", ".tar.gz", "Requires-Dist: six"),
			".tar.gz",
		},
		"another version after a stray line": {packagingtest.SDist("demo", "1.0", "", "stray", "Version: 1.1"), "stray"},
		"two values of Requires-Python": {
			packagingtest.SDist("demo", "1.0", "", "Requires-Python: >=3", "Requires-Python: >=2"), "more than once",
		},
		"unreadable requirement": {packagingtest.Wheel("demo", "1.0", "", "Requires-Dist: six (latest)"), "six (latest)"},
		"two modules of a name": {
			again(packagingtest.Wheel("demo", "1.0", "x = 1\n"), "demo.py", "x = 2\n"), "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.upload(w.admin, c.file)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), c.word) {
				t.Errorf("Publish = %v, want fault.Invalid with %q", err, c.word)
			}
			if after := w.state(); after != before {
				t.Errorf("the catalog went from\n%s to\n%s", before, after)
			}
		})
	}
}
