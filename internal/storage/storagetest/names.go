package storagetest

import (
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// checkNames checks that a name remains recorded regardless of its projects and repositories.
func checkNames(w *world) {
	team := catalog.Repository{ID: w.id("repository"), Name: "team", CreatedAt: at}
	first := catalog.Name{Name: w.name("demo"), Origin: catalog.Own, Since: at, Why: "project"}
	first.By.Kind, first.By.ID, first.By.Name = "user", "u1", "ann"
	second := first
	second.Since, second.By.Name = at.Add(time.Hour), "bob"
	other := catalog.Name{Name: w.name("a-b"), Origin: catalog.Own, Since: at, Why: "project"}
	w.update(func(tx publishers.Tx) error {
		_, err := tx.NameOf(w.ctx, first.Name)
		w.want("NameOf(unknown)", err, fault.NotFound)
		w.must(tx.InsertRepository(w.ctx, team))
		w.must(tx.PutName(w.ctx, first))
		w.must(tx.PutName(w.ctx, second))
		w.must(tx.PutName(w.ctx, other))
		return tx.DeleteRepository(w.ctx, team.ID)
	})
	w.view(func(tx catalog.Tx) error {
		got, err := tx.NameOf(w.ctx, first.Name)
		w.must(err)
		w.same("NameOf()", got, first)
		var all []catalog.Name
		for after, n := "", 0; n < 3; n++ {
			some, err := tx.Names(w.ctx, after, 1)
			w.must(err)
			for _, x := range some {
				all, after = append(all, x), x.Name.String()
			}
		}
		w.same("Names(one by one)", len(all), 2)
		some, err := tx.Names(w.ctx, "", 10)
		w.same("Names()", some, all)
		return err
	})
	checkDeletedProjects(w)
}

// checkDeletedProjects checks that only the last deletion is kept, with its owners, and that a name can only become
// free earlier.
func checkDeletedProjects(w *world) {
	name := w.name("demo")
	d := catalog.Deleted{
		Repository: "team",
		Name:       name,
		At:         at,
		FreeAt:     at.Add(time.Hour),
		Users:      []string{"u1", "u2"},
		Groups:     []string{"g1"},
	}
	later := catalog.Deleted{
		Repository: "team",
		Name:       name,
		At:         at.Add(2 * time.Hour),
		FreeAt:     at.Add(3 * time.Hour),
		Users:      []string{"u3"},
	}
	twin := catalog.Deleted{Repository: "main", Name: name, At: at, FreeAt: at.Add(time.Hour)}
	find := func(tx catalog.Tx) catalog.Deleted {
		got, err := tx.DeletedNamed(w.ctx, "team", name)
		w.must(err)
		return got
	}
	w.update(func(tx publishers.Tx) error {
		_, err := tx.DeletedNamed(w.ctx, "team", name)
		w.want("DeletedNamed(none)", err, fault.NotFound)
		did, err := tx.FreeName(w.ctx, "team", name, at)
		w.must(err)
		w.same("FreeName(none)", did, false)
		w.must(tx.PutDeleted(w.ctx, d))
		w.same("DeletedNamed()", find(tx), d)
		w.must(tx.NoteAgain(w.ctx, "team", name, at.Add(time.Minute)))
		w.same("DeletedNamed(again)", find(tx).AgainAt, at.Add(time.Minute))
		w.must(tx.PutDeleted(w.ctx, later))
		w.must(tx.PutDeleted(w.ctx, twin))
		w.same("DeletedNamed(deleted again)", find(tx), later)
		all, err := tx.DeletedProjects(w.ctx)
		w.same("DeletedProjects()", all, []catalog.Deleted{twin, later})
		return err
	})
	w.update(func(tx publishers.Tx) error {
		did, err := tx.FreeName(w.ctx, "team", name, at.Add(4*time.Hour))
		w.must(err)
		w.same("FreeName(later)", did, false)
		did, err = tx.FreeName(w.ctx, "team", name, at)
		w.must(err)
		w.same("FreeName(sooner)", did, true)
		w.same("DeletedNamed(freed)", find(tx).FreeAt, at)
		return nil
	})
}

func (w *world) creating(u access.User, name, id string, when time.Time) catalog.NewProject {
	return catalog.NewProject{
		ID:         id,
		Repository: w.main,
		Name:       w.name(name),
		Display:    name,
		Owner:      u.ID,
		EntryID:    "entry-" + id,
		At:         when,
	}
}

// creators runs f for each user at once, through both handles, and returns the number of successes.
func (w *world) creators(users []access.User, f func(tx catalog.Tx, u access.User, i int) error,
	kinds ...fault.Kind,
) int {
	w.Helper()
	var won atomic.Int32
	var wait sync.WaitGroup
	for i, u := range users {
		s := w.a
		if i%2 == 1 {
			s = w.b
		}
		wait.Go(func() {
			err := s.Catalog.Update(w.ctx, func(tx catalog.Tx) error { return f(tx, u, i) })
			if err == nil {
				won.Add(1)
				return
			}
			for _, k := range kinds {
				if fault.Is(err, k) {
					return
				}
			}
			w.Errorf("a creation that lost = %v (%v), want one of %v", err, fault.KindOf(err), kinds)
		})
	}
	wait.Wait()
	return int(won.Load())
}

// checkNameRaces checks that only one of many users gets a freed name, and that no stranger gets a name while it is
// being deleted.
func checkNameRaces(w *world) {
	var strangers []access.User
	for i := range 16 {
		strangers = append(strangers, w.user(string(rune('a'+i))))
	}
	freed := catalog.Deleted{Repository: w.main.Name, Name: w.name("freed"), At: at, FreeAt: at.Add(time.Hour)}
	w.update(func(tx publishers.Tx) error { return tx.PutDeleted(w.ctx, freed) })
	create := func(name string, when time.Time) func(catalog.Tx, access.User, int) error {
		return func(tx catalog.Tx, u access.User, i int) error {
			_, err := catalog.Create(w.ctx, tx, w.creating(u, name, name+u.Name, when))
			return err
		}
	}
	w.same("winners before the name is free", w.creators(strangers, create("freed", freed.FreeAt.Add(-1)), fault.Denied),
		0)
	w.same("winners when it is free", w.creators(strangers, create("freed", freed.FreeAt), fault.Conflict), 1)
	p := w.project("going")
	gone := catalog.Deleted{
		Repository: w.main.Name,
		Name:       p.Name,
		At:         at,
		FreeAt:     at.Add(time.Hour),
		Users:      []string{"nobody"},
	}
	won := w.creators(strangers, func(tx catalog.Tx, u access.User, i int) error {
		if i != 7 {
			return create("going", at)(tx, u, i)
		}
		w.must(tx.PutDeleted(w.ctx, gone))
		return tx.DeleteProject(w.ctx, p.ID)
	}, fault.Conflict, fault.Denied)
	w.same("the deletion and the creations that won beside it", won, 1)
}
