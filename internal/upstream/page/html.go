package page

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"pyindex/internal/packaging"
)

// The limits of the parts of an HTML page, in bytes.
const (
	maxTag  = 256 << 10 // one tag with its attributes, or one run of text
	maxLink = 1000      // the text of a link, or a heading
)

// htmlPage is what both kinds of HTML pages have: the tags of the head, a heading, and links.
type htmlPage struct {
	base    *url.URL
	version bool // the page states a version of the simple API

	status, reason string
	serial         string   // of a comment, as large indexes write it
	headings       []string // title and first-level headings

	link func(attrs *attributes, text string) error
}

// attribute is a known attribute of a tag.
type attribute int

const (
	attrHref attribute = iota
	attrName
	attrContent
	attrPython
	attrYanked
	attrMetadata
	attrOldMetadata
	attrProvenance
	attrSigned
	attrCount
)

var attributeNames = map[string]attribute{
	"href":                    attrHref,
	"name":                    attrName,
	"content":                 attrContent,
	"data-requires-python":    attrPython,
	"data-yanked":             attrYanked,
	"data-core-metadata":      attrMetadata,
	"data-dist-info-metadata": attrOldMetadata,
	"data-provenance":         attrProvenance,
	"data-gpg-sig":            attrSigned,
}

// attributes are the known attributes of a tag.
type attributes struct {
	value [attrCount]string
	has   [attrCount]bool
}

// read reads the attributes of a tag. The first of several equal ones is kept, as in a browser.
func (a *attributes) read(z *html.Tokenizer, more bool) {
	*a = attributes{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if i, known := attributeNames[string(key)]; known && !a.has[i] {
			a.has[i], a.value[i] = true, strings.ToValidUTF8(string(value), "\uFFFD")
		}
	}
}

// readTags reads a page and calls p.link for each link that has a target, with its attributes and text.
func (p *htmlPage) readTags(body []byte) error {
	z := html.NewTokenizer(bytes.NewReader(body))
	z.SetMaxBuf(maxTag)
	var open atom.Atom // the link or heading that is being read
	var attrs, other attributes
	var text strings.Builder
	var based bool
	end := func() error {
		was := open
		open = 0
		switch {
		case was == atom.A:
			return p.link(&attrs, strings.TrimSpace(text.String()))
		case was != 0 && len(p.headings) < 10:
			p.headings = append(p.headings, strings.TrimSpace(text.String()))
		}
		return nil
	}
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return errors.New("the HTML has a tag or a text that is too long")
			}
			return end()
		case html.TextToken:
			if open != 0 && text.Len() < maxLink {
				b := z.Text()
				text.Write(b[:min(len(b), maxLink)])
			}
		case html.CommentToken:
			if serial, ok := strings.CutPrefix(string(z.Text()), "SERIAL "); ok {
				p.serial = strings.TrimSpace(serial)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if a := atom.Lookup(name); a != 0 && a == open {
				if err := end(); err != nil {
					return err
				}
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch a := atom.Lookup(name); a {
			case atom.A, atom.Title, atom.H1:
				if err := end(); err != nil {
					return err
				}
				if attrs.read(z, more); a == atom.A && attrs.value[attrHref] == "" {
					continue
				}
				open = a
				text.Reset()
			case atom.Base:
				if other.read(z, more); other.has[attrHref] && !based {
					based = true
					if u, err := url.Parse(strings.TrimSpace(other.value[attrHref])); err == nil {
						p.base = withoutUser(p.base.ResolveReference(u))
					}
				}
			case atom.Meta:
				other.read(z, more)
				if err := p.meta(other.value[attrName], other.value[attrContent]); err != nil {
					return err
				}
			}
		}
	}
}

func (p *htmlPage) meta(name, content string) error {
	switch strings.ToLower(name) {
	case "pypi:repository-version":
		p.version = true
		return checkVersion(content)
	case "pypi:project-status":
		p.status = content
	case "pypi:project-status-reason":
		p.reason = content
	}
	return nil
}

// linksFor begins the title of a project's page, by a custom as old as such pages.
const linksFor = "links for "

// readHTML reads the page of a project. Only a page that states its version, or is entitled "Links for" the project,
// may be without files: any other is an error page, a form for signing in, or the list of a whole folder.
func (r *reader) readHTML(body []byte) error {
	var own bool // a link leads to a file of this project, of whatever format
	p := htmlPage{base: r.base}
	p.link = func(attrs *attributes, text string) error {
		r.base = p.base
		e, ok := linked(attrs, text)
		if !ok {
			return nil
		}
		own = own || r.mentioned(e.names)
		return r.add(e)
	}
	if err := p.readTags(body); err != nil {
		return err
	}
	marked := p.version
	for _, heading := range p.headings {
		heading = strings.ToLower(heading) // which may change its length
		i := strings.LastIndex(heading, linksFor)
		if i < 0 {
			continue
		}
		name, err := packaging.ParseProjectName(strings.TrimSpace(heading[i+len(linksFor):]))
		if err == nil && name != r.project && len(r.page.Files) == 0 {
			return r.checkName(name.String())
		}
		marked = marked || err == nil && name == r.project
	}
	if !marked && !own {
		return errors.New("the HTML is not the page of a project")
	}
	r.setStatus(p.status, p.reason)
	r.setSerial(p.serial)
	return nil
}

// mentioned reports whether one of the names is that of a file of the project, of any format.
func (r *reader) mentioned(names []string) bool {
	for _, name := range names {
		if strings.HasPrefix(lowerDashed.Replace(strings.ToLower(name)), r.project.String()+"-") {
			return true
		}
	}
	return false
}

// lowerDashed replaces separators as normalizing does, but for runs of them.
var lowerDashed = strings.NewReplacer("_", "-", ".", "-")

// linked returns the file that a link of a project's page leads to. It returns false for a link to something else than
// a file.
func linked(attrs *attributes, text string) (entry, bool) {
	u, err := url.Parse(strings.TrimSpace(attrs.value[attrHref]))
	if err != nil || u.Path == "" && u.RawQuery == "" { // a place on this page
		return entry{}, false
	}
	e := entry{
		href:           attrs.value[attrHref],
		size:           -1,
		requiresPython: attrs.value[attrPython],
		yanked:         attrs.has[attrYanked],
		yankedReason:   attrs.value[attrYanked],
		provenance:     attrs.value[attrProvenance],
	}
	for _, name := range []string{path.Base(u.Path), text} {
		if isFile(name) {
			e.names = append(e.names, name)
		}
	}
	if len(e.names) == 0 || strings.HasSuffix(u.Path, "/") {
		return entry{}, false
	}
	for part := range strings.SplitSeq(u.Fragment, "&") {
		if hex, ok := strings.CutPrefix(part, "sha256="); ok {
			e.malformed = e.malformed || hex == "" || e.sha256 != "" && e.sha256 != hex
			e.sha256 = hex
		}
	}
	for _, a := range []attribute{attrMetadata, attrOldMetadata} {
		if attrs.has[a] {
			e.metadata, e.metadataSHA256 = linkedMetadata(attrs.value[a])
			break
		}
	}
	if v := strings.ToLower(attrs.value[attrSigned]); v == "true" || v == "false" {
		signed := v == "true"
		e.signed = &signed
	}
	return e, true
}

// linkedMetadata reads a value of data-core-metadata: "true", or the name of a hash, "=" and the digest.
func linkedMetadata(v string) (bool, string) {
	v = strings.TrimSpace(v)
	if hex, ok := strings.CutPrefix(v, "sha256="); ok {
		return hex != "", hex
	}
	return strings.EqualFold(v, "true") || strings.Contains(v, "="), ""
}

// isFile reports whether a name has the extension of a distribution of any age.
func isFile(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".whl", ".gz", ".tgz", ".zip", ".bz2", ".egg", ".exe", ".msi", ".dmg", ".rpm", ".deb", ".xz", ".z", ".tar":
		return true
	}
	return false
}
