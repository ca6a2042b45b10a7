package publishers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
)

// members sets what every user may do in main.
func (b *bench) members(role access.Role) {
	b.Helper()
	err := b.store.Update(b.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		repo.Members = role
		if _, err := tx.NextSerial(b.Context()); err != nil {
			return err
		}
		return tx.UpdateRepository(b.Context(), repo)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// there reports whether main has a project.
func (b *bench) there(name string) bool {
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
		_, err = tx.ProjectByName(b.Context(), repo.ID, n)
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		b.Fatal(err)
	}
	return err == nil
}

// delete deletes a project as the catalog does, for its last owners to have.
func (b *bench) delete(name string, owners ...string) {
	b.Helper()
	err := b.store.Update(b.Context(), func(tx publishers.Tx) error {
		p := b.find(name)
		at := b.clock.Now()
		if err := tx.PutDeleted(b.Context(),
			catalog.Deleted{
				Repository: catalog.MainRepository,
				Name:       p.Name,
				At:         at,
				FreeAt:     at.Add(catalog.KeepName),
				Users:      owners,
			}); err != nil {
			return err
		}
		return tx.DeleteProject(b.Context(), p.ID)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// TestPendingNeedsTheRightWhenUsed: a registrant who may no longer create projects gets none, and learns why.
func TestPendingNeedsTheRightWhenUsed(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.user("alice")
		plan := b.addPending(alice, "new-thing")
		b.members(access.Reader)
		_, err := b.exchange(b.token(nil))
		refuse(t, err, exchange.CodePublisher, "may no longer create projects")
		if b.there("new-thing") {
			t.Error("the project was created for somebody who may not create projects")
		}
		told := b.exchanges(alice, "new-thing")
		if len(told) != 1 || told[0].Granted || !told[0].Pending || told[0].Code != exchange.CodePassedOver ||
			told[0].Nearest[0].ID != plan.ID ||
			!strings.Contains(told[0].Description, "alice may no longer create projects in repository main") {
			t.Errorf("alice is told %+v, want that her pending publisher was passed over, and why", told)
		}
		b.members(access.Uploader)
		if m := b.mint(nil); !slices.Equal(m.Projects, []string{"new-thing"}) {
			t.Errorf("projects %v, want new-thing once alice may create projects again", m.Projects)
		}
	})
}

// TestPendingForSomebodyWhoMayNot: an administrator cannot register one for a user who may not create projects.
func TestPendingForSomebodyWhoMayNot(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	b.members(access.Reader)
	req := b.request("new-thing")
	req.Pending, req.User = true, "alice"
	if _, err := b.registry.Add(t.Context(), b.operator, req); !fault.Is(err, fault.Invalid) {
		t.Errorf("Add for a user who may not create projects = %v, want invalid", err)
	}
}

// TestPendingBound: a person has a few open pending publishers, an administrator more, whoever asks at the same time.
func TestPendingBound(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.user("alice")
		replicas := b.replicas()
		won := race(16, func(i int) error {
			req := b.request(fmt.Sprint("thing-", i))
			req.Pending = true
			_, err := replicas[i%2].Add(t.Context(), alice, req)
			return err
		}, func(err error) {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("Add beyond the bound = %v, want conflict", err)
			}
		})
		if won != publishers.MaxPending {
			t.Errorf("%d of 16 were registered, want %d", won, publishers.MaxPending)
		}
		b.addPending(b.user("bob"), "bobs")
		for i := range publishers.MaxPending + 1 {
			b.addPending(b.operator, fmt.Sprint("operators-", i))
		}
		b.clock.Pass(publishers.DefaultPendingLifetime)
		b.addPending(b.again("alice"), "after-those-expired")
	})
}

// TestExchangeCreatesFew: one exchange creates the projects that wait longest, and its token is good for those alone.
func TestExchangeCreatesFew(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		names := []string{"a", "b", "c", "d", "e"}
		var last access.Caller
		for i, n := range names {
			if i%2 == 0 {
				last = b.user("user" + n)
			}
			b.clock.Pass(time.Second)
			b.addPending(last, n)
		}
		m := b.mint(nil)
		if !slices.Equal(m.Projects, names[:exchange.MaxCreated]) {
			t.Errorf("the first exchange is good for %v, want %v", m.Projects, names[:exchange.MaxCreated])
		}
		told := b.exchanges(last, "e")
		if len(told) != 1 || told[0].Code != exchange.CodePassedOver ||
			!strings.Contains(told[0].Description, "3 projects at most") {
			t.Errorf("the registrant of e is told %+v, want that it waits for the next exchange", told)
		}
		if b.there("d") || b.there("e") {
			t.Error("more projects were created")
		}
		if m := b.mint(nil); !slices.Equal(m.Projects, names) {
			t.Errorf("the second exchange is good for %v, want %v", m.Projects, names)
		}
	})
}

// TestPendingForDeletedName: a pending publisher gets the name of a deleted project for its last owners alone.
func TestPendingForDeletedName(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		owner, stranger := b.owner("owner", "demo"), b.user("stranger")
		b.delete("demo", owner.ID())
		req := b.request("Demo")
		req.Pending = true
		if _, err := b.registry.Add(t.Context(), stranger, req); !fault.Is(err, fault.Conflict) ||
			!strings.Contains(err.Error(), "former owners") {
			t.Errorf("Add by a stranger = %v, want conflict because the name is kept", err)
		}
		b.addPending(b.again("owner"), "demo")
		if m := b.mint(nil); !slices.Equal(m.Projects, []string{"demo"}) {
			t.Errorf("projects %v, want demo for its last owner", m.Projects)
		}

		// Registered before the project was there, and used after it is gone.
		b.addPending(stranger, "late")
		b.takeQuietly("late", owner.ID())
		b.delete("late", owner.ID())
		if m := b.mint(nil); b.there("late") || !slices.Equal(m.Projects, []string{"demo"}) {
			t.Errorf("projects %v, want no project of a deleted name for a stranger", m.Projects)
		}
		if told := b.exchanges(stranger, "late"); len(told) != 1 ||
			!strings.Contains(told[0].Description, "only its former owners") {
			t.Errorf("the stranger is told %+v, want until when the name is kept", told)
		}
	})
}

// TestPendingKeepsToThePolicy: names that uploads may not create are none for a pending publisher either.
func TestPendingKeepsToThePolicy(t *testing.T) {
	b := newBench(t, func(o *settings) { o.rules.Policy = catalog.NamePolicy{ReservedNames: true, SimilarNames: true} })
	b.project("lib1", "")
	for _, name := range []string{"json", "l-ib1", "libl"} {
		req := b.request(name)
		req.Pending = true
		if _, err := b.registry.Add(t.Context(), b.user("user-of-"+name), req); err == nil {
			t.Errorf("Add(%s) = nil, want it refused by the policy", name)
		}
	}
	alice := b.user("alice")
	b.addPending(alice, "fresh0")
	b.project("fresho", "")
	_, err := b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "cannot be used now")
	if told := b.exchanges(alice, "fresh0"); len(told) != 1 ||
		!strings.Contains(told[0].Description, "too similar to fresho") {
		t.Errorf("alice is told %+v, want that the name is too similar", told)
	}
}

// TestCreatedIsTold: the hook for letters hears of each project that was created, once, and of nothing else.
func TestCreatedIsTold(t *testing.T) {
	var told []exchange.Created
	b := newBench(t, func(o *settings) {
		o.exchange.Created = func(_ context.Context, c exchange.Created) { told = append(told, c) }
	})
	alice := b.user("alice")
	b.addPending(alice, "new-thing", "environment", "")
	b.addPending(alice, "New_Thing")
	b.addPending(alice, "taken")
	b.takeQuietly("taken", b.user("bob").ID())
	b.mint(nil)
	b.mint(nil)
	if len(told) != 1 || told[0].Project != "new-thing" || told[0].Owner != alice.ID() || told[0].Repository != "main" ||
		told[0].Publisher == "" {
		t.Errorf("the hook was told %+v, want new-thing of alice once", told)
	}
}
