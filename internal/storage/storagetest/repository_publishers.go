package storagetest

import (
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/lockout"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// RepositoryPublishers checks the publishers of repositories and the tokens that are bound to them.
func RepositoryPublishers(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"rows":            checkWide,
		"race":            checkWideRace,
		"tokens":          checkTokenNames,
		"shared":          checkWideShared,
		"repository gone": checkWideRepositoryGone,
		"covered":         checkCovered,
		"has publishers":  checkWideHas,
		"lockout":         checkWideLockout,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

func (w *world) prefix(s string) packaging.NamePrefix {
	w.Helper()
	p, err := packaging.ParseNamePrefix(s)
	w.must(err)
	return p
}

func (w *world) newWide(id, prefix string, p publishers.Publisher) publishers.RepositoryPublisher {
	return publishers.RepositoryPublisher{
		ID: id, Publisher: p, RepositoryID: w.main.ID, Prefix: w.prefix(prefix), AddedAt: at, AddedBy: "ann",
	}
}

// wide inserts a publisher of the main repository.
func (w *world) wide(id, prefix string, p publishers.Publisher) {
	w.Helper()
	w.update(func(tx publishers.Tx) error { return tx.InsertRepositoryPublisher(w.ctx, w.newWide(id, prefix, p)) })
}

func (w *world) other(name string) catalog.Repository {
	w.Helper()
	r := catalog.Repository{ID: w.id("repository"), Name: name, CreatedAt: at}
	w.update(func(tx publishers.Tx) error { return tx.InsertRepository(w.ctx, r) })
	return r
}

func (w *world) ids(publisherID, repositoryID string) (out []string) {
	w.Helper()
	w.must(w.b.Publishers.View(w.ctx, func(tx publishers.Tx) error {
		all, err := tx.RepositoryPublishers(w.ctx, publisherID, repositoryID)
		for _, r := range all {
			out = append(out, r.ID)
		}
		return err
	}))
	return out
}

func checkWide(w *world) {
	p, q, tools := w.publisher("p"), w.publisher("q"), w.other("tools")
	full := w.newWide("full", "Acme_Data", p)
	full.Creates, full.OwnerUser = true, "bob"
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertRepositoryPublisher(w.ctx, full))
		again := full
		again.ID, again.Creates = "again", false
		w.want("InsertRepositoryPublisher(the same)", tx.InsertRepositoryPublisher(w.ctx, again), fault.Conflict)
		again.Prefix = w.prefix("other")
		again.ID = full.ID
		w.want("InsertRepositoryPublisher(the same id)", tx.InsertRepositoryPublisher(w.ctx, again), fault.Conflict)
		got, err := tx.RepositoryPublishers(w.ctx, "", "")
		w.same("RepositoryPublishers()", got, []publishers.RepositoryPublisher{full})
		return err
	})
	w.wide("wider", "acme", p)
	w.wide("of q", "acme", q)
	there := w.newWide("there", "acme", p)
	there.RepositoryID = tools.ID
	w.update(func(tx publishers.Tx) error { return tx.InsertRepositoryPublisher(w.ctx, there) })
	for _, c := range []struct {
		publisher, repository string
		want                  []string
	}{
		{p.ID, w.main.ID, []string{"wider", "full"}},
		{"", w.main.ID, []string{"of q", "wider", "full"}},
		{"", tools.ID, []string{"there"}},
		{q.ID, tools.ID, nil},
		{"nothing", "", nil},
	} {
		w.same("RepositoryPublishers("+c.publisher+", "+c.repository+")", w.ids(c.publisher, c.repository), c.want)
	}
	w.update(func(tx publishers.Tx) error {
		for _, want := range []bool{true, false} {
			did, err := tx.DeleteRepositoryPublisher(w.ctx, "wider")
			w.must(err)
			w.same("DeleteRepositoryPublisher()", did, want)
		}
		did, err := tx.DeleteRepositoryPublisher(w.ctx, "")
		w.same("DeleteRepositoryPublisher(\"\")", did, false)
		return err
	})
	w.same("RepositoryPublishers(one deleted)", w.ids("", ""), []string{"of q", "full", "there"})
}

// checkWideRace checks that one of several concurrent inserts and deletions of the same rule succeeds.
func checkWideRace(w *world) {
	p := w.publisher("p")
	w.attach(p, w.project("keeps"))
	won := w.race(16, func(s Stores, i int) error {
		return s.Publishers.Update(w.ctx, func(tx publishers.Tx) error {
			return tx.InsertRepositoryPublisher(w.ctx, w.newWide(digest(string(rune(i))), "acme", p))
		})
	})
	w.same("winners of adding one rule", won, int64(1))
	id := w.ids(p.ID, "")[0]
	won = w.race(16, func(s Stores, _ int) error {
		return s.Publishers.Update(w.ctx, func(tx publishers.Tx) error {
			return first(tx.DeleteRepositoryPublisher(w.ctx, id))
		})
	})
	w.same("winners of deleting one rule", won, int64(1))
}

// names returns TokenNames as seen by another process.
func (w *world) names(t access.Token) (ids []string) {
	w.Helper()
	w.must(w.b.Access.View(w.ctx, func(tx access.Tx) error {
		all, err := tx.TokenNames(w.ctx, t.ID)
		for _, n := range all {
			ids = append(ids, n.ID)
		}
		return err
	}))
	return ids
}

// checkTokenNames checks that a token has its own rules only, and that adding a removed rule again does not revive it.
func checkTokenNames(w *world) {
	p := w.publisher("p")
	a, b := w.newWide("a", "acme", p), w.newWide("b", "beta", p)
	a.Creates, a.OwnerUser = true, "bob"
	t, other := w.token(access.Token{Kind: access.TokenMinted, ExpiresAt: at}),
		w.token(access.Token{Kind: access.TokenMinted})
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertRepositoryPublisher(w.ctx, a))
		w.must(tx.InsertRepositoryPublisher(w.ctx, b))
		for _, id := range []string{"a", "b", "a", "nothing"} {
			w.must(tx.InsertTokenNames(w.ctx, t.ID, id))
		}
		got, err := tx.TokenNames(w.ctx, t.ID)
		w.same("TokenNames()", got, []access.NameRule{
			{ID: "a", RepositoryID: w.main.ID, Prefix: w.prefix("acme"), Creates: true, OwnerID: "bob"},
			{ID: "b", RepositoryID: w.main.ID, Prefix: w.prefix("beta")},
		})
		return err
	})
	w.same("TokenNames(another token)", w.names(other), []string(nil))
	w.same("TokenNames(nothing)", w.names(access.Token{ID: "nothing"}), []string(nil))
	w.update(func(tx publishers.Tx) error { return first(tx.DeleteRepositoryPublisher(w.ctx, "a")) })
	w.same("TokenNames(one removed)", w.names(t), []string{"b"})
	w.wide("a", "acme", p)
	w.same("TokenNames(added again)", w.names(t), []string{"b"})
	w.updateAccess(func(tx access.Tx) error {
		_, err := tx.DeleteTokensExpiredBefore(w.ctx, at.AddDate(0, 0, 1))
		return err
	})
	w.same("TokenNames(token gone)", w.names(t), []string(nil))
}

// checkWideShared checks that a publisher remains as long as a project or a repository uses it.
func checkWideShared(w *world) {
	project := w.project("project")
	left := func(what, id string, want fault.Kind) {
		w.Helper()
		w.must(w.b.Publishers.View(w.ctx, func(tx publishers.Tx) error {
			_, err := tx.PublisherByID(w.ctx, id)
			w.same("PublisherByID("+what+")", fault.KindOf(err), want)
			return nil
		}))
	}
	p := w.publisher("detached")
	w.attach(p, project)
	w.wide("1", "acme", p)
	w.update(func(tx publishers.Tx) error { return first(tx.Detach(w.ctx, p.ID, project.ID)) })
	left("used by a repository", p.ID, fault.Internal)
	w.update(func(tx publishers.Tx) error { return first(tx.DeleteRepositoryPublisher(w.ctx, "1")) })
	left("used by none", p.ID, fault.NotFound)
	q := w.publisher("deleted")
	w.attach(q, project)
	w.wide("2", "acme", q)
	w.wide("3", "beta", q)
	w.update(func(tx publishers.Tx) error { return first(tx.DeleteRepositoryPublisher(w.ctx, "2")) })
	left("used by both", q.ID, fault.Internal)
	w.update(func(tx publishers.Tx) error { return tx.DeleteProject(w.ctx, project.ID) })
	left("its project deleted", q.ID, fault.Internal)
	w.same("RepositoryPublishers(after DeleteProject)", w.ids("", ""), []string{"3"})
}

func checkWideRepositoryGone(w *world) {
	tools, project, p, q := w.other("tools"), w.project("project"), w.publisher("alone"), w.publisher("shared")
	w.attach(q, project)
	t := w.token(access.Token{Kind: access.TokenMinted})
	w.update(func(tx publishers.Tx) error {
		for id, of := range map[string]publishers.Publisher{"a": p, "b": q} {
			r := w.newWide(id, "acme", of)
			r.RepositoryID = tools.ID
			w.must(tx.InsertRepositoryPublisher(w.ctx, r))
			w.must(tx.InsertTokenNames(w.ctx, t.ID, id))
		}
		return tx.DeleteRepository(w.ctx, tools.ID)
	})
	w.same("RepositoryPublishers(repository gone)", w.ids("", ""), []string(nil))
	w.same("TokenNames(repository gone)", w.names(t), []string(nil))
	w.must(w.b.Publishers.View(w.ctx, func(tx publishers.Tx) error {
		_, err := tx.PublisherByID(w.ctx, p.ID)
		w.want("PublisherByID(used by none)", err, fault.NotFound)
		_, err = tx.PublisherByID(w.ctx, q.ID)
		return err
	}))
}

// covering are names and whether the prefix "acme" covers them.
var covering = map[string]bool{
	"acme": true, "acme-a": true, "acme-zz-top": true, "acmecorp": false, "acme1": false, "acm": false, "x-acme": false,
	"acmez-a": false, "acme0-a": false,
}

func checkCovered(w *world) {
	want := 0
	for name, yes := range covering {
		w.project(name)
		if yes {
			want++
		}
	}
	tools := w.other("tools")
	w.must(w.b.Publishers.View(w.ctx, func(tx publishers.Tx) error {
		n, err := tx.CoveredProjects(w.ctx, w.main.ID, w.prefix("acme"))
		w.must(err)
		w.same("CoveredProjects()", n, want)
		n, err = tx.CoveredProjects(w.ctx, tools.ID, w.prefix("acme"))
		w.same("CoveredProjects(elsewhere)", n, 0)
		return err
	}))
}

// checkWideHas checks that the database compares names as packaging.NamePrefix does.
func checkWideHas(w *world) {
	w.wide("1", "acme", w.publisher("p"))
	for name, want := range covering {
		p := w.project(name)
		w.update(func(tx publishers.Tx) error {
			has, err := tx.(ingest.Tx).HasPublishers(w.ctx, p.ID)
			w.same("HasPublishers("+name+")", has, want)
			w.same("Covers("+name+")", w.prefix("acme").Covers(p.Name), want)
			return err
		})
	}
}

func checkWideLockout(w *world) {
	p, q := w.publisher("p"), w.publisher("q")
	w.wide("1", "acme", p)
	w.wide("2", "acme", q)
	minted, other := w.token(access.Token{Kind: access.TokenMinted}), w.token(access.Token{Kind: access.TokenMinted})
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertTokenNames(w.ctx, minted.ID, "1"))
		return tx.InsertTokenNames(w.ctx, other.ID, "2")
	})
	f := w.newFile(w.release(w.project("acme-x"), "1"), "acme_x-1.whl")
	f.Uploader = catalog.Uploader{Kind: string(access.KindPublisher), Name: "another sentence", TokenID: minted.ID}
	w.update(func(tx publishers.Tx) error { return tx.InsertFile(w.ctx, f, packaging.Metadata{Name: "acme-x"}) })
	w.must(w.b.Lockouts.View(w.ctx, func(tx lockout.Tx) error {
		ids, err := tx.MintedFor(w.ctx, p.ID)
		w.must(err)
		w.same("MintedFor()", ids, []string{minted.ID})
		for id, want := range map[string]int{p.ID: 1, q.ID: 0} {
			n, err := tx.CountUploads(w.ctx, catalog.UploadFilter{Publisher: "sentence", Minted: id})
			w.must(err)
			w.same("CountUploads("+id+")", n, want)
		}
		return nil
	}))
}
