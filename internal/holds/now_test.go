package holds_test

import (
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/policy"
)

// TestNow: the list of what is held has who asked and what lifts it, as far as the caller may decide about it. Callers
// who do not manage a repository do not get its list.
func TestNow(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		d.project("demo")
		mia, eli := d.maintainer("mia", "main", "", access.Maintainer), d.maintainer("eli", "team", "", access.Owner)
		oda := d.maintainer("oda", "main", "demo", access.Owner)
		ria := d.maintainer("ria", "team", "", access.Reader)
		_, err := d.holds.Ask(ctx, ria, holds.Ask{Target: d.target("demo==1.0", ""), Reason: "a fix"})
		d.must(err)
		_, err = d.holds.Ask(ctx, ria, holds.Ask{Repository: "team", Target: d.target("demo", ""), Reason: "all of it"})
		d.must(err)
		e, err := d.holds.Exempt(ctx, mia, holds.NewExemption{
			Target: d.target("demo==1.0", "demo-1.0.tar.gz"), Reason: "looked at", For: time.Hour,
		})
		d.must(err)
		held := func(by string) policy.Decision {
			return policy.Decision{Verdict: policy.Hold, Rule: policy.RuleCooldown, Repository: by}
		}
		denied := policy.Decision{Verdict: policy.Deny}
		d.files.rows = []holds.Row{
			{Repository: "main", Project: "demo", Version: "1.0", Decision: held("main")},
			{Repository: "main", Project: "demo", Version: "1.0", Decision: held("main"), Served: e.ID},
			{Repository: "main", Project: "demo", Version: "2.0", Decision: held("main")},
			{Repository: "main", Project: "demo", Version: "1.0", Decision: denied, Served: "gone"},
			{Repository: "team", Project: "demo", Version: "1.0", Decision: held("team")},
			{Repository: "team", Project: "demo", Version: "1.0", Decision: held("main")},
			{Repository: "team", Project: "demo", Version: "1.0", Decision: held("main"), Served: e.ID},
		}
		type seen struct {
			asked   int
			by, why string
			ends    bool
		}
		boss := []seen{{asked: 1}, {by: "mia", why: "looked at", ends: true}, {}, {}, {asked: 1}, {asked: 1}, {
			by: "mia", why: "looked at", ends: true,
		}}
		for _, c := range []struct {
			what, repository string
			who              access.Caller
			want             []seen
		}{
			{"an administrator", "", d.boss, boss},
			{"an administrator, of team", "team", d.boss, boss[4:]},
			{"a maintainer of main", "", mia, boss[:4]},
			{"a maintainer of main, of main", "main", mia, boss[:4]},
			{"an owner of team", "team", eli, []seen{{asked: 1}, {}, {ends: true}}},
		} {
			now, err := d.holds.Now(ctx, c.who, holds.Query{Repository: c.repository, Rule: policy.RuleCooldown})
			d.must(err)
			if len(now.Rows) != len(c.want) || d.files.asked.Rule != policy.RuleCooldown {
				d.Fatalf("Now() for %s = %+v", c.what, now.Rows)
			}
			for i, r := range now.Rows {
				if got := (seen{len(r.Asked), r.By, r.Why, !r.Ends.IsZero()}); got != c.want[i] {
					d.Errorf("row %d for %s is %+v, want %+v", i, c.what, got, c.want[i])
				}
			}
		}
		for what, who := range map[string]access.Caller{
			"the owner of a project": oda, "a reader": ria, "nobody": access.Guest(true),
		} {
			_, err := d.holds.Now(ctx, who, holds.Query{})
			d.refused("the list for "+what, err, fault.Denied, "maintainer")
			_, err = d.holds.Now(ctx, who, holds.Query{Repository: "main"})
			d.refused("the list of main for "+what, err, fault.Denied, "maintainer")
		}
		_, err = d.holds.Now(ctx, eli, holds.Query{Repository: "main"})
		d.refused("the list of main for the owner of team", err, fault.Denied, "maintainer")
		_, err = d.holds.Now(ctx, d.boss, holds.Query{Repository: "nowhere"})
		d.refused("the list of no repository", err, fault.NotFound, "repository")
	})
}
