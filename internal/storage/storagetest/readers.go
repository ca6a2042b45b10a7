package storagetest

import (
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// Readers checks the guarantees of publishers.Tx about readers, and of access.ReadRows.
func Readers(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"rows":          checkReaderRows,
		"pin":           checkReaderPin,
		"token reads":   checkTokenReads,
		"rule removed":  checkReaderRemoved,
		"project gone":  checkReaderProjectGone,
		"expired token": checkReaderTokenExpired,
		"with place":    checkReaderRepositoryGone,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

// reader inserts a reader of some projects, or of the whole repository if none are given.
func (w *world) reader(id string, projects ...catalog.Project) publishers.Reader {
	w.Helper()
	r := publishers.Reader{Publisher: newPublisher(id), RepositoryID: w.main.ID, Whole: len(projects) == 0}
	for _, p := range projects {
		r.Projects = append(r.Projects, publishers.ReaderProject{ID: p.ID, Name: p.Name.String()})
	}
	w.update(func(tx publishers.Tx) error { return tx.InsertReader(w.ctx, r) })
	return r
}

func (w *world) readToken(readers ...string) access.Token {
	w.Helper()
	t := w.token(access.Token{Kind: access.TokenMinted, Scope: access.ScopeRead, Limited: true, ExpiresAt: at})
	w.updateAccess(func(tx access.Tx) error {
		for _, id := range append(readers, readers...) {
			w.must(tx.InsertTokenReader(w.ctx, t.ID, id))
		}
		return nil
	})
	return t
}

// reads returns TokenReads as seen by another process.
func (w *world) reads(t access.Token) access.Reads {
	w.Helper()
	var out access.Reads
	w.must(w.b.Access.View(w.ctx, func(tx access.Tx) (err error) {
		out, err = tx.TokenReads(w.ctx, t.ID)
		return err
	}))
	return out
}

func checkReaderRows(w *world) {
	one, two := w.project("one"), w.project("two")
	some, whole := w.reader("some", two, one), w.reader("whole")
	some.Projects[0], some.Projects[1] = some.Projects[1], some.Projects[0]
	w.update(func(tx publishers.Tx) error {
		got, err := tx.ReaderByID(w.ctx, "some")
		w.must(err)
		w.same("ReaderByID()", got, some)
		_, err = tx.ReaderByID(w.ctx, "nothing")
		w.want("ReaderByID(nothing)", err, fault.NotFound)
		w.want("InsertReader(taken id)", tx.InsertReader(w.ctx, whole), fault.Conflict)
		all, err := tx.ReadersAll(w.ctx)
		w.must(err)
		w.same("ReadersAll()", all, []publishers.Reader{some, whole})
		for _, row := range []struct {
			issuer, provider, lookup string
			want                     []publishers.Reader
		}{
			{some.Issuer, "github", some.Lookup, []publishers.Reader{some}},
			{some.Issuer + "/", "github", some.Lookup, nil},
			{some.Issuer, "gitlab", some.Lookup, nil},
			{some.Issuer, "github", "ACME/some", nil},
		} {
			got, err := tx.ReadersFor(w.ctx, row.issuer, publishers.Key{Provider: row.provider, Lookup: row.lookup})
			w.must(err)
			w.same("ReadersFor("+row.issuer+", "+row.provider+", "+row.lookup+")", got, row.want)
		}
		return nil
	})
}

func checkReaderPin(w *world) {
	w.reader("r")
	w.update(func(tx publishers.Tx) error {
		for _, row := range []struct {
			id, owner string
			want      bool
		}{{"nothing", "77", false}, {"r", "77", true}, {"r", "99", false}, {"r", "77", false}} {
			did, err := tx.PinReader(w.ctx, row.id, row.owner)
			w.must(err)
			w.same("PinReader("+row.id+", "+row.owner+")", did, row.want)
		}
		got, err := tx.ReaderByID(w.ctx, "r")
		w.same("OwnerID", got.OwnerID, "77")
		return err
	})
}

// checkTokenReads checks that a token grants only the reads of its own rules, and that a rule of a whole repository
// lists no projects.
func checkTokenReads(w *world) {
	one, two, three := w.project("one"), w.project("two"), w.project("three")
	w.reader("a", one, two)
	w.reader("b", two)
	w.reader("other", three)
	w.reader("whole")
	w.same("TokenReads(two rules)", w.reads(w.readToken("a", "b")), access.Reads{Projects: []string{one.ID, two.ID}})
	w.same("TokenReads(whole)", w.reads(w.readToken("whole")), access.Reads{Repositories: []string{w.main.ID}})
	w.same("TokenReads(both)", w.reads(w.readToken("whole", "b")),
		access.Reads{Repositories: []string{w.main.ID}, Projects: []string{two.ID}})
	w.same("TokenReads(no rule)", w.reads(w.readToken()), access.Reads{})
	w.same("TokenReads(nothing)", w.reads(access.Token{ID: "nothing"}), access.Reads{})
	bound := w.token(access.Token{Kind: access.TokenAPI}, access.TokenProject{ProjectID: one.ID})
	w.same("TokenReads(a token of projects)", w.reads(bound), access.Reads{})
}

// checkReaderRemoved checks that a rule's bindings end with the rule, and are not revived by a rule with the same id.
func checkReaderRemoved(w *world) {
	one, two := w.project("one"), w.project("two")
	w.reader("a", one)
	w.reader("b", two)
	t := w.readToken("a", "b")
	w.update(func(tx publishers.Tx) error {
		for _, want := range []bool{true, false} {
			did, err := tx.DeleteReader(w.ctx, "a")
			w.must(err)
			w.same("DeleteReader()", did, want)
		}
		return nil
	})
	w.same("TokenReads(one rule removed)", w.reads(t), access.Reads{Projects: []string{two.ID}})
	w.reader("a", one)
	w.same("TokenReads(rule made again)", w.reads(t), access.Reads{Projects: []string{two.ID}})
}

// checkReaderProjectGone checks that a rule without projects does not become a rule of the whole repository.
func checkReaderProjectGone(w *world) {
	one, two := w.project("one"), w.project("two")
	w.reader("both", one, two)
	w.reader("whole")
	t := w.readToken("both")
	for _, row := range []struct {
		gone catalog.Project
		want access.Reads
		left []string
	}{
		{one, access.Reads{Projects: []string{two.ID}}, []string{"both", "whole"}}, {two, access.Reads{}, []string{"whole"}},
	} {
		w.update(func(tx publishers.Tx) error { return tx.DeleteProject(w.ctx, row.gone.ID) })
		w.same("TokenReads(after DeleteProject)", w.reads(t), row.want)
		w.update(func(tx publishers.Tx) error {
			all, err := tx.ReadersAll(w.ctx)
			var ids []string
			for _, r := range all {
				ids = append(ids, r.ID)
			}
			w.same("ReadersAll(after DeleteProject)", ids, row.left)
			return err
		})
	}
}

func checkReaderTokenExpired(w *world) {
	w.reader("whole")
	t := w.readToken("whole")
	w.updateAccess(func(tx access.Tx) error {
		n, err := tx.DeleteTokensExpiredBefore(w.ctx, at.AddDate(0, 0, 1))
		w.same("DeleteTokensExpiredBefore(a bound token)", n, int64(1))
		return err
	})
	w.same("TokenReads(token gone)", w.reads(t), access.Reads{})
}

func checkReaderRepositoryGone(w *world) {
	tools := catalog.Repository{ID: w.id("repository"), Name: "tools", CreatedAt: at}
	w.update(func(tx publishers.Tx) error { return tx.InsertRepository(w.ctx, tools) })
	r := publishers.Reader{Publisher: newPublisher("r"), RepositoryID: tools.ID, Whole: true}
	w.update(func(tx publishers.Tx) error { return tx.InsertReader(w.ctx, r) })
	t := w.readToken("r")
	w.update(func(tx publishers.Tx) error { return tx.DeleteRepository(w.ctx, tools.ID) })
	w.same("TokenReads(repository gone)", w.reads(t), access.Reads{})
}
