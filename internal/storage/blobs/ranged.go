package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
)

// ranged reads an object of a bucket from any offset. The first request is sent on opening and returns the size.
// Reading after a seek costs one more request. Seeking to the end and back, as net/http does, sends none. ranged lives
// as long as the request that opened it, and therefore holds its context.
type ranged struct {
	ctx    context.Context
	b      *blob.Bucket
	key    string
	size   int64
	offset int64        // of the next Read
	at     int64        // offset of r
	r      *blob.Reader // nil until the next Read
}

func (r *ranged) begin() error {
	reader, err := r.b.NewReader(r.ctx, r.key, nil)
	if err == nil {
		r.r, r.size = reader, reader.Size()
	}
	return err
}

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
	if err == io.EOF && r.offset < r.size { // the store hung up; this is not the end of the object
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// stand positions r at the offset.
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

func (r *ranged) Close() error { return r.drop() }

func (r *ranged) drop() error {
	if r.r == nil {
		return nil
	}
	err := r.r.Close()
	r.r = nil
	return err
}
