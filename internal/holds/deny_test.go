package holds_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/policy"
)

// verdict returns what the rulings decide about a file of demo, as another process knows them.
func (d *desk) verdict(f policy.File) policy.Decision {
	d.Helper()
	s := d.standing(d.other, d.second, "demo")
	r := policy.Rules{Denials: s.Denials, Contents: s.Contents, Pins: s.Pins, Lifts: s.Lifts}
	f.Filename = s.Spelled(f.Filename)
	return r.Decide(&f, d.clock())
}

// TestDeny: an administrator denies a project, a version in any spelling, a file, or content, for all processes at
// once, and takes that back.
func TestDeny(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		one := policy.File{Filename: "demo-1.0.tar.gz", Version: "1.0", SHA256: sum("b")}
		key := policy.File{Filename: "demo-1.0.tar.gz", Version: "1", SHA256: sum("b")}
		two := policy.File{Filename: "demo-2.0.tar.gz", Version: "2.0", SHA256: sum("c")}
		for what, c := range map[string]struct {
			n    holds.NewDenial
			hits []policy.File
			miss []policy.File
		}{
			"a project": {holds.NewDenial{Target: d.target("demo", "")}, []policy.File{one, two}, nil},
			"a version": {
				holds.NewDenial{Target: d.target("demo==1.0", "")}, []policy.File{one, key}, []policy.File{two},
			},
			"a file in another spelling": {
				holds.NewDenial{Target: d.target("demo", "DEMO-1.tar.gz")}, []policy.File{one, key}, []policy.File{two},
			},
			"a file": {
				holds.NewDenial{Target: d.target("demo", one.Filename)}, []policy.File{one, key}, []policy.File{two},
			},
			"content": {
				holds.NewDenial{SHA256: strings.ToUpper(sum("b"))}, []policy.File{one}, []policy.File{two},
			},
			"content of a project": {
				holds.NewDenial{Target: d.target("demo", ""), SHA256: sum("b")}, []policy.File{one}, []policy.File{two},
			},
			"other content of a file": {
				holds.NewDenial{Target: d.target("demo", one.Filename), SHA256: sum("f")}, nil, []policy.File{one, two},
			},
			"a version of another one": {holds.NewDenial{Target: d.target("other==1.0", "")}, nil, []policy.File{one, two}},
		} {
			c.n.Reason = "it steals tokens"
			r, err := d.holds.Deny(ctx, d.boss, c.n)
			d.must(err)
			for _, f := range c.hits {
				if got := d.verdict(f); got.Verdict != policy.Deny || got.Detail != "it steals tokens" {
					d.Errorf("denying %s: %s is %v", what, f.Filename, got)
				}
			}
			for _, f := range c.miss {
				if got := d.verdict(f); got.Verdict != policy.Serve {
					d.Errorf("denying %s: %s is %v", what, f.Filename, got)
				}
			}
			_, err = d.holds.Deny(ctx, d.boss, c.n)
			d.refused(what+" again", err, fault.Conflict, r.ID)
			_, err = d.holds.Undeny(ctx, d.boss, r.ID)
			d.must(err)
			if got := d.verdict(one); got.Verdict != policy.Serve {
				d.Errorf("after the denial of %s was removed: %v", what, got)
			}
			_, err = d.holds.Undeny(ctx, d.boss, r.ID)
			d.refused("removing it again", err, fault.NotFound, "no such decision")
		}
		if a, r := d.recorded("denial.add", audit.Granted), d.recorded("denial.remove", audit.Granted); len(a) != 8 ||
			len(r) != 8 {
			d.Errorf("the audit log has %d denials and %d removals", len(a), len(r))
		}
		if s := d.standing(d.holds, d.rows, "demo"); s.Revision != "" {
			d.Errorf("Standing() = %+v", s)
		}
	})
}

// TestDenyRefuses: nobody but an administrator decides for the whole index, and nothing is denied by a pattern.
func TestDenyRefuses(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		for what, c := range map[string]struct {
			n    holds.NewDenial
			text string
		}{
			"nothing":      {holds.NewDenial{Reason: "r"}, "project"},
			"no reason":    {holds.NewDenial{Target: d.target("demo", "")}, "reason"},
			"a file alone": {holds.NewDenial{Target: holds.Target{Filename: "demo-1.0.tar.gz"}, Reason: "r"}, "project"},
			"a file of another": {holds.NewDenial{
				Target: holds.Target{Project: d.name("demo"), Filename: "other-1.0.tar.gz"}, Reason: "r",
			}, "other-1.0.tar.gz"},
			"a pattern of files": {holds.NewDenial{
				Target: holds.Target{Project: d.name("demo"), Filename: "demo-*.tar.gz"}, Reason: "r",
			}, "character"},
			"half a digest":       {holds.NewDenial{SHA256: "abcd", Reason: "r"}, "SHA-256"},
			"a digest of letters": {holds.NewDenial{SHA256: sum("z"), Reason: "r"}, "SHA-256"},
		} {
			_, err := d.holds.Deny(ctx, d.boss, c.n)
			d.refused(what, err, fault.Invalid, c.text)
		}
		owner := d.maintainer("mia", "main", "", access.Owner)
		d.user("ann")
		d.must(d.dir.SetAdmin(ctx, d.boss, "ann", true))
		others := map[string]access.Caller{
			"the owner of the repository":        owner,
			"an administrator's token to upload": d.token("ann", access.ScopeUpload),
			"an administrator's token to read":   d.token("ann", access.ScopeRead),
			"nobody":                             access.Guest(true),
		}
		before := d.serial()
		mine, err := d.holds.Deny(ctx, d.boss, holds.NewDenial{Target: d.target("demo", ""), Reason: "r"})
		d.must(err)
		pin, err := d.holds.Pin(ctx, d.boss,
			holds.NewPin{Project: d.name("demo"), Filename: "demo-1.0.tar.gz", SHA256: sum("b"), Reason: "r"})
		d.must(err)
		for what, who := range others {
			_, err := d.holds.Deny(ctx, who, holds.NewDenial{Target: d.target("demo==1.0", ""), Reason: "r"})
			d.refused(what+" denies", err, fault.Denied, "administrator")
			_, err = d.holds.Undeny(ctx, who, mine.ID)
			d.refused(what+" removes a denial", err, fault.Denied, "administrator")
			_, err = d.holds.Lift(ctx, who,
				holds.NewLift{Target: d.target("demo", "demo-1.0.tar.gz"), SHA256: sum("b"), Reason: "r"})
			d.refused(what+" lifts", err, fault.Denied, "administrator")
			_, err = d.holds.Pin(ctx, who,
				holds.NewPin{Project: d.name("demo"), Filename: "demo-2.0.tar.gz", SHA256: sum("b"), Reason: "r"})
			d.refused(what+" pins", err, fault.Denied, "administrator")
			_, err = d.holds.Unpin(ctx, who, pin.ID)
			d.refused(what+" removes a pin", err, fault.Denied, "administrator")
			_, err = d.holds.Rulings(ctx, who, holds.KindDenial)
			d.refused(what+" lists", err, fault.Denied, "administrator")
		}
		for action, n := range map[string]int{
			"denial.add": 4, "denial.remove": 4, "denial.lift": 4, "digest.pin": 4, "digest.unpin": 4,
		} {
			if got := d.recorded(action, audit.Refused); len(got) != n {
				d.Errorf("the audit log has %d refusals of %s, want %d", len(got), action, n)
			}
		}
		_, err = d.holds.Undeny(ctx, d.boss, pin.ID)
		d.refused("removing a pin as a denial", err, fault.NotFound, "no such decision")
		_, err = d.holds.Unpin(ctx, d.boss, mine.ID)
		d.refused("removing a denial as a pin", err, fault.NotFound, "no such decision")
		if after := d.serial(); after != before+2 {
			d.Errorf("the serial moved from %d to %d, want 2", before, after)
		}
	})
}

// TestLift: an administrator lifts the denial of one file, for the content that it has.
func TestLift(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		deny := policy.Decision{Verdict: policy.Deny, Rule: policy.RuleDenylist}
		d.files.of["demo"][0].Decision, d.files.of["demo"][1].Decision = deny, deny
		_, err := d.holds.Deny(ctx, d.boss, holds.NewDenial{Target: d.target("demo==1.0", ""), Reason: "r"})
		d.must(err)
		wheel, sdist := d.files.of["demo"][0], d.files.of["demo"][1]
		lift := func(text, file, sha256, reason string) (holds.Ruling, error) {
			return d.holds.Lift(ctx, d.boss, holds.NewLift{Target: d.target(text, file), SHA256: sha256, Reason: reason})
		}
		for what, c := range map[string]struct {
			text, file, sha256, reason string
			kind                       fault.Kind
			want                       string
		}{
			"a version":               {"demo==1.0", "", "", "r", fault.Invalid, "one file at a time"},
			"a project":               {"demo", "", sum("a"), "r", fault.Invalid, "one file at a time"},
			"no reason":               {"demo", sdist.Filename, "", " ", fault.Invalid, "reason"},
			"another file's digest":   {"demo", sdist.Filename, wheel.SHA256, "r", fault.Conflict, sdist.SHA256},
			"half a digest":           {"demo", sdist.Filename, "ab", "r", fault.Invalid, "SHA-256"},
			"a file that is served":   {"demo", "demo-2.0.tar.gz", "", "r", fault.Conflict, "not denied"},
			"a file that is not here": {"demo", "demo-9.tar.gz", "", "r", fault.NotFound, "no files"},
		} {
			_, err := lift(c.text, c.file, c.sha256, c.reason)
			d.refused(what, err, c.kind, c.want)
		}
		_, err = d.holds.Lift(ctx, d.boss,
			holds.NewLift{Target: holds.Target{Project: d.name("demo"), Filename: "*"}, Reason: "r"})
		d.refused("a pattern", err, fault.Invalid, "")
		for _, rule := range []policy.Rule{policy.RuleName, policy.RuleDigest, policy.RuleOffline} {
			d.files.of["demo"][0].Decision.Rule = rule
			_, err = lift("demo", wheel.Filename, "", "r")
			d.refused("a denial by "+string(rule), err, fault.Conflict, "cannot be lifted")
		}
		d.files.of["demo"][0].SHA256 = ""
		_, err = lift("demo", wheel.Filename, "", "r")
		d.refused("a file without a digest", err, fault.Conflict, "not known yet")

		r, err := lift("demo==1.0", sdist.Filename, strings.ToUpper(sdist.SHA256), "looked at it")
		d.must(err)
		one := policy.File{Filename: sdist.Filename, Version: "1.0", SHA256: sdist.SHA256}
		if got := d.verdict(one); got.Verdict != policy.Serve || got.Exemption != r.ID {
			d.Errorf("a lifted file is %+v", got)
		}
		other := one
		other.SHA256 = sum("f")
		if got := d.verdict(other); got.Verdict != policy.Deny {
			d.Errorf("other content of a lifted file is %+v", got)
		}
		if got := d.verdict(policy.File{
			Filename: wheel.Filename, Version: "1.0", SHA256: wheel.SHA256,
		}); got.Verdict != policy.Deny {
			d.Errorf("the other file of the version is %+v", got)
		}
		_, err = lift("demo", sdist.Filename, "", "r")
		d.refused("lifting it again", err, fault.Conflict, r.ID)
		_, err = d.holds.Undeny(ctx, d.boss, r.ID)
		d.must(err)
		if got := d.verdict(one); got.Verdict != policy.Deny {
			d.Errorf("after the lift was removed: %+v", got)
		}
	})
}

// TestDenyAfterLift: a denial is about what is known when it is made, so it ends earlier lifts of what it covers, and
// no others.
func TestDenyAfterLift(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		deny := policy.Decision{Verdict: policy.Deny, Rule: policy.RuleAdvisory}
		d.files.of["demo"][0].Decision, d.files.of["demo"][1].Decision = deny, deny
		f := d.files.of["demo"][1]
		for what, c := range map[string]struct {
			n    holds.NewDenial
			ends bool
		}{
			"the project":             {holds.NewDenial{Target: d.target("demo", "")}, true},
			"the version":             {holds.NewDenial{Target: d.target("demo==1.0.0", "")}, true},
			"the file":                {holds.NewDenial{Target: d.target("demo", f.Filename)}, true},
			"the file, spelled":       {holds.NewDenial{Target: d.target("demo", "Demo-1.0.0.tar.gz")}, true},
			"the content":             {holds.NewDenial{SHA256: f.SHA256}, true},
			"the content of the name": {holds.NewDenial{Target: d.target("demo", ""), SHA256: f.SHA256}, true},
			"another version":         {holds.NewDenial{Target: d.target("demo==2.0", "")}, false},
			"another file":            {holds.NewDenial{Target: d.target("demo", "demo-1.0.zip")}, false},
			"other content":           {holds.NewDenial{SHA256: sum("f")}, false},
			"another project":         {holds.NewDenial{Target: d.target("other", "")}, false},
		} {
			lift, err := d.holds.Lift(ctx, d.boss, holds.NewLift{Target: d.target("demo", f.Filename), Reason: "looked at it"})
			d.must(err)
			denial := d.deny(c.n)
			got := d.verdict(policy.File{Filename: f.Filename, Version: f.Version, SHA256: f.SHA256})
			if ended := got.Verdict == policy.Deny; ended != c.ends {
				d.Errorf("a lifted file is %+v after a denial of %s", got, what)
			}
			last := d.recorded("denial.add", audit.Granted)
			named := strings.Contains(fmt.Sprint(last[0].Detail), lift.ID) || strings.Contains(
				fmt.Sprint(last[len(last)-1].Detail), lift.ID)
			if named != c.ends {
				d.Errorf("the audit log of the denial of %s has the lift %s: %v", what, lift.ID, named)
			}
			_, err = d.holds.Undeny(ctx, d.boss, denial.ID)
			d.must(err)
			if _, err = d.holds.Undeny(ctx, d.boss, lift.ID); c.ends {
				d.refused("ending the lift once more", err, fault.NotFound, "no such decision")
			} else {
				d.must(err)
			}
		}
	})
}

// TestPin: a file of a pinned name is denied with any other content.
func TestPin(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		pin := func(file, sha256, reason string) (holds.Ruling, error) {
			return d.holds.Pin(ctx, d.boss,
				holds.NewPin{Project: d.name("demo"), Filename: file, SHA256: sha256, Reason: reason})
		}
		for what, c := range map[string][4]string{
			"no file":             {"", sum("b"), "r", "file"},
			"a file of another":   {"other-1.0.tar.gz", sum("b"), "r", "other-1.0"},
			"no digest":           {"demo-1.0.tar.gz", "", "r", "SHA-256"},
			"no reason":           {"demo-1.0.tar.gz", sum("b"), "", "reason"},
			"a pattern":           {"demo-*.tar.gz", sum("b"), "r", "character"},
			"a digest and a half": {"demo-1.0.tar.gz", sum("b") + "b", "r", "SHA-256"},
		} {
			_, err := pin(c[0], c[1], c[2])
			d.refused(what, err, fault.Invalid, c[3])
		}
		r, err := pin("demo-1.0.tar.gz", strings.ToUpper(sum("b")), "audited")
		d.must(err)
		one := policy.File{Filename: "demo-1.0.tar.gz", Version: "1.0", SHA256: sum("b")}
		if got := d.verdict(one); got.Verdict != policy.Serve {
			d.Errorf("the pinned content is %+v", got)
		}
		for _, other := range []string{sum("c"), ""} {
			one.SHA256 = other
			if got := d.verdict(one); got.Verdict != policy.Deny || got.Rule != policy.RuleDigest {
				d.Errorf("other content (%q) is %+v", other, got)
			}
		}
		_, err = pin("demo-1.0.tar.gz", sum("c"), "r")
		d.refused("another digest", err, fault.Conflict, sum("b"))
		_, err = pin("Demo-1.0.0.tar.gz", sum("c"), "r")
		d.refused("another digest in another spelling", err, fault.Conflict, sum("b"))
		_, err = pin("demo-1.0.tar.gz", sum("b"), "r")
		d.refused("the same again", err, fault.Conflict, r.ID)
		all, err := d.holds.Rulings(ctx, d.boss, holds.KindPin)
		if err != nil || len(all) != 1 || all[0].SHA256 != sum("b") || all[0].Reason != "audited" {
			d.Errorf("Rulings() = %+v, %v", all, err)
		}
		if none, err := d.holds.Rulings(ctx, d.boss, holds.KindDenial, holds.KindLift); err != nil || len(none) != 0 {
			d.Errorf("Rulings() of denials = %v, %v", none, err)
		}
		d.later(time.Hour)
		_, err = d.holds.Unpin(ctx, d.boss, r.ID)
		d.must(err)
		if got := d.verdict(one); got.Verdict != policy.Serve {
			d.Errorf("after the pin was removed: %+v", got)
		}
		won := d.race(12, func(h *holds.Holds, i int) error {
			_, err := h.Pin(ctx, d.boss, holds.NewPin{
				Project: d.name("demo"), Filename: "demo-2.0.tar.gz", SHA256: sum(string("abcdef"[i%6])), Reason: "r",
			})
			return err
		}, fault.Conflict)
		if won != 1 {
			d.Errorf("%d pins of one file were made, want 1", won)
		}
	})
}
