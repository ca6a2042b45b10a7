package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/namelog"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/transfertest"
	"pyindex/internal/upstream"
)

// lists are the names on the list of the upstream "public".
type lists map[string]bool

func (l lists) Listed(_ context.Context, name packaging.ProjectName) (string, bool, bool) {
	return "public", l[name.String()], true
}

// world is an index with an importer.
type world struct {
	*assembly.Index
	*transfer.Importer
	t      *testing.T
	db     *db.DB
	folder string // of the stored content
}

func newWorld(t *testing.T, public ...string) *world {
	t.Helper()
	rows, err := db.Open(t.Context(), storagetest.SQLite(t), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	folder := filepath.Join(t.TempDir(), "blobs")
	bytes, err := blobs.Open(t.Context(), "file://"+folder, blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bytes.Close() })
	var policy ingest.Policy
	if public != nil {
		known := lists{}
		for _, name := range public {
			known[name] = true
		}
		policy.Public = known
	}
	w := &world{t: t, db: rows, folder: folder}
	w.Index = assembly.New(rows.Catalog(), bytes, assembly.Options{Policy: policy, Log: slog.New(slog.DiscardHandler)})
	w.Importer = &transfer.Importer{
		Store: rows.Transfer(), Index: w.Index.Index, Intake: w.Index.Intake, Who: access.Operator("test"),
	}
	return w
}

var toMain = transfer.Options{Repository: "main"}

// run imports a source and fails the test if it cannot.
func (w *world) run(s transfer.Source, o transfer.Options) *transfer.Summary {
	w.t.Helper()
	_, sum, err := w.Run(w.t.Context(), s, o)
	if err != nil {
		w.t.Fatalf("Run() = %v", err)
	}
	return sum
}

// row is what the index has of a file.
type row struct {
	Filename, SHA256, At, Yank, Uploader, Trust, By string
	Legacy, Stated                                  bool
}

// rows returns the files of a project by name.
func (w *world) rows(project string) (out []row) {
	w.t.Helper()
	name := nameOf(w.t, project)
	err := w.db.Transfer().View(w.t.Context(), func(tx transfer.Tx) error {
		r, err := tx.RepositoryByName(w.t.Context(), "main")
		if err != nil {
			return err
		}
		p, err := tx.ProjectByName(w.t.Context(), r.ID, name)
		if fault.Is(err, fault.NotFound) {
			return nil
		} else if err != nil {
			return err
		}
		all, err := tx.AllFiles(w.t.Context(), p.ID)
		if err != nil {
			return err
		}
		imported, err := tx.ImportedFiles(w.t.Context(), p.ID)
		for _, f := range all {
			o := imported[f.ID]
			yank := ""
			if f.Yanked {
				yank = "yanked " + f.YankedReason
			}
			at := f.UploadedAt.Format(time.RFC3339Nano)
			if o.ImportID == "" || o.TimeTrust == "" {
				at = ""
			}
			out = append(out, row{
				f.Filename, f.SHA256, at, yank, o.Uploader, o.TimeTrust, f.Uploader.Kind + " " + f.Uploader.Name, o.Legacy,
				o.DigestStated,
			})
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.SortFunc(out, func(a, b row) int { return strings.Compare(a.Filename, b.Filename) })
	return out
}

func nameOf(t *testing.T, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) entries(actions ...string) []audit.Entry {
	w.t.Helper()
	var out []audit.Entry
	err := w.db.Transfer().View(w.t.Context(), func(tx transfer.Tx) (err error) {
		out, err = tx.Entries(w.t.Context(), audit.Filter{Actions: actions, Limit: 100})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// stored returns the number of stored objects.
func (w *world) stored() (n int) {
	w.t.Helper()
	err := filepath.WalkDir(w.folder, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// An import keeps times with their trust, uploaders as text, yanks with their reasons, and the status. It has one
// serial and no entry for each file.
func TestImportKeepsWhatTheSourceStates(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	one, two, three := packagingtest.Wheel("demo", "1.0", "1"), packagingtest.SDist("demo", "1.0", "1"),
		packagingtest.Wheel("demo", "2.0", "2")
	s.Add(one)
	s.Add(two, func(f *transfer.File) {
		f.Yanked, f.YankedReason, f.TimeTrust, f.Uploader = true, "broken", transfer.Guessed, ""
	})
	s.Add(three, func(f *transfer.File) { f.TimeTrust, f.Hashes = transfer.Unknown, nil })
	s.Project("demo").Status, s.Project("demo").StatusReason = "deprecated", "use other"
	s.Project("demo").Downloads, s.Project("demo").CountedAt = 42, transfertest.Uploaded
	before, err := w.db.Catalog().Serial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := w.run(s, toMain)
	if sum.Added != 3 || sum.NewProjects != 1 || sum.Refused+sum.Conflicts+sum.Failed != 0 {
		t.Errorf("summary %+v", sum)
	}
	want := []row{
		{
			one.Name, one.SHA256(), "2021-03-04T05:06:07.000008Z", "", "alice", "stated", "import imported: alice@test", false,
			true,
		},
		{
			two.Name, two.SHA256(), "2021-03-04T06:06:07.000008Z", "yanked broken", "", "guessed", "import imported from test",
			false, true,
		},
		{three.Name, three.SHA256(), "", "", "alice", "", "import imported: alice@test", false, false},
	}
	slices.SortFunc(want, func(a, b row) int { return strings.Compare(a.Filename, b.Filename) })
	if diff := cmp.Diff(want, w.rows("demo")); diff != "" {
		t.Error(diff)
	}
	p, err := w.Index.Project(t.Context(), w.Who, "", nameOf(t, "demo"))
	if err != nil || p.Status != catalog.Deprecated || p.StatusReason != "use other" {
		t.Errorf("project %+v, %v, want it deprecated", p, err)
	}
	if got := p.Serial - before; got != 2 { // the claim of the name, and the project
		t.Errorf("the serial moved by %d, want 2", got)
	}
	if n := len(w.entries("file.add")); n != 0 {
		t.Errorf("%d entries for files, want none", n)
	}
	if n := len(w.entries("import.started", "import.finished")); n != 2 {
		t.Errorf("%d entries for the import, want 2", n)
	}
}

// A plan counts everything and writes nothing at all.
func TestPlanWritesNothing(t *testing.T) {
	w, s := newWorld(t, "requests"), transfertest.New()
	s.Add(packagingtest.Wheel("demo", "1.0", "1"))
	s.Add(packagingtest.Wheel("demo", "1.1", "1"), func(f *transfer.File) { f.TimeTrust = transfer.Guessed })
	s.Add(packagingtest.Wheel("demo", "1.2", "1"), func(f *transfer.File) { f.TimeTrust = transfer.Unknown })
	s.Add(packagingtest.Wheel("requests", "1.0", "1"))
	for _, name := range []string{
		"demo-1.0-py3.7.egg", "demo-1.0.win32.exe", "demo-1.0.linux-x86_64.tar.gz", "demo-2004d.tar.gz", "demo-latest.zip",
	} {
		f := packagingtest.SDist("demo", "1.0", "1")
		f.Name = name
		s.Add(f)
	}
	twice := packagingtest.SDist("demo", "3.0", "1")
	s.Add(twice)
	twice.Name = "Demo-3.0.0.tar.gz"
	s.Add(twice)
	s.Told = []transfer.Note{{Kind: "user", Text: "user bob", Command: "index user add bob"}}
	before := w.snapshot()
	p, err := w.Plan(t.Context(), s, toMain)
	if err != nil {
		t.Fatal(err)
	}
	deep := toMain
	deep.Deep = true
	if _, err := w.Plan(t.Context(), s, deep); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, w.snapshot()); diff != "" {
		t.Errorf("a plan wrote: %s", diff)
	}
	wantBy := map[string]int{"egg": 1, "Windows installer": 1, "binary archive": 1, "version that no tool reads": 2}
	if diff := cmp.Diff(wantBy, p.RefusedBy); diff != "" {
		t.Error(diff)
	}
	got := []int{p.Projects, p.NewProjects, p.Files, p.Add, p.Stated, p.Guessed, p.Unknown, len(p.Clashes), len(p.Names)}
	if diff := cmp.Diff([]int{2, 2, 11, 6, 4, 1, 1, 1, 1}, got); diff != "" {
		t.Error(diff)
	}
	if u := p.Undecided(); len(u) != 1 || u[0].Name != "requests" || u[0].Upstream != "public" {
		t.Errorf("undecided %+v, want requests", u)
	}
	if len(p.Notes) != 1 {
		t.Errorf("notes %+v", p.Notes)
	}
}

// snapshot describes all rows and objects.
func (w *world) snapshot() map[string]any {
	w.t.Helper()
	serial, err := w.db.Catalog().Serial(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	names, err := w.Index.Names(w.t.Context(), w.Who, false)
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := transfer.List(w.t.Context(), w.db.Transfer(), w.Who)
	if err != nil {
		w.t.Fatal(err)
	}
	return map[string]any{
		"serial": serial, "names": len(names), "imports": len(all), "entries": len(w.entries()), "stored": w.stored(),
	}
}

// A second run adds only what is new, carries over what the source changed, and leaves what was changed here.
func TestSecondRunIsADelta(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	for i := range 4 {
		s.Add(packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x"+fmt.Sprint(i)))
	}
	w.run(s, toMain)
	if err := w.Index.YankFile(t.Context(), w.Who, "", nameOf(t, "demo"), "demo-1.1-py3-none-any.whl",
		"bad here"); err != nil {
		t.Fatal(err)
	}
	opened := 0
	s.Opened = func(transfer.File) error { opened++; return nil }
	again := w.run(s, toMain)
	if again.Added != 0 || again.Present != 4 || again.Yanks != 0 || opened != 0 {
		t.Errorf("second run: %+v, %d files opened, want nothing changed", again, opened)
	}
	s.Add(packagingtest.Wheel("demo", "2.0", "new"))
	p := s.Project("demo")
	p.Files[0].Yanked, p.Files[0].YankedReason = true, "bad there"
	p.Status = "archived"
	third := w.run(s, toMain)
	if third.Added != 1 || third.Present != 4 || third.Yanks != 1 || third.Statuses != 1 || opened != 1 {
		t.Errorf("third run: %+v, %d files opened", third, opened)
	}
	p.Files[0].Yanked, p.Files[0].YankedReason = false, ""
	s.Add(packagingtest.Wheel("demo", "2.1", "into an archived project"))
	if fourth := w.run(s, toMain); fourth.Yanks != 1 || fourth.Added != 1 {
		t.Errorf("fourth run: %+v", fourth)
	}
	var yanked []string
	for _, r := range w.rows("demo") {
		if r.Yank != "" {
			yanked = append(yanked, r.Filename+" "+r.Yank)
		}
	}
	if diff := cmp.Diff([]string{"demo-1.1-py3-none-any.whl yanked bad here"}, yanked); diff != "" {
		t.Error(diff)
	}
}

// A file of the same name and other content, of another spelling, or with the name of a deleted file is a conflict, and
// nothing is replaced.
func TestConflictsReplaceNothing(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	here := packagingtest.Wheel("demo", "1.0", "here")
	w.upload(here)
	w.upload(packagingtest.Wheel("demo", "0.9", "gone"))
	w.upload(packagingtest.SDist("demo", "1.0", "here"))
	if err := w.Index.DeleteFile(t.Context(), w.Who, "", nameOf(t, "demo"), "demo-0.9-py3-none-any.whl"); err != nil {
		t.Fatal(err)
	}
	s.Add(packagingtest.Wheel("demo", "1.0", "there"))
	s.Add(packagingtest.Wheel("demo", "0.9", "gone"))
	spelled := packagingtest.SDist("demo", "1.0", "here")
	spelled.Name = "Demo-1.0.tar.gz"
	s.Add(spelled)
	unknown := packagingtest.Wheel("demo", "1.0", "unknown")
	s.Add(unknown, func(f *transfer.File) { f.Hashes, f.Place = nil, "elsewhere" })
	sum := w.run(s, toMain)
	if sum.Conflicts != 4 || sum.Added != 0 || sum.Refused != 0 {
		t.Errorf("summary %+v, want four conflicts", sum)
	}
	if got := w.rows("demo"); len(got) != 2 || got[0].SHA256 != here.SHA256() {
		t.Errorf("rows %+v, want those from before", got)
	}
}

func (w *world) upload(f packagingtest.File) {
	w.t.Helper()
	if err := w.tryUpload(f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tryUpload(f packagingtest.File) error {
	in, err := w.Begin(w.t.Context(), w.Who, "", nameOf(w.t, f.Project))
	if err != nil {
		return err
	}
	defer func() { _ = in.Discard() }()
	if _, err := in.Write(f.Bytes); err != nil {
		return err
	}
	_, err = w.Publish(w.t.Context(), in, ingest.Upload{Filename: f.Name})
	return err
}

// Without a decision about the name of an upstream, nothing starts. Each decision has its effect.
func TestNamesAreDecidedBeforeBytes(t *testing.T) {
	for _, c := range []struct {
		decision string
		added    int
		origin   catalog.Origin
	}{
		{"requests own", 2, catalog.Own},
		{"req* both ==1.*", 1, catalog.Both},
		{"requests adopted", 2, catalog.Adopted},
		{"requests skip", 0, ""},
		{"requests ?", -1, ""},
		{"other own", -1, ""},
	} {
		t.Run(c.decision, func(t *testing.T) {
			w, s := newWorld(t, "requests"), transfertest.New()
			s.Add(packagingtest.Wheel("requests", "1.0", "1"))
			s.Add(packagingtest.Wheel("requests", "2.0", "2"))
			o := toMain
			var err error
			if o.Names, err = transfer.ReadNames(strings.NewReader("# comment\n" + c.decision + "\n")); err != nil {
				t.Fatal(err)
			}
			s.Opened = func(transfer.File) error {
				if facts, err := w.Origin(t.Context(), w.Who, "", nameOf(t, "requests")); err != nil || facts.Origin != c.origin {
					t.Errorf("a file was read while the origin is %q, %v", facts.Origin, err)
				}
				return nil
			}
			_, sum, err := w.Run(t.Context(), s, o)
			if c.added < 0 {
				if !transfer.IsUndecided(err) || sum != nil || w.stored() != 0 || len(w.entries()) != 0 {
					t.Errorf("Run() = %+v, %v, want a refusal that leaves nothing", sum, err)
				}
				return
			}
			if c.origin == catalog.Both { // the versions of the upstream cannot be read here
				if err != nil && !fault.Is(err, fault.Unavailable) {
					t.Errorf("Run() = %v", err)
				}
				return
			}
			if err != nil || sum.Added != c.added {
				t.Errorf("Run() = %+v, %v, want %d files", sum, err, c.added)
			}
			if c.added == 0 && sum.Skipped != 2 {
				t.Errorf("%d files skipped, want 2", sum.Skipped)
			}
		})
	}
}

// A name that an upstream claims between the plan and the start stops the import before the first byte.
func TestUpstreamClaimsANameMeanwhile(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	s.Add(packagingtest.Wheel("demo", "1.0", "1"))
	claims := &claiming{Source: s, after: func() {
		err := w.db.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
			return tx.PutName(t.Context(), catalog.Name{
				Name: nameOf(t, "demo"), Origin: catalog.Foreign, Upstream: "public", Since: time.Now(), Why: catalog.WhyUpstream,
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}}
	_, _, err := w.Run(t.Context(), claims, toMain)
	if !transfer.IsUndecided(err) || !strings.Contains(fault.Message(err), "demo") {
		t.Errorf("Run() = %v, want it undecided", err)
	}
	if w.stored() != 0 || len(w.rows("demo")) != 0 {
		t.Error("something was imported")
	}
}

// claiming calls after when the plan has read the notes of the source, its last step.
type claiming struct {
	*transfertest.Source
	after func()
}

func (c *claiming) Notes() []transfer.Note {
	if c.after != nil {
		c.after()
	}
	c.after = nil
	return nil
}

// Legacy files are refused, or taken and marked, and are no precedent for an upload.
func TestLegacyFiles(t *testing.T) {
	startup := packagingtest.WheelWith("demo", "0.1", "x = 1\n", [][2]string{{"demo.pth", "import demo\n"}},
		"Requires-Dist: six (>=!1)")
	bare := packagingtest.SDistWithout("demo", "0.2")
	for _, accept := range []bool{false, true} {
		w, s := newWorld(t), transfertest.New()
		s.Add(packagingtest.Wheel("demo", "0.0", "y = 0\n"))
		s.Add(startup)
		s.Add(bare)
		o := toMain
		o.Legacy, o.Startup = accept, true
		sum := w.run(s, o)
		if !accept {
			if sum.Added != 1 || sum.Refused != 2 || sum.RefusedBy["sdist without PKG-INFO"] != 1 {
				t.Errorf("summary %+v, want two refusals", sum)
			}
			continue
		}
		if sum.Added != 3 || sum.Legacy != 2 {
			t.Errorf("summary %+v, want two legacy files", sum)
		}
		next := packagingtest.WheelWith("demo", "0.3", "x = 1\n", [][2]string{{"demo.pth", "import demo\n"}})
		if err := w.tryUpload(next); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "no earlier version") {
			t.Errorf("an upload with a start-up file after a legacy one: %v, want a refusal", err)
		}
	}
}

// The files of a mirror never become own files.
func TestMirrorsAreNeverOwn(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	s.Of.Upstream = "https://packages.example/simple/"
	s.Add(packagingtest.Wheel("demo", "1.0", "1"))
	_, _, err := w.Run(t.Context(), s, toMain)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "--origin upstream:NAME") {
		t.Errorf("Run() = %v, want the flag that imports into the cache", err)
	}
	if w.stored() != 0 {
		t.Error("something was stored")
	}
	_ = upstream.Upstream{}
}

// Only an administrator imports, plans and lists.
func TestOnlyAdministratorsImport(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	s.Add(packagingtest.Wheel("demo", "1.0", "1"))
	w.Importer.Who = access.Caller{}
	if _, _, err := w.Run(t.Context(), s, toMain); err == nil {
		t.Error("an anonymous caller imported")
	}
	if _, err := w.Plan(t.Context(), s, toMain); err == nil {
		t.Error("an anonymous caller planned")
	}
	if _, err := transfer.List(t.Context(), w.db.Transfer(), access.Caller{}); !fault.Is(err, fault.Denied) {
		t.Errorf("List() = %v, want denied", err)
	}
	if w.stored() != 0 {
		t.Error("something was stored")
	}
}

// A file that the source does not yield, or whose content is not what it states, fails alone. The next run gets it.
func TestFilesThatCannotBeRead(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	s.Add(packagingtest.Wheel("demo", "1.0", "1"))
	s.Add(packagingtest.Wheel("demo", "1.1", "2"))
	s.Opened = func(f transfer.File) error {
		if f.Version == "1.1" {
			return fault.New(fault.NotFound, "gone")
		}
		return nil
	}
	sum := w.run(s, toMain)
	if sum.Added != 1 || sum.Failed != 1 || sum.Err() == nil {
		t.Errorf("summary %+v, %v, want one failure", sum, sum.Err())
	}
	s.Opened = nil
	if sum := w.run(s, toMain); sum.Added != 1 || sum.Failed != 0 || sum.Present != 1 {
		t.Errorf("second run %+v", sum)
	}
}

// An interrupted import goes on where it was, and has the result of one that was not interrupted.
func TestInterruptedImport(t *testing.T) {
	s := transfertest.New()
	for i := range 12 {
		for k := range 3 {
			s.Add(packagingtest.Wheel(fmt.Sprintf("demo-%02d", i), fmt.Sprintf("1.%d", k), "x"))
		}
	}
	all := func(w *world) (out []row) {
		for i := range 12 {
			out = append(out, w.rows(fmt.Sprintf("demo-%02d", i))...)
		}
		return out
	}
	whole := newWorld(t)
	whole.run(s, toMain)
	w := newWorld(t)
	rounds := 0
	for stop := 5; ; stop += 7 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		s.Opened = func(transfer.File) error {
			if n++; n == stop {
				cancel()
			}
			return nil
		}
		_, _, err := w.Run(ctx, s, toMain)
		cancel()
		for i := range 12 {
			if n := len(w.rows(fmt.Sprintf("demo-%02d", i))); n != 0 && n != 3 {
				t.Fatalf("demo-%02d has %d files after an interruption, want none or all", i, n)
			}
		}
		if rounds++; err == nil {
			break
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if rounds < 2 {
		t.Error("nothing was interrupted")
	}
	if diff := cmp.Diff(all(whole), all(w)); diff != "" {
		t.Error(diff)
	}
}

// Two imports of one source, and uploads of the same files, at once: every file is there once.
func TestImportsAndUploadsAtOnce(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	var all []packagingtest.File
	for i := range 8 {
		for k := range 2 {
			f := packagingtest.Wheel(fmt.Sprintf("demo-%d", i), fmt.Sprintf("1.%d", k), "x"+fmt.Sprint(k))
			all = append(all, f)
			s.Add(f)
		}
	}
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			_, sum, err := w.Run(t.Context(), s, toMain)
			if err != nil || sum.Conflicts+sum.Refused+sum.Failed != 0 {
				t.Errorf("Run() = %+v, %v", sum, err)
			}
		})
	}
	wait.Go(func() {
		for _, f := range all {
			if err := w.tryUpload(f); err != nil {
				t.Errorf("uploading %s: %v", f.Name, err)
			}
		}
	})
	wait.Wait()
	for i := range 8 {
		if n := len(w.rows(fmt.Sprintf("demo-%d", i))); n != 2 {
			t.Errorf("demo-%d has %d files, want 2", i, n)
		}
	}
	if n := len(w.entries("import.started")); n != 2 {
		t.Errorf("%d imports started", n)
	}
	listed, err := transfer.List(t.Context(), w.db.Transfer(), w.Who)
	if err != nil || len(listed) != 1 {
		t.Errorf("%d imports, %v, want both runs to be one", len(listed), err)
	}
}

// Verify finds each difference, and none after an import.
func TestVerify(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	for i := range 6 {
		s.Add(packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x"+fmt.Sprint(i)), func(f *transfer.File) {
			if i == 5 {
				f.Hashes = nil
			}
		})
	}
	egg := packagingtest.SDist("demo", "1.0", "x")
	egg.Name = "demo-1.0-py3.8.egg"
	s.Add(egg)
	if _, err := w.Verify(t.Context(), s, toMain); !fault.Is(err, fault.NotFound) {
		t.Errorf("Verify() before an import = %v, want not found", err)
	}
	w.run(s, toMain)
	v, err := w.Verify(t.Context(), s, toMain)
	if err != nil || v.Count != 0 || v.Same != 6 || v.NotImported != 1 || v.Read != 1 {
		t.Fatalf("Verify() = %+v, %v, want no difference", v, err)
	}
	p := s.Project("demo")
	p.Files[0].Yanked = true
	p.Files[1].Hashes = map[string]string{"sha256": strings.Repeat("0", 64)}
	p.Files[2].RequiresPython = ">=3.99"
	p.Files[3].UploadedAt = p.Files[3].UploadedAt.Add(time.Second)
	p.Files[4].MetadataSHA256 = strings.Repeat("0", 64)
	p.Status = "archived"
	s.Add(packagingtest.Wheel("demo", "9.0", "missing"))
	s.Add(packagingtest.Wheel("other", "1.0", "missing"))
	if v, err = w.Verify(t.Context(), s, toMain); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		transfer.DiffYank: 1, transfer.DiffContent: 1, transfer.DiffPython: 1, transfer.DiffTime: 1, transfer.DiffMetadata: 1,
		transfer.DiffStatus: 1, transfer.DiffMissing: 2,
	}
	if diff := cmp.Diff(want, v.By); diff != "" {
		t.Error(diff)
	}
}

// A file of names that cannot be read is refused with its line.
func TestReadNamesRefuses(t *testing.T) {
	for _, text := range []string{
		"requests", "requests mine", "requests own ==1", "requests both nonsense", "[ own", "-x own",
		strings.Repeat("x", 5000),
	} {
		if n, err := transfer.ReadNames(strings.NewReader("ok own\n" + text)); !fault.Is(err, fault.Invalid) {
			t.Errorf("ReadNames(%.40q) = %v, %v, want invalid", text, n, err)
		}
	}
	n, err := transfer.ReadNames(strings.NewReader("Foo.Bar own # mine\n\nacme-* both >=1,<2\n"))
	if err != nil || len(n) != 2 || n[0].Pattern != "foo-bar" || n[1].Versions != ">=1,<2" {
		t.Errorf("ReadNames() = %+v, %v", n, err)
	}
}

// TestImportWhileRecovered: while an index is in the state recovered, nothing is imported, into a project that exists
// neither: the name of a file that was deleted after the backup would be used again.
func TestImportWhileRecovered(t *testing.T) {
	w := newWorld(t)
	s := transfertest.New()
	s.Add(packagingtest.Wheel("tool", "1.0", "a"))
	w.run(s, toMain)
	state := func(f func(tx namelog.Tx) error) {
		t.Helper()
		if err := w.db.Names().Update(t.Context(), func(tx namelog.Tx) error {
			if _, err := tx.NextSerial(t.Context()); err != nil {
				return err
			}
			return f(tx)
		}); err != nil {
			t.Fatal(err)
		}
	}
	state(func(tx namelog.Tx) error {
		return tx.BeginRecovered(t.Context(), transfertest.Uploaded, "snap", transfertest.Uploaded)
	})
	s.Add(packagingtest.Wheel("tool", "2.0", "b"))
	s.Add(packagingtest.Wheel("new", "1.0", "c"))
	stored := w.stored()
	if _, _, err := w.Run(t.Context(), s, toMain); !errors.Is(err, catalog.ErrRecovered) {
		t.Errorf("Run() = %v, want the state recovered", err)
	}
	if got := w.rows("tool"); len(got) != 1 || len(w.rows("new")) != 0 || w.stored() != stored {
		t.Errorf("the import added %+v, %d objects", got, w.stored()-stored)
	}
	state(func(tx namelog.Tx) error { _, err := tx.EndRecovered(t.Context()); return err })
	if sum := w.run(s, toMain); sum.Added != 2 || sum.Present != 1 {
		t.Errorf("Run(after the end) = %+v", sum)
	}
}

// TestProjectKeepsItsStatus: a project that was here before the import keeps its own status, also when the source
// changes another one, and the plan says so.
func TestProjectKeepsItsStatus(t *testing.T) {
	w, s := newWorld(t), transfertest.New()
	s.Add(packagingtest.Wheel("demo", "1.0", "x"))
	w.run(s, toMain)
	other := transfertest.New()
	other.Of.Location = "elsewhere"
	other.Add(packagingtest.Wheel("demo", "2.0", "y"))
	for i, status := range []string{"archived", "active", "quarantined"} {
		other.Project("demo").Status = status
		p, err := w.Plan(t.Context(), other, toMain)
		if err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(fmt.Sprint(p.Notes), "demo is active here"); told != (status != "active") {
			t.Errorf("the notes of the plan are %+v", p.Notes)
		}
		if sum := w.run(other, toMain); sum.Statuses != 0 || (sum.Added == 1) != (i == 0) {
			t.Errorf("%s: %+v", status, sum)
		}
		if q, err := w.Index.Project(t.Context(), w.Who, "", nameOf(t, "demo")); err != nil || q.Status != catalog.Active {
			t.Errorf("%s: the status is %s (%v)", status, q.Status, err)
		}
	}
}
