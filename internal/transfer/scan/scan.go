// Package scan reads JSON that another program wrote, from left to right and without a copy of it in memory.
//
// The size of a value and the depth of nesting are bounded. An error names the document and the line.
package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a document.
const (
	maxDepth = 64       // nested objects and lists
	maxValue = 32 << 20 // bytes of a text or number with the blanks before it
	maxNames = 1 << 10  // names of members that a reader remembers
)

// Document is where a JSON document is read from. Open is called a second time to find the line of an error.
type Document struct {
	Name  string // for errors, such as "dataindex.json"
	Open  func() (io.ReadCloser, error)
	Above int // lines before it, if it is a part of a larger file
}

// Bytes returns the document of a text that is in memory.
func Bytes(name string, b []byte) Document {
	return Document{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// Read calls value with a reader of the document. value must read exactly one value. The document may not go on after
// it.
func (d Document) Read(value func(*Reader) error) error {
	in, err := d.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	r := newReader(in)
	err = value(r)
	if err == nil {
		err = r.end()
	}
	if err == nil {
		return nil
	}
	if _, ours := errors.AsType[*broken](err); !ours {
		return err
	}
	return fmt.Errorf("%s, line %d: %w", d.Name, d.line(r.dec.InputOffset()), err)
}

// line returns the number of the line of a byte.
func (d Document) line(offset int64) int {
	in, err := d.Open()
	if err != nil {
		return 0
	}
	defer in.Close()
	line, buf := 1+d.Above, make([]byte, 64<<10)
	for offset > 0 {
		n, err := in.Read(buf[:min(int64(len(buf)), offset)])
		line += bytes.Count(buf[:n], []byte("\n"))
		if offset -= int64(n); err != nil {
			break
		}
	}
	return line
}

// broken is an error in a document.
type broken struct{ err error }

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// Errorf returns an error about the value that was read last. Document.Read adds the name of the document and the line.
func Errorf(format string, args ...any) error { return &broken{fmt.Errorf(format, args...)} }

// errLong is the error of a value without an end.
var errLong = errors.New("a value is too long")

// bounded ends a value that is too long.
type bounded struct {
	in   io.Reader
	read int64
	most int64 // of read
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.read > b.most {
		return 0, errLong
	}
	n, err := b.in.Read(p)
	b.read += int64(n)
	return n, err
}

// Reader reads the values of a document one after the other.
type Reader struct {
	in    *bounded
	dec   *jsontext.Decoder
	names map[string]string
}

func newReader(in io.Reader) *Reader {
	b := &bounded{in: in, most: maxValue}
	// a repeated name overwrites, as in the programs that write these documents; unpaired surrogates become U+FFFD
	dec := jsontext.NewDecoder(b, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return &Reader{in: b, dec: dec, names: map[string]string{}}
}

// peek returns the kind of the value that follows.
func (r *Reader) peek() jsontext.Kind {
	r.in.most = r.dec.InputOffset() + maxValue
	return r.dec.PeekKind()
}

// token reads a token.
func (r *Reader) token() (jsontext.Token, error) {
	r.in.most = r.dec.InputOffset() + maxValue
	t, err := r.dec.ReadToken()
	if err != nil {
		return t, wrong(err)
	}
	if r.dec.StackDepth() > maxDepth {
		return t, Errorf("the JSON is nested deeper than %d", maxDepth)
	}
	return t, nil
}

// wrong describes an error of the decoder without quoting the document.
func wrong(err error) error {
	if _, syntax := errors.AsType[*jsontext.SyntacticError](err); syntax {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return Errorf("the JSON ends early")
		}
		return Errorf("this is not valid JSON")
	}
	switch {
	case errors.Is(err, errLong):
		return Errorf("a value is longer than %d MiB", maxValue>>20)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Errorf("the JSON ends early")
	}
	return err
}

// Object calls each with the name of every member of the object that follows. each must read the member's value. It
// returns false after skipping another value.
func (r *Reader) Object(each func(name string) error) (bool, error) {
	return r.inside('{', func() error {
		t, err := r.token()
		if err != nil {
			return err
		}
		text := t.String()
		name, known := r.names[text]
		if !known {
			if name = text; len(r.names) < maxNames {
				r.names[name] = name
			}
		}
		return each(name)
	})
}

// List calls each before every value of the list that follows. each must read it. List returns false after skipping
// another value.
func (r *Reader) List(each func() error) (bool, error) { return r.inside('[', each) }

func (r *Reader) inside(open jsontext.Kind, each func() error) (bool, error) {
	if r.peek() != open {
		return false, r.Skip()
	}
	if _, err := r.token(); err != nil {
		return false, err
	}
	for {
		switch r.peek() {
		case 0:
			_, err := r.token()
			if err == nil {
				err = Errorf("this is not valid JSON")
			}
			return false, err
		case '}', ']':
			_, err := r.token()
			return true, err
		}
		if err := each(); err != nil {
			return false, err
		}
	}
}

// Text reads a text. It returns "" after skipping another value, such as null.
func (r *Reader) Text() (string, error) {
	if r.peek() != '"' {
		return "", r.Skip()
	}
	t, err := r.token()
	if err != nil {
		return "", err
	}
	return t.String(), nil
}

// Scalar reads a text, a number, true or false as a text. It returns "" for null, and after skipping an object or list.
func (r *Reader) Scalar() (string, error) {
	switch r.peek() {
	case '{', '[', 'n', 0:
		return "", r.Skip()
	}
	t, err := r.token()
	if err != nil {
		return "", err
	}
	return t.String(), nil
}

// Null reads null if it follows, and reports whether it did.
func (r *Reader) Null() (bool, error) {
	if r.peek() != 'n' {
		return false, nil
	}
	_, err := r.token()
	return true, err
}

// Texts reads a list of texts, of which it keeps at most most. Values of other types are left out.
func (r *Reader) Texts(most int) ([]string, error) {
	var out []string
	_, err := r.List(func() error {
		if r.peek() != '"' {
			return r.Skip()
		}
		s, err := r.Text()
		if len(out) < most {
			out = append(out, s)
		}
		return err
	})
	return out, err
}

// Skip reads the value that follows.
func (r *Reader) Skip() error {
	top := r.dec.StackDepth()
	for {
		t, err := r.token()
		if err != nil {
			return err
		}
		if k := t.Kind(); k != '{' && k != '[' && r.dec.StackDepth() <= top {
			return nil
		}
	}
}

// end returns an error if anything follows.
func (r *Reader) end() error {
	r.in.most = r.dec.InputOffset() + maxValue
	_, err := r.dec.ReadToken()
	_, syntax := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case err == io.EOF:
		return nil
	case err == nil, syntax, errors.Is(err, errLong), errors.Is(err, io.ErrUnexpectedEOF):
		return Errorf("something follows the JSON")
	}
	return err
}
