package custody

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// Limits on deletions: the DELETE of one key times out after dropTime, dropsAtOnce of them run concurrently, and a
// caller waits at most dropAll for all of them. The sweeper continues with the rest.
//
// A mark older than dropGrace belongs to a process that ended. dropGrace is longer than dropTime because an owner takes
// the mark directly before its DELETE.
const (
	dropTime    = 30 * time.Second
	dropsAtOnce = 8
	dropAll     = 45 * time.Second
	dropGrace   = 2 * time.Minute
)

// spentFor is how long a plain key is not reused after its content was deleted. No store executes a DELETE that late.
const spentFor = 7 * 24 * time.Hour

// randomHex returns a new unique name.
func randomHex() string {
	var p [8]byte
	rand.Read(p[:])
	return hex.EncodeToString(p[:])
}

// Hold reserves content that is about to be used, so that the sweeper leaves it alone. It returns for each the key
// under which the content is or will be stored.
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

// ReleaseHolds ends the holds of an upload, and deletes content that no file references. The sweeper deletes whatever
// cannot be deleted now.
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
		k.log.Error("cannot release the holds of an upload", "error", err)
		return
	}
	k.Drop(ctx, waste)
}

// Drop deletes the content of keys that are marked for deletion, several at a time, and then the marks. It returns the
// number of keys that it deleted, and of those that it could not delete in time. Keys that another process deletes are
// in neither number, and neither are those that a lease or a kept backup holds back: the sweeper deletes them later.
func (k *Keeper) Drop(ctx context.Context, keys []string) (dropped, left int) {
	if len(keys) == 0 {
		return 0, 0
	}
	ctx, cancel := context.WithTimeout(ctx, dropAll)
	defer cancel()
	if _, held, err := k.Leased(ctx); err == nil && held { // OwnDrop decides, but would refuse each of many keys
		return 0, 0
	}
	owner := randomHex()
	queue := make(chan string)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range min(dropsAtOnce, len(keys)) {
		all.Go(func() {
			for key := range queue {
				done, err := k.dropOne(ctx, key, owner)
				if err != nil {
					k.log.Error("cannot delete stored content", "key", key, "error", err)
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
			k.log.Error("deleting stored content takes too long: the sweeper continues", "keys", len(keys)-i)
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

// dropOne deletes the content of one key. Directly before the DELETE it checks that the key is still marked, because a
// database that is restored to an older state after a failover may have a file of that key again. It returns false if
// the key is not marked, or if another process is deleting it.
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
	// Update the mark even if the deadline has passed.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer stop()
	if err != nil {
		if lost := k.store.Update(ctx, func(tx Tx) error { return tx.YieldDrop(ctx, key, owner) }); lost != nil {
			k.log.Error("cannot give up the deletion of a key", "key", key, "error", lost)
		}
		return false, err
	}
	return true, k.store.Update(ctx, func(tx Tx) error { return tx.ForgetBlob(ctx, key) })
}
