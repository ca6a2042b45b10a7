package readme_test

import (
	"context"
	"strings"
	"testing"

	"pyindex/internal/readme"
)

// flat takes line ends away, so that cases fit on lines.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"# Title\n\ntext":                  `<h2 id="user-content-title">Title</h2> <p>text</p>`,
		"a *b* **c** `d`":                  `<p>a <em>b</em> <strong>c</strong> <code>d</code></p>`,
		"[x](https://a.example/?b=1&c=2)":  `<p><a href="https://a.example/?b=1&amp;c=2" rel="nofollow ugc noopener noreferrer">x</a></p>`,
		"[x](docs/a.md)":                   `<p><a>x</a></p>`,
		"[x](#part)":                       `<p><a href="#user-content-part">x</a></p>`,
		"![logo](https://a.example/l.png)": `<p><a href="https://a.example/l.png" rel="nofollow ugc noopener noreferrer">[logo]</a></p>`,
		"[![ci](https://a.example/b.svg)](https://a.example/ci)":     `<p><a href="https://a.example/ci" rel="nofollow ugc noopener noreferrer">[ci]</a></p>`,
		"- [x] done\n- [ ] not":                                      `<ul> <li>☑ done</li> <li>☐ not</li> </ul>`,
		"|a|b|\n|-|-|\n|1|2|":                                        `<table tabindex="0"> <thead> <tr> <th>a</th> <th>b</th> </tr> </thead> <tbody> <tr> <td>1</td> <td>2</td> </tr> </tbody> </table>`,
		"```python\nx = '<b>'\n```":                                  `<pre tabindex="0"><code>x = &#39;&lt;b&gt;&#39; </code></pre>`,
		"<script>alert(1)</script>ok":                                `ok`,
		"<b onclick=alert(1)>x</b>":                                  `<p><b>x</b></p>`,
		"<p style='position:fixed'>x</p>":                            `<p>x</p>`,
		"[x](javascript:alert(1))":                                   `<p>x</p>`,
		"[x](data:text/html,a)":                                      `<p>x</p>`,
		"<form action=/logout/><input name=a><button>go</button>":    `go`,
		"<iframe src=https://evil.example></iframe>x":                `x`,
		"<a id=csrf-token name=x href=https://a.example>y</a>":       `<p><a id="user-content-csrf-token" href="https://a.example" rel="nofollow ugc noopener noreferrer">y</a></p>`,
		"<svg onload=alert(1)><a xlink:href='javascript:x'>y</a>":    `<p>y</p>`,
		"<img src=x onerror=alert(1) alt='<b>'>":                     `[&lt;b&gt;]`,
		"<details><summary>more</summary>text</details>":             `<details><summary>more</summary>text</details>`,
		"<style>*{display:none}</style><link rel=stylesheet href=x>": ``,
	} {
		if got := flat(string(readme.Render(t.Context(), in, "text/markdown").HTML)); got != want {
			t.Errorf("markdown %q\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestRest(t *testing.T) {
	for in, want := range map[string]string{
		"Title\n=====\n\ntext\n\nPart\n----\n\nmore":                 `<h2 id="user-content-title">Title</h2> <p>text</p> <h3 id="user-content-part">Part</h3> <p>more</p>`,
		"=====\nTitle\n=====\n":                                      `<h2 id="user-content-title">Title</h2>`,
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
		".. code-block:: python\n   :linenos:\n\n   x = 1\n\nend":    `<pre tabindex="0">x = 1</pre> <p>end</p>`,
		".. note:: careful\n\nend":                                   `<blockquote><p><strong>Note</strong></p><p>careful</p> </blockquote> <p>end</p>`,
		".. image:: https://a.example/l.png\n   :alt: logo":          `<p><a href="https://a.example/l.png" rel="nofollow ugc noopener noreferrer">[logo]</a></p>`,
		"|b|\n\n.. |b| image:: https://a.example/l.png\n   :alt: ci": `<p><a href="https://a.example/l.png" rel="nofollow ugc noopener noreferrer">[ci]</a></p>`,
		"== ==\na  b\n== ==\n1  2\n== ==\n":                          `<table tabindex="0"> <thead><tr><th>a</th><th>b</th></tr> </thead> <tbody><tr><td>1</td><td>2</td></tr> </tbody> </table>`,
		"+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n":    `<table tabindex="0"> <thead><tr><th>a</th><th>b</th></tr> </thead> <tbody><tr><td>1</td><td>2</td></tr> </tbody> </table>`,
		"+---+---+\n| a     |\n+---+---+\n":                          `<pre tabindex="0">+---+---+ | a | +---+---+</pre>`,
		"term\n  what it is\nother\n  that":                          `<dl> <dt>term</dt><dd>what it is</dd> <dt>other</dt><dd>that</dd> </dl>`,
		":Author: me\n:Date: now":                                    `<dl> <dt>Author</dt><dd>me</dd> <dt>Date</dt><dd>now</dd> </dl>`,
		"-v, --verbose  say more\n-q  say less":                      `<dl> <dt><code>-v, --verbose</code></dt><dd>say more</dd> <dt><code>-q</code></dt><dd>say less</dd> </dl>`,
		"| a\n| b":                                                   `<p>a<br> b</p>`,
		"  quoted\n\nend":                                            `<blockquote><p>quoted</p> </blockquote> <p>end</p>`,
		">>> 1 + 1\n2\n\nend":                                        `<pre tabindex="0">&gt;&gt;&gt; 1 + 1 2</pre> <p>end</p>`,
		"a [1]_\n\n.. [1] note":                                      `<p>a <a href="#user-content-footnote-1">[1]</a></p> <div id="user-content-footnote-1"><p>[1]</p><p>note</p> </div>`,
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
		if got := flat(string(readme.Render(t.Context(), in, "text/x-rst").HTML)); got != want {
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
			if got := string(readme.Render(t.Context(), "*a* <b>", kind).HTML); got != want {
				t.Errorf("Render as %q = %q, want %q", kind, got, want)
			}
		})
	}
	if got := readme.Render(t.Context(), " \n ", "text/markdown"); got.HTML != "" {
		t.Errorf("Render(nothing) = %q", got.HTML)
	}
	if got := readme.Render(t.Context(), strings.Repeat("é", readme.MaxText), "text/markdown"); !got.Cut ||
		len(got.HTML) > readme.MaxText+20 || strings.Contains(string(got.HTML), "\uFFFD") {
		t.Errorf("a long text: cut %v, %d bytes", got.Cut, len(got.HTML))
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
				if got := string(readme.Render(t.Context(), text, kind).HTML); !strings.Contains(got, "end") {
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
			got := strings.ToLower(string(readme.Render(t.Context(), text, kind).HTML))
			for _, bad := range []string{
				"<script", "<img", "<iframe", "<form", "<input", "<style", "<svg", "<object", "<link", "<meta", "<base", "<h1",
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
			got := readme.Render(t.Context(), text, c.kind)
			if want := "<pre>" + strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(text) + "</pre>"; !got.Plain ||
				got.Late || string(got.HTML) != want {
				t.Errorf("%s as %q: plain %v, late %v, %d bytes, want the text as it was written", c.name, c.kind, got.Plain,
					got.Late, len(got.HTML))
			}
		})
	}
	if got := readme.Render(t.Context(), "|a|b|\n|-|-|\n|1|\n|1|2|", "text/markdown"); got.Plain ||
		!strings.Contains(string(got.HTML), "<table") {
		t.Errorf("an honest table is shown as %v %s", got.Plain, got.HTML)
	}
}

func TestRenderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, kind := range []string{"text/markdown", "text/x-rst"} {
		got := readme.Render(ctx, strings.Repeat("*a* `b` c\n\n", 10_000), kind)
		if !got.Late || !got.Plain || !strings.HasPrefix(string(got.HTML), "<pre>*a* `b` c") {
			t.Errorf("%s: late %v, plain %v, want plain text once the context ended", kind, got.Late, got.Plain)
		}
	}
}
