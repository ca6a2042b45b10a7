package policy_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"pyindex/internal/policy"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

const one, other = "aa", "bb"

// usual is a file that was uploaded a year ago.
func usual() policy.File {
	old := noon.AddDate(-1, 0, 0)
	return policy.File{
		Filename: "demo-1.0-py3-none-any.whl", Version: "1.0", SHA256: one,
		Uploaded: old, Age: old, FirstSeen: old,
	}
}

// direct are the settings of a repository that draws on the upstream itself.
func direct() policy.Settings { return policy.Settings{Repository: "main", Direct: true} }

// TestDecide has every rule with the facts that trigger it, and checks that a stricter rule decides first.
func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		rules   policy.Rules
		change  func(*policy.File)
		verdict policy.Verdict
		rule    policy.Rule
	}{
		"nothing known": {verdict: policy.Serve},
		"pinned to it":  {rules: policy.Rules{Pins: map[string]string{"demo-1.0-py3-none-any.whl": one}}},
		"pinned to another": {
			rules:   policy.Rules{Pins: map[string]string{"demo-1.0-py3-none-any.whl": other}},
			verdict: policy.Deny, rule: policy.RuleDigest,
		},
		"offline and stored": {rules: policy.Rules{Offline: true}},
		"offline and not stored": {
			rules: policy.Rules{Offline: true}, change: func(f *policy.File) { f.NotHeld = true },
			verdict: policy.Deny, rule: policy.RuleOffline,
		},
		"quarantined": {rules: policy.Rules{StatusDenied: true}, verdict: policy.Deny, rule: policy.RuleStatus},
		"denied name": {rules: policy.Rules{NameDenied: true}, verdict: policy.Deny, rule: policy.RuleName},
		"name first": {
			rules: policy.Rules{NameDenied: true, StatusDenied: true}, verdict: policy.Deny, rule: policy.RuleName,
		},
		"too new": {
			rules: cooling(direct()), change: uploaded(noon.Add(-time.Hour)), verdict: policy.Hold, rule: policy.RuleCooldown,
		},
		"old enough":  {rules: cooling(direct()), change: uploaded(noon.Add(-72 * time.Hour))},
		"own and new": {rules: cooling(direct()), change: func(f *policy.File) { f.Age, f.Own = noon, true }},
		"malware": {
			rules: cooling(direct()), change: func(f *policy.File) { f.Malware = "MAL-1" }, verdict: policy.Deny,
			rule: policy.RuleAdvisory,
		},
		"new start-up": {
			rules: cooling(direct()), change: func(f *policy.File) { f.Startup = "x.pth" }, verdict: policy.Hold,
			rule: policy.RuleStartup,
		},
		"removed young": {
			rules: cooling(direct()), change: removed(time.Hour), verdict: policy.Hold, rule: policy.RuleRemoved,
		},
		"removed old": {rules: cooling(direct()), change: removed(31 * 24 * time.Hour)},
	} {
		f := usual()
		if c.change != nil {
			c.change(&f)
		}
		if c.rules.Ways == nil {
			c.rules.Ways = []policy.Settings{direct()}
		}
		d := c.rules.Decide(&f, noon)
		if d.Verdict != c.verdict || d.Rule != c.rule {
			t.Errorf("%s: Decide() = %v %q, want %v %q", name, d.Verdict, d.Rule, c.verdict, c.rule)
		}
		if text := d.Text(); text == "" {
			t.Errorf("%s: no text", name)
		}
	}
}

func cooling(s policy.Settings) policy.Rules {
	s.Cooldown = 72 * time.Hour
	return policy.Rules{Ways: []policy.Settings{s}}
}

func uploaded(at time.Time) func(*policy.File) {
	return func(f *policy.File) { f.Uploaded, f.Age, f.FirstSeen = at, at, at }
}

func removed(age time.Duration) func(*policy.File) {
	return func(f *policy.File) { f.RemovedAt = f.Uploaded.Add(age) }
}

// TestDecideDoesNotAllocate checks that a decision costs no memory.
func TestDecideDoesNotAllocate(t *testing.T) {
	r, f := cooling(direct()), usual()
	uploaded(noon)(&f)
	if n := testing.AllocsPerRun(100, func() { r.Decide(&f, noon) }); n > 0 {
		t.Errorf("%v allocations in Decide", n)
	}
}

// BenchmarkDecide measures a decision with every kind of rule.
func BenchmarkDecide(b *testing.B) {
	s := direct()
	s.Cooldown, s.Exempt = 72*time.Hour, map[string]policy.Exemption{other: {ID: "x"}}
	r := policy.Rules{
		Ways: []policy.Settings{s, s}, Pins: map[string]string{"other": one}, Lifts: map[string]string{other: "y"},
		Contents: map[string]*policy.Denial{other: {}}, Denials: []policy.Denial{{Version: "2.0"}},
	}
	f := usual()
	uploaded(noon)(&f)
	b.ReportAllocs()
	for b.Loop() {
		r.Decide(&f, noon)
	}
}

// TestDeniedVersions: a denied version is denied in every spelling, and no other version is.
func TestDeniedVersions(t *testing.T) {
	for _, c := range []struct {
		denied string
		same   []string
		other  []string
	}{
		{
			"1.0",
			[]string{"1.0", "1", "1.0.0"},
			[]string{"1.0.1", "1.0.post1", "1.0+local", "1.0rc1", "10", "1!1.0", "11.0", ""},
		},
		{"1", []string{"1.0"}, []string{"1.0.dev1", "10", "2"}},
		{"10", []string{"10.0"}, []string{"1", "100"}},
		{"0", []string{"0.0", "0.0.0"}, []string{"0.1", "0.dev0"}},
		{"1.0.post1", []string{"1.post1", "1.0.0.post1"}, []string{"1.0", "1.0.post10", "1.1.post1"}},
		{"2!1.0rc1", []string{"2!1rc1"}, []string{"1.0rc1", "1!1.0rc1"}},
		{"1.0+b.0", []string{"1+b.0"}, []string{"1.0+b", "1.0"}},
	} {
		r := policy.Rules{Denials: []policy.Denial{{Version: c.denied}}}
		for _, v := range c.same {
			if d := r.Decide(&policy.File{Version: v}, time.Time{}); d.Verdict != policy.Deny {
				t.Errorf("%s is denied, and %s is %v", c.denied, v, d.Verdict)
			}
		}
		for _, v := range c.other {
			if d := r.Decide(&policy.File{Version: v}, time.Time{}); d.Verdict != policy.Serve {
				t.Errorf("%s is denied, and %s is %v", c.denied, v, d.Verdict)
			}
		}
	}
}

// TestTextIsOneLine checks that what others wrote neither breaks the line nor moves what a terminal shows.
func TestTextIsOneLine(t *testing.T) {
	bad := "evil\r\nX-Injected: 1\x1b[31m\u202egpj\u2028\u2066\x00\u009b2Jend"
	for _, rule := range []policy.Rule{
		policy.RuleDenylist, policy.RuleStatus, policy.RuleAdvisory, policy.RuleStartup, policy.RuleFeed,
	} {
		d := policy.Decision{Verdict: policy.Deny, Rule: rule, Detail: bad}
		for _, text := range []string{d.Text(), d.Reason("https://index.example/held/demo/")} {
			if strings.ContainsFunc(text, func(c rune) bool {
				return !unicode.IsPrint(c)
			}) || !strings.Contains(text, "evil  X-Injected: 1 [31m") {
				t.Errorf("%s: %q", rule, text)
			}
		}
	}
	d := policy.Decision{Verdict: policy.Deny, Rule: policy.RuleDenylist, Detail: "schädlich, 悪い"}
	if got := d.Text(); got != "denied: denylist, schädlich, 悪い" {
		t.Errorf("Text() = %q", got)
	}
}

// TestReasonTakesTheAddressThatFits checks that the end of a hold and an address are on one line of at most MaxReason
// bytes, also if the address of the release is long.
func TestReasonTakesTheAddressThatFits(t *testing.T) {
	d := policy.Decision{Verdict: policy.Hold, Rule: policy.RuleCooldown, Until: noon}
	const text, base = "held: cooldown until 2026-12-01 12:00 UTC", "https://index.example/held/demo/"
	long := base + strings.Repeat("1", 60) + "/"
	for _, c := range []struct {
		addresses []string
		want      string
	}{
		{nil, text},
		{[]string{""}, text},
		{[]string{base + "1.0/", base}, text + " " + base + "1.0/"},
		{[]string{long, base}, text + " " + base},
		{[]string{long, long}, text},
	} {
		if got := d.Reason(c.addresses...); got != c.want || len(got) > policy.MaxReason {
			t.Errorf("Reason(%q) = %q, want %q", c.addresses, got, c.want)
		}
	}
}
