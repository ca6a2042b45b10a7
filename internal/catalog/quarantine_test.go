package catalog_test

import (
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// entriesOf counts the entries of an action.
func (w *world) entriesOf(action string) (n int) {
	w.t.Helper()
	h, err := w.Record(w.t.Context(), w.admin, browse.HistoryFilter{Actions: []string{action}, Limit: 50})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(h.Entries)
}

// Only administrators can delete quarantined files, directly or with their release or project.
func TestQuarantineIsDeletedByAdministratorsOnly(t *testing.T) {
	demo := name(t, "demo")
	wheel, sdist, other := packagingtest.Wheel("demo", "1.0", "x"), packagingtest.SDist("demo", "1.0", "x"),
		packagingtest.Wheel("demo", "2.0", "x")
	for _, whole := range []bool{false, true} {
		w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
		w.user("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
		w.must(wheel, sdist, other)
		if err := w.Grant(t.Context(), w.admin, "", demo, "owner", access.Owner); err != nil {
			t.Fatal(err)
		}
		owner := w.token("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
		var err error
		if whole {
			err = w.SetStatus(t.Context(), w.admin, "", demo, catalog.Quarantined, "malware")
		} else {
			err = w.QuarantineFile(t.Context(), w.admin, "", demo, wheel.Name, "malware")
		}
		if err != nil {
			t.Fatal(err)
		}
		keys := w.keysHeld()
		for what, err := range map[string]error{
			"the file":    w.DeleteFile(t.Context(), owner, "", demo, wheel.Name),
			"the release": w.DeleteRelease(t.Context(), owner, "", demo, "1"),
			"the project": w.DeleteProject(t.Context(), owner, "", demo),
		} {
			if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "in quarantine: ask an administrator") {
				t.Errorf("deleting %s as an owner = %v, want a refusal with advice", what, err)
			}
		}
		if now := w.keysHeld(); now != keys {
			t.Errorf("%d keys are stored after the refusals, want %d", now, keys)
		}
		if n := w.entriesOf("file.delete") + w.entriesOf("release.delete") + w.entriesOf("project.delete"); n != 3 {
			t.Errorf("%d refusals are recorded, want 3", n)
		}
		if !whole { // owners may still delete other files
			for _, f := range []string{sdist.Name, other.Name} {
				if err := w.DeleteFile(t.Context(), owner, "", demo, f); err != nil {
					t.Errorf("deleting %s as an owner = %v", f, err)
				}
			}
		}
		if err := w.DeleteFile(t.Context(), w.admin, "", demo, wheel.Name); err != nil {
			t.Errorf("deleting the file as an administrator = %v", err)
		}
		if whole {
			continue
		}
		w.must(packagingtest.Wheel("demo", "3.0", "x"))
		if err := w.DeleteProject(t.Context(), owner, "", demo); err != nil {
			t.Errorf("deleting the project as an owner, once nothing is in quarantine = %v", err)
		}
	}
}

// Quarantining or releasing a file a second time is refused, and not recorded as a change.
func TestQuarantineAgainChangesNothing(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	demo, f := name(t, "demo"), packagingtest.Wheel("demo", "1.0", "x")
	w.must(f)
	put := func() error { return w.QuarantineFile(t.Context(), w.admin, "", demo, f.Name, "why") }
	release := func() error { return w.ReleaseFile(t.Context(), w.admin, "", demo, f.Name) }
	if err := release(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "is not in quarantine") {
		t.Errorf("releasing a file that is not in quarantine = %v", err)
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	if err := put(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "is already in quarantine") {
		t.Errorf("putting it there again = %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if err := release(); !fault.Is(err, fault.Conflict) {
		t.Errorf("releasing it again = %v", err)
	}
	if put, released := w.entriesOf("file.quarantine"), w.entriesOf("file.release"); put != 1 || released != 1 {
		t.Errorf("%d and %d entries are recorded, want one of each", put, released)
	}
}

// Maintainers see quarantined files counted and marked; readers do not see them.
func TestManagedCountsQuarantine(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	demo := name(t, "demo")
	wheel, sdist, only := packagingtest.Wheel("demo", "1.0", "x"), packagingtest.SDist("demo", "1.0", "x"),
		packagingtest.Wheel("demo", "2.0", "x")
	w.must(wheel, sdist, only)
	for _, f := range []string{wheel.Name, only.Name} {
		if err := w.QuarantineFile(t.Context(), w.admin, "", demo, f, ""); err != nil {
			t.Fatal(err)
		}
	}
	want := catalog.Counts{Releases: 2, Files: 3, Quarantined: 2}
	m, err := w.ManagedReleases(t.Context(), w.admin, "", demo, catalog.Page{Number: 1, Size: 10})
	if err != nil || m.Counts != want || len(m.Releases) != 2 || m.Releases[0].Offered() || !m.Releases[1].Offered() ||
		m.Releases[1].Quarantined != 1 {
		t.Errorf("ManagedReleases() = %+v, %v", m, err)
	}
	if s, err := w.ManagedSettings(t.Context(), w.admin, "", demo); err != nil || s.Counts != want {
		t.Errorf("ManagedSettings() counts %+v, %v", s.Counts, err)
	}
	if c, err := w.ManagedContents(t.Context(), w.admin, "", demo); err != nil || c.Counts != want || len(c.Files) != 3 {
		t.Errorf("ManagedContents() = %+v, %v", c, err)
	}
	o, err := w.Overview(t.Context(), w.admin, "", demo, "")
	if err != nil || o.Quarantined != 2 || len(o.Releases) != 1 || o.Latest.Version != "1.0" {
		t.Errorf("Overview() = %d in quarantine, %+v, %v", o.Quarantined, o.Releases, err)
	}
	reader := w.user("reader", access.NewAPIToken{Scope: access.ScopeRead})
	if o, err := w.Overview(t.Context(), reader, "", demo, ""); err != nil || o.Quarantined != 0 || len(o.Releases) != 1 {
		t.Errorf("a reader's Overview() = %d in quarantine, %+v, %v", o.Quarantined, o.Releases, err)
	}
	for _, version := range []string{"2.0", "2"} {
		if _, err := w.Overview(t.Context(), w.admin, "", demo, version); !fault.Is(err, fault.NotFound) {
			t.Errorf("Overview(%s) = %v, want not found", version, err)
		}
	}
	if _, err := w.ManagedContents(t.Context(), reader, "", demo); !fault.Is(err, fault.Denied) {
		t.Errorf("a reader's ManagedContents() = %v, want a refusal", err)
	}
}
