package custody

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"pyindex/internal/fault"
)

// Sources of repaired content, for the log.
const (
	byUpload = "an upload of the same bytes"
	byCopy   = "a copy of the storage"
)

// Keep stores an upload under a key that is held for it. If files already reference the key, Keep compares the stored
// content instead, and restores it if it is missing or damaged.
func (k *Keeper) Keep(ctx context.Context, h Held, s Stage) error { return k.keep(ctx, h, s, byUpload) }

// keep is Keep with the source of the content, for the log.
func (k *Keeper) keep(ctx context.Context, h Held, s Stage, by string) error {
	s = bare(s)
	write := func() error {
		return k.retry(ctx, s.Size(), func() error { return k.blobs.Keep(ctx, h.Key, s) })
	}
	if !h.Named {
		return write()
	}
	return k.mend(ctx, h.Key, s, s.Size(), by, write)
}

// Put is Keep for small content in memory.
func (k *Keeper) Put(ctx context.Context, h Held, p []byte) error {
	write := func() error {
		return k.retry(ctx, int64(len(p)), func() error { return k.blobs.Put(ctx, h.Key, p) })
	}
	if !h.Named {
		return write()
	}
	return k.mend(ctx, h.Key, bytes.NewReader(p), int64(len(p)), byUpload, write)
}

// Fresh is content for KeepTogether: a stage, or small content in memory.
type Fresh struct {
	Held  Held
	Stage Stage
	Bytes []byte // if Stage is nil
}

// KeepTogether is Keep and Put for the content of many files, which is faster than one by one. It returns the keys that
// it kept. The caller keeps the others, which are those that files reference already, and all of some stores.
func (k *Keeper) KeepTogether(ctx context.Context, all []Fresh) (kept map[string]bool, err error) {
	store, ok := k.blobs.(Together)
	if !ok || !store.KeepsTogether() {
		return nil, nil
	}
	kept = map[string]bool{}
	var keys []string
	var stages []Stage
	var size int64
	for _, n := range all {
		if n.Held.Named || kept[n.Held.Key] {
			continue
		}
		s := n.Stage
		if s == nil {
			if s, err = k.Stage(ctx); err != nil {
				return nil, err
			}
			defer s.Discard()
			if _, err := s.Write(n.Bytes); err != nil {
				return nil, err
			}
		}
		kept[n.Held.Key] = true
		keys, stages, size = append(keys, n.Held.Key), append(stages, bare(s)), size+s.Size()
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return kept, k.retry(ctx, size, func() error { return store.KeepAll(ctx, keys, stages) })
}

// mend compares the content under key with the right one, and calls write if they differ. It then compares them again,
// because a store that lost content once may do so again. It returns fault.Unavailable if they still differ.
func (k *Keeper) mend(ctx context.Context, key string, right io.ReaderAt, size int64, by string,
	write func() error,
) error {
	why, err := k.Differs(ctx, key, right, size)
	if err != nil || why == "" {
		return err
	}
	if err := write(); err != nil {
		k.log.Error("stored bytes could not be mended", "key", key, "was", why, "error", err)
		return err
	}
	still, err := k.Differs(ctx, key, right, size)
	if err == nil && still != "" {
		k.log.Error("stored bytes could not be mended", "key", key, "was", why, "is", still)
		err = fault.New(fault.Unavailable,
			"the stored bytes of this file are damaged, and the store does not keep the repaired ones")
	}
	if err != nil {
		return err
	}
	k.log.Error("stored bytes were mended", "key", key, "was", why, "by", by)
	return nil
}

// Differs describes how the content under key differs from the right one, or returns "" if it does not.
func (k *Keeper) Differs(ctx context.Context, key string, right io.ReaderAt, size int64) (string, error) {
	b, have, err := k.blobs.Open(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return "missing", nil
	} else if err != nil {
		return "", err
	}
	defer b.Close()
	if have != size {
		return fmt.Sprintf("%d bytes instead of %d", have, size), nil
	}
	return compare(b, right, size)
}

// compare compares the first size bytes of both, and describes the difference like Differs.
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
			return "different content", nil
		}
	}
	return "", nil
}
