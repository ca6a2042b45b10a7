package exported_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/catalog"
	"pyindex/internal/clienttest"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/exported"
)

// importFrom imports a folder into the repository main.
func (w *world) importFrom(dir string) *transfer.Summary {
	w.Helper()
	s, err := exported.OpenSource(dir, uuid.NewString)
	w.must(err)
	defer s.Close()
	m := &transfer.Importer{
		Store: w.db.Transfer(), Index: w.index.Index, Intake: w.index.Intake, Who: w.boss, Now: w.clock,
	}
	_, sum, err := m.Run(w.ctx, s, transfer.Options{Repository: "main", Legacy: true, Startup: true})
	w.must(err)
	if sum.Refused+sum.Conflicts+sum.Failed > 0 {
		w.Fatalf("the import refused %+v, conflicts %+v, failed %+v", sum.RefusedList, sum.ConflictIn, sum.FailedList)
	}
	return sum
}

// random makes a catalog with all kinds of states.
type random struct {
	*world
	*rand.Rand
}

func (r *random) chance(n int) bool { return r.IntN(n) == 0 }

func (r *random) text() string {
	return []string{"", "because", `"quoted" <b>&amp;`, "zwei Zeilen\nund ä €", "it's broken; see C:\\x"}[r.IntN(5)]
}

func (r *random) fill() {
	for i := range 2 + r.IntN(6) {
		project := []string{"acme", "acme-tools", "Zope.Interface", "x", "l1b_0"}[r.IntN(5)] + fmt.Sprintf("-%d", i)
		r.project(project)
	}
	if r.chance(2) {
		_, err := r.index.Reserve(r.ctx, r.boss,
			catalog.NewReservation{Repository: "main", Pattern: "reserved-*", Reason: "later"})
		r.must(err)
	}
	if r.chance(2) {
		r.must(r.index.SetOrigin(r.ctx, r.boss, catalog.NewRuling{
			Repository: "main", Name: name("ruled"),
			Origin: []catalog.Origin{catalog.Own, catalog.Foreign, catalog.Both}[r.IntN(3)],
			Reason: "decided",
		}))
	}
}

func (r *random) project(project string) {
	n := name(project)
	var files []catalog.File
	for v := range 1 + r.IntN(4) {
		version := fmt.Sprintf("%d.%d", v, r.IntN(3)) + []string{"", "rc1", "+local.1", ".post2"}[r.IntN(4)]
		extra := []string{
			"Summary: " + strings.ReplaceAll(r.text(), "\n", " "), "Requires-Python: >=3." + fmt.Sprint(r.IntN(12)),
		}
		if r.chance(3) {
			extra = append(extra, "Requires-Dist: other>=1")
		}
		content := fmt.Sprint(project, version, r.Uint64())
		if !r.chance(4) {
			files = append(files, r.upload("main", project, packagingtest.Wheel(project, version, content, extra...)))
		}
		if r.chance(2) {
			files = append(files, r.upload("main", project, packagingtest.SDist(project, version, content, extra...)))
		}
	}
	for _, f := range files {
		r.change(n.String(), f)
	}
	if len(files) == 0 {
		return
	}
	switch r.IntN(8) {
	case 0:
		r.must(r.index.SetStatus(r.ctx, r.boss, "main", n, catalog.Archived, r.text()))
	case 1:
		r.must(r.index.SetStatus(r.ctx, r.boss, "main", n, catalog.Deprecated, r.text()))
	case 2:
		r.must(r.index.SetStatus(r.ctx, r.boss, "main", n, catalog.Quarantined, "bad"))
	case 3:
		r.must(r.index.DeleteProject(r.ctx, r.boss, "main", n))
		if r.chance(2) {
			r.upload("main", project, packagingtest.Wheel(project, "77.0", "again"))
		}
		return
	}
	if r.chance(3) {
		r.must(r.index.SetTrustedOnly(r.ctx, r.boss, "main", n, true))
	}
	if r.chance(3) {
		r.must(r.index.SetLimits(r.ctx, r.boss, "main", n, catalog.Limits{FileSize: 1 << 20, ProjectSize: 1 << 30}))
	}
}

// change gives a file some state.
func (r *random) change(project string, f catalog.File) {
	n := name(project)
	switch r.IntN(8) {
	case 0, 1:
		r.must(r.index.YankFile(r.ctx, r.boss, "main", n, f.Filename, r.text()))
	case 2:
		r.must(r.index.QuarantineFile(r.ctx, r.boss, "main", n, f.Filename, r.text()))
	case 3:
		r.must(r.index.DeleteFile(r.ctx, r.boss, "main", n, f.Filename))
		return
	}
	if r.chance(3) {
		r.must(r.db.Catalog().Update(r.ctx, func(tx catalog.Tx) error {
			return tx.(ingest.Tx).InsertAttestation(r.ctx, f.ID, catalog.Attestation{
				Predicate: "https://docs.example/publish/v1", Document: `{"version": 1, "envelope":  {"x": "ä"}}`,
			})
		}))
	}
	if r.chance(2) {
		r.must(r.db.Catalog().Update(r.ctx, func(tx catalog.Tx) error {
			day := time.Date(2026, 2, 1+r.IntN(20), 0, 0, 0, 0, time.UTC)
			return tx.AddDownloads(r.ctx, day, f.ProjectID, f.Version, 1+r.Int64N(1000))
		}))
	}
	if r.chance(3) { // as if a trusted publisher had uploaded it
		r.raw(
			`UPDATE files SET uploader_kind = 'publisher', uploader_name = 'acme/app', comment = 'a comment' WHERE id = '` +
				f.ID + `'`,
		)
		r.raw(`INSERT INTO file_claims (file_id, claims) VALUES ('` + f.ID +
			`', '{"n":12345678901234567890,"ref":"refs/tags/v1"}')`)
	}
}

// raw runs a statement.
func (w *world) raw(q string) {
	w.Helper()
	raw, err := sql.Open("sqlite", w.db.Path())
	w.must(err)
	defer raw.Close()
	_, err = raw.Exec(q)
	w.must(err)
}

// TestExportAgain: random catalogs are exported, imported into an empty index and exported again; both exports are
// equal byte for byte, except for the header. A third one, of another import, is too: nothing wears off.
func TestExportAgain(t *testing.T) {
	for seed := range uint64(clienttest.Rounds(t, 12, 300)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := &random{world: newWorld(t), Rand: rand.New(rand.NewPCG(seed, 2026))}
			r.fill()
			r.export()
			want := r.tree(r.dir)
			from := r.dir
			for i := range 2 {
				w := newWorld(t)
				w.now = r.now.AddDate(0, 0, 1+i)
				w.importFrom(from)
				w.export()
				w.same(fmt.Sprintf("export %d", i+2), w.tree(w.dir), want)
				from = w.dir
			}
		})
	}
}

// TestImportIsNobodysUpload: an imported file has no uploader of this index, whatever the export says, and no rights.
func TestImportIsNobodysUpload(t *testing.T) {
	r := &random{world: newWorld(t), Rand: rand.New(rand.NewPCG(1, 1))}
	f := r.upload("main", "acme", packagingtest.Wheel("acme", "1.0", "x"))
	r.raw(
		`UPDATE files SET uploader_kind = 'user', uploader_id = 'u-1', uploader_name = 'alice', uploader_token_id = 't-1'`,
	)
	r.export()
	for path, content := range r.tree(r.dir) {
		if strings.Contains(content, "u-1") || strings.Contains(content, "t-1") {
			t.Errorf("%s has the id of an account or a token", path)
		}
	}
	w := newWorld(t)
	w.now = r.now.AddDate(0, 0, 1)
	w.importFrom(r.dir)
	w.must(w.db.Catalog().View(w.ctx, func(tx catalog.Tx) error {
		main, err := tx.RepositoryByName(w.ctx, "main")
		w.must(err)
		got, err := tx.FileByName(w.ctx, main.ID, f.Filename)
		w.must(err)
		if got.Uploader.Kind != catalog.UploaderImport || got.Uploader.ID != "" || got.Uploader.TokenID != "" ||
			got.Uploader.Claims != nil {
			t.Errorf("the uploader is %+v", got.Uploader)
		}
		if !got.UploadedAt.Equal(f.UploadedAt) {
			t.Errorf("the time is %s, want %s", got.UploadedAt, f.UploadedAt)
		}
		return nil
	}))
}

// TestSourceRefuses: a folder that is no finished export, or leads out of itself, yields nothing.
func TestSourceRefuses(t *testing.T) {
	w := newWorld(t)
	w.upload("main", "acme", packagingtest.Wheel("acme", "1.0", "x"))
	w.export()
	open := func(dir string) error {
		s, err := exported.OpenSource(dir, uuid.NewString)
		if err == nil {
			s.Close()
		}
		return err
	}
	if err := open(w.dir); err != nil {
		t.Fatal(err)
	}
	if err := open(t.TempDir()); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty folder: %v", err)
	}
	header := filepath.Join(w.dir, "index-export.json")
	whole, err := os.ReadFile(header)
	w.must(err)
	for _, text := range []string{
		"", "{", `{"format": 2}`, `{"format": 1, "repositories": [{"name": "../../etc"}]}`,
		`{"format": 1, "repositories": [{"name": "main"}, {"name": "team"}]}`,
		`{"format": 1, "repositories": [{"name": "none"}]}`,
	} {
		w.must(os.WriteFile(header, []byte(text), 0o600))
		if err := open(w.dir); !fault.Is(err, fault.Invalid) {
			t.Errorf("the header %q: %v", text, err)
		}
	}
	w.must(os.WriteFile(header, whole, 0o600))
	secret := filepath.Join(t.TempDir(), "secret")
	w.must(os.WriteFile(secret, []byte("secret"), 0o600))
	w.must(os.Symlink(secret, filepath.Join(w.dir, "main/packages/acme/link.whl")))
	s, err := exported.OpenSource(w.dir, uuid.NewString)
	w.must(err)
	defer s.Close()
	for _, place := range []string{
		"acme/link.whl", "acme/../../projects/acme.json", "../packages/acme/x", "acme", "", "Acme/acme-1.0-py3-none-any.whl",
		"acme/none.whl", "acme/",
	} {
		if f, err := s.Open(context.Background(), transfer.File{Place: place}); err == nil {
			f.Close()
			t.Errorf("Open(%q) = nil", place)
		}
	}
	// The rows of another project under the name of this one are refused.
	var p map[string]any
	path := filepath.Join(w.dir, "main/projects/acme.json")
	b, err := os.ReadFile(path)
	w.must(err)
	w.must(json.Unmarshal(b, &p))
	p["name"] = "other"
	b, _ = json.Marshal(p)
	w.must(os.WriteFile(path, b, 0o600))
	failed := false
	for _, err := range s.Projects(context.Background(), nil) {
		failed = failed || err != nil
	}
	if !failed {
		t.Error("a project with the name of another one was read")
	}
}

// TestHostileExport: decisions and names in an export do not give an upstream a part in names that are own, reserved or
// in use here, and say so. The same decisions about other names are imported.
func TestHostileExport(t *testing.T) {
	there, here := newWorld(t), newWorld(t)
	there.upload("main", "fresh", wheel("fresh", "1.0", "a"))
	there.upload("main", "ours", wheel("ours", "9.0", "evil"))
	for n, o := range map[string]catalog.Origin{
		"fresh": catalog.Both, "ours": catalog.Both, "acme-tool": catalog.Foreign, "stranger": catalog.Foreign,
		"gone": catalog.Both,
	} {
		there.must(there.index.SetOrigin(there.ctx, there.boss, catalog.NewRuling{
			Repository: "main", Name: name(n), Origin: o, Reason: "evil",
		}))
	}
	there.export()
	names := filepath.Join(there.dir, "names.jsonl")
	f, err := os.OpenFile(names, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	here.must(err)
	_, err = f.WriteString(`{"name":"acme-secret","origin":"upstream","upstream":"public","since":"2020-01-01T00:00:00Z"}` + "\n" +
		`{"name":"known","origin":"upstream","upstream":"public","since":"2020-01-01T00:00:00Z"}` + "\n")
	here.must(err)
	here.must(f.Close())

	here.upload("main", "ours", wheel("ours", "1.0", "ours"))
	here.upload("main", "gone", wheel("gone", "1.0", "ours"))
	here.must(here.index.DeleteProject(here.ctx, here.boss, "main", name("gone"))) // the name stays own
	_, err = here.index.Reserve(here.ctx, here.boss,
		catalog.NewReservation{Repository: "main", Pattern: "acme-*", Reason: "ours"})
	here.must(err)
	var told string
	for range 2 {
		told = fmt.Sprint(here.importFrom(there.dir).Notes)
	}
	for _, n := range []string{"ours", "acme-tool", "gone"} {
		if !strings.Contains(told, n+" had the origin") {
			t.Errorf("the import does not tell of %s: %s", n, told)
		}
	}
	here.must(here.db.Transfer().View(here.ctx, func(tx transfer.Tx) error {
		r, err := tx.RepositoryByName(here.ctx, "main")
		here.must(err)
		for n, want := range map[string]catalog.Origin{
			"fresh": catalog.Both, "stranger": catalog.Foreign, "ours": "", "acme-tool": "", "gone": "",
		} {
			if d, err := tx.RulingOf(here.ctx, r.ID, name(n)); d.Origin != want || err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("the decision about %s is %q (%v), want %q", n, d.Origin, err, want)
			}
		}
		for n, want := range map[string]catalog.Origin{"acme-secret": "", "known": catalog.Foreign, "ours": catalog.Own} {
			if got, err := tx.NameOf(here.ctx, name(n)); got.Origin != want || err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("the name %s is %q (%v), want %q", n, got.Origin, err, want)
			}
		}
		return nil
	}))
}

// edit changes the rows of a project in the export.
func (w *world) edit(project string, change func(map[string]any)) {
	w.Helper()
	path := filepath.Join(w.dir, "main/projects", project+".json")
	b, err := os.ReadFile(path)
	w.must(err)
	var p map[string]any
	w.must(json.Unmarshal(b, &p))
	change(p)
	b, err = json.Marshal(p)
	w.must(err)
	w.must(os.WriteFile(path, b, 0o600))
}

// TestMetadataComesFromTheArchive: an import serves the metadata that it read in the archive, whatever the export says
// of it, and trusts no time more than one that another index stated.
func TestMetadataComesFromTheArchive(t *testing.T) {
	there := newWorld(t)
	names := map[string]map[string]any{
		"acme-1.0-py3-none-any.whl": {"time_trust": "certified"},
		"acme-2.0-py3-none-any.whl": {"uploaded_at": "2126-01-01T00:00:00Z", "time_trust": "stated"},
		"acme-3.0-py3-none-any.whl": {"time_trust": "latest"},
		"acme-4.0-py3-none-any.whl": {},
	}
	for _, v := range []string{"1.0", "2.0", "3.0", "4.0"} {
		there.upload("main", "acme", packagingtest.Wheel("acme", v, "x"+v, "Summary: true", "Requires-Dist: other>=1"))
	}
	there.export()
	there.edit("acme", func(p map[string]any) {
		for _, f := range p["files"].([]any) {
			row := f.(map[string]any)
			m := row["metadata"].(map[string]any)
			m["summary"], m["requires_dist"], m["description"] = "evil", []string{"evil"}, "evil"
			row["requires_python"] = ">=99"
			for k, v := range names[row["filename"].(string)] {
				row[k] = v
			}
		}
	})
	here := newWorld(t)
	here.now = there.now.AddDate(0, 0, 1)
	here.importFrom(there.dir)
	here.export()
	for path, text := range here.tree(here.dir) {
		if strings.Contains(text, "evil") || strings.Contains(text, ">=99") {
			t.Errorf("%s has the metadata of the export", path)
		}
	}
	var p exported.Project
	b, err := os.ReadFile(filepath.Join(here.dir, "main/projects/acme.json"))
	here.must(err)
	here.must(json.Unmarshal(b, &p))
	trust := map[string]string{}
	for _, f := range p.Files {
		trust[f.Version] = f.TimeTrust
		if f.UploadedAt.After(here.now) || !strings.Contains(string(f.Metadata), `"true"`) {
			t.Errorf("%s has the time %s and the metadata %s", f.Filename, f.UploadedAt, f.Metadata)
		}
	}
	if want := map[string]string{"1.0": "", "2.0": "", "3.0": "latest", "4.0": "stated"}; !maps.Equal(trust, want) {
		t.Errorf("the trust in the times is %v, want %v", trust, want)
	}
}

// TestOwnNamesAreDecided: a name that only a row of the export makes own is in the plan, and skip leaves it out.
func TestOwnNamesAreDecided(t *testing.T) {
	there, here := newWorld(t), newWorld(t)
	there.upload("main", "acme", wheel("acme", "1.0", "a"))
	there.export()
	there.must(os.WriteFile(filepath.Join(there.dir, "names.jsonl"), []byte(
		`{"name":"skipped","origin":"own"}`+"\n"+`{"name":"kept","origin":"own"}`+"\n"), 0o600))
	s, err := exported.OpenSource(there.dir, uuid.NewString)
	here.must(err)
	defer s.Close()
	m := &transfer.Importer{
		Store: here.db.Transfer(), Index: here.index.Index, Intake: here.index.Intake, Who: here.boss, Now: here.clock,
	}
	p, _, err := m.Run(here.ctx, s, transfer.Options{
		Repository: "main", Names: transfer.Names{{Pattern: "skipped", Origin: transfer.Skip}},
	})
	here.must(err)
	if len(p.Names) != 1 || p.Names[0].Name != "skipped" {
		t.Errorf("the plan lists %+v", p.Names)
	}
	here.must(here.db.Transfer().View(here.ctx, func(tx transfer.Tx) error {
		for n, want := range map[string]catalog.Origin{"skipped": "", "kept": catalog.Own} {
			if got, _ := tx.NameOf(here.ctx, name(n)); got.Origin != want {
				t.Errorf("the name %s is %q, want %q", n, got.Origin, want)
			}
		}
		return nil
	}))
}
