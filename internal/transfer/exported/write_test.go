package exported_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/transfer/exported"
)

// TestWriteHasEverything: an export has the header, the rows, the content with its metadata, and pages for installers.
func TestWriteHasEverything(t *testing.T) {
	w := newWorld(t)
	f := w.upload("main", "acme-tools", wheel("acme-tools", "1.0+local.1", "one", "Requires-Python: >=3.8"))
	gone := w.upload("main", "acme-tools", wheel("acme-tools", "0.9", "bad"))
	w.must(w.index.DeleteFile(w.ctx, w.boss, "main", name("acme-tools"), gone.Filename))
	w.must(w.index.YankFile(w.ctx, w.boss, "main", name("acme-tools"), f.Filename, `it is "bad" <b>`))
	done := w.export()
	if h := done.Header; h.Format != exported.Format || h.FinishedAt.IsZero() || len(h.Repositories) != 1 ||
		h.Repositories[0].Projects != 1 || h.Repositories[0].Files != 1 || h.Repositories[0].Bytes != f.Size {
		t.Errorf("the header is %+v", h)
	}
	tree := w.tree(w.dir)
	content := "main/packages/acme-tools/" + f.Filename
	for path, sum := range map[string]string{content: f.SHA256, content + ".metadata": f.MetadataSHA256} {
		got := sha256.Sum256([]byte(tree[path]))
		if hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s has %d bytes of another digest", path, len(tree[path]))
		}
	}
	if sums := lines(tree["main/packages/acme-tools/SHA256SUMS"]); len(sums) != 2 || sums[0] != f.SHA256+"  "+f.Filename {
		t.Errorf("SHA256SUMS is %q", sums)
	}
	var p exported.Project
	w.must(json.Unmarshal([]byte(tree["main/projects/acme-tools.json"]), &p))
	if len(p.Tombstones) != 1 || p.Tombstones[0].Filename != gone.Filename {
		t.Errorf("the tombstones are %+v, want that of %s", p.Tombstones, gone.Filename)
	}
	if len(p.Files) != 1 || !p.Files[0].Yanked || p.Files[0].YankedReason != `it is "bad" <b>` ||
		!p.Files[0].UploadedAt.Equal(f.UploadedAt) || p.Files[0].TimeTrust != "stated" ||
		p.Files[0].Uploader.Name != "boss" ||
		p.Files[0].Hashes.Blake2b256 != f.Blake2b256 || p.Files[0].RequiresPython != ">=3.8" {
		t.Errorf("the file is %+v", p.Files)
	}
	page := tree["main/simple/acme-tools/index.html"]
	for _, want := range []string{
		`href="../../packages/acme-tools/acme_tools-1.0%2Blocal.1-py3-none-any.whl#sha256=` + f.SHA256 + `"`,
		`data-requires-python="&gt;=3.8"`, `data-core-metadata="sha256=` + f.MetadataSHA256 + `"`,
		`data-yanked="it is &#34;bad&#34; &lt;b&gt;"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	if !strings.Contains(tree["main/simple/acme-tools/index.json"], `"upload-time":"2026-03-01T12:`) {
		t.Errorf("the JSON page has no time: %s", tree["main/simple/acme-tools/index.json"])
	}
	if !strings.Contains(tree["main/simple/index.html"], `<a href="acme-tools/">`) {
		t.Errorf("the list lacks the project: %s", tree["main/simple/index.html"])
	}
	if !strings.Contains(tree["names.jsonl"], `{"name":"acme-tools","origin":"own"`) {
		t.Errorf("the names are %s", tree["names.jsonl"])
	}
}

// TestWriteHidesQuarantined: files and projects in quarantine are exported with the mark, and no page offers them.
func TestWriteHidesQuarantined(t *testing.T) {
	w := newWorld(t)
	bad := w.upload("main", "acme", wheel("acme", "1.0", "bad"))
	w.upload("main", "acme", wheel("acme", "1.1", "good"))
	w.upload("main", "evil", wheel("evil", "1.0", "bad"))
	w.must(w.index.QuarantineFile(w.ctx, w.boss, "main", name("acme"), bad.Filename, "malware"))
	w.must(w.index.SetStatus(w.ctx, w.boss, "main", name("evil"), catalog.Quarantined, "malware"))
	w.export()
	tree := w.tree(w.dir)
	for _, path := range []string{"main/simple/acme/index.html", "main/simple/acme/index.json"} {
		if page := tree[path]; strings.Contains(page, bad.Filename) || !strings.Contains(page, "acme-1.1") {
			t.Errorf("%s is %s", path, page)
		}
	}
	if page := tree["main/simple/evil/index.json"]; strings.Contains(page, "evil-1.0") || strings.Contains(page, `"1.0"`) {
		t.Errorf("the page of a quarantined project is %s", page)
	}
	var p exported.Project
	w.must(json.Unmarshal([]byte(tree["main/projects/acme.json"]), &p))
	if i := slices.IndexFunc(p.Files, func(f exported.File) bool { return f.Filename == bad.Filename }); i < 0 ||
		p.Files[i].QuarantineReason != "malware" || p.Files[i].QuarantinedAt.IsZero() {
		t.Errorf("the files are %+v", p.Files)
	}
	if tree["main/packages/acme/"+bad.Filename] == "" {
		t.Error("the content of a file in quarantine is not in the export")
	}
}

// TestWriteHidesDenied: files that an administrator denied are exported as in quarantine, and no page offers them.
func TestWriteHidesDenied(t *testing.T) {
	w := newWorld(t)
	bad := w.upload("main", "acme", wheel("acme", "1.0", "bad"))
	w.upload("main", "acme", wheel("acme", "1.1", "good"))
	same := w.upload("main", "other", wheel("other", "1.0", "bad"))
	w.upload("main", "evil", wheel("evil", "1.0", "bad"))
	pinned := w.upload("main", "pinned", wheel("pinned", "1.0", "bad"))
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	w.must(w.db.Holds().Update(w.ctx, func(tx holds.Tx) error {
		for i, r := range []holds.Ruling{
			{Kind: holds.KindDenial, Project: "acme", Version: "1"},
			{Kind: holds.KindDenial, SHA256: same.SHA256},
			{Kind: holds.KindDenial, Project: "evil"},
			{Kind: holds.KindPin, Project: "pinned", Filename: pinned.Filename, SHA256: bad.SHA256},
		} {
			r.ID, r.Reason, r.Since, r.By = fmt.Sprint(i), "it steals tokens", now, audit.Actor{Kind: "system"}
			if err := tx.InsertFileRuling(w.ctx, r); err != nil {
				return err
			}
		}
		return nil
	}))
	w.export()
	tree := w.tree(w.dir)
	for project, denied := range map[string]string{
		"acme": bad.Filename, "other": same.Filename, "evil": "evil-1.0", "pinned": pinned.Filename,
	} {
		for _, page := range []string{"index.html", "index.json"} {
			if text := tree["main/simple/"+project+"/"+page]; strings.Contains(text, denied) || text == "" {
				t.Errorf("the page of %s is %s", project, text)
			}
		}
		var p exported.Project
		w.must(json.Unmarshal([]byte(tree["main/projects/"+project+".json"]), &p))
		if f := p.Files[0]; !strings.HasPrefix(f.QuarantineReason, "denied: ") || !f.QuarantinedAt.Equal(now) {
			t.Errorf("the file of %s is %+v", project, f)
		}
	}
	if page := tree["main/simple/acme/index.json"]; !strings.Contains(page, "acme-1.1") {
		t.Errorf("the page of a project with another version is %s", page)
	}
}

// TestWriteIsIncremental: a second export writes nothing that did not change, and removes what is gone.
func TestWriteIsIncremental(t *testing.T) {
	w := newWorld(t)
	for _, project := range []string{"a", "b", "c"} {
		w.upload("main", project, wheel(project, "1.0", project))
	}
	w.must(w.index.AddRepository(w.ctx, w.boss, catalog.NewRepository{Name: "team"}))
	w.export()
	before := w.modified()
	if done := w.export(); done.Written != 0 || done.Present != 6 || done.Removed != 0 {
		t.Errorf("an export of the same content did %+v", done)
	}
	for path, at := range w.modified() {
		if !at.Equal(before[path]) {
			t.Errorf("%s was written again", path)
		}
	}
	f := w.upload("main", "a", wheel("a", "1.1", "more"))
	w.must(w.index.DeleteProject(w.ctx, w.boss, "main", name("b")))
	w.must(w.index.RemoveRepository(w.ctx, w.boss, "team"))
	if done := w.export(); done.Written != 2 || done.Removed != 2 {
		t.Errorf("an export of one new file, without a project and a repository, did %+v", done)
	}
	tree := w.tree(w.dir)
	for path := range tree {
		if strings.Contains(path, "/b/") || strings.Contains(path, "b.json") || strings.HasPrefix(path, "team") {
			t.Errorf("%s is left over", path)
		}
	}
	if tree["main/packages/a/"+f.Filename] == "" || !strings.Contains(tree["main/simple/a/index.html"], f.Filename) {
		t.Error("the new file is missing")
	}
	var about exported.Repository
	w.must(json.Unmarshal([]byte(tree["main/repository.json"]), &about))
	if len(about.Deleted) != 1 || about.Deleted[0].Name != "b" || len(about.Tombstones) != 1 {
		t.Errorf("the deleted project is %+v, with the names of files %+v", about.Deleted, about.Tombstones)
	}
}

// TestWriteContinues: an interrupted export has no header, and the next one continues it and reads what is there.
func TestWriteContinues(t *testing.T) {
	w := newWorld(t)
	for _, project := range []string{"a", "b", "c", "d", "e", "f"} {
		w.upload("main", project, wheel(project, "1.0", project))
	}
	broken := errors.New("the network is gone")
	_, err := exported.Write(w.ctx, w.db.Exports(), &failing{w.index.Custody, 5, broken}, w.boss, w.options())
	if !errors.Is(err, broken) {
		t.Fatalf("Write() = %v, want %v", err, broken)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "index-export.json")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("an unfinished export has a header")
	}
	// The same size, but other bytes: what an interrupted export wrote is read again.
	paths, err := filepath.Glob(filepath.Join(w.dir, "main/packages/*/*.whl"))
	w.must(err)
	if len(paths) == 0 {
		t.Fatal("nothing was written")
	}
	b, err := os.ReadFile(paths[0])
	w.must(err)
	b[len(b)/2] ^= 1
	w.must(os.WriteFile(paths[0], b, 0o644))
	done := w.export()
	if done.Present == 0 || done.Written+done.Present != 12 {
		t.Errorf("the second export did %+v", done)
	}
	other := newWorld(t)
	other.dir = w.dir + "-again"
	w.dir = other.dir
	w.export()
	other.same("an export that was continued", w.tree(strings.TrimSuffix(w.dir, "-again")), w.tree(w.dir))
}

// TestWriteWithMissingContent: a damaged index can be left too; the header names what is missing.
func TestWriteWithMissingContent(t *testing.T) {
	w := newWorld(t)
	f := w.upload("main", "a", wheel("a", "1.0", "a"))
	w.upload("main", "a", wheel("a", "1.1", "b"))
	w.must(w.blobs.Delete(w.ctx, f.Key()))
	done := w.export()
	if !slices.Equal(done.Header.Missing, []string{"main/" + f.Filename}) {
		t.Errorf("missing are %q", done.Header.Missing)
	}
	if page := w.tree(w.dir)["main/simple/a/index.html"]; strings.Contains(page, f.Filename) ||
		!strings.Contains(page, "a-1.1") {
		t.Errorf("the page is %s", page)
	}
}

// TestWriteRefuses: only an administrator exports, and only into a folder of the same export. A refusal writes nothing.
func TestWriteRefuses(t *testing.T) {
	w := newWorld(t)
	w.upload("main", "a", wheel("a", "1.0", "a"))
	write := func(who access.Caller, change func(*exported.Options)) error {
		o := w.options()
		change(&o)
		_, err := exported.Write(w.ctx, w.db.Exports(), w.index.Custody, who, o)
		return err
	}
	nothing := func(*exported.Options) {}
	want := func(what string, err error, kind fault.Kind) {
		t.Helper()
		if !fault.Is(err, kind) {
			t.Errorf("%s: %v, want %v", what, err, kind)
		}
	}
	want("anonymous", write(access.Caller{}, nothing), fault.Denied)
	want("a user", write(access.Guest(true), nothing), fault.Denied)
	if _, err := os.Stat(w.dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("a refused export made a folder")
	}
	want("a bad pattern", write(w.boss, func(o *exported.Options) { o.Selection.Project = "a[" }), fault.Invalid)
	want("an unknown repository", write(w.boss, func(o *exported.Options) {
		o.Dir += "-of-nothing"
		o.Selection.Repositories = []string{"nothing"}
	}), fault.NotFound)
	full := t.TempDir()
	w.must(os.WriteFile(filepath.Join(full, "thesis.txt"), []byte("mine"), 0o600))
	want("a folder with something else", write(w.boss, func(o *exported.Options) { o.Dir = full }), fault.Conflict)
	if entries, _ := os.ReadDir(full); len(entries) != 1 {
		t.Errorf("the folder has %v now", entries)
	}
	w.export()
	before := w.tree(w.dir)
	want("another index", write(w.boss, func(o *exported.Options) { o.Instance = "elsewhere" }), fault.Conflict)
	want("another selection", write(w.boss, func(o *exported.Options) { o.Selection.Project = "b*" }), fault.Conflict)
	w.must(os.WriteFile(filepath.Join(w.dir, "index-export.json"), []byte(`{"format": 99}`), 0o600))
	want("a newer format", write(w.boss, nothing), fault.Conflict)
	w.same("after refusals", w.tree(w.dir), before)
}

// TestWriteSelects: a pattern selects projects, with what belongs to them.
func TestWriteSelects(t *testing.T) {
	w := newWorld(t)
	w.upload("main", "acme-a", wheel("acme-a", "1.0", "a"))
	w.upload("main", "other", wheel("other", "1.0", "b"))
	w.upload("main", "other-gone", wheel("other-gone", "1.0", "c"))
	w.must(w.index.DeleteProject(w.ctx, w.boss, "main", name("other-gone")))
	o := w.options()
	o.Selection.Project = "acme-*"
	_, err := exported.Write(w.ctx, w.db.Exports(), w.index.Custody, w.boss, o)
	w.must(err)
	for path, content := range w.tree(w.dir) {
		if strings.Contains(path+content, "other") {
			t.Errorf("%s is about a project that was not selected:\n%s", path, content)
		}
	}
}

// TestWriteHoldsALease: while an export runs, a lease holds back deletions; afterwards it does not.
func TestWriteHoldsALease(t *testing.T) {
	w := newWorld(t)
	w.upload("main", "a", wheel("a", "1.0", "a"))
	looked := false
	c := looking{w.index.Custody, func() {
		looked = true
		if n := w.leases(); n != 1 {
			t.Errorf("%d leases are held while content is copied", n)
		}
	}}
	_, err := exported.Write(w.ctx, w.db.Exports(), c, w.boss, w.options())
	w.must(err)
	if n := w.leases(); n != 0 || !looked {
		t.Errorf("%d leases are held after the export", n)
	}
}

type looking struct {
	*custody.Keeper
	look func()
}

func (l looking) Find(ctx context.Context, s custody.Stored) (custody.Blob, int64, error) {
	l.look()
	return l.Keeper.Find(ctx, s)
}

// TestWriteIsRecorded: the audit log says who took everything away, and who tried.
func TestWriteIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.export()
	exported.Write(w.ctx, w.db.Exports(), w.index.Custody, access.Guest(true), w.options())
	var outcomes []audit.Outcome
	for _, e := range w.recorded("export.start") {
		outcomes = append(outcomes, e.Outcome)
	}
	if !slices.Equal(outcomes, []audit.Outcome{audit.Granted, audit.Refused}) {
		t.Errorf("the audit log has the outcomes %v", outcomes)
	}
}
