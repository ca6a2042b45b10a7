package ui

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pyindex/internal/catalog"
)

// words returns the functions of templates.
func (k *Kit) words() template.FuncMap {
	return template.FuncMap{
		"when": func(t time.Time) template.HTML { return stamp(t, ago(k.Now(), t)) },
		"date": func(t time.Time) template.HTML { return stamp(t, Day(t)) },
		"size": size, "count": Count, "plural": Plural, "short": short, "cut": Cut,
		"paste": paste, "tree": Tree, "results": results, "list": func(s ...string) []string { return s },
		"join": strings.Join, "has": strings.Contains, "add": func(a, b int) int { return a + b },
		"key": breakable,
	}
}

// breakable returns the escaped name of a setting. It can break across lines only after a dot or an underscore.
func breakable(name string) template.HTML {
	return template.HTML(strings.NewReplacer(".", ".<wbr>", "_", "_<wbr>").Replace(template.HTMLEscapeString(name)))
}

// stamp returns a time element with text as content and the exact time as its tooltip. The text is escaped.
func stamp(t time.Time, text string) template.HTML {
	if t.IsZero() {
		return "never"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05 UTC"), template.HTMLEscapeString(text)))
}

// Day returns the date of a time, in UTC.
func Day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// ago describes the distance between now and t, for example "3 hours ago" or "in 2 days".
func ago(now, t time.Time) string {
	d := now.Sub(t)
	future := d < 0
	if future {
		d = -d
	}
	var text string
	switch {
	case d < time.Minute && future:
		return "in a moment"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		text = Plural(int(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		text = Plural(int(d/time.Hour), "hour", "hours")
	case d < 60*24*time.Hour:
		text = Plural(int(d/(24*time.Hour)), "day", "days")
	default:
		return "on " + Day(t)
	}
	if future {
		return "in " + text
	}
	return text + " ago"
}

// size formats a number of bytes in the binary units of the settings and the command line.
func size(n int64) string {
	if n < 1<<10 {
		return Plural(int(n), "byte", "bytes")
	}
	v, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	unit := ""
	for _, unit = range units {
		if v /= 1 << 10; v < 1023.5 {
			break
		}
	}
	if v < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64) + " " + unit
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " " + unit
}

// Count formats an integer of any type with thousands separators: 12,345.
func Count(n any) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Plural formats a number with its noun.
func Plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + more
}

// short returns the first 12 characters of a digest or ID.
func short(s string) string { return s[:min(len(s), 12)] }

// Cut shortens a text to n characters, the last of which is an ellipsis.
func Cut(n int, s string) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// Block is a text for the reader to copy.
type Block struct{ Label, Text string }

func paste(label, text string) Block { return Block{label, text} }

// Results are project cards and the prefix of their links.
type Results struct {
	Root  string
	Cards []catalog.Card
}

func results(root string, cards []catalog.Card) Results { return Results{root, cards} }

// Tree returns the path prefix of links into a repository.
func Tree(base, repository string) string {
	if repository == catalog.MainRepository {
		return base
	}
	return base + "/r/" + repository
}

// List joins words with commas, and the last two with "and".
func List(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
