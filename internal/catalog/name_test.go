package catalog_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// clocked is a world with a test clock.
func clocked(t *testing.T, policy ingest.Policy) (*world, *time.Time) {
	t.Helper()
	w := newWorld(t, policy, catalog.Limits{})
	now := time.Now().UTC()
	w.Index = assembly.New(w.db.Catalog(), w.blobs, assembly.Options{Policy: policy, Now: func() time.Time { return now }})
	return w, &now
}

func mustName(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDeletedNameIsKept: for 90 days only the last owners and administrators can recreate a deleted project.
func TestDeletedNameIsKept(t *testing.T) {
	w, now := clocked(t, ingest.PrivatePolicy())
	ctx, main := t.Context(), catalog.MainRepository
	owner, second := w.user("owner", access.NewAPIToken{Scope: access.ScopeAdmin}),
		w.user("second", access.NewAPIToken{Scope: access.ScopeUpload})
	stranger, helper := w.user("stranger", access.NewAPIToken{Scope: access.ScopeUpload}),
		w.user("helper", access.NewAPIToken{Scope: access.ScopeUpload})
	if _, err := w.dir.AddGroup(ctx, w.admin, "team", ""); err != nil {
		t.Fatal(err)
	}
	member := w.user("member", access.NewAPIToken{Scope: access.ScopeUpload})
	mustName(t, w.dir.AddMember(ctx, w.admin, "team", "member"))

	made := 0
	build := func() {
		made++
		_ = w.ReleaseName(ctx, w.admin, main, name(t, "demo")) // a project that the operator created and deleted has no owner
		if _, err := w.upload(owner,
			packagingtest.Wheel("demo", fmt.Sprintf("%d.0", made), fmt.Sprint("x", made))); err != nil {
			t.Fatal(err)
		}
		owner = w.token("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
		mustName(t, w.Grant(ctx, owner, main, name(t, "demo"), "second", access.Owner))
		mustName(t, w.Grant(ctx, owner, main, name(t, "demo"), "helper", access.Maintainer))
		mustName(t, w.GrantGroup(ctx, owner, main, name(t, "demo"), "team", access.Owner))
		mustName(t, w.DeleteProject(ctx, owner, main, name(t, "demo")))
	}
	again := func(who access.Caller) error {
		made++
		_, err := w.upload(who, packagingtest.Wheel("demo", fmt.Sprintf("%d.0", made), fmt.Sprint("x", made)))
		if err == nil {
			mustName(t, w.DeleteProject(ctx, w.admin, main, name(t, "demo")))
		}
		return err
	}
	build()
	free := now.Add(90 * 24 * time.Hour).Format(time.DateOnly)
	for who, c := range map[string]access.Caller{"stranger": stranger, "maintainer": helper} {
		err := again(c)
		if !fault.Is(err, fault.Denied) ||
			!strings.Contains(err.Error(), "until "+free+" only its former owners and administrators") {
			t.Errorf("an upload by a %s = %v (%v), want denied with the day %s", who, err, fault.KindOf(err), free)
		}
		for _, secret := range []string{"owner ", "second", "team"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the refusal to a %s contains %q: %v", who, secret, err)
			}
		}
		if err := w.mayPublish(ctx, c, main, name(t, "Demo")); !fault.Is(err, fault.Denied) {
			t.Errorf("MayPublish by a %s = %v, want denied before the upload is read", who, err)
		}
	}
	for who, c := range map[string]access.Caller{
		"owner": owner, "second owner": second, "member of an owning group": member, "operator": w.admin,
	} {
		if err := again(c); err != nil {
			t.Errorf("an upload by the %s = %v, want granted", who, err)
		}
		build()
	}
	mustName(t, w.dir.RemoveMember(ctx, w.admin, "team", "member"))
	if err := again(w.token("member", access.NewAPIToken{Scope: access.ScopeUpload})); !fault.Is(err, fault.Denied) {
		t.Errorf("an upload by a former member of the owning group = %v, want denied", err)
	}
	*now = now.Add(catalog.KeepName - time.Second)
	if err := again(stranger); !fault.Is(err, fault.Denied) {
		t.Errorf("an upload a second before the name is free = %v, want denied", err)
	}
	*now = now.Add(time.Second)
	made++
	if _, err := w.upload(stranger, packagingtest.Wheel("demo", "99.0", "x99")); err != nil {
		t.Errorf("an upload when the name is free = %v", err)
	}
}

// TestQuarantinedProjectCannotBeMadeAgain: owners of a quarantined project cannot delete it or anything in it, and
// cannot recreate it after an administrator deleted it.
func TestQuarantinedProjectCannotBeMadeAgain(t *testing.T) {
	w, now := clocked(t, ingest.PrivatePolicy())
	ctx, main, demo := t.Context(), catalog.MainRepository, name(t, "demo")
	owner := w.user("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
	if _, err := w.upload(owner, packagingtest.Wheel("demo", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	owner = w.token("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
	if _, err := w.dir.AddGroup(ctx, w.admin, "team", ""); err != nil {
		t.Fatal(err)
	}
	w.user("member", access.NewAPIToken{Scope: access.ScopeUpload})
	mustName(t, w.dir.AddMember(ctx, w.admin, "team", "member"))
	mustName(t, w.GrantGroup(ctx, owner, main, demo, "team", access.Owner))
	mustName(t, w.SetStatus(ctx, w.admin, main, demo, catalog.Quarantined, "malware"))
	for what, err := range map[string]error{
		"the project": w.DeleteProject(ctx, owner, main, demo),
		"a release":   w.DeleteRelease(ctx, owner, main, demo, "1.0"),
		"a file":      w.DeleteFile(ctx, owner, main, demo, "demo-1.0-py3-none-any.whl"),
	} {
		t.Run(what, func(t *testing.T) {
			if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "quarantine") {
				t.Errorf("deleting %s in quarantine, by its owner = %v, want denied", what, err)
			}
		})
	}
	if p, err := w.Project(ctx, w.admin, main, demo); err != nil || p.Status != catalog.Quarantined {
		t.Errorf("after the refusals the project is %+v, %v", p, err)
	}
	mustName(t, w.DeleteProject(ctx, w.admin, main, demo))
	for who, c := range map[string]access.Caller{
		"owner": owner, "member of an owning group": w.token("member", access.NewAPIToken{Scope: access.ScopeUpload}),
	} {
		if _, err := w.upload(c, packagingtest.Wheel("demo", "2.0", "y")); !fault.Is(err, fault.Denied) {
			t.Errorf("creating it again, by the last %s = %v, want denied", who, err)
		}
	}
	*now = now.Add(catalog.KeepName)
	if _, err := w.upload(owner, packagingtest.Wheel("demo", "3.0", "z")); err != nil {
		t.Errorf("once the name is free = %v", err)
	}
}

// TestLookalikeOfDeletedNameIsKept: a name that looks like a reserved one is refused to users who may not use the
// reserved one.
func TestLookalikeOfDeletedNameIsKept(t *testing.T) {
	w, now := clocked(t, ingest.Policy{NamePolicy: catalog.NamePolicy{SimilarNames: true}})
	ctx, main, billing := t.Context(), catalog.MainRepository, name(t, "billing")
	owner, stranger := w.user("owner", access.NewAPIToken{Scope: access.ScopeAdmin}),
		w.user("stranger", access.NewAPIToken{Scope: access.ScopeUpload})
	if _, err := w.upload(owner, packagingtest.Wheel("billing", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	owner = w.token("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
	mustName(t, w.DeleteProject(ctx, owner, main, billing))
	for _, other := range []string{"b1lling", "bill-ing", "billlng"} {
		if err := w.mayPublish(ctx, stranger, main, name(t, other)); !fault.Is(err, fault.Conflict) ||
			!strings.Contains(err.Error(), "too similar to billing") {
			t.Errorf("MayPublish(%s), by a stranger = %v, want a conflict with billing", other, err)
		}
		if _, err := w.upload(stranger, packagingtest.Wheel(other, "1.0", "y")); !fault.Is(err, fault.Conflict) {
			t.Errorf("an upload of %s by a stranger = %v, want a conflict", other, err)
		}
		if err := w.mayPublish(ctx, owner, main, name(t, other)); err != nil {
			t.Errorf("MayPublish(%s), by the last owner = %v", other, err)
		}
	}
	if err := w.mayPublish(ctx, stranger, main, name(t, "billings")); err != nil {
		t.Errorf("MayPublish(billings) = %v, want nil: it looks different", err)
	}
	*now = now.Add(catalog.KeepName)
	if _, err := w.upload(stranger, packagingtest.Wheel("b1lling", "1.0", "y")); err != nil {
		t.Errorf("a lookalike once the name is free = %v", err)
	}
}

// TestProjectCreatedAgain: the audit log and the page show only owners that a project of this name was deleted.
func TestProjectCreatedAgain(t *testing.T) {
	w, now := clocked(t, ingest.PrivatePolicy())
	ctx, demo := t.Context(), name(t, "demo")
	w.must(packagingtest.Wheel("demo", "1.0", "x"))
	if d, err := w.Formerly(ctx, w.admin, "", demo); err != nil || !d.At.IsZero() {
		t.Errorf("Formerly(first project) = %+v, %v, want none", d, err)
	}
	deleted := *now
	mustName(t, w.DeleteProject(ctx, w.admin, "", demo))
	*now = now.Add(catalog.KeepName)
	bob := w.user("bob", access.NewAPIToken{Scope: access.ScopeAdmin})
	if _, err := w.upload(bob, packagingtest.Wheel("demo", "2.0", "y")); err != nil {
		t.Fatal(err)
	}
	bob = w.token("bob", access.NewAPIToken{Scope: access.ScopeAdmin})
	d, err := w.Formerly(ctx, bob, "", demo)
	if err != nil || !d.At.Equal(deleted.Truncate(time.Microsecond)) || d.AgainAt.IsZero() ||
		len(d.Users)+len(d.Groups) > 0 {
		t.Errorf("Formerly(project created again) = %+v, %v, want the deletion at %v without owners", d, err, deleted)
	}
	if _, err := w.Formerly(ctx, w.user("eve", access.NewAPIToken{Scope: access.ScopeAdmin}), "", demo); !fault.Is(err,
		fault.Denied) {
		t.Errorf("Formerly(no owner) = %v, want denied", err)
	}
	h, err := w.History(ctx, bob, "", demo, browse.HistoryFilter{Actions: []string{"project.create"}, Limit: 5})
	if err != nil || len(h.Entries) != 1 ||
		h.Entries[0].Detail["earlier_project_deleted_at"] != deleted.Truncate(time.Second).Format(time.RFC3339) {
		t.Errorf("the record of the creation is %+v, %v, want it to name the deletion", h.Entries, err)
	}
}

// TestReleaseName: an administrator releases a reserved name early, once, and the audit log has the administrator.
func TestReleaseName(t *testing.T) {
	w, _ := clocked(t, ingest.PrivatePolicy())
	ctx, demo := t.Context(), name(t, "demo")
	w.must(packagingtest.Wheel("demo", "1.0", "x"), packagingtest.Wheel("stays", "1.0", "z"))
	stranger := w.user("stranger", access.NewAPIToken{Scope: access.ScopeAdmin})
	if err := w.ReleaseName(ctx, w.admin, "", demo); !fault.Is(err, fault.NotFound) {
		t.Errorf("ReleaseName(existing project) = %v, want not found", err)
	}
	mustName(t, w.DeleteProject(ctx, w.admin, "", demo))
	if err := w.ReleaseName(ctx, stranger, "", demo); !fault.Is(err, fault.Denied) {
		t.Errorf("ReleaseName by a stranger = %v, want denied", err)
	}
	if err := w.ReleaseName(ctx, w.admin, "elsewhere", demo); !fault.Is(err, fault.NotFound) {
		t.Errorf("ReleaseName(other repository) = %v, want not found", err)
	}
	if _, err := w.Names(ctx, stranger, true); !fault.Is(err, fault.Denied) {
		t.Errorf("Names by a stranger = %v, want denied", err)
	}
	mustName(t, w.ReleaseName(ctx, w.admin, "", demo))
	if err := w.ReleaseName(ctx, w.admin, "", demo); !fault.Is(err, fault.Conflict) {
		t.Errorf("ReleaseName(free already) = %v, want conflict", err)
	}
	names, err := w.Names(ctx, w.admin, true)
	if err != nil || len(names) != 1 || names[0].Name.Name != demo || names[0].Origin != catalog.Own ||
		names[0].By.Name != "test" {
		t.Errorf("Names(deleted) = %+v, %v, want demo, own, by the operator", names, err)
	}
	if _, err := w.upload(stranger, packagingtest.Wheel("demo", "2.0", "y")); err != nil {
		t.Errorf("an upload under a released name = %v", err)
	}
	if err := w.ReleaseName(ctx, w.admin, "", demo); !fault.Is(err, fault.Conflict) {
		t.Errorf("ReleaseName(created again) = %v, want conflict", err)
	}
	if names, err := w.Names(ctx, w.admin, true); err != nil || len(names) != 0 {
		t.Errorf("Names(deleted), after it was created again = %+v, %v, want none", names, err)
	}
	if names, err := w.Names(ctx, w.admin, false); err != nil || len(names) != 2 {
		t.Errorf("Names() = %+v, %v, want both", names, err)
	}
	h, err := w.Record(ctx, w.admin, browse.HistoryFilter{Actions: []string{"name.release"}, Limit: 10})
	granted := 0
	for _, e := range h.Entries {
		if e.Outcome == audit.Granted {
			granted++
		}
	}
	if err != nil || granted != 1 || len(h.Entries) != 2 {
		t.Errorf("the record has %d releases, %d granted, %v; want the stranger's refused and one granted", len(h.Entries),
			granted, err)
	}
}

// TestNamesOutliveTheRepository: deleted names remain reserved if their repository is removed and recreated.
func TestNamesOutliveTheRepository(t *testing.T) {
	w, _ := clocked(t, ingest.PrivatePolicy())
	ctx := t.Context()
	team := catalog.NewRepository{Name: "team", Members: access.Uploader}
	mustName(t, w.AddRepository(ctx, w.admin, team))
	all, err := w.Repositories(ctx, w.admin)
	mustName(t, err)
	ann := w.user("ann", access.NewAPIToken{Scope: access.ScopeAdmin})
	eve := w.user("eve", access.NewAPIToken{Scope: access.ScopeUpload})
	// a project without files, because a repository with files cannot be removed
	create := func(r catalog.Repository) error {
		return w.db.Catalog().Update(ctx, func(tx catalog.Tx) error {
			_, err := catalog.Create(ctx, tx,
				catalog.NewProject{
					ID:         "p-" + r.ID,
					Repository: r,
					Name:       name(t, "demo"),
					Display:    "demo",
					Owner:      ann.ID(),
					EntryID:    "e-" + r.ID,
					At:         time.Now(),
				})
			return err
		})
	}
	mustName(t, create(all[1]))
	mustName(t, w.DeleteProject(ctx, w.admin, "team", name(t, "demo")))
	mustName(t, w.RemoveRepository(ctx, w.admin, "team"))
	names, err := w.Names(ctx, w.admin, true)
	if err != nil || len(names) != 1 || names[0].Deleted[0].Repository != "team" {
		t.Errorf("Names() after the repository was removed = %+v, %v, want demo of team", names, err)
	}
	mustName(t, w.AddRepository(ctx, w.admin, team))
	if err := w.mayPublish(ctx, eve, "team", name(t, "demo")); !fault.Is(err, fault.Denied) {
		t.Errorf("a stranger in the repository that was created again = %v, want denied", err)
	}
	if err := w.mayPublish(ctx, ann, "team", name(t, "demo")); err != nil {
		t.Errorf("the last owner in the repository that was created again = %v", err)
	}
}

// TestDeletionRace: other users who upload during the deletion never get the name.
func TestDeletionRace(t *testing.T) {
	w, _ := clocked(t, ingest.PrivatePolicy())
	w.must(packagingtest.Wheel("demo", "1.0", "x"))
	var callers []access.Caller
	for i := range 16 {
		callers = append(callers, w.user(fmt.Sprint("stranger", i), access.NewAPIToken{Scope: access.ScopeUpload}))
	}
	var won atomic.Int32
	var wait sync.WaitGroup
	for i, who := range callers {
		wait.Go(func() {
			if i == 5 {
				if err := w.DeleteProject(t.Context(), w.admin, "", name(t, "demo")); err != nil {
					t.Error(err)
				}
			}
			if _, err := w.upload(who, packagingtest.Wheel("demo", fmt.Sprintf("%d.0", 90+i), fmt.Sprint(i))); err == nil {
				won.Add(1)
			} else if !fault.Is(err, fault.Denied) {
				t.Errorf("an upload beside the deletion = %v, want denied", err)
			}
		})
	}
	wait.Wait()
	if won.Load() != 0 {
		t.Errorf("%d strangers got the name, want none", won.Load())
	}
}

// TestCreatedAgainIsTaken: a recreated project has its name like any other.
func TestCreatedAgainIsTaken(t *testing.T) {
	w, now := clocked(t, ingest.PrivatePolicy())
	ctx, demo := t.Context(), name(t, "demo")
	w.must(packagingtest.Wheel("demo", "1.0", "x"))
	mustName(t, w.DeleteProject(ctx, w.admin, "", demo))
	w.must(packagingtest.Wheel("demo", "2.0", "y"))
	stranger := w.user("stranger", access.NewAPIToken{Scope: access.ScopeUpload})
	err := w.db.Catalog().Update(ctx, func(tx catalog.Tx) error {
		r, err := tx.RepositoryByName(ctx, catalog.MainRepository)
		if err != nil {
			return err
		}
		_, err = catalog.Create(ctx, tx,
			catalog.NewProject{
				ID:         "second",
				Repository: r,
				Name:       demo,
				Display:    "demo",
				Owner:      stranger.ID(),
				EntryID:    "second",
				At:         *now,
			})
		return err
	})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("creating a project that exists again = %v, want conflict", err)
	}
	mustName(t, w.DeleteProject(ctx, w.admin, "", demo))
	if _, err := w.upload(stranger, packagingtest.Wheel("demo", "3.0", "z")); !fault.Is(err, fault.Denied) {
		t.Errorf("an upload after it was deleted again = %v, want denied", err)
	}
}
