package page

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// The format of a record is its first byte.
const (
	formatPacked = 1 // columns as one frame of zstd with a checksum
	formatPlain  = 2 // columns as they are, if they are so repetitive that the frame would look damaged
	// The same for a page with Away or Returned, which follow the serial.
	formatPackedAway = 3
	formatPlainAway  = 4
)

const (
	maxRecord = 256 << 20 // bytes of an expanded record
	maxRatio  = 200       // of expanded to compressed bytes, beyond the first 64 KiB
)

// coder returns the encoder and decoder of records.
var coder = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	// a single segment states its expanded size, which is checked before it is allocated
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithSingleSegment(true), zstd.WithWindowSize(1<<20),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err) // the options are constant
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(4), zstd.WithDecoderMaxMemory(maxRecord))
	if err != nil {
		panic(err)
	}
	return e, d
})

// Encode returns the page as a compressed record, of about 105 bytes a file for a page with random digests. Decode
// reads it. p must come from Parse, Merge or Decode.
func (p Page) Encode() []byte {
	w := writer{buf: make([]byte, 0, 64+150*(len(p.Files)+len(p.Gone)))}
	w.number(uint64(len(p.Files)))
	w.number(uint64(len(p.Gone)))
	w.number(uint64(p.Dropped))
	for _, s := range []string{p.Status, p.StatusReason, p.Serial} {
		w.text(s)
	}
	packed, plain := byte(formatPacked), byte(formatPlain)
	if moments := []time.Time{p.Away, p.Returned}; !p.Away.IsZero() || !p.Returned.IsZero() {
		packed, plain = formatPackedAway, formatPlainAway
		w.times(len(moments), func(i int) time.Time { return moments[i] })
	}
	all := p.Files
	if len(p.Gone) > 0 {
		all = append(all[:len(all):len(all)], p.Gone...)
	}
	w.files(all)
	e, _ := coder()
	if b := e.EncodeAll(w.buf, []byte{packed}); credible(uint64(len(w.buf)), len(b)-1) {
		return b
	}
	return append([]byte{plain}, w.buf...)
}

// credible reports whether so few compressed bytes may expand to so many.
func credible(expanded uint64, compressed int) bool {
	return expanded <= 64<<10+maxRatio*uint64(compressed)
}

// Decode returns the page of a record. It returns an error for a damaged record and for an unknown format.
func Decode(b []byte) (Page, error) {
	raw, err := expand(b)
	if err != nil {
		return Page{}, err
	}
	r := columns{b: raw}
	files, gone := r.count(), r.count()
	p := Page{Dropped: r.count(), Status: r.text(), StatusReason: r.text(), Serial: r.text()}
	if b[0] == formatPackedAway || b[0] == formatPlainAway {
		moments := r.times(2)
		p.Away, p.Returned = moments[0], moments[1]
		r.failed = r.failed || p.Away.IsZero() && p.Returned.IsZero() // each page has one form
	}
	// each file takes at least a byte of every column
	if r.failed || files+gone > len(r.b)/columnCount {
		return Page{}, errors.New("damaged record: wrong number of files")
	}
	all := r.files(files + gone)
	if r.failed || len(r.b) > 0 {
		return Page{}, errors.New("damaged record: the columns do not fit")
	}
	if files > 0 {
		p.Files = all[:files:files]
	}
	if gone > 0 {
		p.Gone = all[files:]
	}
	return p, nil
}

// expand returns the columns of a record. It allocates little for a damaged one.
func expand(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] < formatPacked || b[0] > formatPlainAway {
		return nil, errors.New("record of an unknown format")
	}
	if b[0] == formatPlain || b[0] == formatPlainAway {
		return b[1:], nil
	}
	b = b[1:]
	var h zstd.Header
	if err := h.Decode(b); err != nil || !h.HasFCS || !credible(h.FrameContentSize, len(b)) {
		return nil, errors.New("damaged record: its header is wrong")
	}
	_, d := coder()
	raw, err := d.DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("damaged record: %w", err)
	}
	return raw, nil
}
