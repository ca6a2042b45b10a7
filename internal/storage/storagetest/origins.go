package storagetest

import (
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// checkOrigins checks the rows that decide whose a name is: that one read finds those about the name and no others.
func checkOrigins(w *world) {
	name, by := w.name("acme-core"), audit.Actor{Kind: "user", ID: "u1", Name: "ann"}
	foreign := catalog.Name{Name: name, Origin: catalog.Foreign, Upstream: "public", Since: at, Why: catalog.WhyUpstream}
	own := catalog.Name{Name: name, Origin: catalog.Own, Since: at.Add(time.Hour), By: by, Why: catalog.WhyRuling}
	ruling := catalog.Ruling{
		RepositoryID: w.main.ID, Name: name, Origin: catalog.Both, Versions: ">=1", Since: at, By: by, Why: "because",
	}
	later := ruling
	later.Origin, later.Versions, later.Why = catalog.Own, "", "no longer"
	prefix := catalog.Reservation{
		Pattern: "acme", Prefix: true, RepositoryID: w.main.ID, Why: catalog.ReservedByAdministrator, Since: at, By: by,
		Reason: "ours",
	}
	pending := catalog.Reservation{
		Pattern: "acme-core", RepositoryID: w.main.ID, Why: catalog.ReservedByPending, Subject: "p1", Since: at,
		EndsAt: at.Add(time.Hour), By: by,
	}
	w.update(func(tx publishers.Tx) error {
		_, err := tx.RulingOf(w.ctx, w.main.ID, name)
		w.want("RulingOf(none)", err, fault.NotFound)
		w.must(tx.PutName(w.ctx, foreign))
		w.must(tx.PutName(w.ctx, own)) // a known name remains
		w.must(tx.PutNameSource(w.ctx, w.main.ID, name, catalog.NameSource{Upstream: "second"}, at))
		w.must(tx.PutNameSource(w.ctx, w.main.ID, name, catalog.NameSource{Upstream: "company", Private: true}, at))
		w.must(tx.PutNameSource(w.ctx, "another", name, catalog.NameSource{Upstream: "public"}, at))
		w.must(tx.PutRuling(w.ctx, ruling))
		for _, r := range []catalog.Reservation{
			prefix, pending,
			{Pattern: "acme-co", Prefix: true, RepositoryID: w.main.ID, Why: catalog.ReservedByAdministrator, Since: at},
			{Pattern: "acme-core-x", Prefix: true, RepositoryID: w.main.ID, Why: catalog.ReservedByAdministrator, Since: at},
			{Pattern: "acme", RepositoryID: w.main.ID, Why: catalog.ReservedByPending, Subject: "p2", Since: at},
		} {
			w.must(tx.PutReservation(w.ctx, r))
		}
		w.want("PutReservation(twice)", tx.PutReservation(w.ctx, prefix), fault.Conflict)
		return nil
	})
	facts := func(tx catalog.Tx) catalog.NameFacts {
		f, err := tx.NameFacts(w.ctx, name, w.main.ID)
		w.must(err)
		if len(f.Reservations) == 2 && f.Reservations[0].Why == catalog.ReservedByPending {
			f.Reservations[0], f.Reservations[1] = f.Reservations[1], f.Reservations[0] // in any order
		}
		return f
	}
	w.view(func(tx catalog.Tx) error {
		w.same("NameFacts()", facts(tx), catalog.NameFacts{
			Name: foreign, Source: catalog.NameSource{Upstream: "company", Private: true}, Rulings: []catalog.Ruling{ruling},
			Reservations: []catalog.Reservation{prefix, pending},
		})
		none, err := tx.NameFacts(w.ctx, w.name("acmecorp"), w.main.ID)
		w.same("NameFacts(unknown)", none, catalog.NameFacts{})
		return err
	})
	w.update(func(tx publishers.Tx) error {
		w.must(tx.ReplaceName(w.ctx, own))
		w.must(tx.PutRuling(w.ctx, later))
		w.must(tx.EndReservations(w.ctx, "p1", at.Add(time.Minute)))
		w.must(tx.EndReservations(w.ctx, "p1", at.Add(2*time.Hour))) // never later
		f, ended := facts(tx), pending
		ended.EndsAt = at.Add(time.Minute)
		w.same("NameFacts(changed)", f, catalog.NameFacts{
			Name: own, Source: f.Source, Rulings: []catalog.Ruling{later}, Reservations: []catalog.Reservation{prefix, ended},
		})
		all, err := tx.Rulings(w.ctx)
		w.same("Rulings()", all, []catalog.Ruling{later})
		w.must(err)
		w.must(tx.MoveReservations(w.ctx, w.main.ID, "another"))
		for _, want := range []bool{true, false} {
			did, err := tx.DeleteReservation(w.ctx, "another", "acme")
			w.must(err)
			w.same("DeleteReservation()", did, want)
		}
		left, err := tx.Reservations(w.ctx)
		w.same("Reservations()", len(left), 4)
		return err
	})
}
