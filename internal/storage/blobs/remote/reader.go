package remote

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob/driver"
)

// ErrDamaged is the error of a read whose bytes do not match the store's checksum.
var ErrDamaged = errors.New("the store sent other bytes than its checksum says")

// Reader is the driver.Reader of a response. It has no vendor's type for As.
type Reader struct {
	body  io.ReadCloser
	attrs driver.ReaderAttributes
	sum   hash.Hash // nil if nothing is verified
	want  []byte
}

// NewReader returns a reader of the body of a response to a GET.
func NewReader(r *http.Response) *Reader {
	size := r.ContentLength
	if _, whole, ok := strings.Cut(r.Header.Get("Content-Range"), "/"); ok {
		if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
			size = n
		}
	}
	return &Reader{
		body:  r.Body,
		attrs: driver.ReaderAttributes{ContentType: r.Header.Get("Content-Type"), ModTime: Time(r.Header), Size: size},
	}
}

// Verify makes reading to the end fail with ErrDamaged if the bytes do not have a checksum, which is in base64. A
// checksum that cannot be read is not verified.
func (r *Reader) Verify(sum hash.Hash, encoded string) {
	if want, err := base64.StdEncoding.DecodeString(encoded); err == nil && len(want) == sum.Size() {
		r.sum, r.want = sum, want
	}
}

// Empty drops the body: a part of no bytes was asked for.
func (r *Reader) Empty() error {
	err := r.body.Close()
	r.body, r.sum = http.NoBody, nil
	return err
}

// Read implements driver.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if r.sum != nil {
		r.sum.Write(p[:n])
		if err == io.EOF && !bytes.Equal(r.sum.Sum(nil), r.want) {
			err = ErrDamaged
		}
	}
	return n, err
}

// Close implements driver.Reader.
func (r *Reader) Close() error { return r.body.Close() }

// Attributes implements driver.Reader.
func (r *Reader) Attributes() *driver.ReaderAttributes { return &r.attrs }

// As implements driver.Reader.
func (r *Reader) As(any) bool { return false }

// Time returns the time of the last change that a response names, or the zero time.
func Time(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Range returns the header Range for length bytes from an offset, to the end if length is negative, or "" for
// everything. For no bytes it names one, because no range is empty.
func Range(offset, length int64) string {
	switch {
	case length >= 0:
		return fmt.Sprintf("bytes=%d-%d", offset, offset+max(length, 1)-1)
	case offset > 0:
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return ""
}

// Copy copies an object within a bucket, through this process.
func Copy(ctx context.Context, b driver.Bucket, to, from string) error {
	r, err := b.NewRangeReader(ctx, from, 0, -1, &driver.ReaderOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.NewTypedWriter(sending, to, r.Attributes().ContentType, &driver.WriterOptions{})
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		cancel() // before Close, which would keep the part that was read
		return errors.Join(err, w.Close())
	}
	return w.Close()
}
