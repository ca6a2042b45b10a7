package storagetest

import (
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
)

// checkManaged checks that projects are found by part of their name, page by page, or by id, only in their repository.
func checkManaged(w *world) {
	other := catalog.Repository{ID: w.id("repository"), Name: "other", CreatedAt: at}
	all := map[string]catalog.Project{}
	for _, n := range []string{"abc", "a-c", "ab", "b", "x-ab-y"} {
		all[n] = w.project(n)
	}
	twin := catalog.Project{
		ID:         "twin",
		Repository: other,
		Name:       w.name("ab"),
		Display:    "ab",
		Status:     catalog.Active,
		CreatedAt:  at,
	}
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertRepository(w.ctx, other))
		return tx.InsertProject(w.ctx, twin)
	})
	w.view(func(tx catalog.Tx) error {
		for _, row := range []struct {
			text         string
			offset, size int
			want         int // projects on the page
			total        int
		}{
			{"", 0, 10, 5, 5},
			{"", 0, 2, 2, 5},
			{"", 4, 2, 1, 5},
			{"", 5, 2, 0, 5},
			{"ab", 0, 10, 3, 3},
			{"ab", 1, 1, 1, 3},
			{"%", 0, 10, 0, 0},
			{"_", 0, 10, 0, 0},
			{"!", 0, 10, 0, 0},
			{"zzz", 0, 10, 0, 0},
		} {
			got, total, err := tx.ProjectsNamed(w.ctx, w.main.ID, row.text, row.offset, row.size)
			w.must(err)
			w.same("ProjectsNamed("+row.text+") total", total, row.total)
			w.same("ProjectsNamed("+row.text+")", len(got), row.want)
		}
		var names []string
		for offset := range 5 {
			got, _, err := tx.ProjectsNamed(w.ctx, w.main.ID, "", offset, 1)
			w.must(err)
			names = append(names, got[0].Name.String())
		}
		slices.Sort(names)
		w.same("ProjectsNamed(one by one)", strings.Join(names, " "), "a-c ab abc b x-ab-y")
		ids := []string{all["ab"].ID, twin.ID, "nothing", w.main.ID}
		got, err := tx.ProjectsByID(w.ctx, w.main.ID, ids)
		w.must(err)
		w.same("ProjectsByID()", got, []catalog.Project{all["ab"]})
		for range 1200 {
			ids = append(ids, w.id("nothing"))
		}
		got, err = tx.ProjectsByID(w.ctx, w.main.ID, append(ids, all["b"].ID))
		w.must(err)
		w.same("ProjectsByID(many)", len(got), 2)
		got, err = tx.ProjectsByID(w.ctx, w.main.ID, nil)
		w.same("ProjectsByID(none)", got, []catalog.Project{})
		return err
	})
	checkGrantsAbout(w, all["ab"], twin)
}

// checkGrantsAbout checks that all grants about a project are found, including those of its repository only.
func checkGrantsAbout(w *world, p, twin catalog.Project) {
	ann, bob := w.user("ann"), w.user("bob")
	grant := func(u access.User, repository, project string, role access.Role, age time.Duration) access.Grant {
		return access.Grant{UserID: u.ID, RepositoryID: repository, ProjectID: project, Role: role, CreatedAt: at.Add(-age)}
	}
	here := []access.Grant{
		grant(bob, w.main.ID, "", access.Reader, 3*time.Hour), grant(ann, w.main.ID, p.ID, access.Owner, 2*time.Hour),
		grant(bob, w.main.ID, p.ID, access.Maintainer, time.Hour),
	}
	w.update(func(tx publishers.Tx) error {
		for _, g := range append([]access.Grant{
			grant(ann, twin.Repository.ID, "", access.Owner, 0), grant(ann, twin.Repository.ID, twin.ID, access.Owner, 0),
		}, here...) {
			w.must(tx.PutGrant(w.ctx, g))
		}
		got, err := tx.GrantsAbout(w.ctx, w.main.ID, p.ID)
		w.must(err)
		w.same("GrantsAbout(project)", got, here)
		got, err = tx.GrantsAbout(w.ctx, w.main.ID, "")
		w.must(err)
		w.same("GrantsAbout(repository)", got, here)
		got, err = tx.GrantsAbout(w.ctx, w.main.ID, "nothing")
		w.same("GrantsAbout(nothing)", got, here[:1])
		return err
	})
}
