package storagetest

import (
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/publishers"
)

// Holds is the suite of the rows of package holds.
func Holds(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"rulings":    checkFileRulings,
		"returns":    checkReturns,
		"exemptions": checkExemptions,
		"requests":   checkRequests,
		"removed":    checkExemptionsOfRemoved,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

// updateHolds writes through the first handle.
func (w *world) updateHolds(f func(holds.Tx) error) {
	w.Helper()
	w.must(w.a.Holds.Update(w.ctx, f))
}

// viewHolds reads through the second handle.
func (w *world) viewHolds(f func(holds.Tx) error) {
	w.Helper()
	w.must(w.b.Holds.View(w.ctx, f))
}

var (
	ann = audit.Actor{Kind: string(access.KindUser), ID: "u-ann", Name: "ann"}
	bob = audit.Actor{Kind: string(access.KindUser), ID: "u-bob", Name: "bob"}
)

func checkFileRulings(w *world) {
	one, two := digest("one"), digest("two")
	all := []holds.Ruling{
		{ID: "b", Kind: holds.KindDenial, Project: "demo", Version: "1.0", Reason: "é", Since: at, By: ann},
		{ID: "a", Kind: holds.KindDenial, SHA256: one, Reason: "r", Since: at.Add(time.Second), By: ann},
		{
			ID: "c", Kind: holds.KindPin, Project: "demo", Version: "1.0", Filename: "demo-1.0.tar.gz", SHA256: two, Reason: "r",
			Since: at.Add(2 * time.Second), By: bob,
		},
		{ID: "d", Kind: holds.KindLift, Project: "other", SHA256: one, Reason: "r", Since: at.Add(3 * time.Second), By: bob},
	}
	w.updateHolds(func(tx holds.Tx) error {
		n, err := tx.RulingsRevision(w.ctx)
		w.must(err)
		w.same("RulingsRevision() of a new index", n, int64(0))
		for _, r := range []holds.Ruling{all[2], all[0], all[3], all[1]} {
			w.must(tx.InsertFileRuling(w.ctx, r))
		}
		w.must(tx.SetRulingsRevision(w.ctx, 7))
		return tx.SetRulingsRevision(w.ctx, 9)
	})
	w.viewHolds(func(tx holds.Tx) error {
		n, err := tx.RulingsRevision(w.ctx)
		w.must(err)
		w.same("RulingsRevision()", n, int64(9))
		got, err := tx.FileRulings(w.ctx)
		w.must(err)
		w.same("FileRulings()", got, all)
		for _, c := range []struct {
			project, sha256 string
			want            []holds.Ruling
		}{
			{"demo", one, []holds.Ruling{all[0], all[1], all[2]}},
			{"demo", two, []holds.Ruling{all[0], all[2]}},
			{"third", one, []holds.Ruling{all[1]}},
			{"third", two, nil},
			{"", "", nil},
		} {
			got, err := tx.FileRulingsAbout(w.ctx, c.project, c.sha256)
			w.must(err)
			w.same("FileRulingsAbout("+c.project+")", got, c.want)
		}
		return nil
	})
	w.updateHolds(func(tx holds.Tx) error {
		gone, err := tx.DeleteFileRuling(w.ctx, "a")
		w.must(err)
		w.same("DeleteFileRuling()", gone, all[1])
		_, err = tx.DeleteFileRuling(w.ctx, "a")
		w.want("DeleteFileRuling(again)", err, fault.NotFound)
		got, err := tx.FileRulings(w.ctx)
		w.same("FileRulings() after DeleteFileRuling", len(got), 3)
		return err
	})
}

func checkReturns(w *world) {
	first := holds.Return{Upstream: "public", Project: "demo", At: at, Reason: "r", By: ann}
	later := holds.Return{Upstream: "public", Project: "demo", At: at.Add(time.Hour), Reason: "again", By: bob}
	other := holds.Return{Upstream: "a", Project: "demo", At: at, Reason: "r", By: ann}
	w.updateHolds(func(tx holds.Tx) error {
		for _, r := range []holds.Return{first, other, later} {
			w.must(tx.PutReturn(w.ctx, r))
		}
		return nil
	})
	w.viewHolds(func(tx holds.Tx) error {
		got, err := tx.Returns(w.ctx)
		w.same("Returns()", got, []holds.Return{later, other})
		return err
	})
}

func (w *world) exemption(id string, since time.Time) holds.Exemption {
	return holds.Exemption{
		ID: id, RepositoryID: w.main.ID, Repository: w.main.Name, Project: "demo", Version: "1.0",
		Filename: "demo-1.0.tar.gz", Reason: "r", Since: since, EndsAt: since.Add(time.Hour), By: ann, Admin: true,
		RequestID: "q1",
	}
}

func checkExemptions(w *world) {
	one, two := w.exemption("one", at), w.exemption("two", at.Add(time.Minute))
	two.Admin, two.RequestID, two.Filename, two.Version, two.Covers = false, "", "", "", 2
	files := []holds.Content{
		{Filename: "demo-1.0.tar.gz", SHA256: digest("x")}, {Filename: "demo-2.0.tar.gz", SHA256: digest("y")},
	}
	w.updateHolds(func(tx holds.Tx) error {
		w.must(tx.InsertExemption(w.ctx, two, []holds.Content{files[1], files[0]}))
		w.must(tx.InsertExemption(w.ctx, one, nil))
		_, err := tx.Exemption(w.ctx, "none")
		w.want("Exemption(none)", err, fault.NotFound)
		return nil
	})
	lists := func(want []holds.Exemption, inForce ...holds.Exemption) {
		w.Helper()
		w.viewHolds(func(tx holds.Tx) error {
			for _, id := range []string{"", w.main.ID} {
				got, err := tx.Exemptions(w.ctx, id, 9)
				w.must(err)
				w.same("Exemptions("+id+")", got, want)
			}
			got, err := tx.ExemptionsInForce(w.ctx, at.Add(time.Hour-time.Second))
			w.must(err)
			w.same("ExemptionsInForce()", got, inForce)
			got, err = tx.ExemptionsInForce(w.ctx, at.Add(time.Hour))
			w.must(err)
			w.same("ExemptionsInForce(end of the first)", got, inForce[len(inForce)-1:])
			none, err := tx.Exemptions(w.ctx, "another", 9)
			w.same("Exemptions(another)", len(none), 0)
			return err
		})
	}
	lists([]holds.Exemption{two, one}, one, two)
	w.updateHolds(func(tx holds.Tx) error {
		for _, c := range []struct {
			id   string
			at   time.Time
			want bool
		}{
			{"none", at, false},
			{"one", one.EndsAt, false}, // it ended by itself
			{"one", at.Add(2 * time.Minute), true},
			{"one", at.Add(3 * time.Minute), false}, // it was ended
		} {
			did, err := tx.EndExemption(w.ctx, c.id, c.at, bob)
			w.must(err)
			w.same("EndExemption("+c.id+")", did, c.want)
		}
		return nil
	})
	one.EndedAt, one.EndedBy = at.Add(2*time.Minute), bob
	lists([]holds.Exemption{two, one}, two)
	w.viewHolds(func(tx holds.Tx) error {
		got, err := tx.Exemption(w.ctx, "one")
		w.must(err)
		w.same("Exemption()", got, one)
		content, err := tx.ExemptionFiles(w.ctx, "two")
		w.must(err)
		w.same("ExemptionFiles()", content, files)
		newest, err := tx.Exemptions(w.ctx, "", 1)
		w.same("Exemptions(limit)", newest, []holds.Exemption{two})
		return err
	})
}

func checkRequests(w *world) {
	request := func(id string, by audit.Actor, after time.Duration) holds.Request {
		return holds.Request{
			ID: id, RepositoryID: w.main.ID, Repository: w.main.Name, Project: "demo", Version: "1.0",
			Filename: "demo-1.0.tar.gz", Reason: "r", At: at.Add(after), By: by, State: holds.Open,
		}
	}
	operator := audit.Actor{Kind: "operator", Name: "root"}
	one, two, three := request("one", ann, 0), request("two", bob, time.Second), request("three", ann, 2*time.Second)
	four, five := request("four", operator, 0), request("five", audit.Actor{Kind: "operator", Name: "amy"}, 0)
	w.updateHolds(func(tx holds.Tx) error {
		for _, r := range []holds.Request{one, two, three, four, five} {
			w.must(tx.InsertRequest(w.ctx, r))
		}
		_, err := tx.Request(w.ctx, "none")
		w.want("Request(none)", err, fault.NotFound)
		decided := three
		decided.State, decided.DecidedAt, decided.DecidedBy = holds.Refused, at.Add(time.Hour), bob
		decided.Answer, decided.ExemptionID = "no", "e1"
		for _, want := range []bool{true, false} {
			did, err := tx.DecideRequest(w.ctx, decided)
			w.must(err)
			w.same("DecideRequest()", did, want)
		}
		three = decided
		did, err := tx.DecideRequest(w.ctx, request("two", bob, 0))
		w.want("DecideRequest(open)", err, fault.Internal)
		w.same("DecideRequest(open)", did, false)
		return nil
	})
	w.viewHolds(func(tx holds.Tx) error {
		got, err := tx.Request(w.ctx, "three")
		w.must(err)
		w.same("Request()", got, three)
		all, err := tx.Requests(w.ctx, w.main.ID, 9)
		w.must(err)
		w.same("Requests()", all, []holds.Request{two, one, four, five, three})
		some, err := tx.Requests(w.ctx, "", 1)
		w.must(err)
		w.same("Requests(limit)", some, []holds.Request{two})
		none, err := tx.Requests(w.ctx, "another", 9)
		w.must(err)
		w.same("Requests(another)", len(none), 0)
		about, err := tx.OpenRequestsAbout(w.ctx, w.main.ID, "demo", 9)
		w.must(err)
		w.same("OpenRequestsAbout()", about, []holds.Request{two, one, four, five})
		about, err = tx.OpenRequestsAbout(w.ctx, w.main.ID, "demo", 1)
		w.must(err)
		w.same("OpenRequestsAbout(limit)", about, []holds.Request{two})
		for _, of := range [][2]string{{w.main.ID, "other"}, {"another", "demo"}, {"", "demo"}} {
			about, err = tx.OpenRequestsAbout(w.ctx, of[0], of[1], 9)
			w.must(err)
			w.same("OpenRequestsAbout(another)", len(about), 0)
		}
		open, err := tx.CountOpenRequests(w.ctx)
		w.must(err)
		w.same("CountOpenRequests()", open, map[string]int{w.main.ID: 4})
		for _, c := range []struct {
			by   audit.Actor
			want []holds.Request
		}{
			{ann, []holds.Request{one, three}},
			{audit.Actor{Kind: ann.Kind, ID: ann.ID, Name: "renamed"}, []holds.Request{one, three}},
			{audit.Actor{Kind: "publisher", ID: ann.ID, Name: "ann"}, nil},
			{operator, []holds.Request{four}},
		} {
			got, err := tx.RequestsBy(w.ctx, c.by, 9)
			w.must(err)
			w.same("RequestsBy("+c.by.Kind+" "+c.by.Name+")", got, c.want)
		}
		return nil
	})
}

// checkExemptionsOfRemoved checks that exemptions and requests go with their repository.
func checkExemptionsOfRemoved(w *world) {
	other := catalog.EmptyRepository("other-id", "other", at)
	w.update(func(tx publishers.Tx) error { return tx.InsertRepository(w.ctx, other) })
	e := w.exemption("one", at)
	e.RepositoryID = other.ID
	q := holds.Request{ID: "q", RepositoryID: other.ID, Project: "demo", At: at, By: ann, State: holds.Open}
	w.updateHolds(func(tx holds.Tx) error {
		w.must(tx.InsertExemption(w.ctx, e, []holds.Content{{Filename: "demo-1.0.tar.gz", SHA256: digest("x")}}))
		return tx.InsertRequest(w.ctx, q)
	})
	w.update(func(tx publishers.Tx) error { return tx.DeleteRepository(w.ctx, other.ID) })
	w.viewHolds(func(tx holds.Tx) error {
		_, err := tx.Request(w.ctx, "q")
		w.want("Request(of a removed repository)", err, fault.NotFound)
		files, err := tx.ExemptionFiles(w.ctx, "one")
		w.same("ExemptionFiles(of a removed repository)", len(files), 0)
		return err
	})
}
