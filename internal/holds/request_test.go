package holds_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/policy"
)

// TestAsk: a reader and a workload ask, a maintainer finds the requests and grants one in one call, for the content of
// that moment. The reader finds the answer.
func TestAsk(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		mia := d.maintainer("mia", "main", "", access.Maintainer)
		d.user("ria")
		ria, ci := d.token("ria", access.ScopeRead), d.minted("acme-app")
		before := d.serial()
		first, err := d.holds.Ask(ctx, ria, holds.Ask{Target: d.target("demo==1.0", ""), Reason: "a fix"})
		d.must(err)
		d.later(time.Second)
		second, err := d.holds.Ask(ctx, ci,
			holds.Ask{Target: d.target("demo", "demo-1.0.tar.gz"), Reason: "the build needs it"})
		d.must(err)
		if d.serial() != before {
			d.Error("a request moved the serial, although nothing is served otherwise")
		}
		queue, err := d.other.Requests(ctx, mia, "")
		if err != nil || len(queue) != 2 || queue[0].ID != second.ID || queue[0].By.Name != "acme-app" ||
			queue[1].By.Name != "ria" || queue[1].Reason != "a fix" {
			d.Errorf("Requests() = %+v, %v", queue, err)
		}
		d.later(time.Hour)
		d.files.of["demo"][0].SHA256 = sum("e") // the upstream has other content now
		e, err := d.other.Grant(ctx, mia, first.ID, 30*24*time.Hour)
		d.must(err)
		if e.RequestID != first.ID || e.Covers != 2 || e.Reason != "a fix" || e.By.Name != "mia" ||
			!e.EndsAt.Equal(d.now.Add(30*24*time.Hour)) {
			d.Errorf("Grant() = %+v", e)
		}
		of := d.standing(d.holds, d.rows, "demo").Exempt[e.RepositoryID]
		if len(of) != 2 || of[sum("e")].ID != e.ID || of[sum("a")].ID != "" {
			d.Errorf("Standing() = %+v", of)
		}
		_, err = d.holds.Refuse(ctx, mia, second.ID, "use the wheel")
		d.must(err)
		own, err := d.holds.OwnRequests(ctx, ria)
		if err != nil || len(own) != 1 || own[0].State != holds.Granted || own[0].ExemptionID != e.ID ||
			own[0].DecidedBy.Name != "mia" {
			d.Errorf("OwnRequests() = %+v, %v", own, err)
		}
		own, err = d.holds.OwnRequests(ctx, ci)
		if err != nil || len(own) != 1 || own[0].State != holds.Refused || own[0].Answer != "use the wheel" {
			d.Errorf("OwnRequests() of a workload = %+v, %v", own, err)
		}
		if len(d.decided) != 2 || d.decided[0].ID != first.ID || d.decided[1].Answer != "use the wheel" {
			d.Errorf("the people who asked are told of %+v", d.decided)
		}
		for action, n := range map[string]int{"exemption.ask": 2, "exemption.add": 1, "exemption.refuse": 1} {
			if got := d.recorded(action, audit.Granted); len(got) != n || got[0].Repository != e.RepositoryID {
				d.Errorf("the audit log has %d of %s, want %d", len(got), action, n)
			}
		}
	})
}

// TestPresent: a maintainer reads what is decided now about the files of a request, one decision for each rule with the
// latest end. A reader does not, and a request whose files are gone says so.
func TestPresent(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		mia := d.maintainer("mia", "main", "", access.Maintainer)
		d.user("ria")
		ria := d.token("ria", access.ScopeRead)
		q, err := d.holds.Ask(ctx, ria, holds.Ask{Target: d.target("demo==1.0", ""), Reason: "a fix"})
		d.must(err)
		soon, late := d.now.Add(time.Hour), d.now.Add(2*time.Hour)
		hold := func(until time.Time) policy.Decision {
			return policy.Decision{Verdict: policy.Hold, Rule: policy.RuleCooldown, Repository: "main", Until: until}
		}
		startup := policy.Decision{Verdict: policy.Hold, Rule: policy.RuleStartup, Detail: "a.pth", Repository: "main"}
		d.files.of["demo"] = []holds.File{
			{Filename: "a", Version: "1.0", Decision: hold(late)},
			{Filename: "b", Version: "1.0", Decision: hold(soon)},
			{Filename: "c", Version: "1.0", Decision: startup},
			{Filename: "d", Version: "1.0", Decision: policy.Decision{Exemption: "x", Changes: soon}},
			{Filename: "e", Version: "2.0", Decision: policy.Decision{Verdict: policy.Deny, Rule: policy.RuleDenylist}},
		}
		got, err := d.holds.Present(ctx, mia, q)
		d.must(err)
		if want := []policy.Decision{hold(late), startup, {}}; !slices.Equal(got, want) {
			d.Errorf("Present() = %+v, want %+v", got, want)
		}
		_, err = d.holds.Present(ctx, ria, q)
		d.refused("a reader", err, fault.Denied, "maintainer")
		_, err = d.holds.Present(ctx, access.Caller{}, q)
		d.refused("the zero caller", err, fault.Unauthenticated, "")
		d.files.of["demo"] = nil
		_, err = d.holds.Present(ctx, mia, q)
		d.refused("files that are gone", err, fault.NotFound, "shows no files")
	})
}

// TestAskRefuses: requests that nobody could grant, or that would fill the queue, are refused.
func TestAskRefuses(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		d.user("ria")
		ria := d.token("ria", access.ScopeRead)
		ask := func(who access.Caller, text, file, reason string) error {
			_, err := d.holds.Ask(ctx, who, holds.Ask{Target: d.target(text, file), Reason: reason})
			return err
		}
		d.refused("nobody", ask(access.Guest(true), "demo", "", "r"), fault.Unauthenticated, "sign in")
		d.refused("no reason", ask(ria, "demo", "", ""), fault.Invalid, "reason")
		d.refused("a blank reason", ask(ria, "demo", "", "\t "), fault.Invalid, "reason")
		d.refused("a missing version", ask(ria, "demo==3", "", "r"), fault.NotFound, "no files")
		d.refused("a missing project", ask(ria, "none", "", "r"), fault.NotFound, "")
		d.refused("a file that is served", ask(ria, "demo==2.0", "", "r"), fault.Conflict, "no file of demo==2.0 is held")
		_, err := d.holds.Ask(ctx, ria, holds.Ask{Repository: "team", Target: d.target("demo", ""), Reason: "r"})
		d.refused("a hidden repository", err, fault.NotFound, "repository")
		_, err = d.holds.Ask(ctx, ria, holds.Ask{Reason: "r"})
		d.refused("no target", err, fault.Invalid, "project")
		d.files.of["bad"] = []holds.File{
			{Filename: "bad-1.0.tar.gz", Version: "1.0", SHA256: sum("f"), Decision: policy.Decision{Verdict: policy.Deny}},
		}
		d.refused("a denied file", ask(ria, "bad", "", "r"), fault.Conflict, "denied")

		d.must(ask(ria, "demo==1.0", "", "r"))
		d.refused("the same again", ask(ria, "demo==1.0", "", "r"), fault.Conflict, "still open")
		d.refused("the same with another token", ask(d.token("ria", access.ScopeUpload), "demo==1", "", "r"), fault.Conflict,
			"still open")
		for i := range holds.MaxOpen {
			name := fmt.Sprintf("p%d", i)
			d.files.of[name] = []holds.File{{Filename: name + "-1.0.tar.gz", Version: "1.0", SHA256: sum("a"), Decision: held}}
			if i < holds.MaxOpen-1 {
				d.must(ask(ria, name, "", "r"))
			}
		}
		last := fmt.Sprintf("p%d", holds.MaxOpen-1)
		d.refused("the 11th", ask(ria, last, "", "r"), fault.TooMany, "10 open requests")
		d.refused("the 11th with another token", ask(d.token("ria", access.ScopeAdmin), last, "", "r"), fault.TooMany, "10")
		d.user("rob")
		d.must(ask(d.token("rob", access.ScopeRead), last, "", "r"))
		d.must(ask(d.minted("acme-app"), last, "", "r"))
		d.refused("the same workload in another run", ask(d.minted("acme-app"), last, "", "r"), fault.Conflict,
			"still open")
		open, err := d.holds.Requests(ctx, d.boss, "main")
		d.must(err)
		_, err = d.holds.Refuse(ctx, d.boss, open[len(open)-1].ID, "no")
		d.must(err)
		if open[len(open)-1].By.Name == "ria" {
			d.must(ask(ria, last, "", "r")) // one was decided
		}
	})
}

// TestAskNeedsTheRepository: a token that can no longer read anything in the repository asks nothing, and neither does
// one that was revoked.
func TestAskNeedsTheRepository(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		p := d.project("inner")
		d.must(d.rows.Catalog().Update(ctx, func(tx catalog.Tx) error { // closed: only those with a role see it
			p.Repository.Members = access.NoRole
			return tx.UpdateRepository(ctx, p.Repository)
		}))
		guest := d.maintainer("gus", "main", "inner", access.Reader)
		d.user("ria")
		ria, n := d.token("ria", access.ScopeRead), holds.Ask{Target: d.target("demo==1.0", ""), Reason: "r"}
		_, err := d.holds.Ask(ctx, ria, n)
		d.refused("a user without a role", err, fault.NotFound, "repository")
		_, err = d.holds.Ask(ctx, guest, n)
		d.must(err)
		d.must(d.dir.DisableUser(ctx, d.boss, "gus"))
		_, err = d.holds.Ask(ctx, guest, holds.Ask{Target: d.target("demo", ""), Reason: "r"})
		d.refused("a disabled account", err, fault.Unauthenticated, "disabled")
		d.must(d.dir.EnableUser(ctx, d.boss, "gus"))
		d.must(d.rows.Catalog().Update(ctx, func(tx catalog.Tx) error {
			p.Repository.UpstreamReaders = catalog.RepositoryReader
			return tx.UpdateRepository(ctx, p.Repository)
		}))
		_, err = d.holds.Ask(ctx, guest, holds.Ask{Target: d.target("demo", ""), Reason: "r"})
		d.refused("a role in one project, if that does not read upstreams", err, fault.NotFound, "repository")
	})
}

// TestDecideRefuses: only a maintainer of the repository decides, once, and only about requests that are open.
func TestDecideRefuses(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		d.project("demo")
		mia := d.maintainer("mia", "main", "", access.Maintainer)
		others := map[string]access.Caller{
			"the owner of another repository": d.maintainer("eli", "team", "", access.Owner),
			"the owner of the project":        d.maintainer("oda", "main", "demo", access.Owner),
			"an uploader of the repository":   d.maintainer("uma", "main", "", access.Uploader),
		}
		d.user("ria")
		ria := d.token("ria", access.ScopeAdmin)
		others["the reader who asked"] = ria
		q, err := d.holds.Ask(ctx, ria, holds.Ask{Target: d.target("demo==1.0", ""), Reason: "r"})
		d.must(err)
		for what, who := range others {
			_, err := d.holds.Grant(ctx, who, q.ID, 0)
			d.refused(what+" grants", err, fault.Denied, "maintainer")
			_, err = d.holds.Refuse(ctx, who, q.ID, "no")
			d.refused(what+" refuses", err, fault.Denied, "maintainer")
			_, err = d.holds.Requests(ctx, who, "main")
			d.refused(what+" lists", err, fault.Denied, "maintainer")
			seen, n, err := d.holds.Asked(ctx, who, "main", "demo")
			if err != nil || n != 1 || len(seen) > 0 && what != "the reader who asked" {
				d.Errorf("Asked() for %s = %v, %d, %v", what, seen, n, err)
			}
		}
		if all, err := d.holds.Requests(ctx, others["the owner of another repository"], ""); err != nil || len(all) != 0 {
			d.Errorf("Requests() of all for the owner of another repository = %v, %v", all, err)
		}
		for who, want := range map[string]int{
			"the owner of another repository": 0, "the owner of the project": 0, "an uploader of the repository": 0,
			"the reader who asked": 0,
		} {
			if n, err := d.holds.Waiting(ctx, others[who]); err != nil || n != want {
				d.Errorf("Waiting() for %s = %d, %v", who, n, err)
			}
		}
		for who, caller := range map[string]access.Caller{"a maintainer": mia, "an administrator": d.boss} {
			if n, err := d.holds.Waiting(ctx, caller); err != nil || n != 1 {
				d.Errorf("Waiting() for %s = %d, %v; want 1", who, n, err)
			}
		}
		if _, err := d.holds.OwnRequests(ctx, access.Guest(true)); !fault.Is(err, fault.Unauthenticated) {
			d.Errorf("OwnRequests() for nobody = %v", err)
		}
		_, err = d.holds.Grant(ctx, mia, "none", 0)
		d.refused("an unknown request", err, fault.NotFound, "request")
		_, err = d.holds.Grant(ctx, mia, q.ID, 181*24*time.Hour)
		d.refused("181 days", err, fault.Invalid, "180 days")
		_, err = d.holds.Refuse(ctx, mia, q.ID, " ")
		d.refused("no answer", err, fault.Invalid, "answer")
		_, err = d.holds.Refuse(ctx, mia, q.ID, strings.Repeat("x", 5000))
		d.refused("a long answer", err, fault.Invalid, "too long")
		d.files.of["demo"][1].SHA256 = ""
		_, err = d.holds.Grant(ctx, mia, q.ID, 0)
		d.refused("a file without a digest", err, fault.Conflict, "demo-1.0.tar.gz")
		d.files.of["demo"][1].SHA256 = sum("b")
		if n := len(d.recorded("exemption.add", audit.Refused)) + len(d.recorded("exemption.refuse", audit.Refused)); n != 8 {
			d.Errorf("the audit log has %d refusals, want 8", n)
		}
		_, err = d.holds.Grant(ctx, mia, q.ID, 0)
		d.must(err)
		_, err = d.holds.Grant(ctx, mia, q.ID, 0)
		d.refused("a second grant", err, fault.Conflict, "decided already")
		_, err = d.holds.Refuse(ctx, mia, q.ID, "no")
		d.refused("refusing a granted request", err, fault.Conflict, "decided already")
		again, err := d.holds.Ask(ctx, ria, holds.Ask{Target: d.target("demo==1.0", ""), Reason: "r"})
		d.must(err)
		_, err = d.holds.Refuse(ctx, mia, again.ID, "no")
		d.must(err)
		_, err = d.holds.Grant(ctx, mia, again.ID, 0)
		d.refused("granting a refused request", err, fault.Conflict, "decided already")
	})
}

// TestRaces: of many grants and refusals of one request in two processes, one wins; and a person who asks from many
// places at once has no more open requests than the limit.
func TestRaces(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		d.user("ria")
		ria := d.token("ria", access.ScopeRead)
		for i := range 30 {
			name := fmt.Sprintf("p%d", i)
			d.files.of[name] = []holds.File{{Filename: name + "-1.0.tar.gz", Version: "1.0", SHA256: sum("a"), Decision: held}}
		}
		asked := d.race(30, func(h *holds.Holds, i int) error {
			_, err := h.Ask(ctx, ria, holds.Ask{Target: d.target(fmt.Sprintf("p%d", i), ""), Reason: "r"})
			return err
		}, fault.TooMany)
		if asked != holds.MaxOpen {
			d.Errorf("%d requests were accepted, want %d", asked, holds.MaxOpen)
		}
		d.user("rob")
		rob := d.token("rob", access.ScopeRead)
		same := d.race(10, func(h *holds.Holds, _ int) error {
			_, err := h.Ask(ctx, rob, holds.Ask{Target: d.target("p0", ""), Reason: "r"})
			return err
		}, fault.Conflict)
		if same != 1 {
			d.Errorf("%d of the same requests were accepted, want 1", same)
		}
		open, err := d.holds.OwnRequests(ctx, rob)
		d.must(err)
		won := d.race(20, func(h *holds.Holds, i int) error {
			if i%2 == 0 {
				_, err := h.Grant(ctx, d.boss, open[0].ID, 0)
				return err
			}
			_, err := h.Refuse(ctx, d.boss, open[0].ID, "no")
			return err
		}, fault.Conflict)
		made, err := d.holds.Exemptions(ctx, d.boss, "")
		d.must(err)
		after, err := d.holds.OwnRequests(ctx, rob)
		d.must(err)
		if won != 1 || len(made) > 1 || (len(made) == 1) != (after[0].State == holds.Granted) || len(d.decided) != 1 {
			d.Errorf("%d decisions won, %d exemptions were made, the request is %s, %d letters", won, len(made),
				after[0].State, len(d.decided))
		}
	})
}

// race runs f in n goroutines of two processes, and returns how many succeeded. The others must fail with kind.
func (d *desk) race(n int, f func(h *holds.Holds, i int) error, kind fault.Kind) (won int) {
	d.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		h := d.holds
		if i%3 == 0 {
			h = d.other
		}
		all.Go(func() {
			err := f(h, i)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !fault.Is(err, kind) {
				d.Errorf("the loser of a race got %v (%v), want %v", err, fault.KindOf(err), kind)
			}
		})
	}
	all.Wait()
	return won
}
