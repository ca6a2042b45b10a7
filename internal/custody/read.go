package custody

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"pyindex/internal/fault"
)

// Stage returns an empty stage.
func (k *Keeper) Stage(ctx context.Context) (Stage, error) { return k.blobs.Stage(ctx) }

// Link returns a URL of the store from which whoever has it can read the stored bytes of a file for a short time, and
// "" if Open alone gives them. It returns fault.Unavailable if the store has no such bytes or another number of them.
func (k *Keeper) Link(ctx context.Context, filename string, s Stored) (string, error) {
	to, err := k.blobs.Link(ctx, s.Key(), s.Size)
	return to, k.explain(filename, s.Key(), err)
}

// Open returns the stored bytes of a file, or of its metadata, and their number. It returns fault.Unavailable if the
// store does not have what s says: no bytes, or another number of them, or metadata with another digest.
func (k *Keeper) Open(ctx context.Context, filename string, s Stored) (b Blob, size int64, err error) {
	if s.Metadata {
		b, size, err = k.metadata(ctx, s)
	} else if b, size, err = k.blobs.Open(ctx, s.Key()); err == nil && size != s.Size {
		b.Close()
		err = &SizeError{s.Key(), size, s.Size}
	}
	if err != nil {
		return nil, 0, k.explain(filename, s.Key(), err)
	}
	return b, size, nil
}

// Sound reports whether the store has the metadata that s names, with the right digest.
func (k *Keeper) Sound(ctx context.Context, s Stored) (bool, error) {
	b, _, err := k.metadata(ctx, s)
	switch {
	case err == nil:
		return true, b.Close()
	case fault.Is(err, fault.NotFound), isDamage(err):
		return false, nil
	}
	return false, err
}

// smallMetadata is how many bytes of a ".metadata" sibling are held in memory for a reader.
const smallMetadata = 256 << 10

// metadata opens a ".metadata" sibling after it read all of it, which are few bytes. Bytes other than s says are a
// *damage.
func (k *Keeper) metadata(ctx context.Context, s Stored) (Blob, int64, error) {
	b, size, err := k.blobs.Open(ctx, s.Key())
	if err != nil {
		return nil, 0, err
	}
	h := sha256.New()
	var small bytes.Buffer
	to := io.Writer(h)
	if size <= smallMetadata {
		to = io.MultiWriter(h, &small)
	}
	_, err = io.Copy(to, b)
	if err != nil {
		err = fault.Wrap(fault.Unavailable, err, "the stored bytes cannot be read")
	} else if sum := hex.EncodeToString(h.Sum(nil)); sum != s.SHA256 {
		err = &damage{s.Key(), fmt.Sprintf("%d bytes with the SHA-256 %s", size, sum)}
	}
	if err == nil && size > smallMetadata {
		_, err = b.Seek(0, io.SeekStart)
		return b, size, err
	}
	b.Close()
	if err != nil {
		return nil, 0, err
	}
	return inMemory{bytes.NewReader(small.Bytes())}, size, nil
}

// inMemory is a Blob of a few bytes.
type inMemory struct{ *bytes.Reader }

// Close implements io.Closer.
func (inMemory) Close() error { return nil }

// explain turns what a store said about the bytes that a row promises of a file into an answer, and logs it: one line
// for a key in sayEvery. It returns other errors unchanged.
func (k *Keeper) explain(filename, key string, err error) error {
	what := "is damaged in the store"
	switch {
	case err == nil:
		return nil
	case fault.Is(err, fault.NotFound):
		what = "is missing in the store"
	default:
		_, size := errors.AsType[*SizeError](err)
		if !size && !isDamage(err) {
			return err
		}
	}
	if k.said.first(key, k.clock()) {
		k.log.Error("a stored file "+what, "key", key, "file", filename, "cause", err)
	}
	if !isDamage(err) {
		err = &damage{key, err.Error()}
	}
	return fault.Wrap(fault.Unavailable, err,
		"%s %s: upload the same file again, or ask the administrator of the index to restore it", filename, what)
}
