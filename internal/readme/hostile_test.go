package readme_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/readme"
	"pyindex/internal/resourcetest"
)

// repeated fills n bytes with repetitions, between a beginning and an end.
func repeated(before, unit, after string) func(int) string {
	return func(n int) string {
		return before + strings.Repeat(unit, max(1, (n-len(before)-len(after))/len(unit))) + after
	}
}

// half makes a text of which one half is a head and the other repeats something.
func half(head func(n int) string, unit string) func(int) string {
	return func(n int) string { return head(n/2) + "\n\n" + strings.Repeat(unit, n/2/len(unit)) + "\n" }
}

// hostile are texts that made, or could make, a renderer do much more than they are long, for a size in bytes.
var hostile = map[string]func(int) string{
	"wide table, short rows": func(n int) string {
		return strings.Repeat("|a", n/6) + "\n" + strings.Repeat("|-", n/6) + "\n" + strings.Repeat("|\n", n/6)
	},
	"many tables":   repeated("", "|a|b|c|d|\n|-|-|-|-|\n|\n|\n|\n|\n\n", ""),
	"escaped pipes": repeated("|a|\n|-|\n", "|`a\\|b`|\n", ""),
	"substitution product": half(func(n int) string { return ".. |a| replace:: " + strings.Repeat("x", n) },
		"|a| "),
	"substitution doubling":       doubling,
	"words":                       repeated("", "a-", ""),
	"words with colons":           repeated("", ":a", ""),
	"words with slashes":          repeated("", "a/", ""),
	"words with underscores":      repeated("", "a_", ""),
	"words with dots":             repeated("", "a.b-", "_"),
	"roles":                       repeated("", ":a:", ""),
	"roles with text":             repeated("", " :a:`", ""),
	"addresses":                   repeated("", "http://a:", ""),
	"addresses one after another": repeated("", "http://a.example/b ", ""),
	"addresses in brackets":       repeated("", "(http://", ""),
	"mail addresses":              repeated("", "a.b~", "@c.example"),
	"www":                         repeated("", "www.a~", ""),
	"emphasis":                    repeated("", "*a _b ", ""),
	"emphasis that closes":        repeated("", "*a* _b_ ", ""),
	"emphasis in words":           repeated("", "a*b", ""),
	"emphasis in emphasis":        repeated("", "*a **b ", ""),
	"struck":                      repeated("", "~~a ~b ", ""),
	"closing emphasis":            repeated("", "a** b* ", ""),
	"stars and underscores":       func(n int) string { return strings.Repeat("*a ", n/6) + strings.Repeat("a_ ", n/6) },
	"brackets":                    repeated("", "[", ""),
	"brackets that close": func(n int) string {
		return strings.Repeat("[", n/3) + "a" + strings.Repeat("]b", n/3)
	},
	"links":                 repeated("", "[a](", ""),
	"links with titles":     repeated("", "[a](b \"", ""),
	"links with references": repeated("", "[a][", ""),
	"links in links":        repeated("", "[a [b](c) ", "](d)"),
	"images":                repeated("", "![a", "](b)"),
	"images that close":     func(n int) string { return strings.Repeat("![a", n/8) + strings.Repeat("](b)", n/8) },
	"long address": half(func(n int) string { return "[a]: http://a.example/" + strings.Repeat("x", n) },
		"[a] "),
	"long target": half(func(n int) string { return ".. _a: http://a.example/" + strings.Repeat("x", n) },
		"a_ "),
	"target of many lines":      repeated(".. _a: b\n", "   c\n", "\na_\n"),
	"target staircase":          staircase(".. _a%d: b\n"),
	"substitution staircase":    staircase(".. |a%d| replace:: b\n"),
	"definitions of links":      repeated("", "[a]: b\n", ""),
	"definitions, each its own": func(n int) string { return numbered(n, "[a%d]: b\n") },
	"code":                      repeated("", "`a``", ""),
	"code of every length":      func(n int) string { return every(n, "`") },
	"literals":                  repeated("", "``a ", ""),
	"code that closes":          repeated("", "`a` ", ""),
	"escapes":                   repeated("", "\\`", ""),
	"html":                      repeated("", "<b>", ""),
	"html attributes":           repeated("<a", " a=b", ">"),
	"html ids":                  repeated("<b", " id=a", ">"),
	"html comments":             repeated("", "<!-- ", ""),
	"html instructions":         repeated("", "a <? ", ""),
	"html data":                 repeated("", "a <![CDATA[ ", ""),
	"html open":                 repeated("", "<a ", ""),
	"html raw":                  repeated("", "<textarea>", ""),
	"html skipped":              repeated("", "<iframe>", ""),
	"entities":                  repeated("", "&#x", ""),
	"quotes to escape":          repeated("", "\"'&", ""),
	"angle addresses":           repeated("", "<a@b.", ""),
	"quotes":                    repeated("", ">", "a"),
	"quotes on lines":           repeated("", "> > > > > > > >\n", ""),
	"lists":                     repeated("", "- ", "a"),
	"lists on lines":            repeated("", "- - - - - - - a\n", ""),
	"nested lists, empty lines": func(n int) string { return nestedLists() + strings.Repeat("\n", n) + "a" },
	"nested quotes, lines": func(n int) string {
		return strings.Repeat(">", 59) + "a\n" + strings.Repeat("a\n", n/2)
	},
	"nested lists, lines":    func(n int) string { return nestedLists() + strings.Repeat("a\n", n/2) },
	"indented":               staircase("x%d\n\n"),
	"indented less and less": func(n int) string { return descending(n) },
	"headings":               repeated("", "# a\n", ""),
	"headings, empty":        repeated("", "#\n", ""),
	"headings, numbered":     func(n int) string { return numbered(n, "# a-%d\n# a\n") },
	"titles":                 repeated("", "a\n=\n\n", ""),
	"titles of every kind":   repeated("", "aaaa\n====\n\naaaa\n----\n\naaaa\n~~~~\n\n", ""),
	"underlines":             repeated("", "a\n---\n", ""),
	"overlines":              repeated("", "==\n", ""),
	"footnotes": func(n int) string {
		return numbered(n/2, "[^%d]: a\n\n") + strings.Repeat("[^1] ", n/10)
	},
	"footnotes, unknown": func(n int) string {
		return numbered(n/2, "[^%d]: a\n\n") + strings.Repeat("[^x] ", n/10)
	},
	"footnote used often": repeated("[^1]: a\n\n", "[^1]", ""),
	"footnotes of rest":   repeated("", ".. [#] a\n", ""),
	"footnote references": repeated("", "[1]_ ", ""),
	"footnote symbols":    repeated("", "[*]_ ", ""),
	"footnotes, taken numbers": func(n int) string {
		return numbered(n/2, ".. [%d] a\n") + strings.Repeat(".. [#] a\n", n/18)
	},
	"anonymous":                 repeated("", "a__ ", ""),
	"anonymous targets":         repeated("", "__ a_\n", ""),
	"targets that name targets": func(n int) string { return chain(n) },
	"substitutions, unknown":    repeated("", "|a ", ""),
	"inline targets":            repeated("", "_`a ", ""),
	"embedded addresses":        repeated("", "`a <b>`_ ", ""),
	"embedded, open":            repeated("", "`a <b ", ""),
	"simple table, wide": func(n int) string {
		return strings.Repeat("= ", n/4) + "=\n" + strings.Repeat("a\n", n/6) + strings.Repeat("= ", n/4) + "=\n"
	},
	"simple table, continued":  repeated("== ==\na  b\n", "   c\n", "== ==\n"),
	"simple tables, no end":    repeated("", "== ==\na\n\n", ""),
	"simple tables":            repeated("", "== ==\na  b\n== ==\n\n", ""),
	"grid table":               repeated("+--+--+\n|a |b |\n+--+--+\n", "|a |b |\n+--+--+\n", ""),
	"grid table, continued":    repeated("+--+--+\n", "|a |b |\n", "+--+--+\n"),
	"grid table, wide":         func(n int) string { return wideGrid(n) },
	"fields":                   repeated("", ":a: b\n", ""),
	"fields, no end":           repeated("", ":a\n", ""),
	"options":                  repeated("", "-a, --b=c  d\n", ""),
	"option line":              repeated("-a", ", --b", ""),
	"definitions of terms":     repeated("", "a\n  b\n", ""),
	"line block":               repeated("", "| a\n", ""),
	"directives":               repeated("", ".. note:: a\n\n", ""),
	"directive options":        repeated(".. image:: a\n", "   :a: b\n", ""),
	"directives in directives": staircase(".. note::\n\n"),
	"comments":                 repeated("", ".. a\n", ""),
	"doctest":                  repeated("", ">>> a\n\n", ""),
	"literal blocks":           repeated("", "::\n\n a\n\n", ""),
	"enumerated":               repeated("", "1. a\n", ""),
	"enumerated, no list":      repeated("", "a. a\n\n", ""),
	"tabs":                     repeated("", "\t", "a"),
	"tabs on lines":            repeated("::\n\n", "\ta\n", ""),
	"short paragraphs":         repeated("", "a\n\n", ""),
	"one line":                 repeated("", "a", ""),
	"fences":                   repeated("", "```\n", ""),
	"fenced code":              repeated("```python\n", "a(\n", "\n```"),
	"fenced code, one line":    repeated("```python\n", "a(", "\n```"),
	"fenced code, open":        repeated("```c\n", "/*\n", ""),
	"fenced blocks":            repeated("", "```py\n\"\n```\n", ""),
	"fenced blocks of marks":   repeated("", "```yaml\n@@@@@@@@\n@@@@@@@@\n@@@@@@@@\n@@@@@@@@\n```\n", ""),
	"code of rest":             repeated("", ".. code:: ruby\n\n   ---- a\n\n", ""),
	"alerts":                   repeated("", "> [!NOTE]\n> a\n\n", ""),
	"alerts in alerts":         repeated("", "> [!NOTE]\n> > [!TIP]\n> > > [!TIP]\n\n", ""),
	"emoji":                    repeated("", ":a:", ""),
	"emoji, short":             repeated("", ":x:", ""),
	"emoji in headings":        repeated("", "# :x:\n", ""),
	"pictures":                 repeated("", "![](a)", ""),
	"pictures in paragraphs":   repeated("", "![](https://a.example)\n\n", ""),
	"pictures in elements":     repeated("", "<div><img src=a>", ""),
	"end tags":                 repeated("", "</b></div>", ""),
	"start and end tags": func(n int) string {
		return strings.Repeat("<b><i>", n/16) + strings.Repeat("</i></u>", n/16)
	},
	"anchors":                repeated("", "<a name=a></a><a name=b id=c></a>", ""),
	"headings of html":       repeated("", "<h1>a", ""),
	"mail addresses of rest": repeated("", "a@b.c ", ""),
	"mail addresses, no end": repeated("", "a.a", "@"),
	"grid table, spans":      func(n int) string { return strings.ReplaceAll(wideGrid(n), "a|a|", "a a|") },
	"peps":                   repeated("", ":pep:`8` ", ""),
	"open fences":            repeated("```\n", "a\n", ""),
	"task boxes":             repeated("", "- [ ] a\n", ""),
	"rules":                  repeated("", "* * *\n", ""),
	"bytes that are no text": repeated("", "\xff\xfe", ""),
	"wide characters":        repeated("", "é-", ""),
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
	}
	return b.String()
}

func every(n int, mark string) string {
	var b strings.Builder
	for i := 1; b.Len() < n; i++ {
		b.WriteString(strings.Repeat(mark, i) + "a")
	}
	return b.String()
}

func doubling(n int) string {
	var b strings.Builder
	b.WriteString(".. |a0| replace:: xxxxxxxxxx\n")
	i := 1
	for ; b.Len() < n/2; i++ {
		fmt.Fprintf(&b, ".. |a%d| replace:: |a%d| |a%d|\n", i, i-1, i-1)
	}
	return b.String() + fmt.Sprintf("\n|a%d|\n", i-1)
}

func staircase(format string) func(int) string {
	return func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			b.WriteString(strings.Repeat(" ", i%200) + strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
		}
		return b.String()
	}
}

func descending(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strings.Repeat(" ", 199-i%199) + "x\n\n")
	}
	return b.String()
}

func nestedLists() string {
	var b strings.Builder
	for i := range 110 {
		b.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	return b.String()
}

func chain(n int) string {
	return numbered(n/2, ".. _a%d: a0_\n") + "\n" + numbered(n/2, "a%d_ ")
}

func wideGrid(n int) string {
	border := "+" + strings.Repeat("-+", n/16)
	row := "|" + strings.Repeat("a|", n/16)
	return strings.Repeat(border+"\n"+row+"\n", 3) + border + "\n"
}

// Nothing that a text can hold makes it cost more than a bounded multiple of its length.
func TestHostileTextIsBounded(t *testing.T) {
	for _, kind := range []string{"text/markdown", "text/x-rst"} {
		resourcetest.Linear(t, 16<<10, hostile, func(text string) {
			if got := readme.Render(t.Context(), text, kind, readme.Options{}); len(got.HTML) > most(text) {
				t.Errorf("%d bytes made of %d as %s: %.100q", len(got.HTML), len(text), kind, text)
			}
		})
	}
}

// most is how much HTML may be made of a text.
func most(text string) int { return 24*len(text) + 64<<10 }

// FuzzCost looks for texts that cost more than a bounded multiple of their length: a part of it is repeated.
func FuzzCost(f *testing.F) {
	for _, s := range []string{
		"*a", "[a](b", "|a|\n|-|\n", "`a", ".. _a: b\n", "a-", ":a:`", "|a|", "- ", "> a\n", "\n", "a_ ", "[1]_", "<b", "~~",
		"![", "__ a\n", "== ==\n", "+-+\n", "::\n\n a\n", "```py\na\n```\n", "```c\n/*", "> [!NOTE]\n", ":x:", "# a\n",
		"<h1>", "</b>",
		"![](https://a.example/b)\n\n", "<a name=a>", ".. code:: yaml\n\n   @\n\n",
	} {
		f.Add("", s, "")
		f.Add(".. |a| replace:: b\n\n", s, "`_")
	}
	f.Fuzz(func(t *testing.T, before, unit, after string) {
		if len(unit) == 0 || len(before)+len(unit)+len(after) > 2_000 {
			t.Skip()
		}
		for _, kind := range []string{"text/markdown", "text/x-rst"} {
			text := repeated(before, unit, after)(32 << 10)
			var got readme.Rendered
			c := resourcetest.Measure(func() { got = readme.Render(t.Context(), text, kind, readme.Options{}) })
			if c.Time > time.Second || !resourcetest.Raced && c.Bytes > uint64(2_000*len(text)+8<<20) ||
				len(got.HTML) > most(text) {
				t.Errorf("%d times %q between %q and %q as %s: %s, %d kB, %d bytes made", len(text)/len(unit), unit, before, after,
					kind, c.Time, c.Bytes>>10, len(got.HTML))
			}
		}
	})
}
