package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging/archive"
)

// What mends stored bytes, for the log.
const (
	byUpload = "an upload of the same bytes"
	byCopy   = "a copy of the storage"
)

// SizeError says that a store has another number of bytes under a key than its row says.
type SizeError struct {
	Key        string
	Size, Want int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s has %d bytes where %d are right", e.Key, e.Size, e.Want)
}

// keep puts the bytes of s under a key that is held. If files name the key already its bytes must be there: they are
// compared, and put back if they are missing or damaged. by says for the log where the bytes of s come from.
func (x *Index) keep(ctx context.Context, h Held, s Stage, by string) error {
	if !h.Named {
		return x.blobs.Keep(ctx, h.Key, s)
	}
	return x.mend(ctx, h.Key, s, s.Size(), by, func() error { return x.blobs.Keep(ctx, h.Key, s) })
}

// put is keep for a few bytes of an upload in memory.
func (x *Index) put(ctx context.Context, h Held, p []byte) error {
	if !h.Named {
		return x.blobs.Put(ctx, h.Key, p)
	}
	return x.mend(ctx, h.Key, bytes.NewReader(p), int64(len(p)), byUpload, func() error { return x.blobs.Put(ctx, h.Key, p) })
}

// mend compares what the store has under key with the right bytes, and has write put them back if they differ. They are
// read again then: a store that lost bytes once may do so again. fault.Unavailable if that did not help.
func (x *Index) mend(ctx context.Context, key string, right io.ReaderAt, size int64, by string, write func() error) error {
	why, err := x.differs(ctx, key, right, size)
	if err != nil || why == "" {
		return err
	}
	if err := write(); err != nil {
		x.log.Error("stored bytes could not be mended", "key", key, "was", why, "error", err)
		return err
	}
	still, err := x.differs(ctx, key, right, size)
	if err == nil && still != "" {
		x.log.Error("stored bytes could not be mended", "key", key, "was", why, "is", still)
		err = fault.New(fault.Unavailable, "the stored bytes of this file are damaged, and the store does not keep the right ones")
	}
	if err != nil {
		return err
	}
	x.log.Error("stored bytes were mended", "key", key, "was", why, "by", by)
	return nil
}

// differs returns how the bytes under key differ from the right ones, and "" if they do not.
func (x *Index) differs(ctx context.Context, key string, right io.ReaderAt, size int64) (string, error) {
	b, have, err := x.blobs.Open(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return "missing", nil
	} else if err != nil {
		return "", err
	}
	defer b.Close()
	if have != size {
		return fmt.Sprintf("%d bytes where %d are right", have, size), nil
	}
	return compare(b, right, size)
}

// compare reads two times size bytes.
func compare(b io.Reader, right io.ReaderAt, size int64) (string, error) {
	const piece = 64 << 10
	length := int(min(piece, size))
	got, want := make([]byte, length), make([]byte, length)
	for at := int64(0); at < size; at += piece {
		n := int(min(piece, size-at))
		if _, err := io.ReadFull(b, got[:n]); errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return "cut short", nil
		} else if err != nil {
			return "", fault.Wrap(fault.Unavailable, err, "the stored bytes cannot be read")
		}
		if _, err := right.ReadAt(want[:n], at); err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if !bytes.Equal(got[:n], want[:n]) {
			return "other bytes", nil
		}
	}
	return "", nil
}

// identical answers an upload of a file that is there already. The sender has the right bytes, so that the stored ones
// are compared with them, and mended.
func (a *addition) identical(ctx context.Context) (Receipt, error) {
	ctx = context.WithoutCancel(ctx)
	if err := a.intact(ctx); err != nil {
		return Receipt{}, err
	}
	return Receipt{File: a.existing, Warnings: unread(a.Attestations)}, nil
}

// intact makes sure that the store has what the existing file's row promises. Nothing is written while it has.
func (a *addition) intact(ctx context.Context) error {
	x, f := a.index, a.existing
	metadata, err := a.siblingOf(ctx, f)
	if err != nil {
		return err
	}
	why, err := x.differs(ctx, f.Key(), a.Content.stage, f.Size)
	if err != nil || why == "" && metadata == nil {
		return err
	}
	// The hold keeps a deletion from removing the key while its bytes are put back.
	held, err := x.hold(ctx, f)
	if err != nil {
		return err
	}
	defer x.letGo(ctx, heldKeys(held))
	if held[0].Key != f.Key() || metadata != nil && held[1].Key != f.MetadataKey() {
		return fault.New(fault.Unavailable, "%s is just being deleted or its stored bytes are damaged; try again", f.Filename)
	}
	held[0].Named = true
	if err := x.keep(ctx, held[0], a.Content.stage, byUpload); err != nil || metadata == nil {
		return err
	}
	held[1].Named = true
	return x.put(ctx, held[1], metadata)
}

func heldKeys(held []Held) (keys []string) {
	for _, h := range held {
		keys = append(keys, h.Key)
	}
	return keys
}

// siblingOf returns the right metadata of f if that in the store is not, and nil if it is or there is none. It comes from
// the archive again.
func (a *addition) siblingOf(ctx context.Context, f File) ([]byte, error) {
	if f.MetadataSHA256 == "" {
		return nil, nil
	}
	b, _, err := a.index.metadata(ctx, f)
	if err == nil {
		return nil, b.Close()
	}
	if !fault.Is(err, fault.NotFound) && !isDamage(err) {
		return nil, err
	}
	err = nil
	if a.contents.Metadata == nil {
		a.contents, err = archive.Inspect(a.Content.stage, a.Content.Size(), a.filename, archive.DefaultLimits(), a.index.policy.Archive)
	}
	sum := sha256.Sum256(a.contents.Metadata)
	if err != nil || hex.EncodeToString(sum[:]) != f.MetadataSHA256 {
		return nil, fault.Wrap(fault.Unavailable, err, "the stored metadata of %s is damaged, and this upload does not have it: the administrator of the index must restore it", f.Filename)
	}
	return a.contents.Metadata, nil
}

// smallMetadata is how many bytes of a ".metadata" sibling are held in memory for a reader.
const smallMetadata = 256 << 10

// damage is the error about bytes that are not what their row says.
type damage struct{ key, why string }

func (e *damage) Error() string { return e.key + " is damaged: " + e.why }

// Lasting reports whether err is about stored bytes that are missing or damaged, so that asking again does not help.
func Lasting(err error) bool { return isDamage(err) }

func isDamage(err error) bool {
	_, ok := errors.AsType[*damage](err)
	return ok
}

// metadata opens f's ".metadata" sibling after it read all of it, which are few bytes. Others than the row says are a
// *damage.
func (x *Index) metadata(ctx context.Context, f File) (Blob, int64, error) {
	b, size, err := x.blobs.Open(ctx, f.MetadataKey())
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
	} else if sum := hex.EncodeToString(h.Sum(nil)); sum != f.MetadataSHA256 {
		err = &damage{f.MetadataKey(), fmt.Sprintf("%d bytes with the SHA-256 %s", size, sum)}
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

// broken turns what a store said about bytes that a row promises into an answer, and logs it: one line for a key in
// sayEvery. Other errors stay as they are.
func (x *Index) broken(f File, key string, err error) error {
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
	if x.said.first(key, x.clock()) {
		x.log.Error("a stored file "+what, "key", key, "file", f.Filename, "cause", err)
	}
	if !isDamage(err) {
		err = &damage{key, err.Error()}
	}
	return fault.Wrap(fault.Unavailable, err, "%s %s: upload the same file again, or ask the administrator of the index to restore it", f.Filename, what)
}

// sayEvery is how long the log is silent about a key that it named.
const sayEvery = time.Minute

// said remembers which keys the log named lately. The zero value is ready.
type said struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// first reports whether key was not named in the last sayEvery.
func (s *said) first(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[key]; ok && now.Sub(last) < sayEvery {
		return false
	}
	if s.last == nil || len(s.last) >= 10_000 {
		s.last = map[string]time.Time{}
	}
	s.last[key] = now
	return true
}
