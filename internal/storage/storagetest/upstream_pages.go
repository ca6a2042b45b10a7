package storagetest

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// UpstreamPages checks the rows of package pages.
func UpstreamPages(t *testing.T, open Opener) {
	for name, f := range map[string]func(*world){
		"rows":   checkUpstreamPages,
		"left":   checkUpstreamLeft,
		"leases": checkUpstreamLeases,
		"lists":  checkUpstreamLists,
		"serial": checkUpstreamsAndSerial,
	} {
		t.Run(name, func(t *testing.T) { f(newWorld(t, open)) })
	}
}

func (w *world) updatePages(f func(pages.Tx) error) {
	w.Helper()
	w.must(w.a.Pages.Update(w.ctx, f))
}

// checkUpstreamPages checks that rows are kept as they are, and that an older answer replaces no newer one.
func checkUpstreamPages(w *world) {
	row := pages.Row{
		Key:        pages.Key{Upstream: "public", Name: w.name("six")},
		Revision:   "r1",
		OfURL:      3,
		Record:     []byte{0, 1, 0xff},
		Validators: upstream.Validators{ETag: `W/"é"`, LastModified: "Mon"},
		Serial:     "17",
		URL:        "https://host.test/simple/six/",
		FetchedAt:  at,
		CheckedAt:  at,
	}
	find := func(k pages.Key, after time.Time) (out pages.Row, err error) {
		err = w.b.Pages.View(w.ctx, func(tx pages.Tx) (err error) {
			out, err = tx.UpstreamPage(w.ctx, k, after)
			return err
		})
		return out, err
	}
	is := func(what string, want pages.Row) {
		w.Helper()
		got, err := find(want.Key, time.Time{})
		w.must(err)
		w.same(what, got, want)
	}
	put := func(r pages.Row) { w.updatePages(func(tx pages.Tx) error { return tx.PutUpstreamPage(w.ctx, r) }) }
	renew := func(r pages.Row) { w.updatePages(func(tx pages.Tx) error { return tx.RenewUpstreamPage(w.ctx, r) }) }
	checked := func(after time.Time) (ok bool) {
		w.must(w.a.Pages.View(w.ctx, func(tx pages.Tx) (err error) {
			ok, err = tx.UpstreamPageChecked(w.ctx, row.Key, after)
			return err
		}))
		return ok
	}

	heads := func(after string, limit int) (out []pages.Head) {
		w.must(w.a.Pages.View(w.ctx, func(tx pages.Tx) (err error) {
			out, err = tx.UpstreamPageHeads(w.ctx, row.Upstream, after, limit)
			return err
		}))
		return out
	}
	w.same("UpstreamPageHeads() of nothing", len(heads("", 9)), 0)

	_, err := find(row.Key, time.Time{})
	w.want("a page that is not there", err, fault.NotFound)
	put(row)
	is("a new row", row)
	_, err = find(row.Key, at)
	w.want("a page that was not checked since", err, fault.NotFound)
	w.same("checked", []bool{checked(at.Add(-time.Microsecond)), checked(at)}, []bool{true, false})

	other := row
	other.Upstream = "second"
	put(other)
	older := row
	older.Revision, older.Record, older.CheckedAt = "r0", []byte("old"), at.Add(-time.Second)
	put(older)
	is("after an older answer", row)

	renewed := row
	renewed.CheckedAt, renewed.Validators.ETag = at.Add(time.Minute), `"2"`
	thin := renewed
	thin.Record = nil // not written
	renew(thin)
	is("after a renewal", renewed)
	late := renewed
	late.CheckedAt, late.Validators.ETag = at.Add(time.Second), "late"
	renew(late)
	is("after an older renewal", renewed)

	next := renewed
	next.Revision, next.Record, next.CheckedAt = "r2", []byte("new"), at.Add(time.Hour)
	next.LowerSince, next.FetchedAt = at.Add(time.Minute), at.Add(time.Hour)
	renew(next) // the stored record is another one
	is("after a renewal of another record", next)
	gone := next
	gone.Revision, gone.Record, gone.Absent, gone.CheckedAt = "r3", []byte{}, true, at.Add(2*time.Hour)
	put(gone)
	is("after the project went", gone)
	is("the page at another upstream", other)
	w.same("UpstreamPageHeads()", heads("", 9), []pages.Head{{Name: row.Name, Revision: "r3", OfURL: gone.OfURL}})
	w.same("UpstreamPageHeads() after it", len(heads(row.Name.String(), 9)), 0)
	w.same("UpstreamPageHeads() of none", len(heads("", 0)), 0)

	counts := func() (n map[string]int) {
		w.must(w.a.Pages.View(w.ctx, func(tx pages.Tx) (err error) {
			n, err = tx.CountUpstreamPages(w.ctx)
			return err
		}))
		return n
	}
	w.same("counts", counts(), map[string]int{"public": 1, "second": 1})
	third := other
	third.Name = w.name("third")
	put(third)
	var deleted []int64
	w.updatePages(func(tx pages.Tx) error {
		for _, before := range []time.Time{at, at.Add(time.Microsecond), at.Add(time.Hour)} {
			n, err := tx.DeleteUpstreamPages(w.ctx, before, 1)
			w.must(err)
			deleted = append(deleted, n)
		}
		return nil
	})
	w.same("deleted", deleted, []int64{0, 1, 1})
	w.same("counts", counts(), map[string]int{"public": 1})
}

// checkUpstreamLeases checks that one holder has a lease at a time, until its end.
func checkUpstreamLeases(w *world) {
	k := pages.Key{Upstream: "public", Name: w.name("six")}
	take := func(s pages.Store, holder string, now time.Time) (got bool) {
		w.Helper()
		w.must(s.Update(w.ctx, func(tx pages.Tx) (err error) {
			got, err = tx.LeaseUpstream(w.ctx, k, holder, now, now.Add(10*time.Second))
			return err
		}))
		return got
	}
	free := func(now time.Time) (ok bool) {
		w.must(w.b.Pages.View(w.ctx, func(tx pages.Tx) (err error) {
			ok, err = tx.UpstreamLeaseFree(w.ctx, k, now)
			return err
		}))
		return ok
	}
	w.same("free at first", free(at), true)
	w.same("the first", take(w.a.Pages, "a", at), true)
	w.same("the second", take(w.b.Pages, "b", at), false)
	w.same("the first again", take(w.a.Pages, "a", at.Add(5*time.Second)), true)
	w.same("while it is renewed", take(w.b.Pages, "b", at.Add(14*time.Second)), false)
	w.same("free", []bool{free(at.Add(14 * time.Second)), free(at.Add(15 * time.Second))}, []bool{false, true})
	w.same("after its end", take(w.b.Pages, "b", at.Add(15*time.Second)), true)
	w.updatePages(func(tx pages.Tx) error { return tx.EndUpstreamLease(w.ctx, k, "a") })
	w.same("after the former holder gave it back", take(w.a.Pages, "a", at.Add(15*time.Second)), false)
	w.updatePages(func(tx pages.Tx) error { return tx.EndUpstreamLease(w.ctx, k, "b") })
	w.same("after it was given back", take(w.a.Pages, "a", at.Add(15*time.Second)), true)
	w.updatePages(func(tx pages.Tx) error { return tx.DeleteUpstreamLeases(w.ctx, at.Add(25*time.Second)) })
	w.same("a lease that ends now", free(at.Add(24*time.Second)), false)
	w.updatePages(func(tx pages.Tx) error { return tx.DeleteUpstreamLeases(w.ctx, at.Add(26*time.Second)) })
	w.same("a deleted lease", free(at.Add(24*time.Second)), true)

	k.Name = w.name("race")
	var wins sync.Map
	var all sync.WaitGroup
	for i, s := range []pages.Store{w.a.Pages, w.b.Pages, w.a.Pages, w.b.Pages} {
		all.Go(func() { wins.Store(i, take(s, string(rune('a'+i)), at)) })
	}
	all.Wait()
	n := 0
	wins.Range(func(_, won any) bool {
		if won.(bool) {
			n++
		}
		return true
	})
	w.same("winners", n, 1)
}

// checkUpstreamLists checks that a failure keeps the old list.
func checkUpstreamLists(w *world) {
	list := pages.List{
		Upstream:   "public",
		OfURL:      2,
		Hashes:     bytes.Repeat([]byte{1, 0xfe}, 50_000),
		Names:      12_500,
		Validators: upstream.Validators{ETag: `"1"`, LastModified: "Mon"},
		FetchedAt:  at,
		CheckedAt:  at,
	}
	find := func() (out pages.List, err error) {
		err = w.b.Pages.View(w.ctx, func(tx pages.Tx) (err error) {
			out, err = tx.UpstreamList(w.ctx, "public")
			return err
		})
		return out, err
	}
	heads := func() (out []pages.List) {
		w.must(w.b.Pages.View(w.ctx, func(tx pages.Tx) (err error) {
			out, err = tx.UpstreamLists(w.ctx)
			return err
		}))
		return out
	}
	put := func(l pages.List) { w.updatePages(func(tx pages.Tx) error { return tx.PutUpstreamList(w.ctx, l) }) }
	is := func(what string, want pages.List) {
		w.Helper()
		got, err := find()
		w.must(err)
		w.same(what, got, want)
		want.Hashes = nil
		w.same(what+", its head", heads(), []pages.List{want})
	}

	_, err := find()
	w.want("a list that is not there", err, fault.NotFound)
	failed := pages.List{Upstream: "public", OfURL: 1, CheckedAt: at.Add(-time.Hour), Problem: "it answered 500"}
	put(failed)
	failed.Hashes = []byte{}
	is("a first failure", failed)
	put(list)
	is("a list", list)
	put(pages.List{
		Upstream: "public", OfURL: 2, CheckedAt: at.Add(time.Hour), Problem: "it answered 404", Validators: list.Validators,
	})
	list.CheckedAt, list.Problem = at.Add(time.Hour), "it answered 404"
	is("after a failure", list)
}

// checkUpstreamsAndSerial checks that nothing here moves the serial.
func checkUpstreamsAndSerial(w *world) {
	stamp := func() memo.Stamp {
		s, err := w.a.Catalog.Stamp(w.ctx)
		w.must(err)
		return s
	}
	before := stamp()
	k := pages.Key{Upstream: "public", Name: w.name("six")}
	w.updatePages(func(tx pages.Tx) error {
		w.must(tx.PutUpstreamPage(w.ctx, pages.Row{Key: k, Revision: "r", CheckedAt: at}))
		w.must(tx.RenewUpstreamPage(w.ctx, pages.Row{Key: k, Revision: "r", CheckedAt: at.Add(time.Second)}))
		_, err := tx.LeaseUpstream(w.ctx, k, "a", at, at.Add(time.Second))
		w.must(err)
		w.must(tx.EndUpstreamLease(w.ctx, k, "a"))
		w.must(tx.DeleteUpstreamLeases(w.ctx, at))
		w.must(tx.PutUpstreamList(w.ctx, pages.List{Upstream: "public", Hashes: []byte{1}}))
		w.must(tx.PutUpstreamLeft(w.ctx, pages.Left{Key: k, Record: []byte{1}, At: at}))
		_, err = tx.DeleteUpstreamPages(w.ctx, at.Add(time.Hour), 10)
		return err
	})
	w.same("the serial", stamp(), before)
}

// checkUpstreamLeft checks that what is remembered of files that left a page outlives the page, is replaced by newer
// facts only, and ends with the upstream. A page whose files were downloaded is not deleted.
func checkUpstreamLeft(w *world) {
	l := pages.Left{
		Key: pages.Key{Upstream: "public", Name: w.name("six")}, OfURL: 3, Record: []byte{0, 1, 0xff}, At: at,
	}
	other := l
	other.Upstream = "second"
	find := func(k pages.Key) (out pages.Left, err error) {
		err = w.b.Pages.View(w.ctx, func(tx pages.Tx) (err error) {
			out, err = tx.UpstreamLeft(w.ctx, k)
			return err
		})
		return out, err
	}
	put := func(l pages.Left) { w.updatePages(func(tx pages.Tx) error { return tx.PutUpstreamLeft(w.ctx, l) }) }
	is := func(what string, want pages.Left) {
		w.Helper()
		got, err := find(want.Key)
		w.must(err)
		w.same(what, got, want)
	}
	_, err := find(l.Key)
	w.want("nothing left", err, fault.NotFound)
	put(l)
	put(other)
	is("what left", l)
	older := l
	older.Record, older.At = []byte("old"), at.Add(-time.Second)
	put(older)
	older.Record = nil
	put(older)
	is("after older facts", l)
	next := l
	next.Record, next.OfURL, next.At = []byte("new"), 4, at.Add(time.Second)
	put(next)
	is("after newer facts", next)
	gone := next
	gone.Record = nil
	put(gone)
	_, err = find(l.Key)
	w.want("nothing left any longer", err, fault.NotFound)
	is("of another upstream", other)

	w.updatePages(func(tx pages.Tx) error {
		for _, name := range []string{"six", "seven"} {
			k := pages.Key{Upstream: "second", Name: w.name(name)}
			w.must(tx.PutUpstreamPage(w.ctx, pages.Row{Key: k, Revision: "r", CheckedAt: at}))
		}
		return nil
	})
	row := upstreamRow("second", "a")
	row.Project = "seven"
	w.put(row)
	var n int64
	w.updatePages(func(tx pages.Tx) (err error) {
		n, err = tx.DeleteUpstreamPages(w.ctx, at.Add(time.Hour), 10)
		return err
	})
	w.same("deleted pages", n, int64(1))
	is("after the page was deleted", other)
	w.must(w.b.Pages.View(w.ctx, func(tx pages.Tx) error {
		_, err := tx.UpstreamPage(w.ctx, pages.Key{Upstream: "second", Name: w.name("seven")}, time.Time{})
		return err
	}))
	w.must(w.a.Upstreams.Update(w.ctx, func(tx upstream.Tx) error {
		w.must(tx.InsertUpstream(w.ctx, upstream.Upstream{Name: "second", URL: "https://host.test/simple/", CreatedAt: at}))
		return tx.DeleteUpstream(w.ctx, "second")
	}))
	_, err = find(other.Key)
	w.want("of an upstream that was removed", err, fault.NotFound)
}
