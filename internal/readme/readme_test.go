package readme_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"pyindex/internal/readme"
)

// flat takes line ends away, so that cases fit on lines.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"# Title\n\ntext":                  `<div class="titled"><h2 id="user-content-title">Title</h2><a class="permalink" href="#user-content-title" aria-label="Link to Title"></a></div> <p>text</p>`,
		"a *b* **c** `d`":                  `<p>a <em>b</em> <strong>c</strong> <code>d</code></p>`,
		"[x](https://a.example/?b=1&c=2)":  `<p><a href="https://a.example/?b=1&amp;c=2" rel="nofollow ugc noopener noreferrer">x</a></p>`,
		"[x](docs/a.md)":                   `<p>x</p>`,
		"[x](#part)":                       `<p>x</p>`,
		"![logo](https://a.example/l.png)": `<p><a class="picture" href="https://a.example/l.png" rel="nofollow ugc noopener noreferrer">logo</a></p>`,
		"[![ci](https://a.example/b.svg)](https://a.example/ci)":     `<p><a href="https://a.example/ci" rel="nofollow ugc noopener noreferrer"><span class="picture">ci</span></a></p>`,
		"- [x] done\n- [ ] not":                                      `<ul> <li>☑ done</li> <li>☐ not</li> </ul>`,
		"|a|b|\n|-|-|\n|1|2|":                                        `<table tabindex="0"> <thead> <tr> <th>a</th> <th>b</th> </tr> </thead> <tbody> <tr> <td>1</td> <td>2</td> </tr> </tbody> </table>`,
		"```python\nx = '<b>'\n```":                                  `<pre tabindex="0"><code>x <span class="hl-k">= </span><span class="hl-s">&#39;&lt;b&gt;&#39; </span></code></pre>`,
		"<script>alert(1)</script>ok":                                `ok`,
		"<b onclick=alert(1)>x</b>":                                  `<p><b>x</b></p>`,
		"<p style='position:fixed'>x</p>":                            `<p>x</p>`,
		"[x](javascript:alert(1))":                                   `<p>x</p>`,
		"[x](data:text/html,a)":                                      `<p>x</p>`,
		"<form action=/logout/><input name=a><button>go</button>":    `go`,
		"<iframe src=https://evil.example></iframe>x":                `x`,
		"<a id=csrf-token name=x href=https://a.example>y</a>":       `<p><a id="user-content-csrf-token" href="https://a.example" rel="nofollow ugc noopener noreferrer">y</a></p>`,
		"<svg onload=alert(1)><a xlink:href='javascript:x'>y</a>":    `<p>y</p>`,
		"<img src=x onerror=alert(1) alt='<b>'>":                     `<span class="picture">&lt;b&gt;</span>`,
		"<details><summary>more</summary>text</details>":             `<details><summary>more</summary>text</details>`,
		"<style>*{display:none}</style><link rel=stylesheet href=x>": ``,
	} {
		if got := flat(string(readme.Render(t.Context(), in, "text/markdown", readme.Options{}).HTML)); got != want {
			t.Errorf("markdown %q\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestRest(t *testing.T) {
	for in, want := range map[string]string{
		"Title\n=====\n\ntext\n\nPart\n----\n\nmore":                 `<div class="titled"><h2 id="user-content-title">Title</h2><a class="permalink" href="#user-content-title" aria-label="Link to Title"></a></div> <p>text</p> <div class="titled"><h3 id="user-content-part">Part</h3><a class="permalink" href="#user-content-part" aria-label="Link to Part"></a></div> <p>more</p>`,
		"=====\nTitle\n=====\n":                                      `<div class="titled"><h2 id="user-content-title">Title</h2><a class="permalink" href="#user-content-title" aria-label="Link to Title"></a></div>`,
		"*em* **strong** ``li*t``":                                   `<p><em>em</em> <strong>strong</strong> <code>li*t</code></p>`,
		"2 * 3 * 4 and a*b*c":                                        `<p>2 * 3 * 4 and a*b*c</p>`,
		"`x <https://a.example/>`_.":                                 `<p><a href="https://a.example/" rel="nofollow ugc noopener noreferrer">x</a>.</p>`,
		"See docs_.\n\n.. _docs: https://d.example/":                 `<p>See <a href="https://d.example/" rel="nofollow ugc noopener noreferrer">docs</a>.</p>`,
		"A `b c`_ d\n\n.. _b c: https://d.example/":                  `<p>A <a href="https://d.example/" rel="nofollow ugc noopener noreferrer">b c</a> d</p>`,
		"`x`__\n\n__ https://d.example/":                             `<p><a href="https://d.example/" rel="nofollow ugc noopener noreferrer">x</a></p>`,
		"https://a.example/b.":                                       `<p><a href="https://a.example/b" rel="nofollow ugc noopener noreferrer">https://a.example/b</a>.</p>`,
		"- a\n- b\n\n  c":                                            `<ul> <li>a</li> <li><p>b</p> <p>c</p> </li> </ul>`,
		"1. a\n2. b":                                                 `<ol> <li>a</li> <li>b</li> </ol>`,
		"1. a\n\n   * b":                                             `<ol> <li><p>a</p> <ul> <li>b</li> </ul> </li> </ol>`,
		"Run::\n\n  $ pip\n\n  more\n\nend":                          `<p>Run:</p> <pre tabindex="0">$ pip more</pre> <p>end</p>`,
		".. code-block:: python\n   :linenos:\n\n   x = 1\n\nend":    `<pre tabindex="0">x <span class="hl-k">= </span><span class="hl-m">1</span></pre> <p>end</p>`,
		".. note:: careful\n\nend":                                   `<aside class="alert alert-note"><p class="alert-title">Note</p><p>careful</p> </aside> <p>end</p>`,
		".. image:: https://a.example/l.png\n   :alt: logo":          `<p><a class="picture" href="https://a.example/l.png" rel="nofollow ugc noopener noreferrer">logo</a></p>`,
		"|b|\n\n.. |b| image:: https://a.example/l.png\n   :alt: ci": `<p><a class="picture" href="https://a.example/l.png" rel="nofollow ugc noopener noreferrer">ci</a></p>`,
		"== ==\na  b\n== ==\n1  2\n== ==\n":                          `<table tabindex="0"> <thead><tr><th>a</th><th>b</th></tr> </thead> <tbody><tr><td>1</td><td>2</td></tr> </tbody> </table>`,
		"+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n":    `<table tabindex="0"> <thead><tr><th>a</th><th>b</th></tr> </thead> <tbody><tr><td>1</td><td>2</td></tr> </tbody> </table>`,
		"+---+---+\n| a     |\n+---+---+\n":                          `<table tabindex="0"> <tbody><tr><td colspan="2">a</td></tr> </tbody> </table>`,
		"+---+---+\n| a | b |\n|   +---+\n|   | c |\n+---+---+\n":    `<pre tabindex="0">+---+---+ | a | b | | +---+ | | c | +---+---+</pre>`,
		"+---+---+\n| a | b |\n| c     |\n+---+---+\n":               `<pre tabindex="0">+---+---+ | a | b | | c | +---+---+</pre>`,
		"+---+---+\n| a  b  |\n":                                     `<pre tabindex="0">+---+---+ | a b |</pre>`,
		"Ask a.b@c.example, (d@e.example). f@g @h i@j.":              `<p>Ask <a href="mailto:a.b@c.example" rel="nofollow ugc noopener noreferrer">a.b@c.example</a>, (<a href="mailto:d@e.example" rel="nofollow ugc noopener noreferrer">d@e.example</a>). f@g @h i@j.</p>`,
		".. image::\n   https://a.example/\n   l.png\n   :alt: x":    `<p><a class="picture" href="https://a.example/l.png" rel="nofollow ugc noopener noreferrer">x</a></p>`,
		":pep:`8#a` :rfc:`x <2822>` :pep:`y`":                        `<p><a href="https://peps.python.org/pep-0008/#a" rel="nofollow ugc noopener noreferrer">PEP 8</a> <a href="https://www.rfc-editor.org/rfc/rfc2822.html" rel="nofollow ugc noopener noreferrer">x</a> PEP y</p>`,
		"term\n  what it is\nother\n  that":                          `<dl> <dt>term</dt><dd>what it is</dd> <dt>other</dt><dd>that</dd> </dl>`,
		":Author: me\n:Date: now":                                    `<dl> <dt>Author</dt><dd>me</dd> <dt>Date</dt><dd>now</dd> </dl>`,
		"-v, --verbose  say more\n-q  say less":                      `<dl> <dt><code>-v, --verbose</code></dt><dd>say more</dd> <dt><code>-q</code></dt><dd>say less</dd> </dl>`,
		"| a\n| b":                                                   `<p>a<br> b</p>`,
		"  quoted\n\nend":                                            `<blockquote><p>quoted</p> </blockquote> <p>end</p>`,
		">>> 1 + 1\n2\n\nend":                                        `<pre tabindex="0"><span class="hl-o">&gt;&gt;&gt; </span><span class="hl-m">1 </span><span class="hl-k">+ </span><span class="hl-m">1 </span><span class="hl-o">2</span></pre> <p>end</p>`,
		"a [1]_\n\n.. [1] note":                                      `<p>a <a id="user-content-footnote-reference-1" href="#user-content-footnote-1">[1]</a></p> <div id="user-content-footnote-1"><p><a href="#user-content-footnote-reference-1">[1]</a></p><p>note</p> </div>`,
		"a\n\n----\n\nb":                                             `<p>a</p> <hr> <p>b</p>`,
		".. a comment\n   of two lines\n\nend":                       `<p>end</p>`,
		"\\*not\\* a\\b":                                             `<p>*not* ab</p>`,
		":code:`x` :ref:`text <y>` `z`":                              `<p><code>x</code> <code>text</code> <cite>z</cite></p>`,
		".. raw:: html\n\n   <script>alert(1)</script>":              `<pre tabindex="0">.. raw:: html &lt;script&gt;alert(1)&lt;/script&gt;</pre>`,
		".. include:: /etc/passwd":                                   `<pre tabindex="0">.. include:: /etc/passwd</pre>`,
		".. csv-table::\n   :file: /etc/passwd":                      `<pre tabindex="0">.. csv-table:: :file: /etc/passwd</pre>`,
		".. unknown:: x\n   :a: b\n\n   text":                        `<pre tabindex="0">.. unknown:: x :a: b text</pre>`,
		"`x <javascript:alert(1)>`_":                                 `<p>x</p>`,
		"x_\n\n.. _x: javascript:alert(1)":                           `<p>x</p>`,
		"<b>x</b> & y":                                               `<p>&lt;b&gt;x&lt;/b&gt; &amp; y</p>`,
		"a_\n\n.. _a: b_\n.. _b: a_":                                 `<p>a</p>`,
	} {
		if got := flat(string(readme.Render(t.Context(), in, "text/x-rst", readme.Options{}).HTML)); got != want {
			t.Errorf("rst %q\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for kind, want := range map[string]string{
		"text/plain": "<pre>*a* &lt;b&gt;</pre>", "text/plain; charset=UTF-8": "<pre>*a* &lt;b&gt;</pre>",
		"application/x": "<pre>*a* &lt;b&gt;</pre>",
		"text/":         "<pre>*a* &lt;b&gt;</pre>", "": "<p><em>a</em> &lt;b&gt;</p>\n",
		"text/x-rst": "<p><em>a</em> &lt;b&gt;</p>\n",
	} {
		t.Run(kind, func(t *testing.T) {
			if got := string(readme.Render(t.Context(), "*a* <b>", kind, readme.Options{}).HTML); got != want {
				t.Errorf("Render as %q = %q, want %q", kind, got, want)
			}
		})
	}
	if got := readme.Render(t.Context(), " \n ", "text/markdown", readme.Options{}); got.HTML != "" {
		t.Errorf("Render(nothing) = %q", got.HTML)
	}
	if got := readme.Render(t.Context(), strings.Repeat("é", readme.MaxText), "text/markdown",
		readme.Options{}); !got.Cut ||
		len(got.HTML) > readme.MaxText+20 || strings.Contains(string(got.HTML), "\uFFFD") {
		t.Errorf("a long text: cut %v, %d bytes", got.Cut, len(got.HTML))
	}
}

// GitHub's additions to Markdown, and its anchors.
func TestGitHub(t *testing.T) {
	for in, want := range map[string]string{
		"> [!NOTE]\n> a *b*":           `<aside class="alert alert-note"><p class="alert-title">Note</p> <p>a <em>b</em></p> </aside>`,
		"> [!Warning] Look <b>\n> a":   `<aside class="alert alert-warning"><p class="alert-title">Look &lt;b&gt;</p> <p>a</p> </aside>`,
		"> [!CAUTION]\n>\n> a\n>\n> b": `<aside class="alert alert-caution"><p class="alert-title">Caution</p> <p>a</p> <p>b</p> </aside>`,
		"> [!TIP]":                     `<aside class="alert alert-tip"><p class="alert-title">Tip</p> </aside>`,
		"> [!NOTED]\n> a":              `<blockquote> <p>[!NOTED] a</p> </blockquote>`,
		"> a\n> [!NOTE]":               `<blockquote> <p>a [!NOTE]</p> </blockquote>`,
		"[!NOTE]\na":                   `<p>[!NOTE] a</p>`,
		":rocket: :+1: :no_such: a: b": `<p>🚀 👍 :no_such: a: b</p>`,
		"`:rocket:`":                   `<p><code>:rocket:</code></p>`,
		"|a|b|c|d|\n|:-|:-:|-:|-|\n|1|2|3|4|": `<table tabindex="0"> <thead> <tr> <th align="left">a</th> <th align="center">b</th> ` +
			`<th align="right">c</th> <th>d</th> </tr> </thead> <tbody> <tr> <td align="left">1</td> <td align="center">2</td> ` +
			`<td align="right">3</td> <td>4</td> </tr> </tbody> </table>`,
		"<p align=center>a</p>":            `<p align="center">a</p>`,
		"<p align='x;y'>a</p>":             `<p>a</p>`,
		"<a name=x></a>[y](#x)":            `<p><span id="user-content-x"></span><a href="#user-content-x">y</a></p>`,
		"<a name=x href=#x>y</a>":          `<p><a id="user-content-x" href="#user-content-x">y</a></p>`,
		"<i id=x>a</i><i id=x>b</i>":       `<p><i id="user-content-x">a</i><i>b</i></p>`,
		"[b](#top) [c](#nowhere)":          `<p><a href="#">b</a> c</p>`,
		"<summary><h2>a</h2></summary>":    `<summary><h3 id="user-content-a">a</h3></summary>`,
		"<aside class='alert x'>a</aside>": `<aside>a</aside>`,
		"<span class='notice bad'>a":       `<p><span>a</span></p>`,
	} {
		if got := flat(string(readme.Render(t.Context(), in, "text/markdown",
			readme.Options{}).HTML)); strings.TrimSuffix(got, " </p>") != want &&
			got != want {
			t.Errorf("markdown %q\n got %s\nwant %s", in, got, want)
		}
	}
}

// Every link of a table of contents that GitHub would resolve leads to its heading.
func TestAnchors(t *testing.T) {
	for title, anchor := range map[string]string{
		"Über uns":                   "über-uns",
		"使い方":                        "使い方",
		"Быстрый старт":              "быстрый-старт",
		"हिन्दी में":                 "हिन्दी-में",
		"under_score":                "under_score",
		"A & B / C":                  "a--b--c",
		"What's new?":                "whats-new",
		"`code` and *em*":            "code-and-em",
		"[Link](https://a.example)!": "link",
		"1.2.3 (2024-01-01)":         "123-2024-01-01",
		":rocket: Start":             "rocket-start",
		"🚀 Start":                    "-start",
		"C++":                        "c",
	} {
		for kind, text := range map[string]string{
			"a heading":      "# " + title + "\n\n",
			"an HTML title":  "<h1 align=center>\n\n" + title + "\n\n</h1>\n\n",
			"an underlining": title + "\n===\n\n",
		} {
			for _, link := range []string{anchor, url.PathEscape(anchor), strings.ToUpper(anchor), "user-content-" + anchor} {
				got := string(readme.Render(t.Context(), text+"[x](#"+link+")", "text/markdown", readme.Options{}).HTML)
				if !strings.Contains(got, ` id="user-content-`+anchor+`"`) ||
					!strings.Contains(got, `<a href="#user-content-`+anchor+`">x</a>`) {
					t.Errorf("%s %q: #%s leads nowhere: %s", kind, title, link, got)
				}
			}
		}
	}
	got := flat(string(readme.Render(t.Context(), "# a\n# a\n# A\n# a-1\n[x](#a-2)", "text/markdown",
		readme.Options{}).HTML))
	for _, id := range []string{"a", "a-1", "a-2", "a-1-1"} {
		if strings.Count(got, `id="user-content-`+id+`"`) != 1 {
			t.Errorf("headings with the same text: the ID %s is not used once: %s", id, got)
		}
	}
	got = flat(string(readme.Render(t.Context(), ".. contents::\n\na\n=\n\nx\n\na\n=\n\nx", "text/x-rst",
		readme.Options{}).HTML))
	if !strings.Contains(got, `<a href="#user-content-a-1">`) || !strings.Contains(got, `<h2 id="user-content-a-1">`) {
		t.Errorf("sections with the same title: %s", got)
	}
}

// A text cannot end the elements of the page around it, nor leave its own open.
func TestElementsAreBalanced(t *testing.T) {
	for in, want := range map[string]string{
		"a</div></section></div></main>x": `<p>a x</p>`,
		"<div>\n\n</div></div>":           `<div> </div>`,
		"<b><i>x</b>y</i>":                `<p><b><i>x</i></b>y</p>`,
		"<details><summary>a":             `<details><summary>a</summary></details>`,
		"<table><tr><td>a":                `<table tabindex="0"><tr><td>a</td></tr></table>`,
		"<a href=https://a.example>x<a href=https://b.example>y": `<p><a href="https://a.example" rel="nofollow ugc noopener noreferrer">x</a>` +
			`<a href="https://b.example" rel="nofollow ugc noopener noreferrer">y</a></p>`,
		"<ul><li>a<li>b</ul>c": `<ul><li>a<li>b</ul>c`,
		"<div/>a":              `<div/>a</div>`,
	} {
		got := flat(string(readme.Render(t.Context(), in, "text/markdown", readme.Options{}).HTML))
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("markdown %q\n got %s\nwant %s", in, got, want)
		}
	}
}

// Texts that are made to take long are shown as they were written, and none is dropped.
func TestCostly(t *testing.T) {
	for name, text := range map[string]string{
		"quotes":   strings.Repeat(">", 10_000) + " end",
		"lists":    strings.Repeat("- ", 10_000) + "end",
		"emphasis": strings.Repeat("*a _b ", 16_000) + "end",
		"brackets": strings.Repeat("[", 50_000) + "end",
		"links":    strings.Repeat("[a](", 30_000) + "end",
		"code":     strings.Repeat("`a``", 30_000) + "end",
		"html":     strings.Repeat("<b>", 30_000) + "end",
		"blanks":   strings.Repeat(" ", 10_000) + "end",
		"nested rst": func() (s string) {
			var b strings.Builder
			for i := range 200 {
				b.WriteString(strings.Repeat(" ", i) + "x\n\n")
			}
			return b.String() + "end"
		}(),
		"big table":  "|a|b|\n|-|-|\n" + strings.Repeat("|1|2|\n", 20_000) + "\nend",
		"references": strings.Repeat("[a]: https://a.example\n[b][a] ", 4_000) + "\nend",
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"text/markdown", "text/x-rst"} {
				if got := string(readme.Render(t.Context(), text, kind, readme.Options{}).HTML); !strings.Contains(got, "end") {
					t.Errorf("%s as %s: the end is missing (%d bytes)", name, kind, len(got))
				}
			}
		})
	}
}

// Nothing that runs, loads or posts comes out of anything.
func FuzzRender(f *testing.F) {
	for _, s := range []string{
		"# a\n\n* b\n", "T\n=\n\n.. note:: x\n", "+-+\n|a|\n+-+", "== ==\na b\n== ==", "<a href=javascript:x>",
		"`a <b>`_ |c| [1]_ x__\n\n__ y", "::\n\n  a", "1. a\n\n - b\n\n   c::", ".. |a| image:: b\n\n|a|_", "\\", "*", "``",
		"_`a`", ":a:`b`",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []string{"text/markdown", "text/x-rst", "text/plain"} {
			got := strings.ToLower(string(readme.Render(t.Context(), text, kind, readme.Options{}).HTML))
			for _, bad := range []string{
				"<script", `<img src="h`, `<img src="/`, "<iframe", "<form", "<input", "<style", "<svg", "<object", "<link",
				"<meta", "<base", "<h1",
				`href="javascript`, `href="data:`, `href="vbscript`,
			} {
				if strings.Contains(got, bad) {
					t.Fatalf("%q as %s has %s: %s", text, kind, bad, got)
				}
			}
		}
	})
}

func TestTextOverItsBudgetIsPlain(t *testing.T) {
	for _, c := range []struct{ name, kind string }{
		{"wide table, short rows", "text/markdown"},
		{"nested lists, empty lines", "text/markdown"},
		{"footnotes", "text/markdown"},
		{"substitution product", "text/x-rst"},
		{"substitution doubling", "text/x-rst"},
		{"substitution doubling", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := hostile[c.name](24 << 10)
			got := readme.Render(t.Context(), text, c.kind, readme.Options{})
			if want := "<pre>" + strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(text) + "</pre>"; !got.Plain ||
				got.Late || string(got.HTML) != want {
				t.Errorf("%s as %q: plain %v, late %v, %d bytes, want the text as it was written", c.name, c.kind, got.Plain,
					got.Late, len(got.HTML))
			}
		})
	}
	if got := readme.Render(t.Context(), "|a|b|\n|-|-|\n|1|\n|1|2|", "text/markdown", readme.Options{}); got.Plain ||
		!strings.Contains(string(got.HTML), "<table") {
		t.Errorf("an honest table is shown as %v %s", got.Plain, got.HTML)
	}
}

func TestRenderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, kind := range []string{"text/markdown", "text/x-rst"} {
		got := readme.Render(ctx, strings.Repeat("*a* `b` c\n\n", 10_000), kind, readme.Options{})
		if !got.Late || !got.Plain || !strings.HasPrefix(string(got.HTML), "<pre>*a* `b` c") {
			t.Errorf("%s: late %v, plain %v, want plain text once the context ended", kind, got.Late, got.Plain)
		}
	}
}

// TestLongEmojiClass: the name in the class of an emoji, which becomes part of the link to a heading, has at most 64
// characters.
func TestLongEmojiClass(t *testing.T) {
	for length, want := range map[int]bool{1: true, 64: true, 65: false} {
		name := strings.Repeat("x", length)
		in := `# <span class="emoji-` + name + `">y</span>`
		page := string(readme.Render(t.Context(), in, "text/markdown", readme.Options{}).HTML)
		if got := strings.Contains(page, `id="user-content-`+name+`"`); got != want {
			t.Errorf("a name of %d characters is in the link: %t, want %t: %s", length, got, want, page)
		}
	}
}
