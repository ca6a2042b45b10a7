package catalog_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// keysHeld counts the blobs in the folder.
func (w *world) keysHeld() int {
	w.t.Helper()
	n := 0
	for _, kind := range []string{"files", "metadata"} {
		found, err := filepath.Glob(filepath.Join(w.folder, kind, "*", "*"))
		if err != nil {
			w.t.Fatal(err)
		}
		n += len(found)
	}
	return n
}

func TestYank(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x"), packagingtest.SDist("demo", "1.0", "x"),
		packagingtest.Wheel("demo", "2.0", "x"), packagingtest.Wheel("demo", "3.0rc1", "x"))
	latest := func() string {
		t.Helper()
		d, err := w.Release(t.Context(), w.admin, "", name(t, "demo"), "")
		if err != nil {
			t.Fatal(err)
		}
		return d.Release.Version
	}
	if got := latest(); got != "2.0" {
		t.Errorf("latest = %s, want 2.0, the newest final one", got)
	}
	if err := w.Yank(t.Context(), w.admin, "", name(t, "demo"), "2.0.0", `it "broke" <b>`); err != nil {
		t.Fatal(err)
	}
	if got := latest(); got != "1.0" {
		t.Errorf("latest = %s after the yank, want 1.0", got)
	}
	c, err := w.Contents(t.Context(), w.admin, "", name(t, "demo"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Files {
		if f.Yanked != (f.Version == "2.0") || f.Yanked && f.YankedReason != `it "broke" <b>` {
			t.Errorf("%s: yanked = %v for %q", f.Filename, f.Yanked, f.YankedReason)
		}
	}
	if err := w.Unyank(t.Context(), w.admin, "", name(t, "demo"), "2.0"); err != nil || latest() != "2.0" {
		t.Errorf("after unyanking (%v) latest = %s, want 2.0", err, latest())
	}
	if err := w.Yank(t.Context(), w.admin, "", name(t, "demo"), "9", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("yanking an absent release: %v, want not found", err)
	}
}

// TestDelete: a deleted file name is never available again, in any spelling and with any content, and its content is
// deleted.
func TestDelete(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	one, two := packagingtest.Wheel("demo", "1.0", "x"), packagingtest.Wheel("demo", "2.0", "x")
	w.must(one, two)
	if err := w.DeleteRelease(t.Context(), w.admin, "", name(t, "demo"), "1"); err != nil {
		t.Fatal(err)
	}
	refuse := func(f packagingtest.File) {
		t.Helper()
		_, err := w.upload(w.admin, f)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "previously used") ||
			strings.Contains(err.Error(), "already exist") {
			t.Errorf("uploading %s again: %v, want a refusal that does not read as a duplicate", f.Name, err)
		}
	}
	refuse(one)
	refuse(packagingtest.Wheel("demo", "1.0", "y"))
	refuse(packagingtest.Wheel("demo", "1.0.0", "y"))
	if keys := w.keysHeld(); keys != 2 {
		t.Errorf("%d keys are stored, want those of 2.0", keys)
	}
	if _, err := w.File(t.Context(), w.admin, "", one.SHA256(), one.Name); !fault.Is(err, fault.NotFound) {
		t.Errorf("a deleted file: %v, want not found", err)
	}
	if err := w.DeleteProject(t.Context(), w.admin, "", name(t, "demo")); err != nil {
		t.Fatal(err)
	}
	refuse(two)
	if _, err := w.Project(t.Context(), w.admin, "", name(t, "demo")); !fault.Is(err, fault.NotFound) {
		t.Errorf("a deleted project: %v, want not found", err)
	}
	if keys := w.keysHeld(); keys != 0 {
		t.Errorf("%d keys are stored, want none", keys)
	}
	w.must(packagingtest.Wheel("demo", "3.0", "z"))
}

// TestStatus: archived projects reject uploads, quarantined ones are hidden in all forms, and the reason is stored.
func TestStatus(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	f := packagingtest.Wheel("demo", "1.0", "x")
	w.must(f)
	demo := name(t, "demo")
	for _, c := range []struct {
		status  catalog.Status
		uploads bool
		offers  bool
	}{
		{catalog.Archived, false, true},
		{catalog.Quarantined, false, false},
		{catalog.Deprecated, true, true},
		{catalog.Active, true, true},
	} {
		if err := w.SetStatus(t.Context(), w.admin, "", demo, c.status, "because"); err != nil {
			t.Fatal(err)
		}
		p, err := w.Project(t.Context(), w.admin, "", demo)
		if err != nil || p.Status != c.status || p.StatusReason != "because" {
			t.Errorf("%s: Project = %+v, %v", c.status, p, err)
		}
		if _, err := w.upload(w.admin, packagingtest.Wheel("demo", "1.1+"+string(c.status), "x")); (err == nil) != c.uploads {
			t.Errorf("%s: an upload = %v, want accepted: %v", c.status, err, c.uploads)
		}
		_, err = w.File(t.Context(), w.admin, "", f.SHA256(), f.Name)
		_, _, err2 := w.Open(t.Context(), w.admin, "", f.SHA256(), f.Name, catalog.MetadataPart)
		contents, err3 := w.Contents(t.Context(), w.admin, "", demo)
		l, err4 := w.Listing(t.Context(), w.admin, "")
		if err3 != nil || err4 != nil {
			t.Fatal(err3, err4)
		}
		if (err == nil) != c.offers || (err2 == nil) != c.offers || (len(contents.Files) > 0) != c.offers ||
			(len(l.Projects()) > 0) != c.offers {
			t.Errorf("%s: file %v, metadata %v, %d files, %d projects listed; want offered: %v", c.status, err, err2,
				len(contents.Files), len(l.Projects()), c.offers)
		}
	}
	if err := w.SetStatus(t.Context(), w.admin, "", demo, "gone", ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown status: %v, want invalid", err)
	}
}

// TestChangesNeedTheRight: each change returns fault.Denied to readers who may not manage and fault.NotFound to other
// callers, and changes nothing.
func TestChangesNeedTheRight(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x"), packagingtest.Wheel("other", "1.0", "x"))
	demo := name(t, "demo")
	callers := map[string]struct {
		who  access.Caller
		kind fault.Kind
	}{
		"anonymous":              {access.Guest(false), fault.Unauthenticated},
		"guest with read access": {access.Guest(true), fault.Denied},
		"zero":                   {access.Caller{}, fault.Unauthenticated},
		"member":                 {w.user("alice", access.NewAPIToken{Scope: access.ScopeAdmin}), fault.Denied},
		"bound to something else": {w.user("bob",
			access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"other"}}), fault.NotFound},
	}
	changes := map[string]func(access.Caller) error{
		"Yank":   func(who access.Caller) error { return w.Yank(t.Context(), who, "", demo, "1.0", "") },
		"Unyank": func(who access.Caller) error { return w.Unyank(t.Context(), who, "", demo, "1.0") },
		"SetStatus": func(who access.Caller) error {
			return w.SetStatus(t.Context(), who, "", demo, catalog.Archived, "")
		},
		"DeleteRelease": func(who access.Caller) error { return w.DeleteRelease(t.Context(), who, "", demo, "1.0") },
		"DeleteProject": func(who access.Caller) error { return w.DeleteProject(t.Context(), who, "", demo) },
	}
	before := w.state()
	for cn, c := range callers {
		t.Run(cn, func(t *testing.T) {
			for fn, f := range changes {
				if err := f(c.who); fault.KindOf(err) != c.kind {
					t.Errorf("%s by %s = %v (%v), want %v", fn, cn, err, fault.KindOf(err), c.kind)
				}
			}
			if _, err := w.Custody.Sweep(t.Context(), c.who); !fault.Is(err, fault.Denied) {
				t.Errorf("Sweep by %s = %v, want denied", cn, err)
			}
		})
	}
	if after := w.state(); after != before {
		t.Errorf("refused changes changed the catalog from\n%sto\n%s", before, after)
	}
}

// TestHidden: callers who may not read a project get the same answer as for one that does not exist.
func TestHidden(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	f := packagingtest.Wheel("demo", "1.0", "x")
	w.must(f, packagingtest.Wheel("other", "1.0", "x"))
	bound := w.user("bob", access.NewAPIToken{Scope: access.ScopeRead, Projects: []string{"other"}})
	for who, caller := range map[string]access.Caller{"bound": bound, "anonymous": access.Guest(false)} {
		_, there := w.Project(t.Context(), caller, "", name(t, "demo"))
		_, absent := w.Project(t.Context(), caller, "", name(t, "absent"))
		_, elsewhere := w.Project(t.Context(), caller, "nowhere", name(t, "demo"))
		if there == nil || absent == nil || there.Error() != absent.Error() || fault.KindOf(there) != fault.KindOf(absent) {
			t.Errorf("%s: a hidden project is %v, an absent one %v", who, there, absent)
		}
		if who == "anonymous" && elsewhere.Error() != there.Error() {
			t.Errorf("anonymous callers get different answers for two repositories: %v and %v", there, elsewhere)
		}
		_, there = w.File(t.Context(), caller, "", f.SHA256(), f.Name)
		_, absent = w.File(t.Context(), caller, "", f.SHA256(), "absent-1.0-py3-none-any.whl")
		if there == nil || absent == nil || there.Error() != absent.Error() {
			t.Errorf("%s: a hidden file is %v, an absent one %v", who, there, absent)
		}
	}
	l, err := w.Listing(t.Context(), bound, "")
	if err != nil || len(l.Projects()) != 1 || l.Projects()[0].Name != name(t, "other") {
		t.Errorf("Listing for a bound token = %+v, %v, want its project alone", l.Projects(), err)
	}
}

// TestSweep: content left by a crash is deleted after the grace period, and content in use never.
func TestSweep(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x"))
	crashed := strings.Repeat("ab", 32)
	if err := w.db.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
		_, err := tx.HoldBlob(t.Context(), custody.FileKey(crashed), "", time.Unix(0, 0))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.blobs.Put(t.Context(), custody.FileKey(crashed), []byte("left")); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Custody.Sweep(t.Context(), w.admin); err != nil || n != 1 {
		t.Errorf("Sweep = %d, %v, want 1", n, err)
	}
	if w.keysHeld() != 2 {
		t.Errorf("%d keys after the sweep, want the file and its metadata", w.keysHeld())
	}
}
