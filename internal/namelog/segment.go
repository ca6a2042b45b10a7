package namelog

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// format is the version of segments that this program writes, and the newest one that it reads.
const format = 1

// Header is the first line of a segment.
type Header struct {
	Format   int       `json:"format"`
	Instance string    `json:"instance"`
	Before   []string  `json:"before,omitempty"` // ids that the index had before
	Serial   int64     `json:"serial"`
	At       time.Time `json:"at"`
	All      bool      `json:"all"` // has all names, instead of changes
}

// Record is another line of a segment. One field is set.
type Record struct {
	Name      *Name      `json:"name,omitempty"`
	Deleted   *Deleted   `json:"deleted,omitempty"`
	Tombstone *Tombstone `json:"tombstone,omitempty"`
	End       *End       `json:"end,omitempty"`
}

// Name is a catalog.Name.
type Name struct {
	Name     string    `json:"name"`
	Origin   string    `json:"origin"`
	Upstream string    `json:"upstream,omitempty"`
	Since    time.Time `json:"since"`
	ByKind   string    `json:"by_kind,omitempty"`
	ByID     string    `json:"by_id,omitempty"`
	ByName   string    `json:"by_name,omitempty"`
	Why      string    `json:"why"`
}

// Deleted is a catalog.Deleted.
type Deleted struct {
	Repository string    `json:"repository"`
	Name       string    `json:"name"`
	At         time.Time `json:"at"`
	FreeAt     time.Time `json:"free_at"`
	AgainAt    time.Time `json:"again_at,omitzero"`
	Users      []string  `json:"users,omitempty"`
	Groups     []string  `json:"groups,omitempty"`
}

// End is the last line.
type End struct {
	Records int64 `json:"records"`
}

func nameRecord(n catalog.Name) Record {
	return Record{Name: &Name{
		Name: n.Name.String(), Origin: string(n.Origin), Upstream: n.Upstream, Since: n.Since,
		ByKind: n.By.Kind, ByID: n.By.ID, ByName: n.By.Name, Why: n.Why,
	}}
}

func deletedRecord(d catalog.Deleted) Record {
	return Record{Deleted: &Deleted{
		Repository: d.Repository, Name: d.Name.String(), At: d.At, FreeAt: d.FreeAt, AgainAt: d.AgainAt,
		Users: d.Users, Groups: d.Groups,
	}}
}

// Kept reports whether a name belongs into the copy: own names, and those of private upstreams, which must not be asked
// of public ones.
func Kept(n catalog.Name) bool { return n.Origin == catalog.Own || n.Why == catalog.WhyPrivate }

// writer writes a segment into a stage.
type writer struct {
	stage  custody.Stage
	buffer *bufio.Writer
	sum    hash.Hash
	lines  *json.Encoder
	n      int64
}

func newWriter(ctx context.Context, to Content, h Header) (*writer, error) {
	s, err := to.Stage(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{stage: s, sum: sha256.New()}
	w.buffer = bufio.NewWriterSize(io.MultiWriter(s, w.sum), 1<<16)
	w.lines = json.NewEncoder(w.buffer)
	if err := w.lines.Encode(h); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	return w, nil
}

func (w *writer) add(r Record) error {
	w.n++
	return w.lines.Encode(r)
}

// keep ends the segment and stores it.
func (w *writer) keep(ctx context.Context, to Content, h Header) error {
	err := w.lines.Encode(Record{End: &End{w.n}})
	if err == nil {
		err = w.buffer.Flush()
	}
	if err != nil {
		return err
	}
	kind := custody.NamesChanged
	switch {
	case h.All:
		kind = custody.NamesAll
	case w.n == 0:
		kind = custody.NamesNone
	}
	return to.Keep(ctx, custody.NamesKey(h.Instance, h.At, kind, hex.EncodeToString(w.sum.Sum(nil))), w.stage)
}

// maxLine bounds a line of a segment, in bytes.
const maxLine = 1 << 20

// errDamaged is wrapped by the errors of segments that cannot be read as they were written.
var errDamaged = errors.New("a segment is damaged")

func damaged(key, why string) error {
	return fault.Wrap(fault.Invalid, errDamaged, "%s is damaged: %s", key, why)
}

// readSegment reads a segment and calls f for each record. It checks the digest first, so that f sees no damaged one. f
// is not called if wanted returns false for the header.
func readSegment(ctx context.Context, from Content, key, digest string, wanted func(Header) bool,
	f func(Header, Record) error,
) (h Header, taken bool, err error) {
	b, _, err := from.Open(ctx, key)
	if err != nil {
		return h, false, err
	}
	defer b.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, b); err != nil {
		return h, false, err
	}
	if hex.EncodeToString(sum.Sum(nil)) != digest {
		return h, false, damaged(key, "its digest differs")
	}
	if _, err := b.Seek(0, io.SeekStart); err != nil {
		return h, false, err
	}
	return parse(key, b, wanted, f)
}

// parse reads the lines of a segment.
func parse(key string, from io.Reader, wanted func(Header) bool, f func(Header, Record) error,
) (h Header, taken bool, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	if !lines.Scan() {
		return h, false, errors.Join(damaged(key, "it is empty"), lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
		return h, false, damaged(key, "its first line cannot be read")
	}
	if h.Format < 1 || h.Format > format {
		return h, false, fault.New(fault.Invalid,
			"%s has format %d, but this version reads %d at most: use the newer version",
			key, h.Format, format)
	}
	if !wanted(h) {
		return h, false, nil
	}
	n := int64(0)
	for lines.Scan() {
		var r Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return h, true, damaged(key, "a line cannot be read")
		}
		if r.End != nil {
			if r.End.Records != n || lines.Scan() {
				return h, true, damaged(key, "it does not end where it should")
			}
			return h, true, lines.Err()
		}
		n++
		if err := f(h, r); err != nil {
			return h, true, err
		}
	}
	return h, true, errors.Join(damaged(key, "its end is missing"), lines.Err())
}
