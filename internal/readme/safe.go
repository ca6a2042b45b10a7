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

// policy allows the elements of texts. It allows no scripts, resources, forms or styles.
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

// idForm restricts the characters of IDs. It does not restrict their length, which would multiply the size of the
// compiled expression; the length of the text is bounded anyway.
var idForm = regexp.MustCompile(`\A[\pL\pN:_.-]+\z`)

// idPrefix separates the IDs of a text from those of the page.
const idPrefix = "user-content-"

// safe sanitizes HTML and adapts it to a page. The result is incomplete if the budget runs out.
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

// meteredReader reads HTML for the sanitizer within the budget.
type meteredReader struct {
	io.Reader
	budget *budget.Budget
}

// Read returns errOver if the budget is exhausted.
func (r *meteredReader) Read(p []byte) (int, error) {
	if !r.budget.Step(len(p)) {
		return 0, errOver
	}
	return r.Reader.Read(p)
}

// fitting adapts sanitized HTML to a page.
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

// write writes within the budget, of which the HTML before sanitizing has already used a part.
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
		t.Attr = append(t.Attr, html.Attribute{Key: "tabindex", Val: "0"}) // they are scrollable
	}
	t.Data = demoted(t.Data)
	for i, a := range t.Attr {
		if a.Key == "id" {
			t.Attr[i].Val = idPrefix + a.Val
		}
	}
	f.write(t.String())
}

// picture replaces a picture by a link, because loading it would reveal the readers of the page to its host.
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

// linkAttrs keeps links to other sites and links within the text. It removes links that are relative to a source
// repository.
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

// demoted returns a heading's tag one level down, because the first level is reserved for the page.
func demoted(tag string) string {
	switch tag {
	case "h1", "h2", "h3", "h4", "h5":
		return "h" + string(tag[1]+1)
	}
	return tag
}
