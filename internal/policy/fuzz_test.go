package policy_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/policy"
)

// bits reads decisions about a world from fuzzed bytes.
type bits struct{ b []byte }

func (x *bits) next() byte {
	if len(x.b) == 0 {
		return 0
	}
	c := x.b[0]
	x.b = x.b[1:]
	return c
}

func (x *bits) yes() bool { return x.next()&1 == 1 }

func (x *bits) hours() time.Duration { return time.Duration(int8(x.next())) * time.Hour }

func (x *bits) at() time.Time {
	if x.next()&7 == 0 {
		return time.Time{}
	}
	return noon.Add(x.hours())
}

func (x *bits) settings(name string) policy.Settings {
	s := policy.Settings{
		Repository: name, Cooldown: max(0, x.hours()), Since: x.at(), Direct: x.yes(), Observe: x.next()&7 == 1,
		Startup:     []policy.Startup{"", policy.AllowStartup, policy.KnownStartup, policy.RefuseStartup}[x.next()&3],
		KeepRemoved: []policy.Removed{"", policy.KeepAll, policy.KeepOld, policy.KeepNone}[x.next()&3],
	}
	if x.next()&3 == 1 {
		s.Exempt = map[string]policy.Exemption{one: {ID: "e", Since: x.at(), EndsAt: x.at(), Admin: x.yes()}}
	}
	return s
}

func (x *bits) file() policy.File {
	f := policy.File{
		Filename: "demo-1.0-py3-none-any.whl", Version: "1.0", SHA256: one, Age: x.at(), Uploaded: x.at(), FirstSeen: x.at(),
		Undated: x.yes(), RemovedAt: x.at(), Own: x.next()&7 == 1,
		NotHeld: x.yes(),
	}
	if x.next()&3 == 1 {
		f.Startup = "x.pth"
	}
	if x.next()&3 == 1 {
		f.StartupKnown = "y.pth"
	}
	if x.next()&7 == 1 {
		f.Malware = "MAL-2026-1"
	}
	return f
}

func (x *bits) rules() policy.Rules {
	r := policy.Rules{
		Ways: []policy.Settings{x.settings("a")}, NameDenied: x.next()&15 == 1, StatusDenied: x.next()&15 == 1,
		StatusHere: x.yes(), Returned: x.next()&7 == 1, Offline: x.next()&7 == 1,
		Feeds: policy.Feeds{OldAt: x.at(), Name: "f"},
	}
	if x.next()&7 == 1 {
		r.Denials = []policy.Denial{{Version: "1.0", Reason: "r"}}
	}
	if x.next()&7 == 1 {
		r.Lifts = map[string]string{one: "l"}
	}
	return r
}

// laxer reports whether a decision lets a file be served earlier than another one.
func laxer(a, b policy.Decision) bool {
	switch {
	case a.Verdict != b.Verdict:
		return a.Verdict < b.Verdict
	case a.Verdict != policy.Hold || a.Until.IsZero():
		return false
	}
	return b.Until.IsZero() || a.Until.Before(b.Until)
}

// FuzzDecide checks that one more rule, or one more repository on the way, never lets a file be served earlier, that
// several repositories together are as strict as the strictest of them, that a decision stays the same until the moment
// that it names, and that two decisions about the same are the same.
func FuzzDecide(f *testing.F) {
	for _, seed := range []string{
		"", "\x01", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", strings.Repeat("\x01\x81\x41", 40),
	} {
		f.Add([]byte(seed), byte(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, more byte) {
		x := &bits{b}
		r, file := x.rules(), x.file()
		now := noon.Add(x.hours())
		d := r.Decide(&file, now)
		if again := r.Decide(&file, now); again != d {
			t.Fatalf("twice: %+v and %+v", d, again)
		}
		if d.Changes.IsZero() || d.Changes.After(now.Add(time.Minute)) {
			later := r.Decide(&file, now.Add(time.Minute))
			if later != d {
				t.Fatalf("a minute later: %+v instead of %+v", later, d)
			}
		}
		if !d.Changes.IsZero() && !d.Changes.After(now) {
			t.Fatalf("at %v, it says that it changes at %v", now, d.Changes)
		}
		stricter := r
		switch more % 10 {
		case 0:
			stricter.NameDenied = true
		case 1:
			stricter.StatusDenied = true
		case 2:
			stricter.Denials = append(stricter.Denials, policy.Denial{Filename: file.Filename})
		case 3:
			stricter.Contents = map[string]*policy.Denial{one: {}}
		case 4:
			stricter.Pins = map[string]string{file.Filename: other}
		case 5:
			stricter.Feeds.OldAt = time.Time{}.Add(1)
		case 6:
			stricter.Returned = true
		case 7:
			stricter.Offline = true
		case 8:
			stricter.Lifts = nil
		case 9:
			s := r.Ways[0]
			s.Cooldown += time.Hour
			stricter.Ways = []policy.Settings{s}
		}
		if got := stricter.Decide(&file, now); laxer(got, d) {
			t.Fatalf("with rule %d, %+v instead of %+v", more%10, got, d)
		}
		second := x.settings("b")
		alone, chain := r, r
		alone.Ways = []policy.Settings{second}
		chain.Ways = []policy.Settings{r.Ways[0], second}
		a, c := alone.Decide(&file, now), chain.Decide(&file, now)
		if laxer(c, d) || laxer(c, a) {
			t.Fatalf("together %+v, alone %+v and %+v", c, d, a)
		}
		if laxer(d, c) && laxer(a, c) {
			t.Fatalf("together stricter than each: %+v, %+v, %+v", c, d, a)
		}
	})
}

// FuzzReason checks that a reason phrase is short, printable and in ASCII, whatever people and upstreams wrote, and
// that it keeps a short address whole.
func FuzzReason(f *testing.F) {
	f.Add("denylist", "a stolen token", "https://index.example/held/demo/1.0/", byte(2), int64(0))
	f.Add("startup", "x\r\nSet-Cookie: a=b\x00\x7f\u2028é.pth", "", byte(1), int64(1))
	f.Add("status", strings.Repeat("long ", 100), strings.Repeat("h", 200), byte(2), int64(1<<40))
	f.Fuzz(func(t *testing.T, rule, detail, address string, verdict byte, until int64) {
		d := policy.Decision{Verdict: policy.Verdict(verdict % 3), Rule: policy.Rule(rule), Detail: detail}
		if until > 0 && until < 1<<45 {
			d.Until = time.UnixMilli(until)
		}
		known := map[policy.Rule]bool{
			policy.RuleName: true, policy.RuleStatus: true, policy.RuleDigest: true, policy.RuleDenylist: true,
			policy.RuleAdvisory: true, policy.RuleOffline: true, policy.RuleReturned: true, policy.RuleRemoved: true,
			policy.RuleStartup: true, policy.RuleFeed: true, policy.RuleCooldown: true, "": true,
		}
		if !known[d.Rule] {
			t.Skip()
		}
		if d.Text() == "" {
			t.Error("no text")
		}
		reason := d.Reason(address)
		if len(reason) > policy.MaxReason {
			t.Errorf("%d bytes: %q", len(reason), reason)
		}
		for i := range len(reason) {
			if reason[i] < ' ' || reason[i] > '~' {
				t.Fatalf("byte %#x in %q", reason[i], reason)
			}
		}
		short := address != "" && len(address) <= policy.MaxReason-40
		if short && !strings.ContainsFunc(address, func(c rune) bool { return c < ' ' || c > '~' }) &&
			!strings.HasSuffix(reason, " "+address) {
			t.Errorf("%q does not end with %q", reason, address)
		}
		if h := d.Header(); strings.ContainsAny(h, "\r\n") {
			t.Errorf("header %q", h)
		}
	})
}
