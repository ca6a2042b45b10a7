package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// Copy brings the bytes under key from one store to another and reads them back from there. sum is what their SHA-256
// must be, at both places. It returns their number, and how many of them had to be sent: none where they were there
// already.
//
// Bytes that are missing or damaged where they come from are fault.NotFound and fault.Invalid; what came back from the
// other store as something else is fault.Internal. Nothing that is there is overwritten.
func Copy(ctx context.Context, from, to custody.Blobs, key, sum string) (size, sent int64, err error) {
	size, got, err := Digest(ctx, to, key)
	if err == nil && got == sum {
		return size, 0, nil
	}
	if err == nil {
		return 0, 0, fault.New(fault.Internal, "%s is at the new place with other bytes: remove it there", key)
	}
	if !fault.Is(err, fault.NotFound) {
		return 0, 0, err
	}
	if sent, err = send(ctx, from, to, key, sum); err != nil {
		return 0, 0, err
	}
	size, got, err = Digest(ctx, to, key)
	if err == nil && got != sum {
		err = fault.New(fault.Internal, "%s came back from the new place as other bytes", key)
	}
	return size, sent, err
}

// send copies without looking back.
func send(ctx context.Context, from, to custody.Blobs, key, sum string) (int64, error) {
	r, _, err := from.Open(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return 0, fault.Wrap(fault.NotFound, err, "%s is missing where it should come from", key)
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
		return 0, explain("the bytes cannot be copied", err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return 0, fault.New(fault.Invalid, "%s is damaged where it comes from: its digest is %s", key, got)
	}
	return n, to.Keep(ctx, key, s)
}

// Digest reads all bytes under key and returns their number and SHA-256; fault.NotFound where there are none.
func Digest(ctx context.Context, b custody.Blobs, key string) (size int64, sum string, err error) {
	r, _, err := b.Open(ctx, key)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	h := sha256.New()
	if size, err = io.Copy(h, r); err != nil {
		return 0, "", explain("the bytes cannot be read", err)
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}
