package custody

import (
	"context"
	"errors"
)

// ErrFull is wrapped by the errors of a Stage, and of Blobs, that a full disk causes.
var ErrFull = errors.New("the disk is full")

// roomTries is how often a write is repeated after space was freed.
const roomTries = 3

// OnFull sets the function that frees space for an upload when the disk is full, by deleting content that can be
// fetched again. need is the number of bytes that did not fit. It reports whether it freed any. Call OnFull before the
// keeper is used concurrently.
func (k *Keeper) OnFull(room func(ctx context.Context, need int64) bool) { k.room = room }

// retry calls write again, a few times, while the disk is full and space can be freed.
func (k *Keeper) retry(ctx context.Context, need int64, write func() error) error {
	err := write()
	for n := 0; n < roomTries && errors.Is(err, ErrFull) && k.room != nil && k.room(ctx, need); n++ {
		err = write()
	}
	return err
}

// roomy is a stage that frees space when the disk is full. It lives as long as the upload, and therefore holds its
// context.
type roomy struct {
	Stage
	ctx    context.Context
	keeper *Keeper
}

// Write appends to the stage.
func (s *roomy) Write(p []byte) (n int, err error) {
	err = s.keeper.retry(s.ctx, int64(len(p)), func() error {
		m, err := s.Stage.Write(p[n:])
		n += m
		return err
	})
	return n, err
}

// bare returns the stage of the store.
func bare(s Stage) Stage {
	if r, ok := s.(*roomy); ok {
		return r.Stage
	}
	return s
}
