package storagetest

import (
	"errors"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/publishers"
)

// errLost is the error of a transaction that was not the first.
var errLost = fault.New(fault.Conflict, "somebody was faster")

func first(did bool, err error) error {
	if err == nil && !did {
		return errLost
	}
	return err
}

func checkSingleUse(w *world) {
	t, other := w.token(access.Token{Kind: access.TokenMinted, SingleUse: true}),
		w.token(access.Token{Kind: access.TokenMinted, SingleUse: true})
	w.update(func(tx publishers.Tx) error {
		for i, want := range []bool{true, false} {
			did, err := tx.(ingest.Tx).SpendToken(w.ctx, t.ID, at.Add(time.Duration(i)*time.Hour))
			w.must(err)
			w.same("SpendToken()", did, want)
		}
		did, err := tx.(ingest.Tx).SpendToken(w.ctx, "nothing", at)
		w.must(err)
		w.same("SpendToken(nothing)", did, false)
		got, err := tx.TokenByID(w.ctx, t.ID)
		w.same("SpentAt", got.SpentAt, at)
		return err
	})
	w.view(func(tx catalog.Tx) error {
		for id, want := range map[string]bool{t.ID: true, other.ID: false} {
			spent, err := tx.(ingest.Tx).TokenSpent(w.ctx, id)
			w.must(err)
			w.same("TokenSpent("+id+")", spent, want)
		}
		_, err := tx.(ingest.Tx).TokenSpent(w.ctx, "nothing")
		w.want("TokenSpent(nothing)", err, fault.NotFound)
		return nil
	})
	checkSpendUndone(w, other)
}

// checkSpendUndone checks that a token remains unspent if the upload fails after spending it.
func checkSpendUndone(w *world, t access.Token) {
	err := w.a.Catalog.Update(w.ctx, func(tx catalog.Tx) error {
		_, err := tx.(ingest.Tx).SpendToken(w.ctx, t.ID, at)
		w.must(err)
		return errLost
	})
	w.same("Update() ends with", errors.Is(err, errLost), true)
	w.view(func(tx catalog.Tx) error {
		spent, err := tx.(ingest.Tx).TokenSpent(w.ctx, t.ID)
		w.same("TokenSpent(rolled back)", spent, false)
		return err
	})
}

func checkSingleUseRace(w *world) {
	t := w.token(access.Token{Kind: access.TokenMinted, SingleUse: true})
	won := w.race(32, func(s Stores, _ int) error {
		return s.Catalog.Update(w.ctx, func(tx catalog.Tx) error { return first(tx.(ingest.Tx).SpendToken(w.ctx, t.ID, at)) })
	})
	w.same("winners of one use", won, int64(1))
}

func checkBeside(w *world) {
	with, without, p := w.project("with"), w.project("without"), w.publisher("p")
	w.attach(p, with)
	w.update(func(tx publishers.Tx) error {
		for id, want := range map[string]bool{with.ID: true, without.ID: false, "nothing": false} {
			has, err := tx.(ingest.Tx).HasPublishers(w.ctx, id)
			w.must(err)
			w.same("HasPublishers("+id+")", has, want)
		}
		for _, row := range []struct {
			token, project string
			want           bool
		}{{"t", with.ID, true}, {"t", with.ID, false}, {"t", without.ID, true}, {"u", with.ID, true}, {"u", with.ID, false}} {
			did, err := tx.(ingest.Tx).NoteBeside(w.ctx, row.token, row.project, at)
			w.must(err)
			w.same("NoteBeside("+row.token+", "+row.project+")", did, row.want)
		}
		_, err := tx.Detach(w.ctx, p.ID, with.ID)
		w.must(err)
		has, err := tx.(ingest.Tx).HasPublishers(w.ctx, with.ID)
		w.same("HasPublishers(detached)", has, false)
		return err
	})
	w.update(func(tx publishers.Tx) error { return tx.DeleteProject(w.ctx, with.ID) })
	again := with
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertProject(w.ctx, again))
		did, err := tx.(ingest.Tx).NoteBeside(w.ctx, "t", again.ID, at)
		w.same("NoteBeside(project made again)", did, true)
		return err
	})
}

func checkBesideRace(w *world) {
	p := w.project("p")
	won := w.race(32, func(s Stores, _ int) error {
		return s.Catalog.Update(w.ctx,
			func(tx catalog.Tx) error { return first(tx.(ingest.Tx).NoteBeside(w.ctx, "t", p.ID, at)) })
	})
	w.same("first notes", won, int64(1))
}
