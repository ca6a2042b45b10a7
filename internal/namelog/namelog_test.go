package namelog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	"pyindex/internal/namelog"
	"pyindex/internal/packaging"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/postgrestest"
	"pyindex/internal/storage/storagetest"
)

// world is an index with its store, and a clock that tests advance.
type world struct {
	*testing.T
	url    string
	rows   *db.DB
	blobs  *blobs.Blobs
	keeper *namelog.Keeper
	at     time.Time
}

func (w *world) now() time.Time { return w.at }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// open opens an index whose rows are in a fresh database, in a store.
func open(t *testing.T, url, store string) *world {
	t.Helper()
	w := &world{T: t, url: url, at: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
	w.rows = storagetest.OpenDB(t, url, db.Options{Now: w.now})
	var err error
	w.blobs, err = blobs.Open(t.Context(), store, blobs.Options{StageDir: stageDir(t, store)})
	w.must(err)
	t.Cleanup(func() { w.blobs.Close() })
	_, err = w.rows.Instance(t.Context())
	w.must(err)
	w.keeper = w.another()
	return w
}

func stageDir(t *testing.T, store string) string {
	if strings.HasPrefix(store, "file:") {
		return ""
	}
	return t.TempDir()
}

// another returns the keeper of another replica.
func (w *world) another() *namelog.Keeper {
	return namelog.New(w.rows.Names(), w.blobs, namelog.Options{Now: w.now, Log: slog.New(slog.DiscardHandler)})
}

// each runs f on SQLite with a folder, and on PostgreSQL with a bucket. fresh returns the URL of a new database.
func each(t *testing.T, f func(w *world, fresh func(*testing.T) string, store string)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		store := "file://" + filepath.Join(t.TempDir(), "blobs")
		if strings.HasSuffix(t.Name(), "postgres") {
			store = storagetest.Bucket(t)
		}
		f(open(t, fresh(t), store), fresh, store)
	})
}

func named(s string) packaging.ProjectName {
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		panic(err)
	}
	return n
}

func (w *world) update(f func(tx namelog.Tx) error) {
	w.Helper()
	w.must(w.rows.Names().Update(w.Context(), f))
}

// own records an own name, as the creation of a project does.
func (w *world) own(names ...string) {
	w.Helper()
	w.update(func(tx namelog.Tx) error {
		for _, n := range names {
			if err := tx.PutName(w.Context(),
				catalog.Name{Name: named(n), Origin: catalog.Own, Since: w.at, Why: catalog.WhyProject}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) main() (r catalog.Repository) {
	w.Helper()
	w.must(w.rows.Names().View(w.Context(), func(tx namelog.Tx) (err error) {
		r, err = tx.RepositoryByName(w.Context(), catalog.MainRepository)
		return err
	}))
	return r
}

func (w *world) tombstone(r catalog.Repository, file string) {
	w.Helper()
	w.update(func(tx namelog.Tx) error { return tx.InsertTombstone(w.Context(), r.ID, file, file, w.at) })
}

func (w *world) delete(project string) {
	w.Helper()
	w.update(func(tx namelog.Tx) error {
		return tx.PutDeleted(w.Context(), catalog.Deleted{
			Repository: "main", Name: named(project), At: w.at, FreeAt: w.at.Add(catalog.KeepName), Users: []string{"u"},
		})
	})
}

func (w *world) execute(statement string) {
	w.Helper()
	if path, ok := strings.CutPrefix(w.url, "sqlite:"); ok {
		w.must(postgrestest.Execute("sqlite", path+"?_pragma=busy_timeout(5000)", statement))
		return
	}
	w.must(postgrestest.Execute("pgx", w.url, statement))
}

// tend lets time pass and calls Tend.
func (w *world) tend() {
	w.Helper()
	w.at = w.at.Add(namelog.TendEvery)
	w.must(w.keeper.Tend(w.Context()))
}

// segments returns the objects of the copy by kind.
func (w *world) segments() map[string]int {
	w.Helper()
	out := map[string]int{}
	w.must(w.blobs.EachUnder(w.Context(), custody.NamesFolder, func(o custody.Object) error {
		if !o.Ours {
			w.Errorf("%s is not a key of an index", o.Key)
		}
		kind := strings.Split(o.Key, "-")[1]
		out[kind]++
		return nil
	}))
	return out
}

// restored returns an index whose database is new, as after the restore of a backup that was made at a time by an index
// with an id.
func (w *world) restored(fresh func(*testing.T) string, store, instance string, snapshot time.Time) *world {
	w.Helper()
	r := open(w.T, fresh(w.T), store)
	r.at = w.at.Add(time.Minute)
	r.update(func(tx namelog.Tx) error {
		if err := tx.NoteInstance(r.Context(), instance, r.at); err != nil {
			return err
		}
		return tx.BeginRecovered(r.Context(), r.at, "snap", snapshot)
	})
	return r
}

func (w *world) instance() string {
	w.Helper()
	id, err := w.rows.Instance(w.Context())
	w.must(err)
	return id
}

func (w *world) known() (names []string) {
	w.Helper()
	w.must(w.rows.Names().View(w.Context(), func(tx namelog.Tx) error {
		all, err := tx.Names(w.Context(), "", 100)
		names = nil
		for _, n := range all {
			names = append(names, fmt.Sprint(n.Name, " ", n.Origin))
		}
		return err
	}))
	return names
}

// TestCopyOfNamesIsWrittenWithinAMinute: each change of an own name, a deleted project or a deleted file is in the
// store after a call of Tend, and nothing is written while nothing changes.
func TestCopyOfNamesIsWrittenWithinAMinute(t *testing.T) {
	each(t, func(w *world, fresh func(*testing.T) string, store string) {
		if 2*namelog.TendEvery > time.Minute {
			w.Errorf("Tend is called each %v: a change may be written after more than a minute", namelog.TendEvery)
		}
		w.tend()
		if got := fmt.Sprint(w.segments()); got != "map[all:1]" {
			w.Errorf("a new index has the segments %s", got)
		}
		w.tend()
		w.own("acme-one", "acme-two")
		w.update(func(tx namelog.Tx) error {
			return tx.PutName(w.Context(), catalog.Name{
				Name: named("public-name"), Origin: catalog.Foreign, Upstream: "public", Since: w.at, Why: catalog.WhyUpstream,
			})
		})
		w.tend()
		if got := fmt.Sprint(w.segments()); got != "map[all:1 changed:1]" {
			w.Errorf("after a change, the segments are %s", got)
		}
		w.tend()
		w.delete("acme-two")
		w.tombstone(w.main(), "acme_two-1.0.tar.gz")
		w.tend()
		w.must(w.rows.Names().Update(w.Context(), func(tx namelog.Tx) error {
			_, err := tx.FreeName(w.Context(), "main", named("acme-two"), w.at)
			return err
		}))
		w.tend()
		if got := fmt.Sprint(w.segments()); got != "map[all:1 changed:3]" {
			w.Errorf("after three changes, the segments are %s", got)
		}
		w.at = w.at.Add(time.Hour)
		w.tend()
		if got := fmt.Sprint(w.segments()); got != "map[all:1 changed:3 none:1]" {
			w.Errorf("after an hour without changes, the segments are %s", got)
		}

		r := w.restored(fresh, store, w.instance(), w.at.Add(-time.Hour))
		done, err := r.keeper.Finish(r.Context(), access.Operator("test"), namelog.FinishOptions{})
		r.must(err)
		if got := fmt.Sprint(done.Names, done.Deleted, done.Files, done.Again, done.Gap); got !=
			"[acme-one acme-two] [main/acme-two] [main/acme_two-1.0.tar.gz] [] false" {
			r.Errorf("Finish() added %s", got)
		}
		if got := r.known(); !slices.Equal(got, []string{"acme-one own", "acme-two own"}) {
			r.Errorf("the names are %q", got)
		}
		var since time.Time
		r.must(r.rows.Names().View(r.Context(), func(tx namelog.Tx) (err error) {
			since, err = tx.RecoveredSince(r.Context())
			return err
		}))
		if !since.IsZero() {
			r.Error("the index is still in the state recovered")
		}
		if got := fmt.Sprint(r.segments()); got != "map[all:1]" {
			r.Errorf("after the end, the segments are %s", got)
		}
	})
}

// TestCopyOfNamesSurvivesSeveralRestores: a segment that was written after an earlier restore counts for a later one of
// the same, older backup.
func TestCopyOfNamesSurvivesSeveralRestores(t *testing.T) {
	each(t, func(w *world, fresh func(*testing.T) string, store string) {
		first, snapshot := w.instance(), w.at
		w.own("one")
		w.tend()
		second := w.restored(fresh, store, first, snapshot)
		_, err := second.keeper.Finish(second.Context(), access.Operator("test"), namelog.FinishOptions{})
		second.must(err)
		second.own("two")
		second.tend()
		third := second.restored(fresh, store, first, snapshot)
		done, err := third.keeper.Finish(third.Context(), access.Operator("test"), namelog.FinishOptions{})
		third.must(err)
		if got := third.known(); !slices.Equal(got, []string{"one own", "two own"}) {
			third.Errorf("the names are %q, Finish() = %+v", got, done)
		}
	})
}

// TestFinishRefusesAGap: without a segment from after the backup, Finish refuses, says what the gap means, and changes
// nothing. Segments of the restored index itself, of other indexes and damaged ones do not count.
func TestFinishRefusesAGap(t *testing.T) {
	each(t, func(w *world, fresh func(*testing.T) string, store string) {
		w.own("stranger")
		w.tend() // of an index that is not the restored one
		r := w.restored(fresh, store, "elsewhere", w.at)
		r.own("after-restore")
		r.tend()
		_, err := r.keeper.Finish(r.Context(), access.Operator("test"), namelog.FinishOptions{})
		gap, ok := errors.AsType[*namelog.ErrGap](err)
		if !ok || !fault.Is(err, fault.Conflict) || !strings.Contains(gap.Error(), "index origin set") ||
			!strings.Contains(gap.Error(), "--accept-gap") || !gap.Newest.IsZero() {
			r.Fatalf("Finish() = %v, want a gap", err)
		}
		var s namelog.State
		r.must(r.rows.Names().View(r.Context(), func(tx namelog.Tx) (err error) {
			s, err = tx.NameLogState(r.Context())
			return err
		}))
		if s.Recovered.IsZero() {
			r.Error("the state recovered ended")
		}
		if _, err := r.keeper.Finish(r.Context(), access.Caller{}, namelog.FinishOptions{AcceptGap: true}); !fault.Is(err,
			fault.Denied) {
			r.Errorf("Finish(nobody) = %v", err)
		}
		done, err := r.keeper.Finish(r.Context(), access.Operator("test"), namelog.FinishOptions{AcceptGap: true})
		if err != nil || !done.Gap || done.Foreign != 1 || len(done.Names) != 0 {
			r.Errorf("Finish(accepting) = %+v, %v", done, err)
		}
		if got := r.known(); !slices.Equal(got, []string{"after-restore own"}) {
			r.Errorf("the names are %q", got)
		}
		if _, err := r.keeper.Finish(r.Context(), access.Operator("test"), namelog.FinishOptions{}); !fault.Is(err,
			fault.Conflict) {
			r.Errorf("Finish(again) = %v", err)
		}
		entries := r.entries("restore.finish")
		if len(entries) != 1 || !strings.Contains(entries[0], "gap_accepted:true") {
			r.Errorf("the audit log has %q", entries)
		}
	})
}

func (w *world) entries(action string) (out []string) {
	w.Helper()
	w.must(w.rows.Names().View(w.Context(), func(tx namelog.Tx) error {
		all, err := tx.Entries(w.Context(), audit.Filter{Actions: []string{action}, Limit: 10})
		out = nil
		for _, e := range all {
			out = append(out, fmt.Sprint(e.Subject, " ", e.Detail))
		}
		return err
	}))
	return out
}

// TestDamagedSegmentIsNamed: a segment with other content than was written is not used, is listed, and is kept.
func TestDamagedSegmentIsNamed(t *testing.T) {
	each(t, func(w *world, fresh func(*testing.T) string, store string) {
		snapshot := w.at
		w.tend()
		w.own("lost")
		w.tend()
		var key string
		w.must(w.blobs.EachUnder(w.Context(), custody.NamesFolder, func(o custody.Object) error {
			if strings.Contains(o.Key, "-changed-") {
				key = o.Key
			}
			return nil
		}))
		w.must(w.blobs.Delete(w.Context(), key))
		w.must(w.blobs.Put(w.Context(), key, []byte(`{"format":1}`)))
		r := w.restored(fresh, store, w.instance(), snapshot)
		done, err := r.keeper.Finish(r.Context(), access.Operator("test"), namelog.FinishOptions{})
		r.must(err)
		if !slices.Equal(done.Damaged, []string{key}) || len(done.Names) != 0 {
			r.Errorf("Finish() = %+v, want %s damaged", done, key)
		}
		if _, err := r.blobs.Size(r.Context(), key); err != nil {
			r.Errorf("the damaged segment is gone: %v", err)
		}
	})
}

// TestOneReplicaWritesTheCopy: of two replicas that tend at once, one writes.
func TestOneReplicaWritesTheCopy(t *testing.T) {
	each(t, func(w *world, _ func(*testing.T) string, _ string) {
		now, until := w.at, w.at.Add(time.Minute)
		lease := func(holder string, at time.Time) (got bool) {
			w.update(func(tx namelog.Tx) (err error) {
				got, err = tx.LeaseNameLog(w.Context(), holder, at, until)
				return err
			})
			return got
		}
		if !lease("a", now) || lease("b", now) || !lease("a", now) || !lease("b", until.Add(time.Second)) {
			w.Error("the lease is held by two, or not by the first")
		}
		lease("b", until.Add(time.Second))
		w.must(w.keeper.Tend(w.Context())) // the lease is not alive at w.at? it ends later: nothing is written
		if got := fmt.Sprint(w.segments()); got != "map[]" {
			w.Errorf("without the lease, the segments are %s", got)
		}
	})
}

// TestCopyOfNamesIsCompacted: after many segments all names are written again and the others deleted, unless the
// database lacks a name of them, as after it was put back to an older state.
func TestCopyOfNamesIsCompacted(t *testing.T) {
	each(t, func(w *world, _ func(*testing.T) string, _ string) {
		w.tend()
		for i := range 100 {
			w.own(fmt.Sprintf("name-%d", i))
			w.tend()
		}
		if got := w.segments(); got["changed"] != 100 {
			w.Errorf("the segments are %v before a day is over", got)
		}
		w.execute(`DELETE FROM names WHERE name = 'name-7'`)
		w.at = w.at.Add(25 * time.Hour)
		w.own("late")
		w.at = w.at.Add(namelog.TendEvery)
		if err := w.keeper.Tend(w.Context()); !fault.Is(err, fault.Conflict) {
			w.Errorf("Tend() = %v, want the missing name", err)
		}
		if got := w.segments(); got["changed"] != 100 {
			w.Errorf("segments with a name that the database lacks were deleted: %v", got)
		}
		if since, err := w.keeper.Trouble(); err == nil || since.IsZero() {
			w.Errorf("Trouble() = %v, %v", since, err)
		}
		done, err := w.keeper.Finish(w.Context(), access.Operator("test"), namelog.FinishOptions{})
		if err != nil || !slices.Equal(done.Names, []string{"name-7"}) {
			w.Errorf("Finish() = %+v, %v", done, err)
		}
		if got := w.segments(); got["changed"] != 0 || got["all"] == 0 {
			w.Errorf("the segments are %v after the end", got)
		}
		if err := w.keeper.Tend(w.Context()); err != nil {
			w.Error(err)
		}
		if _, err := w.keeper.Trouble(); err != nil {
			w.Errorf("Trouble() = %v", err)
		}
	})
}

// TestStraysKeepTheCopyOfNames: gc neither lists nor deletes segments, however old they are.
func TestStraysKeepTheCopyOfNames(t *testing.T) {
	each(t, func(w *world, _ func(*testing.T) string, _ string) {
		w.tend()
		later := func() time.Time { return time.Now().Add(100 * 24 * time.Hour) }
		k := custody.New(custodyStore{w.rows.Catalog()}, w.blobs, custody.Options{Now: later})
		n, err := k.FindStrays(w.Context(), access.Operator("test"), true, func(o custody.Object) {
			w.Errorf("%s is a stray", o.Key)
		})
		if err != nil || n.Objects != 1 || n.Strays != 0 || n.Foreign != 0 {
			w.Errorf("FindStrays() = %+v, %v", n, err)
		}
		if _, err := k.Sweep(w.Context(), access.Operator("test")); err != nil {
			w.Error(err)
		}
		if got := fmt.Sprint(w.segments()); got != "map[all:1]" {
			w.Errorf("the segments are %s", got)
		}
	})
}

type custodyStore struct{ catalog.Store }

func (s custodyStore) View(ctx context.Context, f func(custody.Tx) error) error {
	return s.Store.View(ctx, func(tx catalog.Tx) error { return f(tx) })
}

func (s custodyStore) Update(ctx context.Context, f func(custody.Tx) error) error {
	return s.Store.Update(ctx, func(tx catalog.Tx) error { return f(tx) })
}
