package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
)

// ranged reads a key of a bucket from wherever Seek went. The first request is made at once and tells the size; who
// then moves and reads costs one more. Nothing is asked for again by moving to the end and back, as net/http does. It
// lives as long as the request that opened it, whose context it therefore holds.
type ranged struct {
	ctx    context.Context
	b      *blob.Bucket
	key    string
	size   int64
	offset int64        // where the next Read reads
	at     int64        // where r stands
	r      *blob.Reader // nil until the next Read
}

// begin asks for the whole.
func (r *ranged) begin() error {
	reader, err := r.b.NewReader(r.ctx, r.key, nil)
	if err == nil {
		r.r, r.size = reader, reader.Size()
	}
	return err
}

// Read implements io.Reader.
func (r *ranged) Read(p []byte) (int, error) {
	if r.offset >= r.size {
		return 0, io.EOF
	}
	if err := r.stand(); err != nil {
		return 0, fmt.Errorf("reading %s: %w", r.key, err)
	}
	n, err := r.r.Read(p)
	r.offset += int64(n)
	r.at = r.offset
	if err == io.EOF && r.offset < r.size { // the store hung up; whoever copies must not take this for all
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// stand makes r read from the offset.
func (r *ranged) stand() error {
	if r.r != nil && r.at == r.offset {
		return nil
	}
	if err := r.drop(); err != nil {
		return err
	}
	reader, err := r.b.NewRangeReader(r.ctx, r.key, r.offset, -1, nil)
	if err == nil {
		r.r, r.at = reader, r.offset
	}
	return err
}

// Seek implements io.Seeker.
func (r *ranged) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	r.offset = offset
	return offset, nil
}

// Close implements io.Closer.
func (r *ranged) Close() error { return r.drop() }

func (r *ranged) drop() error {
	if r.r == nil {
		return nil
	}
	err := r.r.Close()
	r.r = nil
	return err
}
