package custody

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// Bounds on a deletion of bytes: a DELETE of one key is given up after dropTime, dropsAtOnce of them run at the same
// time, and a caller waits for all of them for dropAll at the most. The sweeper continues with what is left.
//
// A mark whose owner took it longer than dropGrace ago belongs to a process that ended. That is more than dropTime,
// because an owner takes the mark directly before its DELETE.
const (
	dropTime    = 30 * time.Second
	dropsAtOnce = 8
	dropAll     = 45 * time.Second
	dropGrace   = 2 * time.Minute
)

// spentFor is how long a plain key is not used again after its bytes were deleted: no store carries out a DELETE that
// late.
const spentFor = 7 * 24 * time.Hour

// randomHex returns a name that nobody had before.
func randomHex() string {
	var p [8]byte
	rand.Read(p[:])
	return hex.EncodeToString(p[:])
}

// Hold notes that bytes are about to be used, so that the sweeper leaves them alone, and returns for each the key under
// which they are or will be.
func (k *Keeper) Hold(ctx context.Context, all ...Stored) (held []Held, err error) {
	err = k.store.Update(ctx, func(tx Tx) error {
		held = nil
		for _, s := range all {
			h, err := tx.HoldBlob(ctx, s.plain(), randomHex(), k.clock())
			if err != nil {
				return err
			}
			held = append(held, h)
		}
		return nil
	})
	return held, err
}

// ReleaseHolds ends the holds of an upload that failed, and deletes the bytes that no file names. The sweeper deletes
// what cannot be deleted now.
func (k *Keeper) ReleaseHolds(ctx context.Context, keys []string) {
	var waste []string
	err := k.store.Update(ctx, func(tx Tx) error {
		waste = nil
		for _, key := range keys {
			drop, err := tx.ReleaseBlob(ctx, key, true)
			if err != nil {
				return err
			}
			if drop {
				waste = append(waste, key)
			}
		}
		return nil
	})
	if err != nil {
		k.log.Error("letting go of an upload's bytes", "error", err)
		return
	}
	k.Drop(ctx, waste)
}

// Drop removes the bytes of keys that are marked as being dropped, some at a time, and then the marks. It returns how
// many keys it removed, and how many it could not remove in time. What another process removes is neither.
func (k *Keeper) Drop(ctx context.Context, keys []string) (dropped, left int) {
	if len(keys) == 0 {
		return 0, 0
	}
	ctx, cancel := context.WithTimeout(ctx, dropAll)
	defer cancel()
	owner := randomHex()
	queue := make(chan string)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range min(dropsAtOnce, len(keys)) {
		all.Go(func() {
			for key := range queue {
				done, err := k.dropOne(ctx, key, owner)
				if err != nil {
					k.log.Error("dropping bytes", "key", key, "error", err)
				}
				mu.Lock()
				if err != nil {
					left++
				} else if done {
					dropped++
				}
				mu.Unlock()
			}
		})
	}
	for i, key := range keys {
		if ctx.Err() != nil {
			k.log.Error("dropping bytes takes too long: the sweeper continues", "keys", len(keys)-i)
			mu.Lock()
			left += len(keys) - i
			mu.Unlock()
			break
		}
		queue <- key
	}
	close(queue)
	all.Wait()
	return dropped, left
}

// dropOne removes the bytes of one key. It asks directly before whether they are still to be removed, and returns false
// if they are not, or if another process is at it: a database that comes back older after a failover may have a file
// again.
func (k *Keeper) dropOne(ctx context.Context, key, owner string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, dropTime)
	defer cancel()
	ours := false
	err := k.store.Update(ctx, func(tx Tx) (err error) {
		ours, err = tx.OwnDrop(ctx, key, owner, k.clock().Add(-dropGrace))
		return err
	})
	if err != nil || !ours {
		return false, err
	}
	err = k.blobs.Delete(ctx, key)
	// The mark changes hands also when the time is over.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer stop()
	if err != nil {
		if lost := k.store.Update(ctx, func(tx Tx) error { return tx.YieldDrop(ctx, key, owner) }); lost != nil {
			k.log.Error("giving back a mark", "key", key, "error", lost)
		}
		return false, err
	}
	return true, k.store.Update(ctx, func(tx Tx) error { return tx.ForgetBlob(ctx, key) })
}
