package page

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// maxNames is the number of names of members that a scanner remembers.
const maxNames = 64

// scanner reads JSON from left to right, without a copy of it in memory.
type scanner struct {
	dec   *jsontext.Decoder
	depth int               // the deepest nesting
	buf   []byte            // of the last text
	names map[string]string // of members, which most objects have in common
}

// newScanner returns a scanner of body, which is valid UTF-8. Callers decide about repeated members; a lone surrogate
// becomes U+FFFD.
func newScanner(body []byte, depth int) *scanner {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return &scanner{dec: dec, depth: depth, names: map[string]string{}}
}

// members calls each with the name of every member of the object that follows. each reads the member's value. If
// another value follows, it is skipped and members returns false.
func (s *scanner) members(each func(name string) error) (bool, error) {
	return s.inside('{', func() error {
		b, _, err := s.bytes()
		if err != nil {
			return err
		}
		name, ok := s.names[string(b)]
		if !ok {
			name = string(b)
			if len(s.names) < maxNames {
				s.names[name] = name
			}
		}
		return each(name)
	})
}

// values calls each before every value of the list that follows. each reads it. If another value follows, it is
// skipped and values returns false.
func (s *scanner) values(each func() error) (bool, error) { return s.inside('[', each) }

func (s *scanner) inside(open jsontext.Kind, each func() error) (bool, error) {
	if s.dec.PeekKind() != open {
		return false, s.skip()
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return false, broken(err)
	}
	for {
		switch s.dec.PeekKind() {
		case 0:
			return false, s.skip() // reports the error
		case '}', ']':
			_, err := s.dec.ReadToken()
			return true, broken(err)
		}
		if err := each(); err != nil {
			return false, err
		}
	}
}

// text returns the text that follows, or false after skipping another value.
func (s *scanner) text() (string, bool, error) {
	b, ok, err := s.bytes()
	return string(b), ok, err
}

// bytes is like text. Its result is valid until the next call.
func (s *scanner) bytes() ([]byte, bool, error) {
	if s.dec.PeekKind() != '"' {
		return nil, false, s.skip()
	}
	v, err := s.dec.ReadValue()
	if err != nil {
		return nil, false, broken(err)
	}
	if inner := v[1 : len(v)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner, true, nil
	}
	s.buf, _ = jsontext.AppendUnquote(s.buf[:0], v) // its error is about lone surrogates
	return s.buf, true, nil
}

// scalar returns the text, number or literal that follows, as it is written but for quotes, and its kind. It returns a
// zero kind after skipping an object or a list.
func (s *scanner) scalar() (string, jsontext.Kind, error) {
	switch k := s.dec.PeekKind(); k {
	case '"':
		t, _, err := s.text()
		return t, k, err
	case '{', '[', 0:
		return "", 0, s.skip()
	default:
		v, err := s.dec.ReadValue()
		return string(v), k, broken(err)
	}
}

// skip reads the value that follows, of limited depth.
func (s *scanner) skip() error {
	top := s.dec.StackDepth()
	for {
		t, err := s.dec.ReadToken()
		if err != nil {
			return broken(err)
		}
		if s.dec.StackDepth() > s.depth {
			return fmt.Errorf("the JSON is nested deeper than %d", s.depth)
		}
		if k := t.Kind(); k != '{' && k != '[' && s.dec.StackDepth() <= top {
			return nil
		}
	}
}

// end returns an error if anything follows.
func (s *scanner) end() error {
	if _, err := s.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON")
	}
	return nil
}

// broken describes a syntax error without quoting the upstream.
func broken(err error) error {
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Errorf("invalid JSON at byte %d", syntax.ByteOffset)
	}
	return errors.New("invalid JSON")
}

// minEntry is the length from which a file in JSON is usual, in bytes.
const minEntry = 300

// jsonPage reads the members of a project's page.
type jsonPage struct {
	*reader
	*scanner
	seen                 map[string]bool
	named, version, list bool
}

func (r *reader) readJSON(body []byte) error {
	r.page.Files = make([]File, 0, min(bytes.Count(body, []byte(`"filename"`)), r.bounds.Files, len(body)/minEntry))
	p := jsonPage{reader: r, scanner: newScanner(body, r.bounds.Depth), seen: map[string]bool{}}
	if _, err := p.members(p.member); err != nil {
		return err
	}
	if err := p.end(); err != nil {
		return err
	}
	if !p.list || !p.named && !p.version {
		return errors.New("the JSON is not the page of a project")
	}
	return nil
}

func (p *jsonPage) member(name string) error {
	switch name {
	case "meta", "name", "files", "project-status":
		if p.seen[name] {
			return fmt.Errorf("the page has two members %q", name)
		}
		p.seen[name] = true
	}
	switch name {
	case "meta":
		_, err := p.members(p.meta)
		return err
	case "name":
		return p.readName()
	case "files":
		ok, err := p.values(p.readFile)
		p.list = ok
		return err
	case "project-status":
		return p.status()
	}
	return p.skip()
}

func (p *jsonPage) meta(name string) error {
	switch name {
	case "api-version":
		v, _, err := p.scalar()
		if err != nil {
			return err
		}
		p.version = true
		return checkVersion(v)
	case "_last-serial":
		v, _, err := p.scalar()
		p.setSerial(v)
		return err
	}
	return p.skip()
}

func (p *jsonPage) readName() error {
	name, ok, err := p.text()
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("the name of the page's project is not a text")
	}
	p.named = true
	return p.checkName(name)
}

func (p *jsonPage) status() error {
	var status, reason string
	_, err := p.members(func(name string) (err error) {
		switch name {
		case "status":
			status, _, err = p.text()
		case "reason":
			reason, _, err = p.text()
		default:
			err = p.skip()
		}
		return err
	})
	p.setStatus(status, reason)
	return err
}
