package readme

import (
	"html/template"
	"io"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"

	"pyindex/internal/readme/budget"
	"pyindex/internal/readme/highlight"
)

// policy allows the elements of texts. It allows no scripts, forms or styles, and of classes only those of this
// package.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "div", "span", "blockquote", "pre", "code",
		"kbd", "samp", "var",
		"em", "i", "strong", "b", "u", "s", "del", "ins", "sub", "sup", "small", "mark", "q", "cite", "abbr", "dfn", "tt",
		"ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "details",
		"summary", "figure", "figcaption", "section", "aside")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt").OnElements("img")
	p.AllowAttrs("width", "height").Matching(regexp.MustCompile(`\A[0-9]{1,4}%?\z`)).OnElements("img")
	p.AllowAttrs("id").Matching(idForm).Globally()
	p.AllowAttrs("name").Matching(idForm).OnElements("a")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`\A(left|right|center|justify)\z`)).OnElements("p", "div", "h1",
		"h2",
		"h3", "h4", "h5", "h6", "table", "tr", "th", "td", "img")
	p.AllowAttrs("class").Matching(spanClass()).OnElements("span")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`\Aalert( alert-(note|tip|important|warning|caution))?\z`)).
		OnElements("aside")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`\Aalert-title\z`)).OnElements("p")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("type").Matching(regexp.MustCompile(`\A[1aAiI]\z`)).OnElements("ol")
	p.AllowAttrs("colspan", "rowspan").Matching(bluemonday.Integer).OnElements("th", "td")
	p.AllowAttrs("open").Matching(regexp.MustCompile(`\A(open)?\z`)).OnElements("details")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowURLSchemeWithCustomPolicy("data", func(u *url.URL) bool { return dataPicture(u.String()) })
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	return p
})

// idForm restricts the characters of IDs. It does not restrict their length, which would multiply the size of the
// compiled expression; the length of the text is bounded anyway.
var idForm = regexp.MustCompile(`\A[\pL\pM\pN:_.-]+\z`)

// spanClass returns an expression for the classes of colored code, and of emoji with their names.
func spanClass() *regexp.Regexp {
	return regexp.MustCompile(`\A(` + strings.Join(highlight.Classes, "|") + `|` + emojiClass +
		`[a-z0-9_+-]{1,64})\z`)
}

// idPrefix separates the IDs of a text from those of the page.
const idPrefix = "user-content-"

// safe sanitizes HTML and adapts it to a page. The result is incomplete if the budget runs out.
func safe(unsafe string, o Options, b *budget.Budget) (page template.HTML, pictures []string) {
	if b.Over {
		return "", nil
	}
	var clean strings.Builder
	if err := policy().SanitizeReaderToWriter(&meteredReader{strings.NewReader(unsafe), b}, &clean); err != nil || b.Over {
		b.Over = true
		return "", nil
	}
	f := fitting{budget: b, options: o, survey: surveyed(clean.String(), o, b), shown: map[string]bool{}}
	f.each(clean.String())
	f.closeAll()
	if b.Over {
		return "", nil
	}
	return template.HTML(f.out.String()), f.pictures
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
	out     strings.Builder
	budget  *budget.Budget
	options Options
	survey  *survey

	token    int            // index of the current token
	heading  int            // index of the next heading
	open     []element      // elements that are open
	opened   map[string]int // number of open elements by name
	shown    map[string]bool
	row      string // end tag of the row of pictures
	pictures []string

	pictureEnd int // size of out after the last text of a picture
}

// element is an open element of the sanitized HTML.
type element struct {
	name string // in the sanitized HTML
	end  string // HTML that ends it, "" if it was dropped
}

func (f *fitting) each(clean string) {
	f.opened = map[string]int{}
	z := html.NewTokenizer(strings.NewReader(clean))
	for ; !f.budget.Over && z.Next() != html.ErrorToken; f.token++ {
		switch t := z.Token(); t.Type {
		case html.StartTagToken, html.SelfClosingTagToken:
			f.start(t)
		case html.EndTagToken:
			if f.opened[t.Data] > 0 { // others would end an element of the page
				f.close(t.Data)
			}
		case html.TextToken:
			f.write(t.String())
		}
	}
}

// write writes within the budget, of which the HTML before sanitizing has already used a part.
func (f *fitting) write(s string) {
	if f.budget.Write(len(s)) {
		f.out.WriteString(s)
	}
}

// implied are the elements whose end tags are optional. An end tag without a start tag may create another element.
var implied = map[string]bool{
	"p": true, "li": true, "dt": true, "dd": true, "tr": true, "td": true, "th": true, "thead": true, "tbody": true,
	"tfoot": true, "caption": true,
}

// close ends an open element, and those that are open within it.
func (f *fitting) close(name string) {
	for {
		last := f.open[len(f.open)-1]
		f.open = f.open[:len(f.open)-1]
		f.opened[last.name]--
		if last.name == name {
			f.write(last.end)
			return
		}
		if !implied[last.name] {
			f.write(last.end)
		}
	}
}

// closeAll ends all open elements.
func (f *fitting) closeAll() {
	for len(f.open) > 0 && !f.budget.Over {
		f.close(f.open[len(f.open)-1].name)
	}
}

func (f *fitting) start(t html.Token) {
	switch t.Data {
	case "img":
		f.picture(t)
		return
	case "br":
		if !f.survey.in(f.token) {
			f.write("<br>")
		}
		return
	case "hr":
		f.write(f.tag(t))
		return
	case "a":
		f.anchor(t)
		return
	case "span":
		if strings.HasPrefix(attr(t, "class"), emojiClass) {
			f.push(t.Data, "", "")
			return
		}
	case "pre", "table":
		t.Attr = append(t.Attr, html.Attribute{Key: "tabindex", Val: "0"}) // they are scrollable
	case "h1", "h2", "h3", "h4", "h5", "h6":
		f.title(t)
		return
	case "p", "div":
		switch f.survey.rows[f.token] {
		case rowStart:
			f.row = "</" + t.Data + ">"
			if f.survey.sizes[f.token] > 1 {
				t.Attr = append(t.Attr, html.Attribute{Key: "class", Val: "pictures"}, html.Attribute{Key: "tabindex", Val: "0"})
			}
		case rowContinued:
			f.push(t.Data, " ", f.row)
			return
		}
	}
	f.push(t.Data, f.tag(t), "</"+t.Data+">")
}

// push writes a start tag. The element ends with end.
func (f *fitting) push(name, start, end string) {
	if f.survey.joined[f.token] { // the next row of pictures continues this one
		end = ""
	}
	f.write(start)
	f.open = append(f.open, element{name, end})
	f.opened[name]++
}

// tag returns a start tag with the prefix of IDs. An ID is used once.
func (f *fitting) tag(t html.Token) string {
	attrs := t.Attr[:0:0]
	for _, a := range t.Attr {
		if a.Key == "id" {
			if f.shown[a.Val] {
				continue
			}
			f.shown[a.Val] = true
			a.Val = idPrefix + a.Val
		}
		attrs = append(attrs, a)
	}
	t.Attr = attrs
	return t.String()
}

// title writes the start tag of a heading one level down, because the first level is reserved for the page. A link to
// the heading follows its end.
func (f *fitting) title(t html.Token) {
	h := f.survey.headings[f.heading]
	f.heading++
	name := t.Data
	t.Data = demoted(name)
	if attr(t, "id") == "" && h.id != "" {
		t.Attr = append([]html.Attribute{{Key: "id", Val: h.id}}, t.Attr...)
	}
	if !h.linked || f.opened["a"]+f.opened["summary"] > 0 {
		f.push(name, f.tag(t), "</"+t.Data+">")
		return
	}
	link := html.Token{Type: html.StartTagToken, Data: "a", Attr: []html.Attribute{
		{Key: "class", Val: "permalink"},
		{Key: "href", Val: "#" + idPrefix + attr(t, "id")},
		{Key: "aria-label", Val: "Link to " + h.label},
	}}
	f.push(name, `<div class="titled">`+f.tag(t), "</"+t.Data+">"+link.String()+"</a></div>")
}

// anchor writes the start tag of a link. A link that leads nowhere is text.
func (f *fitting) anchor(t html.Token) {
	if f.opened["a"] > 0 {
		f.close("a")
	}
	id := attr(t, "id")
	if id == "" {
		id = attr(t, "name")
	}
	address := f.address(attr(t, "href"))
	out := html.Token{Type: html.StartTagToken, Data: "a"}
	if id != "" {
		out.Attr = append(out.Attr, html.Attribute{Key: "id", Val: id})
	}
	switch {
	case address == "" && id == "":
		f.push("a", "", "")
		return
	case address == "":
		out.Data = "span"
	default:
		out.Attr = append(out.Attr, html.Attribute{Key: "href", Val: address})
		if !strings.HasPrefix(address, "#") {
			out.Attr = append(out.Attr, html.Attribute{Key: "rel", Val: rel})
		}
	}
	f.push("a", f.tag(out), "</"+out.Data+">")
}

// rel is the relation of links to other sites.
const rel = "nofollow ugc noopener noreferrer"

// address returns the target of a link, or "" if it leads nowhere: links within the text, to other sites, and to files
// of the source repository.
func (f *fitting) address(href string) string {
	if fragment, within := strings.CutPrefix(href, "#"); within {
		return f.survey.target(fragment)
	}
	if absolute(href) || strings.HasPrefix(href, "mailto:") {
		return href
	}
	if strings.HasPrefix(href, "//") && absolute("https:"+href) {
		return "https:" + href
	}
	return f.options.Source.Link(href)
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

// demoted returns a heading's tag one level down.
func demoted(tag string) string {
	switch tag {
	case "h1", "h2", "h3", "h4", "h5":
		return "h" + string(tag[1]+1)
	}
	return tag
}
