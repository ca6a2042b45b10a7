package pages_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// TestAPageIsFreshForItsTTL: it is asked for once, in memory and after a restart.
func TestAPageIsFreshForItsTTL(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", `"1"`, "1.0"))
	first := w.get("six", pages.Normal)
	w.versions(first, "1.0")
	w.c.pass(upstream.DefaultTTL - time.Second)
	again := w.get("six", pages.Normal)
	if again.Revision != first.Revision || again.Stale != 0 || again.Age != upstream.DefaultTTL-time.Second {
		t.Errorf("held %+v, first %+v", again, first)
	}
	w.asked("six", 1)
	w.batch()
	restarted := w.again()
	h := restarted.get("six", pages.Normal)
	if h.Revision != first.Revision || h.Age != again.Age {
		t.Errorf("after a restart %+v, want %+v", h, again)
	}
	restarted.versions(h, "1.0")
	w.asked("six", 1)
}

// TestRevalidationIsConditional: 304 renews the TTL of the same content, which is not parsed; new content changes the
// revision.
func TestRevalidationIsConditional(t *testing.T) {
	w := newWorld(t)
	w.u.StaleWhileRevalidate = 0
	var sent []upstream.Validators
	page := has("six", `"1"`, "1.0")
	w.f.says("six", func(v upstream.Validators) (upstream.Response, error) {
		sent = append(sent, v)
		return page(v)
	})
	first := w.get("six", pages.Normal)
	w.batch()
	w.c.pass(upstream.DefaultTTL)
	second := w.get("six", pages.Normal)
	if second.Revision != first.Revision || second.Age != 0 || !second.FetchedAt.Equal(first.FetchedAt) {
		t.Errorf("after 304 %+v, first %+v", second, first)
	}
	w.batch()
	w.c.pass(time.Minute)
	if h := w.again().get("six", pages.Normal); h.Age != time.Minute { // the renewal is in the row
		t.Errorf("after a restart the age is %v", h.Age)
	}
	page = has("six", `"2"`, "1.0", "1.1")
	w.c.pass(upstream.DefaultTTL)
	third := w.get("six", pages.Normal)
	w.versions(third, "1.0", "1.1")
	if third.Revision == first.Revision {
		t.Error("the revision did not change with the content")
	}
	if len(sent) != 3 || sent[0] != (upstream.Validators{}) || sent[1].ETag != `"1"` || sent[2].ETag != `"1"` {
		t.Errorf("validators sent: %q", sent)
	}
}

// TestTheRevisionFollowsTheContent: the same content without an ETag keeps its revision, here and in another process.
func TestTheRevisionFollowsTheContent(t *testing.T) {
	w := newWorld(t)
	w.u.StaleWhileRevalidate = 0
	w.f.says("six", has("six", "", "1.0"))
	first := w.get("six", pages.Normal)
	w.batch()
	w.c.pass(upstream.DefaultTTL)
	if h := w.get("six", pages.Normal); h.Revision != first.Revision || h.Age != 0 {
		t.Errorf("held %+v, first %+v", h, first)
	}
	w.asked("six", 2)
	w.batch()
	if h := w.again().get("six", pages.Normal); h.Revision != first.Revision {
		t.Errorf("another process has revision %s, want %s", h.Revision, first.Revision)
	}
}

// TestClientsMayAskForAnAnswerOfNow: no-cache revalidates what is older than 5 seconds, max-age=0 what is older than a
// minute, once for all callers in those times.
func TestClientsMayAskForAnAnswerOfNow(t *testing.T) {
	for _, c := range []struct {
		f    pages.Freshness
		from time.Duration
	}{{pages.NoCache, 5 * time.Second}, {pages.MaxAgeZero, time.Minute}} {
		w := newWorld(t)
		w.f.says("six", has("six", `"1"`, "1.0"))
		w.get("six", c.f)
		w.c.pass(c.from - time.Second)
		w.get("six", c.f)
		w.asked("six", 1)
		w.c.pass(time.Second)
		for range 5 {
			if h := w.get("six", c.f); h.Age != 0 {
				t.Errorf("age %v", h.Age)
			}
		}
		w.asked("six", 2)
		w.f.says("six", fails(upstream.Wrong, 500))
		w.c.pass(c.from)
		for range 5 { // a failed question counts as well
			if h := w.get("six", c.f); h.Age != c.from {
				t.Errorf("age %v", h.Age)
			}
		}
		w.asked("six", 3)
		w.c.pass(c.from)
		w.get("six", c.f)
		w.asked("six", 4)
	}
}

// TestSuchClientsWaitForAShortTime and then get what is held, with its age; the answer is used when it comes.
func TestSuchClientsWaitForAShortTime(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", `"1"`, "1.0"))
	w.get("six", pages.Normal)
	w.f.says("six", has("six", `"2"`, "1.1"))
	w.c.pass(6 * time.Second)
	release := w.f.holds()
	began := time.Now()
	h := w.get("six", pages.NoCache)
	if d := time.Since(began); d < 50*time.Millisecond || d > 3*time.Second {
		t.Errorf("waited %v", d)
	}
	w.versions(h, "1.0")
	if h.Age != 6*time.Second {
		t.Errorf("age %v", h.Age)
	}
	release()
	w.p.Settle()
	w.versions(w.get("six", pages.Normal), "1.1")
	w.asked("six", 2)
}

// TestStaleWhileRevalidate: within the bound the caller does not wait; a batch asks. Beyond it the caller waits.
func TestStaleWhileRevalidate(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", `"1"`, "1.0"))
	w.get("six", pages.Normal)
	w.batch()
	w.f.says("six", has("six", `"2"`, "1.1"))
	w.c.pass(upstream.DefaultTTL + 59*time.Minute)
	for range 3 {
		h := w.get("six", pages.Normal)
		w.versions(h, "1.0")
		if h.Stale != 59*time.Minute || h.Age != 69*time.Minute {
			t.Errorf("age %v, stale %v", h.Age, h.Stale)
		}
	}
	w.asked("six", 1)
	w.batch()
	w.asked("six", 2)
	h := w.get("six", pages.Normal)
	w.versions(h, "1.1")
	if h.Stale != 0 || h.Age != 0 {
		t.Errorf("age %v, stale %v", h.Age, h.Stale)
	}
	w.f.says("six", has("six", `"3"`, "1.2"))
	w.c.pass(upstream.DefaultTTL + time.Hour)
	w.versions(w.get("six", pages.Normal), "1.2")
	w.asked("six", 3)
}

// TestStaleIfError: a failing upstream does not hide what is held, until the bound; then it is a failure, never a
// missing project, with a short time to wait.
func TestStaleIfError(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", `"1"`, "1.0"))
	w.get("six", pages.Normal)
	w.f.says("six", fails(upstream.Wrong, 500))
	w.c.pass(upstream.DefaultTTL + upstream.DefaultStaleIfError - time.Second)
	h := w.get("six", pages.Normal)
	w.versions(h, "1.0")
	if h.Stale != upstream.DefaultStaleIfError-time.Second {
		t.Errorf("stale %v", h.Stale)
	}
	w.c.pass(time.Second)
	f := w.refused("six", pages.Normal)
	if f.Kind != upstream.Wrong || f.RetryAfter < time.Second || f.RetryAfter > 5*time.Second {
		t.Errorf("failure %+v", f)
	}
	strict := newWorld(t)
	strict.u.StaleIfError, strict.u.StaleWhileRevalidate = 0, 0
	strict.f.says("six", has("six", `"1"`, "1.0"))
	strict.get("six", pages.Normal)
	strict.f.says("six", fails(upstream.Silent, 0))
	strict.c.pass(upstream.DefaultTTL)
	if f := strict.refused("six", pages.Normal); f.Kind != upstream.Silent {
		t.Errorf("failure %+v", f)
	}
}

// TestRetryAfterIsNeverTheUpstreams: clients come back within 5 seconds, not all at once.
func TestRetryAfterIsNeverTheUpstreams(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", func(upstream.Validators) (upstream.Response, error) {
		return upstream.Response{}, &upstream.Failure{
			Upstream: "public", Kind: upstream.Busy, Status: 429,
			RetryAfter: time.Hour, Err: errors.New("busy"),
		}
	})
	seen := map[time.Duration]bool{}
	for range 20 {
		f := w.refused("six", pages.Normal)
		if f.RetryAfter < time.Second || f.RetryAfter > 5*time.Second {
			t.Fatalf("RetryAfter = %v", f.RetryAfter)
		}
		seen[f.RetryAfter] = true
	}
	if len(seen) < 2 {
		t.Errorf("all clients get %v", seen)
	}
}

// TestThreeFailuresStopQuestions: the next requests are answered at once for 30 seconds; then one question decides.
func TestThreeFailuresStopQuestions(t *testing.T) {
	w := newWorld(t)
	for _, s := range []string{"a", "b", "c", "d", "e"} {
		w.f.says(s, fails(upstream.Wrong, 500))
	}
	for _, s := range []string{"a", "b", "c", "d", "a", "e"} {
		w.refused(s, pages.Normal)
	}
	if n := w.f.total.Load(); n != 3 {
		t.Fatalf("%d questions, want 3", n)
	}
	w.c.pass(29 * time.Second)
	w.refused("d", pages.Normal)
	w.c.pass(time.Second)
	release := w.f.holds()
	done := make(chan error)
	go func() {
		_, err := w.ask("a", pages.Normal)
		done <- err
	}()
	for w.f.open.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	w.refused("d", pages.Normal) // while one question is being asked
	release()
	if err := <-done; err == nil {
		t.Error("a failing upstream answered")
	}
	w.refused("d", pages.Normal)
	if n := w.f.total.Load(); n != 4 {
		t.Errorf("%d questions, want 4", n)
	}
	w.c.pass(30 * time.Second)
	w.f.says("a", has("a", "", "1.0"))
	w.f.says("d", has("d", "", "1.0"))
	w.get("a", pages.Normal)
	w.get("d", pages.Normal)
}

// TestOneBadPageStopsNoOtherPage: a page that is wrong alone is not asked for after three failures; others are.
func TestOneBadPageStopsNoOtherPage(t *testing.T) {
	w := newWorld(t)
	w.f.says("bad", func(upstream.Validators) (upstream.Response, error) {
		return upstream.Response{Body: []byte("<html>Sorry"), ContentType: "application/json"}, nil
	})
	for range 10 {
		if f := w.refused("bad", pages.Normal); f.Kind != upstream.Wrong {
			t.Errorf("failure %+v", f)
		}
	}
	w.asked("bad", 3)
	w.f.says("good", has("good", "", "1.0"))
	w.get("good", pages.Normal)
	w.c.pass(30 * time.Second)
	w.refused("bad", pages.Normal)
	w.asked("bad", 4)
}

// TestManyBadPagesStopNoOtherPage: a caller who asks for one unusable page after the other keeps nobody from good ones,
// also not while the upstream recovers.
func TestManyBadPagesStopNoOtherPage(t *testing.T) {
	w := newWorld(t)
	bad := func(prefix string) {
		for i := range 5 {
			s := fmt.Sprint(prefix, i)
			w.f.says(s, func(upstream.Validators) (upstream.Response, error) {
				return upstream.Response{Body: []byte("{"), ContentType: "application/json"}, nil
			})
			w.refused(s, pages.Normal)
			w.f.says(s, fails(upstream.Wrong, 200)) // too large, of a foreign type
			w.refused(s, pages.Normal)
		}
	}
	bad("a")
	w.f.says("good", has("good", "", "1.0"))
	w.get("good", pages.Normal)
	for _, s := range []string{"x", "y", "z"} {
		w.f.says(s, fails(upstream.Wrong, 500))
		w.refused(s, pages.Normal)
	}
	w.c.pass(30 * time.Second)
	bad("b")
	w.f.says("other", has("other", "", "1.0"))
	w.get("other", pages.Normal)
}

// TestAbsenceIsKeptBriefly: only a complete answer counts, for the negative TTL; no row is made.
func TestAbsenceIsKeptBriefly(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		if h := w.get("nothing", pages.Normal); !h.Absent || h.Stale != 0 {
			t.Errorf("held %+v", h)
		}
	}
	w.asked("nothing", 1)
	w.c.pass(upstream.DefaultNegativeTTL)
	w.f.says("nothing", has("nothing", "", "1.0"))
	if h := w.get("nothing", pages.Normal); h.Absent {
		t.Error("a project that exists now is absent")
	}
	w.f.says("other", nil)
	w.get("other", pages.Normal)
	w.batch()
	if _, err := w.again().p.Get(t.Context(), w.u, name("other"), pages.Normal, false); !errors.Is(err, pages.ErrNotHeld) {
		t.Errorf("a row was made for a project that does not exist: %v", err)
	}
}

// TestFailuresAreNeverAbsence: not when nothing is held, and not when an absence has just expired.
func TestFailuresAreNeverAbsence(t *testing.T) {
	for kind, status := range map[upstream.FailureKind]int{
		upstream.Refused: 401, upstream.Wrong: 500, upstream.Silent: 0, upstream.Busy: 429, upstream.Forbidden: 0,
	} {
		w := newWorld(t)
		w.get("six", pages.Normal) // absent
		w.f.says("six", fails(kind, status))
		w.c.pass(upstream.DefaultNegativeTTL)
		for range 2 {
			if f := w.refused("six", pages.Normal); f.Kind != kind {
				t.Errorf("failure %+v", f)
			}
		}
		w.asked("six", 3) // no failure is cached
	}
}

// TestAGoneProjectKeepsItsFiles: a page that becomes 404 is absent; should it return with another digest, the first one
// holds.
func TestAGoneProjectKeepsItsFiles(t *testing.T) {
	w := newWorld(t)
	w.u.StaleWhileRevalidate = 0
	w.f.says("six", has("six", `"1"`, "1.0"))
	first, err := w.get("six", pages.Normal).Page()
	if err != nil {
		t.Fatal(err)
	}
	w.batch()
	w.c.pass(upstream.DefaultTTL)
	w.f.says("six", nil)
	h := w.get("six", pages.Normal)
	if !h.Absent {
		t.Fatal("the project is not absent")
	}
	w.batch()
	after := w.again()
	if h := after.get("six", pages.Normal); !h.Absent {
		t.Fatal("after a restart, the project is not absent")
	}
	after.u.StaleWhileRevalidate = 0
	w.c.pass(upstream.DefaultTTL)
	w.f.says("six", has("six", `"1"`, "0.9", "1.0"))
	p, err := after.get("six", pages.Normal).Page()
	if err != nil || len(p.Files) != 2 {
		t.Fatalf("Page() = %+v, %v", p, err)
	}
	f, was := p.Files[1], first.Files[0]
	if f.SHA256 != was.SHA256 || f.Changed == "" || !f.FirstSeen.Equal(was.FirstSeen) {
		t.Errorf("the file that returned is %+v", f)
	}
}

// TestALowerSerialIsNotTaken: ours stays, is asked for each minute, and after an hour theirs is taken with an alarm.
func TestALowerSerialIsNotTaken(t *testing.T) {
	w := newWorld(t)
	w.u.StaleWhileRevalidate = 0
	w.f.says("six", hasSerial("six", `"1"`, "100", "1.0", "1.1"))
	w.get("six", pages.Normal)
	w.batch()
	w.f.says("six", hasSerial("six", `"0"`, `"99"`, "1.0"))
	w.c.pass(upstream.DefaultTTL)
	w.versions(w.get("six", pages.Normal), "1.0", "1.1")
	w.asked("six", 2)
	w.batch()
	w.c.pass(59 * time.Second)
	w.get("six", pages.Normal)
	w.asked("six", 2)
	w.c.pass(time.Second)
	h := w.get("six", pages.Normal)
	w.versions(h, "1.0", "1.1")
	if h.Age != time.Minute {
		t.Errorf("the age is %v, although nobody confirmed it for a minute", h.Age)
	}
	w.batch()
	w.asked("six", 3)
	w.batch()
	after := w.again()
	after.u = w.u
	w.c.pass(58 * time.Minute)
	after.versions(after.get("six", pages.Normal), "1.0", "1.1")
	w.c.pass(time.Minute)
	after.versions(after.get("six", pages.Normal), "1.0")
	if h, _, _ := after.p.Health(t.Context(), w.u); h.FailureText == "" {
		t.Error("there is no alarm")
	}
	after.p.Settle()
	var entries []audit.Entry
	err := w.db.Catalog().View(t.Context(), func(tx catalog.Tx) (err error) {
		entries, err = tx.Entries(t.Context(), audit.Filter{Limit: 10})
		return err
	})
	if err != nil || len(entries) != 1 || entries[0].Action != "upstream.serial" || entries[0].Project != "six" {
		t.Errorf("the audit log has %+v, %v", entries, err)
	}
}

// TestAHigherSerialEndsTheWait: an upstream that catches up is believed at once.
func TestAHigherSerialEndsTheWait(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", hasSerial("six", "", "100", "1.0"))
	w.get("six", pages.Normal)
	w.f.says("six", hasSerial("six", "", "99", "0.9"))
	w.c.pass(2 * time.Minute)
	w.versions(w.get("six", pages.MaxAgeZero), "1.0")
	w.f.says("six", hasSerial("six", "", "101", "1.1"))
	w.c.pass(time.Minute)
	h := w.get("six", pages.MaxAgeZero)
	w.versions(h, "1.1")
	if h.Age != 0 {
		t.Errorf("age %v", h.Age)
	}
}

// TestSerialsCompareOnlyIfBothAreStated, and as numbers of any length.
func TestSerialsCompareOnlyIfBothAreStated(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"99", "100", true},
		{"100", "99", false},
		{"100", "100", false},
		{"0099", "100", true},
		{"", "100", false},
		{"99", "", false},
		{"abc", "100", false},
		{"99999999999999999998", "99999999999999999999", true},
	} {
		if got := pages.Lower(c.a, c.b); got != c.want {
			t.Errorf("Lower(%q, %q) = %v", c.a, c.b, got)
		}
	}
	w := newWorld(t)
	w.u.StaleWhileRevalidate = 0
	w.f.says("six", hasSerial("six", "", "100", "1.0"))
	w.get("six", pages.Normal)
	w.f.says("six", has("six", "", "1.1"))
	w.c.pass(upstream.DefaultTTL)
	w.versions(w.get("six", pages.Normal), "1.1")
}

// TestHeadersThatCannotBeStored cost the page only its validators, not the whole batch.
func TestHeadersThatCannotBeStored(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", "\"\xe9\"", "1.0"))
	w.f.says("long", has("long", strings.Repeat("x", 10_000), "1.0"))
	w.f.says("nul", hasSerial("nul", `"\x00"`, "", "1.0"))
	w.f.says("good", has("good", `"1"`, "1.0"))
	for _, s := range []string{"six", "long", "nul", "good"} {
		w.get(s, pages.Normal)
	}
	w.batch()
	for _, s := range []string{"six", "long", "nul", "good"} {
		w.versions(w.again().get(s, pages.Normal), "1.0")
		w.asked(s, 1)
	}
}

// TestANewURLForgetsValidatorsAndSerials and keeps the page until the new place has answered.
func TestANewURLForgetsValidatorsAndSerials(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", hasSerial("six", `"1"`, "100", "1.0"))
	w.get("six", pages.Normal)
	w.get("gone", pages.Normal)
	w.batch()
	w.u.Revision++
	w.f.says("six", fails(upstream.Silent, 0))
	w.versions(w.get("six", pages.Normal), "1.0")
	w.c.pass(6 * time.Second)
	page := hasSerial("six", `"1"`, "7", "1.1")
	w.f.says("six", func(v upstream.Validators) (upstream.Response, error) {
		if v != (upstream.Validators{}) {
			t.Errorf("the new place was asked with %q", v)
		}
		return page(v)
	})
	w.versions(w.get("six", pages.Normal), "1.1")
	w.f.says("gone", has("gone", "", "2.0"))
	w.versions(w.get("gone", pages.Normal), "2.0")
}

// TestAPrivateUpstreamMustHaveItsProbe: its 404 counts only if the probe was there within a minute.
func TestAPrivateUpstreamMustHaveItsProbe(t *testing.T) {
	w := newWorld(t)
	w.u.Kind, w.u.Probe = upstream.Private, "known"
	f := w.refused("secret", pages.Normal) // the credential is dead: everything is 404
	if f.Kind != upstream.Refused {
		t.Errorf("failure %+v", f)
	}
	w.f.says("known", has("known", "", "1.0"))
	if h := w.get("secret", pages.Normal); !h.Absent {
		t.Error("a 404 beside a probe that is there is no absence")
	}
	w.asked("known", 2)
	w.get("other", pages.Normal)
	w.asked("known", 2)
	w.c.pass(time.Minute)
	w.f.says("known", fails(upstream.Refused, 401))
	if f := w.refused("secret", pages.Normal); f.Kind != upstream.Refused {
		t.Errorf("failure %+v", f)
	}
	w.f.says("known", func(upstream.Validators) (upstream.Response, error) {
		return upstream.Response{Body: []byte("<html><title>Sign in</title>"), ContentType: "text/html"}, nil
	})
	if f := w.refused("third", pages.Normal); f.Kind != upstream.Wrong {
		t.Errorf("failure %+v", f)
	}
	w.u.Probe = ""
	w.c.pass(time.Minute)
	w.refused("fourth", pages.Normal)
	public := newWorld(t)
	if h := public.get("secret", pages.Normal); !h.Absent {
		t.Error("a 404 of a public upstream is no absence")
	}
}

// TestOfflineAsksNobody: what is held is served at any age; anything else is refused.
func TestOfflineAsksNobody(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", "", "1.0"))
	w.get("six", pages.Normal)
	w.batch()
	off := newWorldOffline(w)
	w.c.pass(300 * 24 * time.Hour)
	for _, f := range []pages.Freshness{pages.Normal, pages.NoCache, pages.MaxAgeZero} {
		h, err := off.Get(t.Context(), w.u, name("six"), f, true)
		if err != nil || h.Stale == 0 {
			t.Errorf("Get() = %+v, %v", h, err)
		}
		_, err = off.Get(t.Context(), w.u, name("other"), f, true)
		if !errors.Is(err, pages.ErrOffline) || !fault.Is(err, fault.Denied) || err.Error() != "offline: not held here" {
			t.Errorf("Get() = %v", err)
		}
	}
	if err := errors.Join(off.Batch(t.Context()), off.Sweep(t.Context()), off.UpdateLists(t.Context())); err != nil {
		t.Error(err)
	}
	if h, err := off.Get(t.Context(), w.u, name("six"), pages.Normal, true); err != nil {
		t.Errorf("after a sweep: %+v, %v", h, err)
	}
	if n := w.f.total.Load(); n != 1 {
		t.Errorf("%d questions", n)
	}
	w.asked("", 0)
}

// newWorldOffline returns the same process while the index is offline.
func newWorldOffline(w *world) *pages.Pages {
	return pages.New(pages.Options{Store: w.store, Fetcher: w.f, Now: w.c.Now, Offline: true})
}

// TestUnknownCallersGetWhatIsHeld: nothing is fetched for them, not even in the background.
func TestUnknownCallersGetWhatIsHeld(t *testing.T) {
	w := newWorld(t)
	get := func() (pages.Held, error) { return w.p.Get(t.Context(), w.u, name("six"), pages.NoCache, false) }
	if _, err := get(); !errors.Is(err, pages.ErrNotHeld) {
		t.Errorf("Get() = %v", err)
	}
	w.f.says("six", has("six", "", "1.0"))
	w.get("six", pages.Normal)
	w.c.pass(upstream.DefaultTTL + time.Minute)
	if h, err := get(); err != nil || h.Stale != time.Minute {
		t.Errorf("Get() = %+v, %v", h, err)
	}
	w.batch()
	w.asked("six", 1)
	w.c.pass(upstream.DefaultStaleIfError)
	if _, err := get(); !errors.Is(err, pages.ErrNotHeld) {
		t.Errorf("Get() = %v", err)
	}
}

// What was read from a removed upstream is not used for another one of its name, whether it is reachable or not.
func TestAnotherUpstreamOfTheName(t *testing.T) {
	w := newWorld(t)
	w.f.says("six", has("six", "", "1.0"))
	w.get("six", pages.Normal)
	w.batch()
	w.c.pass(time.Minute)
	w.u.CreatedAt = w.c.Now()
	w.u.Revision = w.u.CreatedAt.UnixMicro()
	if _, err := newWorldOffline(w).Get(t.Context(), w.u, name("six"), pages.Normal, true); !errors.Is(err,
		pages.ErrOffline) {
		t.Errorf("offline: %v", err)
	}
	if _, err := w.p.Get(t.Context(), w.u, name("six"), pages.Normal, false); !errors.Is(err, pages.ErrNotHeld) {
		t.Errorf("for an unknown caller: %v", err)
	}
	w.f.says("six", fails(upstream.Wrong, 500))
	w.refused("six", pages.Normal)
	w.c.pass(time.Hour)
	w.f.says("six", has("six", "", "2.0"))
	h := w.get("six", pages.Normal)
	w.versions(h, "2.0")
	if p, err := h.Page(); err != nil || len(p.Gone) > 0 {
		t.Errorf("Page() = %+v, %v: it remembers files of the removed upstream", p, err)
	}
}
