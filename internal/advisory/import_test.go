package advisory_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

var ctx = context.Background()

// world is an index with feeds.
type world struct {
	t    *testing.T
	url  string
	rows *db.DB
	now  time.Time
	*advisory.Advisories
	fetcher fetcher
	boss    access.Caller
}

func newWorld(t *testing.T, url string) *world {
	w := &world{
		t: t, url: url, rows: storagetest.OpenDB(t, url, db.Options{}), now: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC),
		boss: access.Operator("boss"),
	}
	w.Advisories = w.process()
	return w
}

// process returns the advisories of another process on the same database.
func (w *world) process() *advisory.Advisories {
	return advisory.New(w.rows.Advisories(), advisory.Options{
		Now: func() time.Time { return w.now }, Fetcher: &w.fetcher, Dir: w.t.TempDir(),
	})
}

// each runs a test on every database.
func each(t *testing.T, f func(w *world)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) { f(newWorld(t, fresh(t))) })
}

// entry returns the text of a record that lists versions of a project.
func entry(id, project string, versions ...string) string {
	return fmt.Sprintf(`{"id":%q,"modified":"2026-01-02T00:00:00Z","summary":"about %s","affected":[{"package":`+
		`{"ecosystem":"PyPI","name":%q},"versions":["%s"]}]}`, id, project, project, strings.Join(versions, `","`))
}

// folder returns a folder with records, each in a file that is named by its id.
func (w *world) folder(all ...string) string {
	dir := w.t.TempDir()
	for i, text := range all {
		name := fmt.Sprintf("x%d", i)
		if _, after, ok := strings.Cut(text, `"id":"`); ok {
			name, _, _ = strings.Cut(after, `"`)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return dir
}

func zipped(t testing.TB, all ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, text := range all {
		f, err := z.Create(fmt.Sprintf("all/x%d.json", i))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, text)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) file(content []byte) string {
	name := filepath.Join(w.t.TempDir(), "feed")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return name
}

// try imports a path into a feed.
func (w *world) try(feed, path string, o advisory.ImportOptions) (advisory.Imported, error) {
	w.t.Helper()
	from, err := advisory.FromPath(path)
	if err != nil {
		return advisory.Imported{}, err
	}
	o.From = "test"
	return w.Import(ctx, w.boss, feed, from, o)
}

func (w *world) load(feed, path string) advisory.Imported {
	w.t.Helper()
	out, err := w.try(feed, path, advisory.ImportOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) stamp() memo.Stamp {
	w.t.Helper()
	at, err := w.rows.Catalog().Stamp(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

// ids returns the ids of the advisories about a version, as a process sees them.
func (w *world) ids(x *advisory.Advisories, project, version string) string {
	w.t.Helper()
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		w.t.Fatal(err)
	}
	about, _, err := x.About(ctx, w.stamp(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	if about == nil {
		return ""
	}
	var out []string
	for _, a := range about.Of(version) {
		id := a.ID
		if a.Malware {
			id += "!"
		}
		out = append(out, id)
	}
	return strings.Join(out, " ")
}

func (w *world) want(project, version, want string) {
	w.t.Helper()
	if got := w.ids(w.Advisories, project, version); got != want {
		w.t.Errorf("the advisories about %s %s are %q, want %q", project, version, got, want)
	}
}

func (w *world) row(feed string) advisory.FeedStatus {
	w.t.Helper()
	all, err := w.Status(ctx, w.boss)
	if err != nil {
		w.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(f advisory.FeedStatus) bool { return f.Name == feed })
	if i < 0 {
		w.t.Fatalf("there is no feed %s", feed)
	}
	return all[i]
}

// stored returns the rows of a feed that are in the database, whether or not they count.
func (w *world) stored(feed string) (out []advisory.Entry) {
	w.t.Helper()
	if err := w.rows.Advisories().View(ctx, func(tx advisory.Tx) (err error) {
		out, err = tx.AdvisoryEntries(ctx, feed, advisory.Entry{}, 1000)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestImport(t *testing.T) {
	each(t, func(w *world) {
		other := w.process()
		out := w.load("public", w.folder(
			entry("MAL-1", "De_mo", "1.0"), entry("PYSEC-1", "demo", "2.0"), entry("GHSA-1", "de.mo", "1.0", "2.0"),
			`{"id":"NPM-1","affected":[{"package":{"ecosystem":"npm","name":"demo"},"versions":["1.0"]}]}`,
		))
		if out.Records != 3 || out.Added != 3 || out.Malware != 1 || out.Other != 1 || out.Broken != 0 || out.Revision != 1 {
			w.t.Errorf("Import() = %+v", out)
		}
		w.want("de-mo", "1.0", "MAL-1! GHSA-1")
		w.want("de-mo", "1.0.0", "MAL-1! GHSA-1")
		w.want("demo", "2.0", "PYSEC-1")
		w.want("de-mo", "3.0", "")
		w.want("demo", "1.0", "")
		w.want("other", "1.0", "")
		if got := w.ids(other, "de-mo", "2.0"); got != "GHSA-1" {
			w.t.Errorf("another process sees %q", got)
		}

		before := w.stamp()
		out = w.load("public", w.folder(
			entry("MAL-1", "De_mo", "1.0", "1.1"), entry("PYSEC-1", "demo", "2.0"), entry("GHSA-2", "demo", "2.0"),
		))
		if out.Changed != 1 || out.Added != 1 || out.Removed != 1 || out.Records != 3 || out.Revision != 2 {
			w.t.Errorf("Import() again = %+v", out)
		}
		for _, x := range []*advisory.Advisories{w.Advisories, other} {
			for version, want := range map[string]string{"1.0": "MAL-1!", "1.1": "MAL-1!", "2.0": ""} {
				if got := w.ids(x, "de-mo", version); got != want {
					w.t.Errorf("after a change, the advisories about %s are %q, want %q", version, got, want)
				}
			}
		}
		w.want("demo", "2.0", "GHSA-2 PYSEC-1")
		if !w.stamp().After(before) {
			w.t.Error("a change of a feed does not move the serial")
		}
		if got := w.stored("public"); len(got) != 3 {
			w.t.Errorf("%d rows remain, want those that count: %v", len(got), got)
		}

		before = w.stamp()
		w.now = w.now.Add(time.Hour)
		out = w.load("public", w.folder(
			entry("GHSA-2", "demo", "2.0"), entry("PYSEC-1", "demo", "2.0"), entry("MAL-1", "De_mo", "1.0", "1.1"),
		))
		if out.Added+out.Changed+out.Removed != 0 || out.Revision != 2 || w.stamp() != before {
			w.t.Errorf("Import() of the same = %+v, serial %v, was %v", out, w.stamp(), before)
		}
		if got := w.row("public"); !got.CheckedAt.Equal(w.now) || got.Records != 3 || got.Malicious != 1 ||
			!got.ImportedAt.Equal(w.now.Add(-time.Hour)) || got.Newest.Format(time.DateOnly) != "2026-01-02" {
			w.t.Errorf("Status() = %+v", got)
		}
	})
}

// TestImportForms checks that a folder, a zip file, a list, and records one after another have the same effect.
func TestImportForms(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	a, b := entry("MAL-1", "demo", "1.0"), entry("MAL-2", "demo", "2.0")
	for name, path := range map[string]string{
		"folder": w.folder(a, b), "zip": w.file(zipped(t, a, b)), "zip with a list": w.file(zipped(t, "[ "+a+","+b+"]")),
		"list": w.file([]byte("[" + a + ",\n" + b + "]")), "lines": w.file([]byte(a + "\n" + b + "\n")),
		"no blank": w.file([]byte(a + b)), "folder with a list": w.folder("[" + a + "," + b + "]"),
	} {
		out, err := w.try("f", path, advisory.ImportOptions{})
		if err != nil || out.Records != 2 || out.Broken != 0 {
			t.Errorf("%s: Import() = %+v, %v", name, out, err)
		}
		w.want("demo", "2.0", "MAL-2!")
		if err := w.Remove(ctx, w.boss, "f"); err != nil {
			t.Fatal(err)
		}
		w.want("demo", "2.0", "")
	}
}

// TestImportRefused has sources that must leave the feed as it is.
func TestImportRefused(t *testing.T) {
	each(t, func(w *world) {
		a, b, c := entry("MAL-1", "demo", "1.0"), entry("MAL-2", "demo", "2.0"), entry("MAL-3", "demo", "3.0")
		w.load("f", w.folder(a, b, c))
		good := zipped(w.t, a, b, c, entry("MAL-4", "demo", "4.0"))
		wrongCount := bytes.Clone(good)
		wrongCount[len(wrongCount)-12]++
		link := filepath.Join(w.t.TempDir(), "none")
		for name, path := range map[string]string{
			"half of a zip file":       w.file(good[:len(good)/2]),
			"a zip without its end":    w.file(good[:len(good)-5]),
			"a zip with a wrong count": w.file(wrongCount),
			"a zip with nothing":       w.file(zipped(w.t)),
			"wrong JSON in the middle": w.file([]byte("[" + a + "," + b + ",{]," + c + "]")),
			"truncated list":           w.file([]byte("[" + a + "," + b)),
			"a list in a list":         w.file([]byte("[[" + a + "," + b + "]]")),
			"an empty file":            w.file(nil),
			"text":                     w.file([]byte("<html></html>")),
			"an empty folder":          w.folder(),
			"another ecosystem": w.folder(
				`{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"demo"},"versions":["1"]}]}`,
			),
			"one of three":  w.folder(a),
			"other records": w.folder(entry("MAL-7", "demo", "1.0"), entry("MAL-8", "demo", "1.0"), c),
			"all broken":    w.folder("{", "x"),
			"a huge record": w.file([]byte(`[{"id":"X-1","details":"` + strings.Repeat("x", advisory.MaxRecord+2<<20) +
				`"}]`)),
			"blanks without end": w.file([]byte(a + strings.Repeat(" ", advisory.MaxRecord+2<<20) + b)),
			"missing":            link,
		} {
			out, err := w.try("f", path, advisory.ImportOptions{})
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Conflict && k != fault.TooLarge {
				w.t.Errorf("%s: Import() = %+v, %v", name, out, err)
			}
			if got := w.row("f"); got.Records != 3 || got.Revision != 1 || got.Busy {
				w.t.Errorf("%s: the feed has changed: %+v", name, got)
			}
			for v, want := range map[string]string{"1.0": "MAL-1!", "2.0": "MAL-2!", "3.0": "MAL-3!", "4.0": ""} {
				if got := w.ids(w.Advisories, "demo", v); got != want {
					w.t.Errorf("%s: the advisories about %s are %q, want %q", name, v, got, want)
				}
			}
			if got := w.stored("f"); len(got) != 3 || slices.ContainsFunc(got, func(e advisory.Entry) bool {
				return e.Until != 0 || e.Since != 1
			}) {
				w.t.Errorf("%s: rows remain: %v", name, got)
			}
		}
		if _, err := w.try("f", w.folder(a), advisory.ImportOptions{Force: true}); err != nil {
			w.t.Error(err)
		}
		w.want("demo", "1.0", "MAL-1!")
		w.want("demo", "2.0", "")
		if _, err := w.try("new", w.file([]byte("x")), advisory.ImportOptions{}); err == nil {
			w.t.Error("text was imported into a new feed")
		}
		if all, _ := w.Status(ctx, w.boss); len(all) != 1 {
			w.t.Errorf("a feed whose first import failed remains: %+v", all)
		}
		for _, bad := range []string{"", "A", "a b", "-a", "a/b", strings.Repeat("a", 70)} {
			if _, err := w.try(bad, w.folder(a), advisory.ImportOptions{}); !fault.Is(err, fault.Invalid) {
				w.t.Errorf("Import(%q) = %v, want Invalid", bad, err)
			}
		}
	})
}

// TestImportNeedsAnAdministrator checks that nobody else changes feeds, and that the attempts are recorded.
func TestImportNeedsAnAdministrator(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	dir := w.folder(entry("MAL-1", "demo", "1.0"))
	w.load("f", dir)
	from, err := advisory.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	nobody := access.Caller{}
	for what, err := range map[string]error{
		"Import":   func() error { _, err := w.Import(ctx, nobody, "f", from, advisory.ImportOptions{}); return err }(),
		"Remove":   w.Remove(ctx, nobody, "f"),
		"Refresh":  w.Refresh(ctx, nobody, "f", false),
		"Declare":  func() error { _, err := w.Declare(ctx, nobody, []advisory.Feed{{Name: "x"}}); return err }(),
		"Status":   func() error { _, err := w.Status(ctx, nobody); return err }(),
		"Affected": func() error { _, err := w.Affected(ctx, nobody); return err }(),
	} {
		if !fault.Is(err, fault.Denied) {
			t.Errorf("%s() for an anonymous caller = %v, want Denied", what, err)
		}
	}
	w.want("demo", "1.0", "MAL-1!")
}

// TestBroken checks that a record that cannot be read is counted and named, and keeps what it stated before.
func TestBroken(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	w.load("f", w.folder(entry("MAL-1", "demo", "1.0"), entry("MAL-2", "demo", "2.0"), entry("MAL-3", "demo", "3.0")))
	dir := w.folder(entry("MAL-1", "demo", "1.0"), entry("MAL-3", "demo", "3.0"), entry("MAL-4", "demo", "4.0"))
	for name, text := range map[string]string{
		"MAL-2": `{"id":"MAL-2","affected":[`, "MAL-9": `{"id":7}`, "notes": "hello", "evil\n\x1b[31m": "x",
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := w.load("f", dir)
	if out.Broken != 4 || len(out.BrokenNames) != 4 || out.Records != 4 || out.Removed != 0 || out.Malware != 4 {
		t.Errorf("Import() = %+v", out)
	}
	for _, name := range out.BrokenNames {
		if strings.ContainsAny(name, "\n\x1b") {
			t.Errorf("%q is named with control characters", name)
		}
	}
	w.want("demo", "2.0", "MAL-2!")
	w.want("demo", "4.0", "MAL-4!")
	if got := w.row("f"); got.Broken != 4 || len(got.BrokenNames) != 4 {
		t.Errorf("Status() = %+v", got)
	}
	out = w.load("f", w.folder(entry("MAL-1", "demo", "1.0"), entry("MAL-3", "demo", "3.0"),
		entry("MAL-4", "demo", "4.0")))
	if out.Removed != 1 || out.Broken != 0 {
		t.Errorf("Import() without the broken record = %+v", out)
	}
	w.want("demo", "2.0", "")
}

// TestBrokenInAList checks that a record of a list that cannot be read keeps what it stated before, by the id in it.
func TestBrokenInAList(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	one, two, three := entry("MAL-1", "demo", "1.0"), entry("MAL-2", "demo", "2.0"), entry("MAL-3", "demo", "3.0")
	w.load("f", w.file([]byte("["+one+","+two+","+three+"]")))
	for name, bad := range map[string]string{
		"versions": `{"id":"MAL-2","affected":[{"package":{"ecosystem":"PyPI","name":"demo"},"ranges":[{"type":"ECOSYSTEM",` +
			`"events":[{"introduced":"what"}]}]}]}`,
		"withdrawn": `{"id":"MAL-2","withdrawn":"yesterday","affected":[]}`,
		"form":      `{"affected":7,"id":"MAL-2"}`,
	} {
		out := w.load("f", w.file([]byte("["+one+","+bad+","+three+"]")))
		if out.Broken != 1 || out.Removed != 0 || out.Records != 3 {
			t.Errorf("%s: Import() = %+v", name, out)
		}
		w.want("demo", "2.0", "MAL-2!")
	}
}

// TestLostMalware checks that a feed does not lose most records about malicious releases, although they are few among
// others.
func TestLostMalware(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	var flaws []string
	for i := range 9 {
		flaws = append(flaws, entry(fmt.Sprintf("CVE-2026-%04d", i+1), "demo", "1.0"))
	}
	bad := []string{entry("MAL-1", "demo", "2.0"), entry("MAL-2", "demo", "3.0"), entry("MAL-3", "demo", "4.0")}
	w.load("f", w.folder(append(bad, flaws...)...))
	for name, path := range map[string]string{
		"none is left": w.folder(flaws...),
		"one is left":  w.folder(append(bad[:1:1], flaws...)...),
		"others":       w.folder(append([]string{entry("MAL-8", "demo", "8.0"), entry("MAL-9", "demo", "9.0")}, flaws...)...),
	} {
		out, err := w.try("f", path, advisory.ImportOptions{})
		if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "about malicious releases") {
			t.Errorf("%s: Import() = %+v, %v", name, out, err)
		}
		w.want("demo", "3.0", "MAL-2!")
	}
	w.load("f", w.folder(append(bad[:2:2], flaws...)...)) // a false alarm ends
	w.want("demo", "4.0", "")
	if _, err := w.try("f", w.folder(flaws...), advisory.ImportOptions{Force: true}); err != nil {
		t.Error(err)
	}
	w.want("demo", "2.0", "")
}

// TestKilledImport checks that the rows of an import that never ended are invisible, and that the next one removes
// them.
func TestKilledImport(t *testing.T) {
	each(t, func(w *world) {
		a, b := entry("MAL-1", "demo", "1.0"), entry("MAL-2", "demo", "2.0")
		w.load("f", w.folder(a, b))
		if err := w.rows.Advisories().Aside(ctx, func(tx advisory.Tx) error {
			if ok, err := tx.LeaseFeed(ctx, "f", "dead", w.now, w.now.Add(time.Minute)); !ok || err != nil {
				w.t.Fatal(ok, err)
			}
			if err := tx.EndAdvisories(ctx, "f", []advisory.Entry{{Name: "demo", ID: "MAL-1"}}, 2); err != nil {
				return err
			}
			return tx.InsertAdvisories(ctx, []advisory.Row{
				{Feed: "f", Name: "demo", ID: "MAL-1", Since: 2, Digest: "x", Record: []byte{1}},
				{Feed: "f", Name: "demo", ID: "MAL-9", Since: 2, Digest: "x", Record: []byte{1}},
			})
		}); err != nil {
			w.t.Fatal(err)
		}
		w.want("demo", "1.0", "MAL-1!")
		if _, err := w.try("f", w.folder(a, b), advisory.ImportOptions{}); !fault.Is(err, fault.Conflict) {
			w.t.Errorf("Import() during another one = %v, want Conflict", err)
		}
		if err := w.Remove(ctx, w.boss, "f"); !fault.Is(err, fault.Conflict) {
			w.t.Errorf("Remove() during an import = %v, want Conflict", err)
		}
		w.now = w.now.Add(2 * time.Minute)
		out := w.load("f", w.folder(b, a))
		if out.Added+out.Changed+out.Removed != 0 || len(w.stored("f")) != 2 {
			w.t.Errorf("Import() after a dead one = %+v, rows %v", out, w.stored("f"))
		}
		w.want("demo", "1.0", "MAL-1!")
		w.want("demo", "2.0", "MAL-2!")
	})
}

// TestLostLease checks that an import whose lease another process took over changes nothing.
func TestLostLease(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	w.load("f", w.folder(entry("MAL-1", "demo", "1.0")))
	slow := func(_ context.Context, each func(string, []byte, error) error) error {
		w.now = w.now.Add(time.Hour)
		if err := w.rows.Advisories().Aside(ctx, func(tx advisory.Tx) error {
			ok, err := tx.LeaseFeed(ctx, "f", "other", w.now, w.now.Add(time.Hour))
			if !ok {
				t.Error("the lease did not expire")
			}
			return err
		}); err != nil {
			return err
		}
		return each("x", []byte(entry("MAL-2", "demo", "2.0")), nil)
	}
	if out, err := w.Import(ctx, w.boss, "f", slow, advisory.ImportOptions{Force: true}); !fault.Is(err, fault.Conflict) {
		t.Errorf("Import() = %+v, %v, want Conflict", out, err)
	}
	w.want("demo", "1.0", "MAL-1!")
	w.want("demo", "2.0", "")
}

// TestImportEndsEarly checks that a source that fails, and a context that ends, change nothing.
func TestImportEndsEarly(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	w.load("f", w.folder(entry("MAL-1", "demo", "1.0")))
	gone := errors.New("the disk is gone")
	failing := func(_ context.Context, each func(string, []byte, error) error) error {
		for i := range 5000 {
			if err := each("x", []byte(entry(fmt.Sprint("MAL-", i), "demo", "2.0")), nil); err != nil {
				return err
			}
		}
		return gone
	}
	if _, err := w.Import(ctx, w.boss, "f", failing, advisory.ImportOptions{}); !errors.Is(err, gone) {
		t.Errorf("Import() = %v, want the error of the source", err)
	}
	ended, cancel := context.WithCancel(ctx)
	n := 0
	endless := func(ctx context.Context, each func(string, []byte, error) error) error {
		for ; ; n++ {
			if n == 3000 {
				cancel()
			}
			if err := errors.Join(ctx.Err(), each("x", []byte(entry(fmt.Sprint("MAL-", n), "demo", "2.0")), nil)); err != nil {
				return err
			}
		}
	}
	if _, err := w.Import(ended, w.boss, "f", endless, advisory.ImportOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Import() = %v, want Canceled", err)
	}
	w.want("demo", "2.0", "")
	w.want("demo", "1.0", "MAL-1!")
	if got := w.stored("f"); len(got) != 1 {
		t.Errorf("%d rows remain", len(got))
	}
	w.load("f", w.folder(entry("MAL-1", "demo", "1.0"), entry("MAL-2", "demo", "2.0")))
	w.want("demo", "2.0", "MAL-2!")
}

// TestTwoFeeds checks that feeds that disagree add up: one that states an advisory is enough.
func TestTwoFeeds(t *testing.T) {
	each(t, func(w *world) {
		withdrawn := strings.Replace(entry("MAL-1", "demo", "1.0"), `"summary"`,
			`"withdrawn":"2026-02-01T00:00:00Z","summary"`, 1)
		w.load("a", w.folder(withdrawn, entry("MAL-2", "demo", "2.0"), entry("CVE-1", "demo", "3.0")))
		w.want("demo", "1.0", "")
		w.want("demo", "2.0", "MAL-2!")
		w.load("b", w.folder(entry("MAL-1", "demo", "1.0"), entry("MAL-2", "demo", "2.1"), entry("CVE-1", "demo", "3.0")))
		w.want("demo", "1.0", "MAL-1!")
		w.want("demo", "2.0", "MAL-2!")
		w.want("demo", "2.1", "MAL-2!")
		w.want("demo", "3.0", "CVE-1")
		if err := w.Remove(ctx, w.boss, "b"); err != nil {
			w.t.Fatal(err)
		}
		w.want("demo", "1.0", "")
		w.want("demo", "2.0", "MAL-2!")
		w.want("demo", "2.1", "")
		if err := w.Remove(ctx, w.boss, "b"); !fault.Is(err, fault.NotFound) {
			w.t.Errorf("Remove() again = %v, want NotFound", err)
		}
		if got := w.stored("b"); len(got) != 0 {
			w.t.Errorf("rows of a removed feed remain: %v", got)
		}
		// Nothing of the removed feed is remembered under the same revision.
		w.load("b", w.folder(entry("MAL-5", "demo", "2.1")))
		w.want("demo", "1.0", "")
		w.want("demo", "2.1", "MAL-5!")
	})
}

// TestFlag checks that a feed can show malicious releases without denying them.
func TestFlag(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	f := advisory.Default()
	f.Name, f.Malware = "f", advisory.FlagMalware
	w.declare(f)
	w.load("f", w.folder(entry("MAL-1", "demo", "1.0")))
	w.want("demo", "1.0", "MAL-1")
	w.load("g", w.folder(entry("MAL-1", "demo", "1.0")))
	w.want("demo", "1.0", "MAL-1!")
	f.Malware = advisory.DenyMalware
	if err := w.Remove(ctx, w.boss, "g"); err != nil {
		t.Fatal(err)
	}
	w.want("demo", "1.0", "MAL-1")
	w.declare(f)
	w.want("demo", "1.0", "MAL-1!")
}

func (w *world) declare(all ...advisory.Feed) []advisory.Change {
	w.t.Helper()
	out, err := w.Declare(ctx, w.boss, all)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// TestText checks that the text about a project differs whenever the advisories do, and not otherwise.
func TestText(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	text := func() string {
		name, _ := packaging.ParseProjectName("demo")
		_, text, err := w.About(ctx, w.stamp(), name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	seen := map[string]bool{text(): true}
	a := entry("MAL-1", "demo", "1.0")
	for i, all := range [][]string{
		{a, entry("MAL-9", "other", "1.0")},
		{a, entry("MAL-2", "demo", "1.0")},
		{entry("MAL-1", "demo", "1.1"), entry("MAL-2", "demo", "1.0")},
	} {
		w.load("f", w.folder(all...))
		now := text()
		if seen[now] {
			t.Errorf("change %d does not change the text %q", i, now)
		}
		seen[now] = true
	}
	before := text()
	w.load("f", w.folder(entry("MAL-1", "demo", "1.1"), entry("MAL-2", "demo", "1.0"), entry("MAL-9", "third", "1.0")))
	if text() != before {
		t.Error("an advisory about another project changes the text")
	}
}

// TestRecorded checks that changes of feeds are in the audit log.
func TestRecorded(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	w.load("f", w.folder(entry("MAL-1", "demo", "1.0")))
	_, _ = w.Import(ctx, access.Caller{}, "f", nil, advisory.ImportOptions{})
	if err := w.Remove(ctx, w.boss, "f"); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := w.rows.Advisories().View(ctx, func(tx advisory.Tx) error {
		all, err := tx.Entries(ctx, audit.Filter{Limit: 10})
		for _, e := range all {
			got = append(got, fmt.Sprintf("%s %s %s %v", e.Action, e.Subject, e.Outcome, e.Detail["records"]))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"feed.import f granted 1", "feed.import f refused <nil>", "feed.remove f granted 1"}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
}
