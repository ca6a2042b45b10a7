package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/policy"
)

// fact is one thing that may be the case, with what it decides alone. Each is written down by hand; nothing here calls
// the code that is tested.
type fact struct {
	name     string
	apply    func(*policy.Rules, *policy.File)
	verdict  policy.Verdict
	rule     policy.Rule
	until    time.Time // of a hold that ends
	own      bool      // also of files of this index
	lift     bool      // a lifted denial of the content lifts it
	exempt   bool      // an exemption by a maintainer lifts it
	admin    bool      // one by an administrator lifts it
	observed bool      // it has no effect if the repository observes
}

var ends = noon.Add(2 * time.Hour)

// facts are in the order in which they decide: the first one that applies and denies counts, or else the first one that
// holds without an end, or else the hold that ends last.
var allFacts = []fact{
	{
		name: "denied name", verdict: policy.Deny, rule: policy.RuleName,
		apply: func(r *policy.Rules, _ *policy.File) { r.NameDenied = true },
	},
	{
		name: "quarantine here", verdict: policy.Deny, rule: policy.RuleStatus, own: true,
		apply: func(r *policy.Rules, _ *policy.File) { r.StatusDenied, r.StatusHere = true, true },
	},
	{
		name: "another pin", verdict: policy.Deny, rule: policy.RuleDigest, own: true,
		apply: func(r *policy.Rules, f *policy.File) { r.Pins = map[string]string{f.Filename: other} },
	},
	{
		name: "denied project", verdict: policy.Deny, rule: policy.RuleDenylist, own: true, lift: true,
		apply: func(r *policy.Rules, _ *policy.File) { r.Denials = append(r.Denials, policy.Denial{Reason: "r"}) },
	},
	{
		name: "denied version", verdict: policy.Deny, rule: policy.RuleDenylist, own: true, lift: true,
		apply: func(r *policy.Rules, f *policy.File) {
			r.Denials = append(r.Denials, policy.Denial{Version: f.Version, Reason: "r"})
		},
	},
	{
		name: "denied content", verdict: policy.Deny, rule: policy.RuleDenylist, own: true, lift: true,
		apply: func(r *policy.Rules, f *policy.File) {
			r.Contents = map[string]*policy.Denial{f.SHA256: {Reason: "r"}}
		},
	},
	{
		name: "malware", verdict: policy.Deny, rule: policy.RuleAdvisory, lift: true, observed: true,
		apply: func(_ *policy.Rules, f *policy.File) { f.Malware = "MAL-1" },
	},
	{
		name: "offline", verdict: policy.Deny, rule: policy.RuleOffline,
		apply: func(r *policy.Rules, f *policy.File) { r.Offline, f.NotHeld = true, true },
	},
	{
		name: "returned project", verdict: policy.Hold, rule: policy.RuleReturned, admin: true, observed: true,
		apply: func(r *policy.Rules, _ *policy.File) { r.Returned = true },
	},
	{
		name: "removed file", verdict: policy.Hold, rule: policy.RuleRemoved, exempt: true, admin: true, observed: true,
		apply: func(r *policy.Rules, f *policy.File) {
			f.RemovedAt = noon
			r.Ways[0].KeepRemoved = policy.KeepNone
		},
	},
	{
		name: "start-up file", verdict: policy.Hold, rule: policy.RuleStartup, exempt: true, admin: true, observed: true,
		apply: func(_ *policy.Rules, f *policy.File) { f.Startup = "x.pth" },
	},
	{
		name: "old feed", verdict: policy.Hold, rule: policy.RuleFeed, exempt: true, admin: true, observed: true,
		apply: func(r *policy.Rules, _ *policy.File) { r.Feeds = policy.Feeds{Name: "osv", OldAt: noon} },
	},
	{
		name: "cooldown", verdict: policy.Hold, rule: policy.RuleCooldown, until: ends, exempt: true, admin: true,
		observed: true,
		apply: func(r *policy.Rules, f *policy.File) {
			r.Ways[0].Cooldown = 3 * time.Hour
			f.Age = noon.Add(-time.Hour)
		},
	},
}

// around are the circumstances under which each fact, and each pair of facts, is tried.
type circumstance struct {
	own, lifted, exempt, admin, observe bool
}

func (c circumstance) String() string {
	return fmt.Sprintf("own %t, lifted %t, exempt %t, by an administrator %t, observed %t", c.own, c.lifted, c.exempt,
		c.admin, c.observe)
}

// effective reports whether a fact decides under a circumstance.
func (f fact) effective(c circumstance) bool {
	switch {
	case c.own && !f.own, c.lifted && f.lift, c.exempt && f.exempt, c.admin && f.admin, c.observe && f.observed:
		return false
	}
	return true
}

// expect returns what the facts decide together.
func expect(c circumstance, facts ...fact) (policy.Verdict, policy.Rule, time.Time) {
	for _, v := range []policy.Verdict{policy.Deny, policy.Hold} {
		for _, ending := range []bool{false, true} {
			for _, f := range facts {
				if f.verdict == v && f.until.IsZero() != ending && f.effective(c) {
					return v, f.rule, f.until
				}
			}
		}
	}
	return policy.Serve, "", time.Time{}
}

// TestDecisionTable has each fact, and each pair of facts, under each circumstance: thousands of rows.
func TestDecisionTable(t *testing.T) {
	circumstances := []circumstance{
		{},
		{own: true},
		{lifted: true},
		{exempt: true},
		{admin: true},
		{observe: true},
		{own: true, lifted: true},
		{lifted: true, exempt: true},
		{observe: true, lifted: true},
		{observe: true, admin: true},
		{own: true, exempt: true},
		{own: true, observe: true},
	}
	rows := 0
	for i := range allFacts {
		for j := i; j < len(allFacts); j++ {
			facts := []fact{allFacts[i]}
			if j > i {
				facts = append(facts, allFacts[j])
			}
			for _, c := range circumstances {
				rows++
				r, f := policy.Rules{Ways: []policy.Settings{direct()}}, usual()
				var names []string
				for _, one := range facts {
					one.apply(&r, &f)
					names = append(names, one.name)
				}
				f.Own, r.Ways[0].Observe = c.own, c.observe
				if c.lifted {
					r.Lifts = map[string]string{f.SHA256: "lift"}
				}
				if c.exempt || c.admin {
					r.Ways[0].Exempt = map[string]policy.Exemption{f.SHA256: {
						ID: "exemption", Since: noon.Add(-time.Hour), EndsAt: noon.Add(time.Hour), Admin: c.admin,
					}}
				}
				verdict, rule, until := expect(c, facts...)
				d := r.Decide(&f, noon)
				if d.Verdict != verdict || d.Rule != rule || !d.Until.Equal(until) {
					t.Errorf("%s, %v: %v %q until %v, want %v %q until %v", strings.Join(names, " and "), c, d.Verdict, d.Rule,
						d.Until, verdict, rule, until)
				}
			}
		}
	}
	if rows < 300 {
		t.Errorf("the table has %d rows", rows)
	}
}

// TestDecisionsByMoment has the rules that depend on time, at a nanosecond before each moment and at it.
func TestDecisionsByMoment(t *testing.T) {
	const hour = time.Hour
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * hour) }
	cool := func(hours int, since time.Time) func(*policy.Rules, *policy.File) {
		return func(r *policy.Rules, f *policy.File) {
			r.Ways[0].Cooldown, r.Ways[0].Since = time.Duration(hours)*hour, since
			f.Age, f.Uploaded, f.FirstSeen = noon, noon, noon
		}
	}
	exempt := func(since, until time.Time) func(*policy.Rules, *policy.File) {
		return func(r *policy.Rules, f *policy.File) {
			cool(100, time.Time{})(r, f)
			r.Ways[0].Exempt = map[string]policy.Exemption{f.SHA256: {ID: "e", Since: since, EndsAt: until}}
		}
	}
	both := func(all ...func(*policy.Rules, *policy.File)) func(*policy.Rules, *policy.File) {
		return func(r *policy.Rules, f *policy.File) {
			for _, one := range all {
				one(r, f)
			}
		}
	}
	seen := func(h int) func(*policy.Rules, *policy.File) {
		return func(_ *policy.Rules, f *policy.File) { f.FirstSeen = at(h) }
	}
	undated := func(_ *policy.Rules, f *policy.File) { f.Undated = true }
	for _, c := range []struct {
		name          string
		apply         func(*policy.Rules, *policy.File)
		moment        time.Time
		before, after policy.Rule // "" if it is served
	}{
		{"an hour's cooldown", cool(1, time.Time{}), at(1), policy.RuleCooldown, ""},
		{"a year's cooldown", cool(8760, time.Time{}), at(8760), policy.RuleCooldown, ""},
		{"no cooldown", cool(0, time.Time{}), at(0), "", ""},
		{"seen before the line", both(cool(5, at(0)), seen(-1)), at(1), "", ""},
		{"seen at the line", both(cool(5, at(0)), seen(0)), at(5), policy.RuleCooldown, ""},
		{"seen after the line", both(cool(5, at(-3)), seen(0)), at(5), policy.RuleCooldown, ""},
		{
			"never seen", both(cool(5, at(9)), func(_ *policy.Rules, f *policy.File) { f.FirstSeen = time.Time{} }), at(5),
			policy.RuleCooldown, "",
		},
		{"undated on the first page", both(cool(5, at(-3)), undated), at(2), policy.RuleCooldown, ""},
		{"undated long after the line", both(cool(5, at(-9)), undated), at(1), "", ""},
		{"undated without a line", both(cool(5, time.Time{}), undated), at(5), policy.RuleCooldown, ""},
		{"the beginning of an exemption", exempt(at(3), at(7)), at(3), policy.RuleCooldown, ""},
		{"within an exemption", exempt(at(3), at(7)), at(5), "", ""},
		{"the end of an exemption", exempt(at(3), at(7)), at(7), "", policy.RuleCooldown},
		{"after an exemption", exempt(at(3), at(7)), at(9), policy.RuleCooldown, policy.RuleCooldown},
		{"a feed that becomes too old", func(r *policy.Rules, _ *policy.File) {
			r.Feeds = policy.Feeds{Name: "osv", OldAt: at(4)}
		}, at(4), "", policy.RuleFeed},
		{"a feed of another repository's upstream", func(r *policy.Rules, _ *policy.File) {
			r.Feeds, r.Ways[0].Direct = policy.Feeds{Name: "osv", OldAt: at(4)}, false
		}, at(4), "", ""},
		{"the shorter cooldown of two", func(r *policy.Rules, f *policy.File) {
			cool(9, time.Time{})(r, f)
			r.Ways = append(r.Ways, policy.Settings{Repository: "b", Cooldown: 4 * hour})
		}, at(4), policy.RuleCooldown, policy.RuleCooldown},
		{"the longer cooldown of two", func(r *policy.Rules, f *policy.File) {
			cool(9, time.Time{})(r, f)
			r.Ways = append(r.Ways, policy.Settings{Repository: "b", Cooldown: 4 * hour})
		}, at(9), policy.RuleCooldown, ""},
		{"removed at 30 days", func(r *policy.Rules, f *policy.File) {
			f.Uploaded = at(0)
			f.RemovedAt = at(30 * 24)
		}, at(0), "", ""},
		{"removed a moment before 30 days", func(r *policy.Rules, f *policy.File) {
			f.Uploaded = at(0)
			f.RemovedAt = at(30 * 24)
			f.RemovedAt = f.RemovedAt.Add(-1)
		}, at(0), policy.RuleRemoved, policy.RuleRemoved},
	} {
		r, f := policy.Rules{Ways: []policy.Settings{direct()}}, usual()
		c.apply(&r, &f)
		before, after := r.Decide(&f, c.moment.Add(-1)), r.Decide(&f, c.moment)
		if before.Rule != c.before || after.Rule != c.after {
			t.Errorf("%s: %q before and %q after, want %q and %q", c.name, before.Rule, after.Rule, c.before, c.after)
		}
		if before.Rule != after.Rule && !before.Changes.Equal(c.moment) {
			t.Errorf("%s: it says that it changes at %v, not at %v", c.name, before.Changes, c.moment)
		}
	}
}

// TestReleasesComeFreeTogether has the ages of files of one release.
func TestReleasesComeFreeTogether(t *testing.T) {
	hour := func(h float64) time.Time { return noon.Add(time.Duration(h * float64(time.Hour))) }
	for _, c := range []struct {
		name           string
		uploaded, want []float64
	}{
		{"one file", []float64{0}, []float64{0}},
		{"two at once", []float64{0, 0}, []float64{0, 0}},
		{"an hour later", []float64{0, 1}, []float64{1, 1}},
		{"in any order", []float64{1, 0, 0.5}, []float64{1, 1, 1}},
		{"a day later", []float64{0, 24}, []float64{24, 24}},
		{"more than a day later", []float64{0, 24.1}, []float64{0, 24.1}},
		{"both", []float64{0, 3, 30, 31}, []float64{3, 3, 30, 31}},
	} {
		var files []policy.File
		for _, h := range c.uploaded {
			files = append(files, policy.File{Version: "1.0", Uploaded: hour(h)}, policy.File{Version: "2.0", Uploaded: hour(-99)})
		}
		policy.Ages(files)
		for i, want := range c.want {
			if got := files[2*i].Age; !got.Equal(hour(want)) {
				t.Errorf("%s: file %d is as old as if it came at %v, want %v", c.name, i, got.Sub(noon), want)
			}
			if got := files[2*i+1].Age; !got.Equal(hour(-99)) {
				t.Errorf("%s: the other release is as old as if it came at %v", c.name, got.Sub(noon))
			}
		}
	}
}

// TestOrigin has the times from which an age counts.
func TestOrigin(t *testing.T) {
	seen := noon.Add(-time.Hour)
	for _, c := range []struct {
		name    string
		stated  time.Time
		trusted bool
		want    bool
	}{
		{"stated", noon.AddDate(-1, 0, 0), true, true},
		{"not trusted", noon.AddDate(-1, 0, 0), false, false},
		{"not stated", time.Time{}, true, false},
		{"now", noon, true, true},
		{"in the future", noon.Add(1), true, false},
		{"in 2003", time.Date(2003, 1, 1, 0, 0, 0, 0, time.UTC), true, true},
		{"before 2003", time.Date(2002, 12, 31, 23, 59, 59, 0, time.UTC), true, false},
		{"1970", time.Unix(0, 0), true, false},
	} {
		at, stated := policy.Origin(c.stated, seen, noon, c.trusted)
		want := seen
		if c.want {
			want = c.stated
		}
		if stated != c.want || !at.Equal(want) {
			t.Errorf("%s: %v %v, want %v %v", c.name, at, stated, want, c.want)
		}
	}
}
