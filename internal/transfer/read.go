package transfer

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/blake2b"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
)

// How often a file is read before an import gives it up, and how long it waits at first.
const (
	readTries = 3
	readPause = time.Second
)

// maxUnknown limits the bytes of a file whose size the source does not state.
const maxUnknown = 64 << 30

// content is the staged content of a file.
type content struct {
	in     *ingest.Incoming
	stated bool // a digest of the source was compared
}

// Discard frees the stage.
func (c *content) Discard() {
	if c != nil {
		_ = c.in.Discard()
	}
}

// errUnreadable marks files that the source did not yield. Another run may have more luck.
var errUnreadable = errors.New("the file could not be read")

// read stages the content of a file and compares it with the size and the digests that the source states. It returns
// fault.Invalid if they differ, and an error that wraps errUnreadable if the source fails, after some tries.
func (m *Importer) read(ctx context.Context, s Source, o Options, limits catalog.Limits, f File, rate *limiter,
) (c *content, err error) {
	for try, pause := 1, readPause; ; try, pause = try+1, pause*4 {
		c, err = m.readOnce(ctx, s, o, limits, f, rate)
		if err == nil || ctx.Err() != nil || !errors.Is(err, errUnreadable) || fault.Is(err, fault.NotFound) ||
			try == readTries {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (m *Importer) readOnce(ctx context.Context, s Source, o Options, limits catalog.Limits, f File, rate *limiter,
) (_ *content, err error) {
	from, err := s.Open(ctx, f)
	if err != nil {
		return nil, unreadable(err)
	}
	defer from.Close()
	in, err := m.Intake.StageImport(ctx, m.Who, o.Repository, limits)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = in.Discard()
		}
	}()
	check := newChecker(f.Hashes)
	most := f.Size
	if most < 0 {
		most = maxUnknown
	}
	w := &staging{in: in, check: check}
	if _, err := io.Copy(w, rate.reader(ctx, io.LimitReader(from, most+1))); err != nil {
		if w.err != nil {
			return nil, w.err
		}
		return nil, unreadable(err)
	}
	if f.Size >= 0 && in.Size() != f.Size || in.Size() > most {
		return nil, fault.Wrap(fault.Invalid, errUnreadable, "the content has %d bytes or more, but the source states %d",
			in.Size(), f.Size)
	}
	if name, got := check.differs(); name != "" {
		return nil, fault.Wrap(fault.Invalid, errUnreadable, "the content has the %s %s, but the source states %s", name, got,
			strings.ToLower(f.Hashes[name]))
	}
	return &content{in: in, stated: len(check.sums) > 0}, nil
}

func unreadable(err error) error {
	if fault.KindOf(err) != fault.Internal {
		return fault.Wrap(fault.KindOf(err), errors.Join(errUnreadable, err), "%s", fault.Message(err))
	}
	return errors.Join(errUnreadable, err)
}

// staging writes to a stage and to the digests, and remembers errors of the stage.
type staging struct {
	in    *ingest.Incoming
	check *checker
	err   error
}

func (s *staging) Write(p []byte) (int, error) {
	n, err := s.in.Write(p)
	s.check.Write(p[:n])
	s.err = err
	return n, err
}

// checker computes the digests that a source states.
type checker struct {
	stated map[string]string
	sums   map[string]hash.Hash
}

// algorithms are the digests that sources state. MD5 and SHA-1 are compared like the others: a source may have none
// better, and a difference is always an error.
var algorithms = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384,
	"sha512": sha512.New, "blake2b_256": func() hash.Hash { h, _ := blake2b.New256(nil); return h },
}

func newChecker(stated map[string]string) *checker {
	c := &checker{stated: stated, sums: map[string]hash.Hash{}}
	for name := range stated {
		if make := algorithms[name]; make != nil && stated[name] != "" {
			c.sums[name] = make()
		}
	}
	return c
}

func (c *checker) Write(p []byte) {
	for _, h := range c.sums {
		h.Write(p)
	}
}

// differs returns a digest that differs from the stated one, or "".
func (c *checker) differs() (name, got string) {
	for name, h := range c.sums {
		if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, c.stated[name]) {
			return name, got
		}
	}
	return "", ""
}

// sectionOf returns a reader of the staged content.
func sectionOf(c *content) io.Reader { return io.NewSectionReader(c.in.Content(), 0, c.in.Size()) }
