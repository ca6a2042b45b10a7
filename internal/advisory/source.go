package advisory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"pyindex/internal/fault"
)

// Limits of a feed.
const (
	maxRecords = 2_000_000
	maxTotal   = 8 << 30 // bytes of JSON
	// MaxFile is the largest file that is read from a URL, in bytes.
	MaxFile = 4 << 30
)

// Source calls each for the text of every record of a feed, with a name for messages. The text is valid until each
// returns. If a record cannot be read, the error is given to each instead of the text.
type Source func(ctx context.Context, each func(name string, text []byte, err error) error) error

// broken is the error of one record that cannot be read, while others can.
type broken struct {
	name string
	err  error
}

func (b *broken) Error() string { return fmt.Sprintf("%s: %v", b.name, b.err) }
func (b *broken) Unwrap() error { return b.err }

// FromPath returns the records of a folder with .json files, of a zip file with such members, or of one file: a record,
// a list of records, or records one after another. It returns fault.Invalid if there is nothing of these. Symbolic
// links in a folder are not followed.
func FromPath(name string) (Source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "cannot read the feed: %v", err)
	}
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "cannot read the feed: %v", err)
	}
	switch {
	case info.IsDir():
		return func(ctx context.Context, each func(string, []byte, error) error) error {
			return readFolder(name, counted(ctx, each))
		}, nil
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.Invalid, "%s is neither a folder nor a file", name)
	}
	return func(ctx context.Context, each func(string, []byte, error) error) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return readFile(f, filepath.Base(name), counted(ctx, each))
	}, nil
}

// each is what a source calls for a record.
type each = func(name string, text []byte, err error) error

// counted returns an each that ends with the context, and with an error after too many records or bytes.
func counted(ctx context.Context, f each) each {
	records, total := 0, int64(0)
	return func(name string, text []byte, err error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if records++; records > maxRecords {
			return fault.New(fault.TooLarge, "the feed has more than %d records", maxRecords)
		}
		if total += int64(len(text)); total > maxTotal {
			return fault.New(fault.TooLarge, "the feed has more than %d GiB of JSON", maxTotal>>30)
		}
		return f(name, text, err)
	}
}

func readFolder(root string, f each) error {
	var text bytes.Buffer
	return filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fault.Wrap(fault.Invalid, err, "cannot read the feed: %v", err)
		case d.IsDir() || !d.Type().IsRegular() || !strings.HasSuffix(at, ".json"):
			return nil
		}
		in, err := os.Open(at)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "cannot read the feed: %v", err)
		}
		defer in.Close()
		name, err := filepath.Rel(root, at)
		if err != nil {
			name = filepath.Base(at)
		}
		text.Reset()
		if _, err := text.ReadFrom(io.LimitReader(in, MaxRecord+1)); err != nil {
			return fault.Wrap(fault.Invalid, err, "cannot read the feed: %v", err)
		}
		return readText(filepath.ToSlash(name), text.Bytes(), f)
	})
}

// readText calls f for the record, or the list of records, of one file.
func readText(name string, text []byte, f each) error {
	if len(text) > MaxRecord {
		return f(name, nil, fmt.Errorf("it is larger than %d MiB", MaxRecord>>20))
	}
	if begin := bytes.TrimLeft(text, " \t\r\n"); len(begin) == 0 || begin[0] != '[' {
		return f(name, text, nil)
	}
	d := jsontext.NewDecoder(bytes.NewReader(text), reading...)
	if err := readValues(d, func() {}, func(text []byte) error { return f(name, text, nil) }); err != nil {
		if isJSON(err) {
			return f(name, nil, errors.New("it is not JSON"))
		}
		return err
	}
	return nil
}

// readFile calls f for the records of a zip file, or of a file with records.
func readFile(in *os.File, name string, f each) error {
	info, err := in.Stat()
	if err != nil {
		return err
	}
	begin := make([]byte, 4)
	n, err := in.ReadAt(begin, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if n == 4 && (string(begin) == "PK\x03\x04" || string(begin) == "PK\x05\x06") {
		return readZip(in, info.Size(), f)
	}
	budget := &budgeted{in: in}
	budget.renew()
	d := jsontext.NewDecoder(budget, reading...)
	err = readValues(d, budget.renew, func(text []byte) error { return f(name, text, nil) })
	if isJSON(err) {
		at := d.InputOffset()
		if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			at = syntax.ByteOffset
		}
		return fault.New(fault.Invalid, "%s is not a zip file, and no valid JSON after byte %d: nothing was imported", name,
			at)
	}
	return err
}

// readValues calls f for each value of d, and for each element of a value that is a list.
func readValues(d *jsontext.Decoder, next func(), f func(text []byte) error) error {
	for {
		next()
		kind := d.PeekKind()
		if kind == '[' || kind == ']' {
			if _, err := d.ReadToken(); err != nil {
				return &badJSON{err}
			}
			if d.StackDepth() > 1 {
				return &badJSON{errors.New("a list within the list of records")}
			}
			continue
		}
		text, err := d.ReadValue()
		if err == io.EOF && d.StackDepth() == 0 {
			return nil
		}
		if err != nil {
			if errors.Is(err, errBudget) {
				return errBudget
			}
			return &badJSON{err}
		}
		if err := f(text); err != nil {
			return err
		}
	}
}

type badJSON struct{ err error }

func (b *badJSON) Error() string { return b.err.Error() }
func (b *badJSON) Unwrap() error { return b.err }

func isJSON(err error) bool {
	var bad *badJSON
	return errors.As(err, &bad)
}

var errBudget = fault.New(fault.TooLarge, "a record of the feed is larger than %d MiB", MaxRecord>>20)

// budgeted is a reader that fails if a value takes more bytes than a record may.
type budgeted struct {
	in   io.Reader
	left int64
}

func (b *budgeted) renew() { b.left = MaxRecord + 1<<20 }

func (b *budgeted) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBudget
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func readZip(in io.ReaderAt, size int64, f each) error {
	z, err := newZipReader(in, size)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "%v: nothing was imported", err)
	}
	err = z.each(func(m member) error {
		text, err := z.read(m)
		var bad *broken
		if errors.As(err, &bad) {
			return f(m.name, nil, bad.err)
		}
		if err != nil {
			return err
		}
		return readText(m.name, text, f)
	})
	if errors.Is(err, errZip) {
		return fault.Wrap(fault.Invalid, err, "%v: nothing was imported", err)
	}
	return err
}

// fingerprint returns a text that differs if a file, or a .json file of a folder, was changed.
func fingerprint(name string) (string, error) {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	err = filepath.WalkDir(name, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !d.IsDir() && (at == name || info.Mode().IsRegular() && strings.HasSuffix(at, ".json")) {
			fmt.Fprintf(sum, "%q %d %d\n", at, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return fmt.Sprintf("%x", sum.Sum(nil)[:16]), err
}

// idIn returns the id that a record states, although other parts of it cannot be read, or "".
func idIn(text []byte) string {
	var raw struct {
		ID loose[string] `json:"id"`
	}
	if err := json.Unmarshal(text, &raw, reading...); err != nil {
		return ""
	}
	return raw.ID.v
}

// idOf returns the id of a record by the name of its file.
func idOf(name string) string { return strings.TrimSuffix(path.Base(name), ".json") }
