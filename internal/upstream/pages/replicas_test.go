package pages_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// TestAThousandCallersAskOnce: callers of one page wait for one question, whatever they demand.
func TestAThousandCallersAskOnce(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", "", "1.0"))
	release := w.f.holds()
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			h, err := w.ask("six", pages.Freshness(i%3))
			if err != nil {
				t.Errorf("Get() = %v", err)
				return
			}
			if p, err := h.Page(); err != nil || len(p.Files) != 1 {
				t.Errorf("Page() = %+v, %v", p, err)
			}
		})
	}
	for w.f.open.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	release()
	all.Wait()
	w.asked("six", 1)
	if n := w.store.views.Load(); n > 3 {
		t.Errorf("%d look-ups of the row", n)
	}
	h, known, err := w.p.Health(t.Context(), w.u)
	if err != nil || !known || h.Misses != 1 || h.Hits != 999 || h.Asked != 1 {
		t.Errorf("Health() = %+v, %v, %v", h, known, err)
	}
}

// TestACallerWhoLeavesStopsNobody: the question goes on, and its answer is used.
func TestACallerWhoLeavesStopsNobody(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", "", "1.0"))
	release := w.f.holds()
	ctx, leave := contextWithCancel(t)
	done := make(chan error)
	go func() {
		_, err := w.p.Get(ctx, w.u, name("six"), pages.Normal, true)
		done <- err
	}()
	for w.f.open.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	leave()
	if err := <-done; err == nil {
		t.Error("a caller who left got an answer")
	}
	release()
	w.versions(w.get("six", pages.Normal), "1.0")
	w.asked("six", 1)
}

// TestACircleIsTheFaultOfItsRequest: others who waited for the same question ask again, and nothing is counted.
func TestACircleIsTheFaultOfItsRequest(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", fails(upstream.Loop, 508))
	release := w.f.holds()
	done := make(chan error)
	go func() {
		_, err := w.ask("six", pages.Normal)
		done <- err
	}()
	for w.f.open.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() { w.versions(w.get("six", pages.Normal), "1.0") })
	}
	time.Sleep(50 * time.Millisecond)
	w.f.says("six", has("six", "", "1.0")) // from the next question on
	w.f.says("other", fails(upstream.Loop, 508))
	release()
	if err := <-done; err == nil {
		t.Error("a request that went in a circle got an answer")
	}
	all.Wait()
	w.asked("six", 2)
	for range 5 {
		w.refused("other", pages.Normal)
	}
	w.asked("other", 5) // nobody is kept from asking
}

// replicas runs f with two processes on one database, on each database.
func replicas(t *testing.T, f func(t *testing.T, a, b *world)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		url, fetcher, c := fresh(t), newFetcher(), newClock()
		f(t, newWorldOn(t, url, fetcher, c), newWorldOn(t, url, fetcher, c))
	})
}

// TestReplicasAskOnce: while one replica asks, the other waits for its answer, and both have the same page.
func TestReplicasAskOnce(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *world) {
		for _, w := range []*world{a, b} {
			w.p.SetWaits(time.Minute, time.Minute, time.Minute)
		}
		a.f.says("six", has("six", `"1"`, "1.0"))
		release := a.f.holds()
		var held [2]pages.Held
		var all sync.WaitGroup
		all.Go(func() {
			held[0] = a.get("six", pages.Normal)
			a.batch()
		})
		for a.f.open.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		all.Go(func() { held[1] = b.get("six", pages.Normal) })
		time.Sleep(50 * time.Millisecond)
		release()
		all.Wait()
		a.asked("six", 1)
		if held[0].Revision != held[1].Revision {
			t.Errorf("revisions %s and %s", held[0].Revision, held[1].Revision)
		}
		b.versions(held[1], "1.0")
	})
}

// TestAReplicaWaitsForAShortTime for another: then it serves what it holds, or asks if it holds nothing.
func TestAReplicaWaitsForAShortTime(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *world) {
		a.f.says("six", has("six", `"1"`, "1.0"))
		a.get("six", pages.Normal)
		a.batch()
		b.get("six", pages.Normal)
		a.c.pass(upstream.DefaultTTL + upstream.DefaultStaleWhileRevalidate)
		release := a.f.holds()
		defer release()
		var all sync.WaitGroup
		all.Go(func() { a.get("six", pages.Normal) })
		all.Go(func() {
			if _, err := a.ask("new", pages.Normal); err != nil {
				t.Errorf("Get(new) = %v", err)
			}
		})
		for a.f.open.Load() < 2 {
			time.Sleep(time.Millisecond)
		}
		h := b.get("six", pages.Normal)
		if h.Stale != upstream.DefaultStaleWhileRevalidate {
			t.Errorf("held %+v", h)
		}
		a.asked("six", 2) // both by the first replica
		all.Go(func() {
			if _, err := b.ask("new", pages.Normal); err != nil {
				t.Errorf("Get(new) = %v", err)
			}
		})
		for b.f.count("new") < 2 {
			time.Sleep(time.Millisecond)
		}
		release()
		all.Wait()
		a.asked("new", 2)
	})
}

// TestALeaseOfADeadReplicaEnds after ten seconds.
func TestALeaseOfADeadReplicaEnds(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *world) {
		b.p.SetWaits(time.Minute, time.Minute, time.Minute)
		k := pages.Key{Upstream: "public", Name: name("six")}
		err := a.store.Store.Update(t.Context(), func(tx pages.Tx) error {
			_, err := tx.LeaseUpstream(t.Context(), k, "dead", a.c.Now(), a.c.Now().Add(10*time.Second))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.f.says("six", has("six", "", "1.0"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.get("six", pages.Normal)
		}()
		time.Sleep(50 * time.Millisecond)
		b.asked("six", 0)
		b.c.pass(10 * time.Second)
		<-done
		b.asked("six", 1)
	})
}

// TestReplicasRenewInTheBackgroundOnce: the other takes over the row.
func TestReplicasRenewInTheBackgroundOnce(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *world) {
		a.f.says("six", has("six", `"1"`, "1.0"))
		a.get("six", pages.Normal)
		a.batch()
		b.get("six", pages.Normal)
		a.f.says("six", has("six", `"2"`, "1.1"))
		a.c.pass(upstream.DefaultTTL)
		a.get("six", pages.Normal)
		b.get("six", pages.Normal)
		a.batch() // asks
		b.batch() // finds the lease taken
		a.batch() // writes
		a.asked("six", 2)
		b.get("six", pages.Normal)
		b.batch()
		b.versions(b.get("six", pages.Normal), "1.1")
		a.asked("six", 2)
	})
}

// TestAnUnavailableDatabaseStopsNoAnswer: what is in memory is served, and written when the database is back.
func TestAnUnavailableDatabaseStopsNoAnswer(t *testing.T) {
	w := newWorld(t, func(o *pages.Options) { o.Alone = false })
	w.f.says("six", has("six", "", "1.0"))
	w.store.fails.Store(true)
	w.get("six", pages.Normal)
	w.p.Settle()
	if err := w.p.Batch(t.Context()); err == nil {
		t.Error("Batch() succeeded without a database")
	}
	w.versions(w.get("six", pages.Normal), "1.0")
	w.store.fails.Store(false)
	w.batch()
	w.versions(w.again().get("six", pages.Normal), "1.0")
	w.asked("six", 1)
}

// TestRenewalsAreWrittenTogether: 5,000 projects that are revalidated take few transactions, and none while a reader
// waits.
func TestRenewalsAreWrittenTogether(t *testing.T) {
	const projects = 5000
	w := newWorld(t)
	names := make([]string, projects)
	for i := range names {
		names[i] = fmt.Sprintf("p%d", i)
		w.f.says(names[i], has(names[i], `"1"`, "1.0"))
	}
	for _, s := range names {
		w.get(s, pages.Normal)
	}
	w.batch()
	w.c.pass(upstream.DefaultTTL)
	before := w.store.updates.Load()
	for _, s := range names {
		w.get(s, pages.Normal)
	}
	if n := w.store.updates.Load() - before; n != 0 {
		t.Errorf("%d transactions while readers waited", n)
	}
	batches := 0
	for ; w.f.total.Load() < 2*projects && batches < 1000; batches++ {
		w.batch()
	}
	w.batch()
	if n := w.store.updates.Load() - before; n > projects/50 {
		t.Errorf("%d transactions for %d renewals", n, projects)
	}
	for _, s := range names {
		if h := w.get(s, pages.Normal); h.Age != 0 {
			t.Fatalf("%s has age %v", s, h.Age)
		}
	}
}

// TestMemoryIsBounded: records beyond the limit are read from their rows again, and absent projects are bounded too.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 100_000
	w := newWorld(t, func(o *pages.Options) { o.Memory = limit })
	for i := range 400 {
		s := fmt.Sprintf("p%d", i)
		w.f.says(s, has(s, "", "1.0"))
		w.get(s, pages.Normal)
		w.get("absent-"+s, pages.Normal)
	}
	w.batch()
	n, weight, absent := w.p.InMemory()
	if n < 50 || weight > limit || absent != 400 {
		t.Errorf("%d pages of %d bytes, %d absent", n, weight, absent)
	}
	for i := range 400 {
		w.versions(w.get(fmt.Sprintf("p%d", i), pages.Normal), "1.0")
	}
	if n := w.f.total.Load(); n != 800 {
		t.Errorf("%d questions, want 800", n)
	}
}

// TestTheContentIsKeptUntilItIsCollected, so that several files of a page cost one reading of its record.
func TestTheContentIsKeptUntilItIsCollected(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", "", "1.0"))
	w.get("six", pages.Normal)
	w.batch()
	after := w.again()
	h := after.get("six", pages.Normal)
	first, err := h.Page()
	if err != nil {
		t.Fatal(err)
	}
	shared := 0
	for range 20 {
		next, err := h.Page()
		if err != nil {
			t.Fatal(err)
		}
		if &next.Files[0] == &first.Files[0] {
			shared++
		}
	}
	if shared == 0 {
		t.Error("each of 20 calls read the record")
	}
	runtime.GC()
	runtime.GC()
	after.versions(h, "1.0")
}

// TestADamagedRecordIsFetchedAgain: once the first reader has noticed.
func TestADamagedRecordIsFetchedAgain(t *testing.T) {
	w := newWorld(t)
	err := w.store.Store.Update(t.Context(), func(tx pages.Tx) error {
		return tx.PutUpstreamPage(t.Context(), pages.Row{
			Key:       pages.Key{Upstream: "public", Name: name("six")},
			Revision:  "r",
			OfURL:     1,
			Record:    []byte("nonsense"),
			FetchedAt: w.c.Now(),
			CheckedAt: w.c.Now(),
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.f.says("six", has("six", "", "1.0"))
	if _, err := w.get("six", pages.Normal).Page(); err == nil {
		t.Error("a damaged record was read")
	}
	w.versions(w.get("six", pages.Normal), "1.0")
	w.batch()
	w.versions(w.again().get("six", pages.Normal), "1.0")
}

// TestUnusedPagesAreSwept after some months; a page that is read stays.
func TestUnusedPagesAreSwept(t *testing.T) {
	w := newWorld(t)
	w.f.says("used", has("used", `"1"`, "1.0"))
	w.f.says("unused", has("unused", `"1"`, "1.0"))
	w.get("used", pages.Normal)
	w.get("unused", pages.Normal)
	w.batch()
	w.c.pass(80 * 24 * time.Hour)
	w.get("used", pages.Normal)
	w.batch()
	w.c.pass(20 * 24 * time.Hour)
	if err := w.p.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	held := func(s string) bool {
		_, err := newWorldOffline(w).Get(t.Context(), w.u, name(s), pages.Normal, true)
		return err == nil
	}
	if !held("used") || held("unused") {
		t.Errorf("used is held: %v, unused: %v", held("used"), held("unused"))
	}
}
