package publishers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
)

func TestPending(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice, bob := b.user("alice"), b.user("bob")
		b.addPending(alice, "New.Thing", "owner_id", "")
		b.addPending(alice, "new-other")
		raw := b.token(nil)
		m, err := b.exchange(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"new-other", "new-thing"}, m.Projects); diff != "" {
			t.Errorf("projects differ: %s", diff)
		}
		p := b.find("new_thing")
		if p.Display != "New.Thing" || !b.identify(m.Token).May(access.Uploader, p.Object()) {
			t.Errorf("project %+v, or its token may not upload", p)
		}
		alice = b.again("alice")
		if !alice.May(access.Owner, p.Object()) || bob.May(access.Uploader, p.Object()) {
			t.Error("the registrant does not own the project, or another does")
		}
		_, err = b.exchange(raw)
		refuse(t, err, exchange.CodeReuse, "used before")
		b.addPending(alice, "third")
		_, err = b.exchange(raw)
		refuse(t, err, exchange.CodeReuse, "used before")
		list, err := b.registry.List(t.Context(), alice, "new-thing")
		if err != nil || len(list) != 1 || list[0].Pending || list[0].OwnerID != "4242" {
			t.Errorf("List = %+v, %v; want one ordinary, pinned publisher", list, err)
		}
		if n := len(b.store.of("project.create")); n != 2 {
			t.Errorf("%d projects made, want 2", n)
		}
	})
}

// find returns a project of main by name.
func (b *bench) find(name string) (p catalog.Project) {
	b.Helper()
	n, err := packaging.ParseProjectName(name)
	if err != nil {
		b.Fatal(err)
	}
	err = b.store.View(b.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		p, err = tx.ProjectByName(b.Context(), repo.ID, n)
		return err
	})
	if err != nil {
		b.Fatalf("project %s: %v", name, err)
	}
	return p
}

// again is a user with what they were granted since.
func (b *bench) again(name string) access.Caller {
	b.Helper()
	d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
	_, secret, err := d.CreateToken(b.Context(), b.operator,
		access.NewAPIToken{User: name, Scope: access.ScopeAdmin, Description: "again"})
	if err != nil {
		b.Fatal(err)
	}
	return b.identify(secret)
}

// TestPendingNameTaken: the name came to exist, spelt otherwise, under somebody else. Nothing of it may change.
func TestPendingNameTaken(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice, bob := b.user("alice"), b.user("bob")
		b.addPending(alice, "a.b")
		b.takeQuietly("A--B", bob.ID())
		before := b.find("a-b")
		m, err := b.exchange(b.token(nil))
		refuse(t, err, exchange.CodePendingPublisher, "exists already")
		if m.Token != "" {
			t.Error("a token was minted")
		}
		if diff := cmp.Diff(before, b.find("a-b"),
			cmp.Comparer(func(a, b packaging.ProjectName) bool { return a == b })); diff != "" {
			t.Errorf("the taken project changed: %s", diff)
		}
		if b.again("alice").May(access.Uploader, before.Object()) {
			t.Error("the registrant of the pending publisher has a role")
		}
		_, err = b.exchange(b.token(nil))
		refuse(t, err, exchange.CodePublisher, "no project here trusts")
		if n := len(b.store.of("publisher.pending-taken")); n != 1 {
			t.Errorf("%d entries of the end of the pending publisher, want 1", n)
		}
	})
}

// takeQuietly makes a project without ending others' pending publishers for it, as a race would.
func (b *bench) takeQuietly(name, owner string) {
	b.Helper()
	n, err := packaging.ParseProjectName(name)
	if err != nil {
		b.Fatal(err)
	}
	err = b.store.Update(b.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		p := catalog.Project{
			ID:         "taken",
			Repository: repo,
			Name:       n,
			Display:    name,
			Status:     catalog.Active,
			CreatedAt:  b.clock.Now(),
		}
		if err := tx.InsertProject(b.Context(), p); err != nil {
			return err
		}
		return tx.PutGrant(b.Context(),
			access.Grant{UserID: owner, RepositoryID: repo.ID, ProjectID: p.ID, Role: access.Owner, CreatedAt: b.clock.Now()})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// TestPendingTakenBesideOthers: a name that was taken does not stand in the way of what else fits.
func TestPendingTakenBesideOthers(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.add("widgets")
		b.addPending(b.user("alice"), "wanted")
		b.takeQuietly("wanted", b.user("bob").ID())
		if m := b.mint(nil); !slices.Equal(m.Projects, []string{"widgets"}) {
			t.Errorf("projects %v, want widgets alone", m.Projects)
		}
	})
}

func TestPendingRace(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.addPending(b.user("alice"), "new-thing")
		replicas := b.replicas()
		won := race(16, func(i int) error {
			_, err := replicas[i%2].Exchange(t.Context(), b.guest, b.token(nil), upload)
			return err
		}, func(err error) { t.Errorf("Exchange = %v", err) })
		if n := len(b.store.of("project.create")); won != 16 || n != 1 {
			t.Errorf("%d of 16 tokens were exchanged, and %d projects made; want 16 and one", won, n)
		}
	})
}

// TestTwoPendingForOneName: the older registration makes the project, the other ends.
func TestTwoPendingForOneName(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice, bob := b.user("alice"), b.user("bob")
		b.addPending(alice, "new-thing", "environment", "")
		b.clock.Pass(time.Second)
		b.addPending(bob, "New_Thing")
		replicas := b.replicas()
		won := race(2, func(i int) error {
			_, err := replicas[i].Exchange(t.Context(), b.guest, b.token(nil), upload)
			return err
		}, func(err error) { t.Errorf("Exchange = %v", err) })
		p := b.find("new-thing")
		if won != 2 || !b.again("alice").May(access.Owner, p.Object()) || b.again("bob").May(access.Uploader, p.Object()) {
			t.Errorf("%d exchanged; alice owns: %v, bob may upload: %v", won, b.again("alice").May(access.Owner, p.Object()),
				b.again("bob").May(access.Uploader, p.Object()))
		}
		if list, err := b.registry.List(t.Context(), b.operator, ""); err != nil || len(list) != 1 {
			t.Errorf("List = %+v, %v; want one publisher, nothing pending", list, err)
		}
	})
}

// TestPendingOfOneRegistrant: two rules of one person for one new name make one project with both.
func TestPendingOfOneRegistrant(t *testing.T) {
	b := newBench(t)
	alice := b.user("alice")
	b.addPending(alice, "new-thing", "environment", "")
	b.addPending(alice, "new-thing")
	b.mint(nil)
	if list, err := b.registry.List(t.Context(), b.again("alice"), "new-thing"); err != nil || len(list) != 2 ||
		list[0].Pending || list[1].Pending {
		t.Errorf("List = %+v, %v; want two ordinary publishers", list, err)
	}
}

func TestPendingEnds(t *testing.T) {
	b := newBench(t)
	d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
	alice := b.user("alice")
	b.addPending(alice, "by-alice")
	if err := d.DisableUser(t.Context(), b.operator, "alice"); err != nil {
		t.Fatal(err)
	}
	_, err := b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "no active account")
	if err := d.EnableUser(t.Context(), b.operator, "alice"); err != nil {
		t.Fatal(err)
	}
	b.clock.Pass(publishers.DefaultPendingLifetime)
	_, err = b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "expired")
	b.clock.Pass(time.Second)
	if err := b.registry.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "no project here trusts")
	if n := len(b.store.of("publisher.pending-expired")); n != 1 {
		t.Errorf("%d entries of expiry, want 1", n)
	}
}
