package policy

import (
	"strings"
	"time"
	"unicode"
)

// dateLayout is how a date is written for people: to the minute, in UTC.
const dateLayout = "2006-01-02 15:04 UTC"

// Date returns a time as people read it in a decision, such as "2026-12-03 14:05 UTC". It is rounded up to the minute,
// so that the file is served when the clock shows that time.
func Date(t time.Time) string {
	return t.UTC().Add(time.Minute - 1).Truncate(time.Minute).Format(dateLayout)
}

// Text returns the decision as clients print it, such as "held: cooldown until 2026-12-03 14:05 UTC" and "denied:
// advisory MAL-2026-0001". It names the rule. It is "served" for a file that is served.
func (d Decision) Text() string {
	switch d.Rule {
	case "":
		return d.Verdict.String()
	case RuleOffline:
		return "offline: not held here"
	case RuleRemoved:
		return "held: removed upstream"
	}
	d.Detail = oneLine(d.Detail)
	b := strings.Builder{}
	b.WriteString(d.Verdict.String() + ": " + string(d.Rule))
	if !d.Until.IsZero() {
		b.WriteString(" until " + Date(d.Until))
	}
	switch d.Rule {
	case RuleName:
		b.WriteString(", this project may not be read from the upstream")
	case RuleStatus:
		b.WriteString(", the project is in quarantine")
		if d.Detail != "" {
			b.WriteString(": " + d.Detail)
		}
	case RuleReturned:
		b.WriteString(", the project was gone and came back with other files")
	case RuleDigest:
		b.WriteString(", the content is not the one that this index pinned")
	case RuleAdvisory:
		b.WriteString(" " + d.Detail)
	case RuleStartup:
		b.WriteString(", " + d.Detail + " would run when Python starts")
	case RuleFeed:
		b.WriteString(", the advisories of " + d.Detail + " are too old")
	case RuleDenylist:
		b.WriteString(", " + d.Detail)
	}
	return b.String()
}

// oneLine returns a text for people without what could move, recolor or reorder the text around it: control characters
// and those that set the direction of writing become blanks. Administrators and upstreams wrote it.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsControl(c), unicode.Is(unicode.Bidi_Control, c), unicode.Is(unicode.Zl, c), unicode.Is(unicode.Zp, c):
			return ' '
		}
		return c
	}, s)
}

// MaxReason is the length of the longest reason phrase, in bytes.
const MaxReason = 120

// maxDated is the length of the longest text of a hold that ends by time alone.
const maxDated = len("held: cooldown until 2026-12-03 14:05 UTC")

// Reason returns the decision with the address of its page, in ASCII and at most MaxReason bytes long, as clients print
// it. It takes the first of the addresses that is short enough, and cuts the text before the address.
func (d Decision) Reason(addresses ...string) string {
	text := ascii(d.Text())
	for _, address := range addresses {
		if address != "" && maxDated+1+len(address) <= MaxReason {
			return cut(text, MaxReason-len(address)-1) + " " + ascii(address)
		}
	}
	return cut(text, MaxReason)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.TrimRight(s[:n-3], " ,") + "..."
}

// ascii returns a text without control characters and with "?" for what is not ASCII.
func ascii(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c < ' ' || c == 0x7f:
			return ' '
		case c > 0x7f:
			return '?'
		}
		return c
	}, s)
}

// Header returns the value of the X-Index-Hold header: the rule, and the end of a hold that has one.
func (d Decision) Header() string {
	if d.Verdict == Hold && !d.Until.IsZero() {
		return string(d.Rule) + "; until=" + d.Until.UTC().Add(time.Second-1).Truncate(time.Second).Format(time.RFC3339)
	}
	return string(d.Rule)
}
