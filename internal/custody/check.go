package custody

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// CheckKind is the kind of a check of stored content.
type CheckKind string

// The server checks daily that content exists and has the right size; index doctor reads all of it.
const (
	CheckSizes CheckKind = "sizes"
	CheckBytes CheckKind = "bytes"
)

// Check is the outcome of a check.
type Check struct {
	Kind    CheckKind
	At      time.Time // time of completion
	Objects int64     // number of checked objects
	Missing int64     // without repaired ones, as in Damaged
	Damaged int64
	Mended  int64
}

// Broken is an object that does not match its rows.
type Broken struct {
	Key     string   `json:"key"`
	Missing bool     `json:"missing"`
	Why     string   `json:"why"`
	Files   []string `json:"files"`
	Mended  bool     `json:"mended"`
}

// CheckOptions configure CheckStored. Only Kind is required.
type CheckOptions struct {
	Kind CheckKind
	// Skip reports whether an earlier run found the content intact, and Good records that this run did. Good and Found are
	// not called concurrently.
	Skip  func(key string) bool
	Good  func(key string, size int64) error
	Found func(Broken)
	// Mend is a copy from which to restore missing and damaged content.
	Mend Source
}

// checksAtOnce is the number of objects that are checked concurrently.
const checksAtOnce = 4

type checking struct {
	keeper *Keeper
	CheckOptions
	mu   sync.Mutex
	sum  Check
	keys []string // of some broken objects, for the log
}

// CheckStored checks the content of every file: that it exists, has the right size and, for CheckBytes, the right
// digest. It needs an administrator. It stores the outcome, and logs one error if anything is broken. If the store does
// not respond, it returns an error rather than counting objects as missing.
func (k *Keeper) CheckStored(ctx context.Context, who access.Caller, o CheckOptions) (Check, error) {
	if !who.Admin() {
		return Check{}, fault.New(fault.Denied, "only an administrator may check the stored bytes")
	}
	c := &checking{keeper: k, CheckOptions: o, sum: Check{Kind: o.Kind}}
	if err := c.all(ctx); err != nil {
		return c.sum, err
	}
	c.sum.At = k.clock()
	if c.sum.Missing+c.sum.Damaged > 0 {
		k.log.Error("stored bytes are missing or damaged", "missing", c.sum.Missing, "damaged", c.sum.Damaged, "keys", c.keys)
	}
	return c.sum, k.store.Update(ctx, func(tx Tx) error { return tx.PutCheck(ctx, c.sum) })
}

// CheckDaily runs a check of sizes unless a check was completed in the last 24 hours.
func (k *Keeper) CheckDaily(ctx context.Context, who access.Caller) error {
	var last time.Time
	err := k.store.View(ctx, func(tx Tx) error {
		checks, err := tx.Checks(ctx)
		for _, c := range checks {
			if c.At.After(last) {
				last = c.At
			}
		}
		return err
	})
	if err != nil || k.clock().Sub(last) < 24*time.Hour {
		return err
	}
	_, err = k.CheckStored(ctx, who, CheckOptions{Kind: CheckSizes})
	return err
}

func (c *checking) all(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan Stored)
	var workers sync.WaitGroup
	for range checksAtOnce {
		workers.Go(func() {
			for s := range queue {
				if err := c.one(ctx, s); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := c.each(ctx, queue)
	close(queue)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// each queues all objects that files reference, one page of rows at a time.
func (c *checking) each(ctx context.Context, queue chan<- Stored) error {
	const page = 500
	for after := (Stored{}); ; {
		var some []Stored
		err := c.keeper.store.View(ctx, func(tx Tx) (err error) {
			some, err = tx.StoredAfter(ctx, after, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, s := range some {
			select {
			case queue <- s:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			after = s
		}
		if len(some) < page {
			return nil
		}
	}
}

func (c *checking) one(ctx context.Context, s Stored) error {
	key := s.Key()
	if c.Skip != nil && c.Skip(key) {
		c.count(func() { c.sum.Objects++ })
		return nil
	}
	size, b, err := c.keeper.look(ctx, s, c.Kind)
	if err != nil {
		return err
	}
	if b == nil {
		return c.good(key, size)
	}
	// A file that was deleted meanwhile needs no content.
	err = c.keeper.store.View(ctx, func(tx Tx) (err error) {
		b.Files, err = tx.FilesNaming(ctx, s, 10)
		return err
	})
	if err != nil || len(b.Files) == 0 {
		return err
	}
	if c.Mend != nil {
		if err := c.keeper.mendFrom(ctx, c.Mend, s); err != nil {
			b.Why += "; not mended: " + err.Error()
		} else {
			b.Mended = true
		}
	}
	c.broken(*b)
	return nil
}

func (c *checking) count(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *checking) good(key string, size int64) (err error) {
	c.count(func() {
		c.sum.Objects++
		if c.Good != nil {
			err = c.Good(key, size)
		}
	})
	return err
}

func (c *checking) broken(b Broken) {
	c.count(func() {
		c.sum.Objects++
		switch {
		case b.Mended:
			c.sum.Mended++
		case b.Missing:
			c.sum.Missing++
		default:
			c.sum.Damaged++
		}
		if !b.Mended && len(c.keys) < 20 {
			c.keys = append(c.keys, b.Key)
		}
		if c.Found != nil {
			c.Found(b)
		}
	})
}

// look returns the size of stored content, and a non-nil Broken if the content is damaged or missing.
func (k *Keeper) look(ctx context.Context, s Stored, kind CheckKind) (size int64, b *Broken, err error) {
	var sum string
	if kind == CheckSizes {
		size, err = k.blobs.Size(ctx, s.Key())
	} else {
		size, sum, err = digest(ctx, k.blobs, s.Key())
	}
	b = &Broken{Key: s.Key()}
	switch {
	case fault.Is(err, fault.NotFound):
		b.Missing, b.Why = true, "missing"
	case err != nil:
		return 0, nil, err
	case !s.Metadata && size != s.Size:
		b.Why = fmt.Sprintf("%d bytes instead of %d", size, s.Size)
	case sum != "" && sum != s.SHA256:
		b.Why = "its SHA-256 is " + sum
	default:
		return size, nil, nil
	}
	return size, b, nil
}

// digest reads all content under a key and returns its size and SHA-256. It returns fault.Unavailable if reading breaks
// off.
func digest(ctx context.Context, b Blobs, key string) (size int64, sum string, err error) {
	r, _, err := b.Open(ctx, key)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	h := sha256.New()
	if size, err = io.Copy(h, r); err != nil {
		return size, "", fault.Wrap(fault.Unavailable, err, "the bytes of %s cannot be read", key)
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}

// mendFrom restores content from another store, which may have it under the key of any generation.
func (k *Keeper) mendFrom(ctx context.Context, from Source, s Stored) error {
	stage, err := k.fetch(ctx, from, s, s.Key())
	if err != nil && s.Generation != "" {
		stage, err = k.fetch(ctx, from, s, s.plain())
	}
	if err != nil {
		return err
	}
	defer stage.Discard()
	var h Held
	err = k.store.Update(ctx, func(tx Tx) (err error) {
		h, err = tx.HoldBlob(ctx, s.plain(), randomHex(), k.clock())
		return err
	})
	if err != nil {
		return err
	}
	defer k.ReleaseHolds(context.WithoutCancel(ctx), []string{h.Key})
	if h.Key != s.Key() {
		return fault.New(fault.Conflict, "it is being deleted")
	}
	h.Named = true
	return k.keep(ctx, h, stage, byCopy)
}

// fetch stages the content of another store's key after checking its digest.
func (k *Keeper) fetch(ctx context.Context, from Source, s Stored, key string) (Stage, error) {
	r, _, err := from.Open(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(fault.NotFound, err, "the copy does not have it")
	} else if err != nil {
		return nil, err
	}
	defer r.Close()
	stage, err := k.blobs.Stage(ctx)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	if _, err = io.Copy(io.MultiWriter(stage, h), r); err == nil && hex.EncodeToString(h.Sum(nil)) != s.SHA256 {
		err = fault.New(fault.Invalid, "the copy is damaged too")
	}
	if err != nil {
		stage.Discard()
		return nil, err
	}
	return stage, nil
}
