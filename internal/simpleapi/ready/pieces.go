package ready

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/klauspost/compress/zstd"

	"pyindex/internal/memo"
)

// Piece is a consecutive part of a body that is rendered and compressed on its own, so that a change costs only the
// pieces that differ.
type Piece struct {
	// Key identifies the content: pieces with equal keys have the same bytes. It is comparable.
	Key any
	// Append appends the bytes. It must not change anything, because it is called whenever they are needed.
	Append func(dst []byte) []byte
	// Keep makes the answer keep the bytes instead of calling Append again.
	Keep bool

	bytes []byte // if they are kept
}

func (p *Piece) append(b []byte) []byte {
	if p.bytes != nil {
		return append(b, p.bytes...)
	}
	return p.Append(b)
}

// made is what is known of a piece in one encoding.
type made struct {
	size int      // of the plain bytes
	sum  [16]byte // digest of the plain bytes
	crc  uint32   // of the plain bytes, with Gzip
	body []byte   // the compressed bytes; nil with Identity, which is rendered again each time
}

// pieceOverhead is the approximate size of a piece without its bodies.
const pieceOverhead = 256

// NewPieces returns an uncompressed answer like NewAnswer. It renders the pieces as they are written, unless it keeps
// them. Where the body is divided must depend on its content alone: then equal bodies have equal tags, and also
// equal compressed bytes, whichever process made them. last may be an earlier answer for the same key, or nil: what it
// knows of equal pieces is used again.
func NewPieces(media string, at memo.Stamp, pieces []Piece, last *Answer) *Answer {
	known := last.known(Identity)
	pieces = slices.Clone(pieces)
	of := make([]made, len(pieces))
	whole := sha256.New()
	whole.Write([]byte(media + "\x00pieces\x00"))
	scratch := takeScratch()
	defer scratch.release()
	var size int
	for i, p := range pieces {
		var m made
		if at, ok := known[p.Key]; ok {
			pieces[i], m = last.pieces[at], last.made[at]
		} else {
			scratch.b = p.Append(scratch.b[:0])
			sum := sha256.Sum256(scratch.b)
			m = made{size: len(scratch.b), sum: [16]byte(sum[:16])}
			if p.Keep {
				pieces[i].bytes, pieces[i].Append = bytes.Clone(scratch.b), nil
			}
		}
		of[i] = m
		whole.Write(m.sum[:])
		size += m.size
	}
	a := &Answer{
		at: at, media: []string{media}, serials: []string{strconv.FormatInt(at.Value, 10)},
		tag: hex.EncodeToString(whole.Sum(nil)[:16]), pieces: pieces, made: of,
	}
	a.with(nil, Identity)
	a.length = []string{strconv.Itoa(size)}
	return a
}

// known returns the places of an answer's pieces by key, if it has the encoding.
func (a *Answer) known(e Encoding) map[any]int {
	if a == nil || a.pieces == nil || a.coding != e {
		return nil
	}
	out := make(map[any]int, len(a.pieces))
	for i, p := range a.pieces {
		out[p.Key] = i
	}
	return out
}

// encodedAfter is Encoded. last may be an earlier answer for the same key in the encoding, or nil: equal pieces are not
// compressed again.
func (a *Answer) encodedAfter(e Encoding, last *Answer) *Answer {
	switch {
	case a.pieces == nil || e == Identity || a.coding != Identity:
		return a.Encoded(e)
	case e == Zstd:
		return a.shorter(a.zstd(), e)
	}
	return a.gzip(last)
}

// shorter returns the answer with an encoded body, or the answer itself if that is not shorter.
func (a *Answer) shorter(body []byte, e Encoding) *Answer {
	if len(body) >= a.size() {
		return a
	}
	b := *a
	b.pieces, b.made = nil, nil
	return b.with(body, e)
}

// size returns the length of the body of an answer of pieces without encoding, in bytes.
func (a *Answer) size() (n int) {
	for i := range a.made {
		n += a.made[i].size
	}
	return n
}

// zstd compresses the body. Unlike those of gzip, blocks of zstd refer to earlier ones, so that pieces compressed one
// by one would have to be frames of their own. Not every client reads more than the first frame.
func (a *Answer) zstd() []byte {
	out := bytes.NewBuffer(make([]byte, 0, a.size()/4))
	z := zstdWriters.Get().(*zstd.Encoder)
	defer zstdWriters.Put(z)
	z.Reset(out)
	a.eachPlain(func(b []byte) error {
		_, err := z.Write(b)
		return err // a bytes.Buffer never fails
	})
	z.Close()
	return out.Bytes()
}

var zstdWriters = sync.Pool{New: func() any {
	z, err := zstd.NewWriter(nil, append(zstdOptions(), zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		panic(err) // the options are constants
	}
	return z
}}

// gzip returns the answer as one member (RFC 1952) of one compressed stretch for each piece. Each ends at a byte
// boundary and refers to nothing before it, so that any other can follow.
func (a *Answer) gzip(last *Answer) *Answer {
	known := last.known(Gzip)
	b := *a
	b.made, b.pieces = make([]made, len(a.pieces)), make([]Piece, len(a.pieces))
	squeezer := takeSqueezer()
	defer squeezer.release()
	scratch := takeScratch()
	defer scratch.release()
	var crc uint32
	var size, length int
	for i, p := range a.pieces {
		var m made
		if at, ok := known[p.Key]; ok {
			m = last.made[at]
		} else {
			m = a.made[i]
			scratch.b = p.append(scratch.b[:0])
			m.body, m.crc = squeezer.squeeze(scratch.b)
		}
		b.made[i], b.pieces[i] = m, Piece{Key: p.Key}
		crc = combineCRC(crc, m.crc, m.size)
		size += m.size
		length += len(m.body)
	}
	b.end = binary.LittleEndian.AppendUint32(append([]byte(nil), emptyBlock...), crc)
	b.end = binary.LittleEndian.AppendUint32(b.end, uint32(size))
	if length += len(gzipHead) + len(b.end); length >= size {
		return a
	}
	b.with(nil, Gzip)
	b.length = []string{strconv.Itoa(length)}
	return &b
}

// The fixed parts of a member: the header without a time and with an unknown system, and the last block, which is
// empty.
var (
	gzipHead   = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
	emptyBlock = []byte{3, 0}
)

// writeSize is the least number of bytes that are written at once, except at the end.
const writeSize = 128 << 10

// eachPlain calls f with the uncompressed body in parts of about writeSize, until f fails.
func (a *Answer) eachPlain(f func([]byte) error) error {
	scratch := takeScratch()
	defer scratch.release()
	b := scratch.b[:0]
	for _, p := range a.pieces {
		b = p.append(b)
		if len(b) < writeSize {
			continue
		}
		if err := f(b); err != nil {
			return err
		}
		scratch.b, b = b, b[:0]
	}
	return f(b)
}

// each calls f with the body in consecutive parts, until f fails.
func (a *Answer) each(f func([]byte) error) error {
	switch {
	case a.pieces == nil:
		return f(a.body)
	case a.coding == Identity:
		return a.eachPlain(f)
	}
	scratch := takeScratch()
	defer scratch.release()
	b := append(scratch.b[:0], gzipHead...)
	for i := range a.made {
		b = append(b, a.made[i].body...)
		if len(b) < writeSize {
			continue
		}
		if err := f(b); err != nil {
			return err
		}
		scratch.b, b = b, b[:0]
	}
	return f(append(b, a.end...))
}

// write writes the body. Errors mean that the client is gone.
func (a *Answer) write(w http.ResponseWriter) {
	a.each(func(b []byte) error {
		_, err := w.Write(b)
		return err
	})
}

// weight returns the memory that the answer uses, in bytes. Bytes that it has in common with another answer count for
// both.
func (a *Answer) weight() int64 {
	n := int64(cap(a.body))
	for i := range a.pieces {
		n += int64(cap(a.made[i].body)+cap(a.pieces[i].bytes)) + pieceOverhead
	}
	return n
}

// scratch is a buffer for one piece or one write.
type scratch struct{ b []byte }

// maxScratch limits the buffers that are kept for later, in bytes.
const maxScratch = 1 << 20

var scratches = sync.Pool{New: func() any { return &scratch{make([]byte, 0, 2*writeSize)} }}

func takeScratch() *scratch { return scratches.Get().(*scratch) }

func (s *scratch) release() {
	if cap(s.b) <= maxScratch {
		scratches.Put(s)
	}
}
