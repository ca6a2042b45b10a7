package storagetest

import (
	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
)

// checkSizes checks that the size of a repository follows those of its projects, can be recounted, and that projects
// near a limit are found.
func checkSizes(w *world) {
	other := catalog.Repository{ID: w.id("repository"), Name: "other", CreatedAt: at, SizeLimit: 1000}
	a, b := w.project("a"), w.project("b")
	elsewhere := catalog.Project{
		ID: "elsewhere", Repository: other, Name: w.name("a"), Display: "a", Status: catalog.Active, CreatedAt: at, Size: 7,
	}
	sizes := func(main, of int64) {
		w.Helper()
		w.view(func(tx catalog.Tx) error {
			for name, want := range map[string]int64{catalog.MainRepository: main, "other": of} {
				r, err := tx.RepositoryByName(w.ctx, name)
				w.must(err)
				w.same("size of "+name, r.Size, want)
			}
			differ, err := tx.RepositorySizesDiffer(w.ctx)
			w.same("RepositorySizesDiffer()", differ, false)
			return err
		})
	}
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertRepository(w.ctx, other))
		w.must(tx.InsertProject(w.ctx, elsewhere))
		a.Size, b.Size = 100, 1<<41
		a.Limits.ProjectSize = 125
		w.must(tx.UpdateProject(w.ctx, a))
		return tx.UpdateProject(w.ctx, b)
	})
	sizes(100+1<<41, 7)
	w.view(func(tx catalog.Tx) error {
		near, err := tx.ProjectsNear(w.ctx, 0, 10)
		w.must(err)
		own := catalog.ProjectUsage{Repository: "main", Project: "a", Bytes: 100, SizeLimit: 125}
		w.same("ProjectsNear(no configured limit)", near, []catalog.ProjectUsage{own})
		near, err = tx.ProjectsNear(w.ctx, 8, 10)
		w.must(err)
		w.same("ProjectsNear(8)", near, []catalog.ProjectUsage{
			own,
			{Repository: "main", Project: "b", Bytes: 1 << 41},
			{Repository: "other", Project: "a", Bytes: 7},
		})
		near, err = tx.ProjectsNear(w.ctx, 9, 10) // 7 of 9 are less than 80 %
		w.same("ProjectsNear(9)", len(near), 2)
		return err
	})
	w.update(func(tx publishers.Tx) error {
		a.Size = 40
		w.must(tx.UpdateProject(w.ctx, a))
		// Settings of the repository are written without its size.
		stale := other
		stale.Public = true
		w.must(tx.UpdateRepository(w.ctx, stale))
		return tx.DeleteProject(w.ctx, b.ID)
	})
	sizes(40, 7)
	w.update(func(tx publishers.Tx) error {
		w.must(tx.DeleteProject(w.ctx, elsewhere.ID))
		return tx.RecountRepositories(w.ctx)
	})
	sizes(40, 0)
}
