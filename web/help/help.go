package help

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"html"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	text "text/template"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/readme"
	"pyindex/internal/route"
	"pyindex/internal/workload"
	"pyindex/web/ui"
)

// manual has the chapters as Markdown templates, by part and order: see parts.
//
//go:embed *.md
var manual embed.FS

// comingOver has the pages of other indexes, which are below the chapter come-over.
//
//go:embed come-over/*.md
var comingOver embed.FS

// comeOver is the chapter above the pages of other indexes.
const comeOver = "come-over"

// chapter is a page of the manual, filled in for this server.
type chapter struct {
	Slug, Title string
	Pages       []chapter // below it

	texts  []string        // of its sections, in lower case
	render func() rendered // the first call renders, later ones return the same
}

// rendered is a chapter as HTML with its sections.
type rendered struct {
	html     template.HTML
	sections []section
}

// HTML returns the chapter without its title.
func (c chapter) HTML() template.HTML { return c.render().html }

// Sections returns the sections. The first is the text before the first heading, and has no anchor.
func (c chapter) Sections() []section { return c.render().sections }

// find returns the sections that contain all words, which are in lower case.
func (c chapter) find(words []string) (out []section) {
	for i, text := range c.texts {
		if !hasAll(text, words) {
			continue
		}
		if found := c.Sections(); i < len(found) {
			out = append(out, found[i])
		}
	}
	return out
}

// part is a group of chapters. Its files have numbers below Before, and not below that of the part before it.
type part struct {
	Title    string
	Before   string
	Chapters []chapter
}

// parts returns the parts of the manual without their chapters.
func parts() []part {
	return []part{{Title: "Use it", Before: "60"}, {Title: "Run it", Before: "80"}, {Title: "Look it up", Before: "99"}}
}

// section is a part of a chapter below a heading.
type section struct{ Title, Anchor string }

// Routes returns the pages of the manual.
func (s *Section) Routes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/help/", Auth: route.Visitor, Handle: s.help},
		{Method: http.MethodGet, Path: "/help/:chapter/", Auth: route.Visitor, Handle: s.helpChapter},
		{
			Method: http.MethodGet, Path: "/help/" + trustedPublishing + "/:platform/", Auth: route.Visitor,
			Handle: s.helpPlatform,
		},
		{Method: http.MethodGet, Path: "/help/" + comeOver + "/:source/", Auth: route.Visitor, Handle: s.helpSource},
	}
}

// filling has the values that the manual's templates use.
type filling struct {
	Name, URL, Simple, Signed, Upload string
	Audience                          string // of identity tokens
	HostPort, Host                    string // Host is without the port
	Closed, Authority                 bool
	GetProgram                        []string // lines of a shell that get the index program in a CI job
	Kinds                             []*workload.Kind
}

// WithUser returns the index URL with the user name for tokens, for clients that look up the token elsewhere.
func (f filling) WithUser() string { return strings.Replace(f.Simple, "://", "://__token__@", 1) }

// SignedFrom returns the index URL with a shell expression in place of the token.
func (f filling) SignedFrom(token string) string { return strings.Replace(f.Signed, "TOKEN", token, 1) }

// load fills in all chapters. Each is rendered when someone opens it: rendering all of them takes longer than everything
// else that a server does before its first answer.
func (s *Section) load() (*book, error) {
	fill := s.filling()
	below, err := loadChapters(comingOver, comeOver, comeOver+"/", fill)
	if err != nil {
		return nil, err
	}
	b := &book{parts: parts()}
	if b.chapters, err = loadChapters(manual, ".", "", fill); err != nil {
		return nil, err
	}
	at := 0
	for i, name := range fileNames(manual, ".") {
		if b.chapters[i].Slug == comeOver {
			b.chapters[i].Pages = below
		}
		for b.parts[at].Before <= name {
			at++
		}
		b.parts[at].Chapters = append(b.parts[at].Chapters, b.chapters[i])
	}
	b.platforms, err = s.loadPlatforms(fill)
	return b, err
}

// filling returns the values of this server.
func (s *Section) filling() filling {
	c := s.Connection(s.Base)
	return filling{
		Name: s.Name, URL: c.Root, Simple: c.Index, Signed: c.Signed, Upload: s.Absolute("/legacy/"),
		Audience: cmp.Or(s.o.Audience, c.Host), HostPort: c.Host,
		Host: s.BaseURL.Hostname(), Closed: s.Closed, Authority: len(s.o.Authority) > 0,
		GetProgram: strings.Split(s.GetProgram(), "\n"), Kinds: workload.All,
	}
}

// fileNames returns the names of the chapters in a folder, in their order.
func fileNames(from fs.FS, dir string) []string {
	names, err := fs.Glob(from, path.Join(dir, "*.md"))
	if err != nil {
		panic(err) // the pattern is wrong
	}
	return names
}

// loadChapters fills in the chapters in a folder. The name of a file is a number, for the order, and the last part of
// the chapter's slug, which begins with prefix.
func loadChapters(from fs.ReadFileFS, dir, prefix string, fill filling) (out []chapter, err error) {
	for _, name := range fileNames(from, dir) {
		b, err := from.ReadFile(name)
		if err != nil {
			return nil, err
		}
		markdown, err := filled(name, string(b), fill)
		if err != nil {
			return nil, err
		}
		_, slug, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".md"), "-")
		out = append(out, chapterOf(prefix+slug, markdown))
	}
	return out, nil
}

// filled fills in a template.
func filled(name, markdown string, fill any) (string, error) {
	t, err := text.New(name).Delims("[[", "]]").Parse(markdown)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = t.Execute(&out, fill)
	return out.String(), err
}

var (
	helpHeading = regexp.MustCompile(`<h2 id="([^"]+)">(.*?)</h2>`)
	helpTag     = regexp.MustCompile(`<[^>]*>`)
)

// chapterOf returns a chapter. Its title is the first line, and each second-level heading begins a section.
func chapterOf(slug, markdown string) chapter {
	title, rest, _ := strings.Cut(strings.TrimPrefix(markdown, "# "), "\n")
	c := chapter{Slug: slug, Title: title, render: sync.OnceValue(func() rendered { return render(title, rest) })}
	for i, text := range strings.Split(rest, "\n## ") {
		if i == 0 {
			text = title + "\n" + text
		}
		c.texts = append(c.texts, strings.ToLower(text))
	}
	return c
}

// render renders the text of a chapter. readme.Render lowers headings by one level, because the page has a title, so they
// are raised by one first.
func render(title, markdown string) rendered {
	higher := strings.ReplaceAll(markdown, "\n## ", "\n# ")
	out := rendered{
		html:     readme.Render(context.Background(), higher, "text/markdown", readme.Options{}).HTML,
		sections: []section{{Title: title}},
	}
	for _, m := range helpHeading.FindAllStringSubmatch(string(out.html), -1) {
		out.sections = append(out.sections, section{html.UnescapeString(helpTag.ReplaceAllString(m[2], "")), m[1]})
	}
	return out
}

type helpView struct {
	ui.Frame
	Parts     []part
	Chapter   chapter
	Platforms []platform
	Ask       string
	Found     []foundHelp
	Settings  []ui.SettingGroup
}

type foundHelp struct{ Chapter, Slug, Title, Anchor string }

// maxHelpFound is the largest number of search results.
const maxHelpFound = 30

// view returns the data of a page of the manual.
func (s *Section) view(r *http.Request, who access.Caller, b *book, c chapter) helpView {
	v := helpView{Frame: s.Frame(r, who, c.Title), Parts: b.parts, Chapter: c, Platforms: b.platforms}
	v.Section = "help"
	return v
}

// help shows the table of contents and the sections that contain all words of the search.
func (s *Section) help(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	b, err := s.book()
	if err != nil {
		return err
	}
	v := s.view(r, who, b, chapter{Title: "Manual"})
	v.Ask = ui.Cut(100, r.URL.Query().Get("q"))
	if words := strings.Fields(strings.ToLower(v.Ask)); len(words) > 0 {
		v.Found = s.find(b, words)
	}
	return s.Render(w, http.StatusOK, "help", &v)
}

// find returns the first sections and settings that contain all words, which are in lower case.
func (s *Section) find(b *book, words []string) (out []foundHelp) {
	for _, c := range b.all() {
		if len(out) >= maxHelpFound {
			break
		}
		for _, x := range c.find(words) {
			out = append(out, foundHelp{c.Title, c.Slug, x.Title, x.Anchor})
		}
	}
	for _, x := range s.o.Settings {
		if hasAll(strings.ToLower(x.Name+" "+x.Help), words) {
			out = append(out, foundHelp{"Settings", "settings", x.Name, "setting-" + x.Name})
		}
	}
	return out[:min(len(out), maxHelpFound)]
}

// all returns the chapters, the pages below them, and the pages of the platforms.
func (b *book) all() []chapter {
	out := slices.Clone(b.chapters)
	for _, c := range b.chapters {
		out = append(out, c.Pages...)
	}
	for _, p := range b.platforms {
		out = append(out, p.chapter)
	}
	return out
}

func hasAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// helpChapter shows a chapter. The settings chapter is generated from the settings of the program.
func (s *Section) helpChapter(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	b, err := s.book()
	if err != nil {
		return err
	}
	slug := r.PathValue("chapter")
	if slug == "settings" {
		v := s.view(r, who, b, chapter{Slug: slug, Title: "Settings"})
		v.Settings = ui.GroupSettings(s.o.Settings)
		return s.Render(w, http.StatusOK, "help-settings", &v)
	}
	return s.show(w, r, who, b, b.chapters, slug, "chapter")
}

// helpSource shows how to come over from another index.
func (s *Section) helpSource(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	b, err := s.book()
	if err != nil {
		return err
	}
	var pages []chapter
	for _, c := range b.chapters {
		pages = append(pages, c.Pages...)
	}
	return s.show(w, r, who, b, pages, comeOver+"/"+r.PathValue("source"), "page")
}

// show shows the chapter of from with a slug. what is what a fault calls it.
func (s *Section) show(w http.ResponseWriter, r *http.Request, who access.Caller, b *book, from []chapter, slug,
	what string,
) error {
	i := slices.IndexFunc(from, func(c chapter) bool { return c.Slug == slug })
	if i < 0 {
		return fault.New(fault.NotFound, "the manual has no such %s", what)
	}
	v := s.view(r, who, b, from[i])
	return s.Render(w, http.StatusOK, "help-chapter", &v)
}
