package readme

import (
	"html/template"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"

	"pyindex/internal/readme/budget"
)

// policy lets through what a text is made of, and nothing that runs, loads, posts or has a style.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "div", "span", "blockquote", "pre", "code",
		"kbd", "samp", "var",
		"em", "i", "strong", "b", "u", "s", "del", "ins", "sub", "sup", "small", "mark", "q", "cite", "abbr", "dfn", "tt",
		"ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "details",
		"summary", "figure", "figcaption", "section", "aside")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt").OnElements("img")
	p.AllowAttrs("id").Matching(idForm).Globally()
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("type").Matching(regexp.MustCompile(`\A[1aAiI]\z`)).OnElements("ol")
	p.AllowAttrs("colspan", "rowspan").Matching(bluemonday.Integer).OnElements("th", "td")
	p.AllowAttrs("open").Matching(regexp.MustCompile(`\A(open)?\z`)).OnElements("details")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	return p
}()

// idForm bounds the characters and not their number, which would be as many copies of the classes: the text is bounded
// itself.
var idForm = regexp.MustCompile(`\A[\pL\pN:_.-]+\z`)

// idPrefix keeps the ids of a text apart from those of the page.
const idPrefix = "user-content-"

// safe sanitises HTML and fits it into a page. It returns an incomplete result if the budget runs out.
func safe(unsafe string, b *budget.Budget) template.HTML {
	if b.Over {
		return ""
	}
	var clean strings.Builder
	if err := policy.SanitizeReaderToWriter(&meteredReader{strings.NewReader(unsafe), b}, &clean); err != nil || b.Over {
		b.Over = true
		return ""
	}
	f := fitting{budget: b}
	z := html.NewTokenizer(strings.NewReader(clean.String()))
	for !b.Over {
		switch z.Next() {
		case html.ErrorToken:
			return template.HTML(f.out.String())
		default:
			f.add(z.Token())
		}
	}
	return ""
}

// meteredReader is HTML on its way to the sanitiser.
type meteredReader struct {
	io.Reader
	budget *budget.Budget
}

// Read implements io.Reader.
func (r *meteredReader) Read(p []byte) (int, error) {
	if !r.budget.Step(len(p)) {
		return 0, errOver
	}
	return r.Reader.Read(p)
}

// fitting is HTML being fitted into a page.
type fitting struct {
	out    strings.Builder
	budget *budget.Budget
	link   bool // inside a link
}

func (f *fitting) add(t html.Token) {
	switch t.Type {
	case html.StartTagToken, html.SelfClosingTagToken:
		f.start(t)
	case html.EndTagToken:
		t.Data = demoted(t.Data)
		f.link = f.link && t.Data != "a"
		f.write(t.String())
	case html.TextToken:
		f.write(t.String())
	}
}

// write writes within the budget, which what was unsafe has used a part of.
func (f *fitting) write(s string) {
	if f.budget.Write(len(s)) {
		f.out.WriteString(s)
	}
}

func (f *fitting) start(t html.Token) {
	switch t.Data {
	case "img":
		f.picture(t)
		return
	case "a":
		f.link = true
		t.Attr = linkAttrs(t.Attr)
	case "pre", "table":
		t.Attr = append(t.Attr, html.Attribute{Key: "tabindex", Val: "0"}) // they scroll
	}
	t.Data = demoted(t.Data)
	for i, a := range t.Attr {
		if a.Key == "id" {
			t.Attr[i].Val = idPrefix + a.Val
		}
	}
	f.write(t.String())
}

// picture puts a link in the place of a picture: a picture elsewhere would tell its host who reads this page.
func (f *fitting) picture(t html.Token) {
	alt, src := attr(t, "alt"), attr(t, "src")
	if alt == "" {
		alt = "picture"
	}
	if f.link || !absolute(src) {
		f.write(html.EscapeString("[" + alt + "]"))
		return
	}
	link := html.Token{Type: html.StartTagToken, Data: "a", Attr: linkAttrs([]html.Attribute{{Key: "href", Val: src}})}
	f.write(link.String() + html.EscapeString("["+alt+"]") + "</a>")
}

// linkAttrs keeps links that lead to another site or within the text. Those that are relative to a repository lead
// nowhere here.
func linkAttrs(attrs []html.Attribute) []html.Attribute {
	out := attrs[:0:0]
	for _, a := range attrs {
		fragment, within := strings.CutPrefix(a.Val, "#")
		switch {
		case a.Key != "href":
			out = append(out, a)
		case within:
			out = append(out, html.Attribute{Key: "href", Val: "#" + idPrefix + fragment})
		case absolute(a.Val) || strings.HasPrefix(a.Val, "mailto:"):
			out = append(out, a, html.Attribute{Key: "rel", Val: "nofollow ugc noopener noreferrer"})
		}
	}
	return out
}

func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func attr(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// demoted is a heading one level down, so that the page keeps the first level to itself.
func demoted(tag string) string {
	switch tag {
	case "h1", "h2", "h3", "h4", "h5":
		return "h" + string(tag[1]+1)
	}
	return tag
}
