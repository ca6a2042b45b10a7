package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
)

// ranged reads a key of a bucket from wherever Seek went. Each Seek that moves costs one request at the next Read.
// It lives as long as the request that opened it, whose context it therefore holds.
type ranged struct {
	ctx    context.Context
	b      *blob.Bucket
	key    string
	size   int64
	offset int64
	r      *blob.Reader // nil until the next Read
}

// Read implements io.Reader.
func (r *ranged) Read(p []byte) (int, error) {
	if r.offset >= r.size {
		return 0, io.EOF
	}
	if r.r == nil {
		reader, err := r.b.NewRangeReader(r.ctx, r.key, r.offset, -1, nil)
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", r.key, err)
		}
		r.r = reader
	}
	n, err := r.r.Read(p)
	r.offset += int64(n)
	return n, err
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
	if offset == r.offset {
		return offset, nil
	}
	r.offset = offset
	return offset, r.drop()
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
