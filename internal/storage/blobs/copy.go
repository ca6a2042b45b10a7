package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// Copy copies the blob under key from one store to another and reads it back. sum is its expected SHA-256. Copy returns
// the size of the blob and the number of bytes sent, which is 0 if the blob was already there.
//
// Copy returns fault.NotFound if the source blob is missing, fault.Invalid if it is damaged, and fault.Internal if the
// copy differs. It overwrites nothing.
func Copy(ctx context.Context, from, to custody.Blobs, key, sum string) (size, sent int64, err error) {
	size, got, err := Digest(ctx, to, key)
	if err == nil && got == sum {
		return size, 0, nil
	}
	if err == nil {
		return 0, 0, fault.New(fault.Internal,
			"%s already exists at the destination with different content: remove it there", key)
	}
	if !fault.Is(err, fault.NotFound) {
		return 0, 0, err
	}
	if sent, err = send(ctx, from, to, key, sum); err != nil {
		return 0, 0, err
	}
	size, got, err = Digest(ctx, to, key)
	if err == nil && got != sum {
		err = fault.New(fault.Internal, "%s was read back from the destination with different content", key)
	}
	return size, sent, err
}

// send copies without verifying the copy.
func send(ctx context.Context, from, to custody.Blobs, key, sum string) (int64, error) {
	r, _, err := from.Open(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return 0, fault.Wrap(fault.NotFound, err, "%s is missing at the source", key)
	} else if err != nil {
		return 0, err
	}
	defer r.Close()
	s, err := to.Stage(ctx)
	if err != nil {
		return 0, err
	}
	defer s.Discard()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(s, h), r)
	if err != nil {
		return 0, explain("the content cannot be copied", err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return 0, fault.New(fault.Invalid, "%s is damaged at the source: its digest is %s", key, got)
	}
	return n, to.Keep(ctx, key, s)
}

// Digest reads the blob under key and returns its size and SHA-256. It returns fault.NotFound if there is none.
func Digest(ctx context.Context, b custody.Blobs, key string) (size int64, sum string, err error) {
	r, _, err := b.Open(ctx, key)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	h := sha256.New()
	if size, err = io.Copy(h, r); err != nil {
		return 0, "", explain("the stored content cannot be read", err)
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}
