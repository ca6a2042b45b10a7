package page

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pyindex/internal/packaging"
)

// reader collects the files of one page.
type reader struct {
	base    *url.URL // of relative links, without user
	project packaging.ProjectName
	bounds  Bounds

	page    Page
	entries int
	links   int               // bytes of all URLs
	known   map[string]int    // index of each file name in page.Files
	texts   map[string]string // one copy of each text that files share
}

func newReader(at *url.URL, project packaging.ProjectName, b Bounds) *reader {
	r := &reader{
		base:    &url.URL{},
		project: project,
		bounds:  b,
		known:   map[string]int{},
		texts:   map[string]string{},
	}
	if at != nil {
		r.base = withoutUser(at)
	}
	return r
}

func withoutUser(u *url.URL) *url.URL {
	c := *u
	c.User = nil
	return &c
}

// entry is a file as its page states it.
type entry struct {
	names    []string // spellings of its name, the most likely first
	href     string
	sha256   string
	size     int64
	uploaded time.Time

	requiresPython string
	yanked         bool
	yankedReason   string
	metadata       bool
	metadataSHA256 string
	provenance     string
	signed         *bool
	malformed      bool // a stated value cannot be understood and must not be guessed
}

// add appends a file to the page, or counts it as dropped. It returns an error if the page has too many entries.
func (r *reader) add(e entry) error {
	if r.entries++; r.entries > r.bounds.Files {
		return fmt.Errorf("the page has more than %d files", r.bounds.Files)
	}
	f, ok := r.file(e)
	if !ok {
		r.page.Dropped++
		return nil
	}
	if i, twice := r.known[f.Filename]; twice {
		if f.SHA256 == "" || f.SHA256 != r.page.Files[i].SHA256 {
			r.page.Dropped++
		}
		return nil
	}
	if r.links += len(f.URL) + len(f.Provenance); r.links > maxLinks {
		return errors.New("the URLs of the page are too long")
	}
	r.known[f.Filename] = len(r.page.Files)
	r.page.Files = append(r.page.Files, f)
	return nil
}

// file checks an entry. It returns false unless the entry is a wheel or source distribution of this project with a
// usable URL.
func (r *reader) file(e entry) (File, bool) {
	python := strings.TrimSpace(e.requiresPython)
	if e.malformed || len(python) > maxText || strings.ContainsFunc(python, unicode.IsControl) {
		return File{}, false
	}
	name, ok := r.filename(e.names)
	if !ok {
		return File{}, false
	}
	link, ok := r.resolve(e.href)
	if !ok {
		return File{}, false
	}
	f := File{
		Filename:       name.String(),
		URL:            link,
		Kind:           name.Kind(),
		Version:        r.shared(name.Version().String()),
		Size:           e.size,
		Uploaded:       e.uploaded,
		RequiresPython: r.shared(python),
		Yanked:         e.yanked,
		YankedReason:   r.shared(Text(e.yankedReason)),
		Metadata:       e.metadata,
		Signed:         e.signed,
	}
	if f.SHA256, ok = digest(e.sha256); !ok {
		return File{}, false
	}
	if f.MetadataSHA256, ok = digest(e.metadataSHA256); !ok {
		f.Metadata = false // it could not be checked
	}
	if e.provenance != "" {
		f.Provenance, _ = r.resolve(e.provenance)
	}
	return f, true
}

func (r *reader) filename(names []string) (packaging.Filename, bool) {
	for _, name := range names {
		if f, err := packaging.ParseFilename(name, r.project); err == nil {
			return f, true
		}
	}
	return packaging.Filename{}, false
}

// resolve returns a link as an absolute URL of http or https without user and fragment, and false if it is none.
func (r *reader) resolve(link string) (string, bool) {
	link = strings.TrimSpace(link)
	if link == "" || len(link) > maxURL {
		return "", false
	}
	u, err := url.Parse(link)
	if err != nil {
		return "", false
	}
	if !u.IsAbs() {
		u = r.base.ResolveReference(u)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Opaque != "" {
		return "", false
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	s := u.String()
	if len(s) > maxURL || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", false
	}
	return s, true
}

// shared returns s, with the memory of an earlier equal text.
func (r *reader) shared(s string) string {
	if s == "" {
		return ""
	}
	if t, ok := r.texts[s]; ok {
		return t
	}
	r.texts[s] = s
	return s
}

// digest returns a SHA-256 in lower-case hex. It returns "" for "" and false for any other text.
func digest(s string) (string, bool) {
	if s == "" {
		return "", true
	}
	if len(s) != 64 {
		return "", false
	}
	upper := false
	for _, c := range []byte(s) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
		case 'A' <= c && c <= 'F':
			upper = true
		default:
			return "", false
		}
	}
	if upper {
		s = strings.ToLower(s)
	}
	return s, true
}

// Text returns a text of another index for people: valid, on one line and of at most 1000 bytes.
func Text(s string) string {
	if len(s) > 4*maxText {
		s = s[:4*maxText]
	}
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if len(s) > maxText {
		n := maxText
		for !utf8.RuneStart(s[n]) {
			n--
		}
		s = strings.TrimSpace(s[:n])
	}
	return s
}

// uploadTime parses an upload time of PEP 700. It returns the zero time for one that has no zone or is invalid.
func uploadTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
