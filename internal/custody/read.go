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

// Stage returns an empty stage for an upload. If the disk is full, the stage frees space as OnFull says.
func (k *Keeper) Stage(ctx context.Context) (s Stage, err error) {
	err = k.retry(ctx, 0, func() error {
		s, err = k.blobs.Stage(ctx)
		return err
	})
	if err != nil || k.room == nil {
		return s, err
	}
	return &roomy{Stage: s, ctx: ctx, keeper: k}, nil
}

// LooseStage returns an empty stage for content that can be fetched again. Keep does not wait until such content is
// durable, and the stage frees no space.
func (k *Keeper) LooseStage(ctx context.Context) (Stage, error) {
	s, err := k.blobs.Stage(ctx)
	if l, ok := s.(interface{ Loosen() }); ok && err == nil {
		l.Loosen()
	}
	return s, err
}

// Find returns stored content and its size in bytes. Unlike Open it takes the absence of the content as usual: it
// returns fault.NotFound, and logs nothing, if the content is missing, has another size than s or, for metadata,
// another digest.
func (k *Keeper) Find(ctx context.Context, s Stored) (b Blob, size int64, err error) {
	if s.Metadata {
		b, size, err = k.metadata(ctx, s)
	} else if b, size, err = k.blobs.Open(ctx, s.Key()); err == nil && size != s.Size {
		b.Close()
		err = &damage{s.Key(), (&SizeError{s.Key(), size, s.Size}).Error()}
	}
	if err != nil && isDamage(err) {
		err = fault.Wrap(fault.NotFound, err, "the stored content is damaged")
	}
	if err != nil {
		return nil, 0, err
	}
	return b, size, nil
}

// Link returns a short-lived URL of the store for the content of a file, or "" if it is only available through Open.
// Anyone with the URL can download it. It returns fault.Unavailable if the content is missing or has another size.
func (k *Keeper) Link(ctx context.Context, filename string, s Stored) (string, error) {
	to, err := k.blobs.Link(ctx, s.Key(), s.Size)
	return to, k.explain(filename, s.Key(), err)
}

// Open returns the stored content of a file or of its metadata, and its size in bytes. It returns fault.Unavailable if
// the content is missing, has another size, or is metadata with another digest.
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

// Sound reports whether the store has the metadata of s with the right digest.
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

// smallMetadata is the largest ".metadata" sibling, in bytes, that is served from memory.
const smallMetadata = 256 << 10

// metadata opens a ".metadata" sibling after verifying its digest. It returns a *damage if the digest differs.
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

// inMemory is a small Blob in memory.
type inMemory struct{ *bytes.Reader }

// Close does nothing.
func (inMemory) Close() error { return nil }

// explain turns a store's error about missing or damaged content into fault.Unavailable, and logs it at most once for a
// key in sayEvery. It returns other errors unchanged.
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
