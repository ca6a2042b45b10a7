package custody

import (
	"context"

	"pyindex/internal/fault"
)

// Source is a place with content under the keys of an index, such as another store or a backup.
type Source interface {
	// Open returns the content under key and its size in bytes, or fault.NotFound.
	Open(ctx context.Context, key string) (Blob, int64, error)
}

// Peek opens stored content without looking at its size or digest, for those who check both. It returns fault.NotFound
// if the content is missing, and logs nothing.
func (k *Keeper) Peek(ctx context.Context, s Stored) (Blob, int64, error) {
	return k.blobs.Open(ctx, s.Key())
}

// Mend restores missing or damaged content of a file from a copy, which may have it under the key of any generation. It
// returns fault.NotFound if the copy does not have it, fault.Invalid if the copy is damaged too, and fault.Conflict if
// the content is being deleted.
func (k *Keeper) Mend(ctx context.Context, from Source, s Stored) error {
	return k.mendFrom(ctx, from, s)
}

// PutBack restores the missing or damaged metadata of a file. The caller has derived p from the content of the file and
// compared its digest with that of s. It returns fault.Conflict if the metadata is being deleted.
func (k *Keeper) PutBack(ctx context.Context, s Stored, p []byte) error {
	held, err := k.Hold(ctx, s)
	if err != nil {
		return err
	}
	defer k.ReleaseHolds(context.WithoutCancel(ctx), []string{held[0].Key})
	if held[0].Key != s.Key() {
		return fault.New(fault.Conflict, "it is being deleted")
	}
	held[0].Named = true
	return k.Put(ctx, held[0], p)
}
