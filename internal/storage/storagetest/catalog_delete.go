package storagetest

import (
	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// checkDeleteProject checks that a deleted project's rows are deleted, except tombstones and rows that others use.
func checkDeleteProject(w *world) {
	gone, stays, u := w.project("gone"), w.project("stays"), w.user("ann")
	f := w.file(w.release(gone, "1"), "gone-1.whl")
	other := w.file(w.release(stays, "1"), "stays-1.whl")
	alone, shared := w.publisher("alone"), w.publisher("shared")
	w.attach(alone, gone)
	w.attach(shared, gone)
	w.attach(shared, stays)
	token := w.token(access.Token{Kind: access.TokenAPI, UserID: u.ID, Limited: true},
		access.TokenProject{ProjectID: gone.ID})
	w.update(func(tx publishers.Tx) error {
		w.must(tx.PutGrant(w.ctx,
			access.Grant{UserID: u.ID, RepositoryID: w.main.ID, ProjectID: gone.ID, Role: access.Owner, CreatedAt: at}))
		w.must(tx.InsertTombstone(w.ctx, w.main.ID, f.NameKey, f.Filename, at))
		return tx.DeleteProject(w.ctx, gone.ID)
	})
	w.must(w.a.Publishers.View(w.ctx, func(tx publishers.Tx) error {
		checkGone(w, tx, gone, f)
		grants, err := tx.GrantsOf(w.ctx, u.ID)
		w.must(err)
		w.same("GrantsOf()", grants, []access.Grant{})
		ids, err := tx.TokenProjects(w.ctx, token.ID)
		w.must(err)
		w.same("TokenProjects()", ids, []string{})
		_, err = tx.PublisherByID(w.ctx, alone.ID)
		w.want("PublisherByID(used by none)", err, fault.NotFound)
		links, err := tx.AttachedTo(w.ctx, "", "")
		w.must(err)
		if len(links) != 1 || links[0].ProjectID != stays.ID {
			w.Errorf("AttachedTo() = %v, want the one link of %s", links, stays.ID)
		}
		_, err = tx.FileByName(w.ctx, w.main.ID, other.Filename)
		return err
	}))
}

func checkGone(w *world, tx catalog.Tx, p catalog.Project, f catalog.File) {
	w.Helper()
	_, err := tx.ProjectByID(w.ctx, p.ID)
	w.want("ProjectByID(deleted)", err, fault.NotFound)
	_, err = tx.FileByName(w.ctx, w.main.ID, f.Filename)
	w.want("FileByName(deleted)", err, fault.NotFound)
	_, err = tx.Metadata(w.ctx, f.ID)
	w.want("Metadata(deleted)", err, fault.NotFound)
	releases, err := tx.Releases(w.ctx, p.ID)
	w.must(err)
	w.same("Releases(deleted)", releases, []catalog.Release{})
	kept, err := tx.Tombstoned(w.ctx, w.main.ID, f.NameKey)
	w.must(err)
	w.same("Tombstoned(deleted)", kept, true)
}

// checkDeleteRepository checks that only an empty repository can be deleted. Names of deleted files are content.
func checkDeleteRepository(w *world) {
	u, p := w.user("ann"), w.project("p")
	other := catalog.Repository{ID: w.id("repository"), Name: "other", CreatedAt: at}
	buried := catalog.Repository{ID: w.id("repository"), Name: "buried", CreatedAt: at}
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertRepository(w.ctx, other))
		w.must(tx.InsertRepository(w.ctx, buried))
		w.must(tx.InsertTombstone(w.ctx, buried.ID, "k", "f", at))
		w.must(tx.PutGrant(w.ctx, access.Grant{UserID: u.ID, RepositoryID: other.ID, Role: access.Reader, CreatedAt: at}))
		return tx.DeleteRepository(w.ctx, other.ID)
	})
	for _, id := range []string{p.Repository.ID, buried.ID} {
		err := w.a.Catalog.Update(w.ctx, func(tx catalog.Tx) error { return tx.DeleteRepository(w.ctx, id) })
		w.want("DeleteRepository(with something in it)", err, fault.Conflict)
	}
	w.view(func(tx catalog.Tx) error {
		_, err := tx.RepositoryByName(w.ctx, "other")
		w.want("RepositoryByName(deleted)", err, fault.NotFound)
		grants, err := tx.GrantsOf(w.ctx, u.ID)
		w.must(err)
		w.same("GrantsOf()", grants, []access.Grant{})
		_, err = tx.RepositoryByName(w.ctx, "buried")
		return err
	})
}
