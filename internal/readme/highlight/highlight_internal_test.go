package highlight

import (
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/chroma/v2/lexers"

	"pyindex/internal/readme/budget"
)

var tag = regexp.MustCompile(`<span class="([^"]+)">|</span>`)

func TestColors(t *testing.T) {
	for _, c := range []struct{ language, code, want string }{
		{"python", "def f(x):\n    return 'a' # <b>", `<span class="hl-k">def </span><span class="hl-n">f</span>(x):
    <span class="hl-k">return </span><span class="hl-s">&#39;a&#39; </span><span class="hl-c"># &lt;b&gt;</span>`},
		{"{.Python}", "1", `<span class="hl-m">1</span>`},
		{"python,ignore", "1", `<span class="hl-m">1</span>`},
		{
			"pycon", ">>> 1\n1\n",
			"<span class=\"hl-o\">&gt;&gt;&gt; </span><span class=\"hl-m\">1\n</span><span class=\"hl-o\">1\n</span>",
		},
		{"console", "$ ls\na\n", "<span class=\"hl-o\">$ </span>ls\n<span class=\"hl-o\">a\n</span>"},
		{"bash", "pip install -U x\n", "pip install <span class=\"hl-m\">-U </span>x\n"},
		{"bash", "$ pip -v\n", "<span class=\"hl-o\">$ </span>pip <span class=\"hl-m\">-v\n</span>"},
		{"md", "# a\n", "<span class=\"hl-n\"># a\n</span>"},
		{"md", "# a\n```python\ndef\n```\n", "# a\n```python\ndef\n```\n"},
		{"rst", ".. code:: python\n\n   def\n", ".. code:: python\n\n   def\n"},
		{"diff", "-a\n+b\n", "<span class=\"hl-d\">-a\n</span><span class=\"hl-i\">+b\n</span>"},
		{"toml", "a = \"b\"\n", "a = <span class=\"hl-s\">&#34;b&#34;\n</span>"},
		{"no-such-language", "def <b>", "def &lt;b&gt;"},
		{"", "def", "def"},
		{"python", "", ""},
		{"python", strings.Repeat("x", maxLine+1), strings.Repeat("x", maxLine+1)},
	} {
		got := HTML(c.code, c.language, budget.New(t.Context(), 100))
		if got != c.want {
			t.Errorf("%s %q:\n got %q\nwant %q", c.language, c.code, got, c.want)
		}
	}
	long := strings.Repeat("def f(): pass\n", maxBlock/14+1)
	if got := HTML(long, "python", budget.New(t.Context(), len(long))); got != long {
		t.Error("a block that is too long has colors")
	}
	b := budget.New(t.Context(), 100)
	b.Colored(time.Hour)
	if got := HTML("def", "python", b); got != "def" {
		t.Errorf("without time left: %q", got)
	}
}

// Every language that authors may name has a lexer.
func TestLanguages(t *testing.T) {
	for language, name := range languages {
		if l := lexers.GlobalLexerRegistry.Get(name); name != pythonSession && (l == nil || l.Config().Name != name) {
			t.Errorf("%s: there is no lexer named %s (%v)", language, name, l)
		}
	}
}

// units are pieces of code that make lexers search far, or create many tokens.
var units = []string{
	"a", "(a", "\"", "'", "/*", "\\", "-", "@", "{{", "a: |\n", "\n", "<a ",
}

// Colors change no character of a code, also not of one that is hard for a lexer. HTML itself bounds the time.
func TestColorsKeepTheText(t *testing.T) {
	names := map[string]string{}
	for _, language := range slices.Sorted(maps.Keys(languages)) {
		names[languages[language]] = language
	}
	for name, language := range names {
		for _, unit := range units {
			for _, code := range []string{
				strings.Repeat(unit, maxBlock/len(unit)),
				shortLines(unit),
			} {
				got := HTML(code, language, budget.New(t.Context(), len(code)))
				if text := html.UnescapeString(tag.ReplaceAllString(got,
					"")); text != html.UnescapeString(html.EscapeString(code)) {
					t.Errorf("%s changes %q", name, unit)
				}
			}
		}
	}
}

func shortLines(unit string) string {
	line := strings.Repeat(unit, max(1, 60/len(unit))) + "\n"
	return strings.Repeat(line, maxBlock/len(line))
}
