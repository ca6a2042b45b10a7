package readme

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"

	"pyindex/internal/readme/budget"
)

// survey is what the whole of a text must be known for: the targets of its links, and its rows of pictures.
type survey struct {
	ids      map[string]string // IDs by themselves and by other names
	numbers  map[string]int    // last number of an ID that several headings would have
	headings []heading         // in the order of their start tags
	rows     map[int]int       // by index of the start tag
	sizes    map[int]int       // number of pictures in a row, by index of its first start tag
	joined   map[int]bool      // rows, by index of the start tag, that continue in the next paragraph
	within   [][2]int          // rows as indexes of their start and end tags, in order
	at       int               // first element of within that in has not passed
}

type heading struct {
	id     string
	label  string // its text
	linked bool   // it gets a link to itself
}

// Kinds of paragraphs that consist of pictures shown as text.
const (
	noRow        = iota
	rowStart     // a row of pictures
	rowContinued // pictures that belong to the row before
)

const (
	maxLinkedHeadings = 500 // headings that get a link to themselves
	maxLabel          = 200 // bytes of a heading's text
)

// surveyed reads sanitized HTML.
func surveyed(clean string, o Options, b *budget.Budget) *survey {
	s := &survey{
		ids: map[string]string{}, numbers: map[string]int{}, rows: map[int]int{}, sizes: map[int]int{},
		joined: map[int]bool{},
	}
	if !b.Step(len(clean)) {
		return s
	}
	var title titleReader
	var row rowReader
	z := html.NewTokenizer(strings.NewReader(clean))
	for i := 0; z.Next() != html.ErrorToken; i++ {
		t := z.Token()
		if t.Type == html.StartTagToken || t.Type == html.SelfClosingTagToken {
			s.named(t)
		}
		title.read(s, t)
		row.read(s, o, t, i)
	}
	title.end(s, false)
	return s
}

// named adds the IDs of an element.
func (s *survey) named(t html.Token) {
	id, name := attr(t, "id"), ""
	if t.Data == "a" {
		if name = attr(t, "name"); id == "" {
			id = name
		}
	}
	for _, n := range []string{id, name} {
		if n != "" && s.ids[n] == "" {
			s.ids[n] = id
		}
	}
}

// titleReader reads the text of headings.
type titleReader struct {
	open  string // tag of the open heading, or ""
	id    string // its own ID
	text  strings.Builder
	plain strings.Builder // the text with emoji instead of their names
	emoji int             // open elements within an emoji
}

func (r *titleReader) read(s *survey, t html.Token) {
	isTitle := len(t.Data) == 2 && t.Data[0] == 'h' && isDigit(t.Data[1]) && t.Type != html.TextToken
	switch {
	case isTitle && t.Type == html.EndTagToken:
		r.end(s, r.open == t.Data)
	case isTitle:
		r.end(s, false)
		*r = titleReader{open: t.Data, id: attr(t, "id")}
		s.headings = append(s.headings, heading{})
	case r.open == "":
	case t.Type == html.StartTagToken && t.Data == "span" && strings.HasPrefix(attr(t, "class"), emojiClass):
		r.emoji = 1
		r.text.WriteString(strings.TrimPrefix(attr(t, "class"), emojiClass))
	case t.Type == html.EndTagToken && t.Data == "span":
		r.emoji = 0
	case t.Type == html.TextToken && r.plain.Len() < maxLabel:
		if r.emoji == 0 {
			r.text.WriteString(t.Data)
		}
		r.plain.WriteString(t.Data)
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// end completes a heading. It gets a link to itself if its end tag was found.
func (r *titleReader) end(s *survey, found bool) {
	if r.open == "" {
		return
	}
	h := &s.headings[len(s.headings)-1]
	h.label = strings.Join(strings.Fields(r.plain.String()), " ")
	h.id = r.id
	anchor := slug(r.text.String())
	switch {
	case h.id != "":
		s.alias(anchor, h.id)
	case anchor != "":
		h.id = s.unique(anchor)
	}
	s.alias(slug(r.plain.String()), h.id)
	h.linked = found && h.id != "" && h.label != "" && len(s.headings) <= maxLinkedHeadings
	r.open = ""
}

// unique returns an ID that is not used yet. Like GitHub, it numbers headings with the same text.
func (s *survey) unique(id string) string {
	out := id
	for s.ids[out] != "" {
		s.numbers[id]++
		out = id + "-" + strconv.Itoa(s.numbers[id])
	}
	s.ids[out] = out
	return out
}

func (s *survey) alias(name, id string) {
	if name != "" && id != "" && s.ids[name] == "" {
		s.ids[name] = id
	}
}

// slug returns the anchor that GitHub gives to a heading: its letters and digits in lower case, "-" and "_", and "-"
// for each space.
func slug(title string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return '-'
		case c == '-' || unicode.In(c, unicode.L, unicode.M, unicode.Nd, unicode.Pc):
			return unicode.ToLower(c)
		}
		return -1
	}, strings.TrimSpace(title))
}

// target returns the address of a link within the text, or "" if it has no such target.
func (s *survey) target(fragment string) string {
	if decoded, err := url.PathUnescape(fragment); err == nil {
		fragment = decoded
	}
	own := strings.TrimPrefix(fragment, idPrefix)
	for _, name := range []string{fragment, own, strings.ToLower(own)} {
		if id := s.ids[name]; id != "" {
			return "#" + idPrefix + id
		}
	}
	if fragment == "" || fragment == "top" || fragment == "readme" {
		return "#" // the top of the page
	}
	return ""
}

// rowReader finds paragraphs that consist of pictures shown as text, such as badges.
type rowReader struct {
	open     string // tag of the open paragraph, or ""
	start    int    // index of its start tag
	pictures int
	any      bool // a row ended, and only spaces followed
	first    int  // index of the first start tag of that row
	last     int  // index of its last start tag
}

func (r *rowReader) read(s *survey, o Options, t html.Token, i int) {
	switch t.Type {
	case html.TextToken:
		if strings.Trim(t.Data, " \t\n\u00a0|·•") != "" {
			r.open, r.any = "", false
		}
		return
	case html.EndTagToken:
		switch {
		case t.Data == "a":
		case r.open != "" && t.Data == r.open && r.pictures > 0:
			r.row(s, i)
		default:
			r.open, r.any = "", false
		}
		return
	}
	switch t.Data {
	case "p", "div":
		r.any = r.any && r.open == ""
		r.open, r.start, r.pictures = t.Data, i, 0
	case "img":
		if shown, _ := o.pictureAddress(attr(t, "src")); shown != "" {
			r.open, r.any = "", false
		}
		r.pictures++
	case "a", "br":
	default:
		r.open, r.any = "", false
	}
}

// row notes a row of pictures with the end tag at index i, or joins it to the row before.
func (r *rowReader) row(s *survey, i int) {
	if r.any {
		s.rows[r.start] = rowContinued
		s.joined[r.last] = true
	} else {
		s.rows[r.start] = rowStart
		r.first = r.start
	}
	s.sizes[r.first] += r.pictures
	s.within = append(s.within, [2]int{r.start, i})
	r.open, r.last, r.any = "", r.start, true
}

// in reports whether a token is in a row of several pictures. It must be called with ascending indexes.
func (s *survey) in(token int) bool {
	for s.at < len(s.within) && s.within[s.at][1] < token {
		s.at++
	}
	return s.at < len(s.within) && s.within[s.at][0] <= token
}
