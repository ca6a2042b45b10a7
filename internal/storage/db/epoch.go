package db

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/memo"
)

// Gaps in the serial before a new epoch, so that values already seen by others are not reused.
const (
	// above the largest value seen by this process, because another process may have seen a few more
	epochGap   = 1_000
	restoreGap = 1_000_000 // above the current value, if the values already given out are unknown: see NewEpoch
)

// markSlots is the number of past changes that serial_marks covers.
const markSlots = 4096

// epochTime limits how long starting a new epoch may take. Readers of the serial in this process wait for it.
const epochTime = 30 * time.Second

// sight is the serial as one look read it, with the data that shows whether it continues the earlier history.
type sight struct {
	value int64
	epoch string // identifies the history; replaced by NewEpoch, restores and moves
	began int64  // the first value of the epoch
	mark  int64  // random mark of the change that produced the value
	known int64  // the largest value with the requested mark, -1 if serial_marks does not have the mark
}

// sightQuery reads a sight. $1 is the mark of the previous one.
const sightQuery = `SELECT c.value, c.epoch, c.began, c.mark, COALESCE((SELECT MAX(m.value) FROM serial_marks m WHERE m.mark = $1), -1)
	FROM counters c WHERE c.name = 'serial'`

func (s *sight) into() []any { return []any{&s.value, &s.epoch, &s.began, &s.mark, &s.known} }

// verdict is the result of comparing a sight with an earlier one.
type verdict int

const (
	continues verdict = iota // the same state or a later one
	renewed                  // a new epoch with values not used before
	distant                  // too many changes in between to decide
	broken                   // the earlier sight is not part of this history
)

// since compares s with an earlier sight and the largest value ever seen.
func (s sight) since(last sight, highest int64) verdict {
	switch {
	case s.epoch != last.epoch && highest >= s.began:
		return broken
	case s.epoch != last.epoch:
		return renewed
	case s.mark == last.mark && s.value >= last.value: // programs without epochs do not update the mark
		return continues
	case s.value > last.value && s.known >= last.value:
		return continues
	case s.value > last.value+markSlots:
		return distant
	}
	return broken
}

// history follows the serial from look to look and numbers the epochs of this process. It is safe for concurrent use.
type history struct {
	mu      sync.Mutex
	begun   bool
	last    sight
	highest int64 // largest value ever seen
	epoch   int64 // number of the current epoch in this process, for stamps
	owed    bool  // the database still needs a new epoch
	tried   time.Time
}

// mark returns the mark of the last sight, for sightQuery.
func (h *history) mark() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last.mark
}

// given returns the largest value ever seen. Changes of this process always get larger values.
func (h *history) given() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.highest
}

// take records a sight. A sight that does not continue the last one starts a new epoch of the stamps. due reports
// whether the database needs a new epoch and it is time to try. behind is the largest value seen before.
func (h *history) take(s sight, now time.Time) (at memo.Stamp, v verdict, due bool, behind int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun {
		h.begun, h.last, h.highest = true, s, s.value
	}
	if v = s.since(h.last, h.highest); v != continues {
		h.epoch++
		h.owed, h.tried = v == broken, time.Time{}
	}
	h.last = s
	behind = h.highest
	h.highest = max(h.highest, s.value)
	if due = h.owed && now.Sub(h.tried) >= lookEvery; due {
		h.tried = now
	}
	return memo.Stamp{Epoch: h.epoch, Value: s.value}, v, due, behind
}

// settle records that the database has a new epoch above every value seen.
func (h *history) settle(s sight) memo.Stamp {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.owed, h.last, h.highest = false, s, max(h.highest, s.value)
	return memo.Stamp{Epoch: h.epoch, Value: s.value}
}

// pending reports whether the database still needs a new epoch.
func (h *history) pending() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.owed
}

// follow turns a sight into a stamp. If the database came back older or with another history, follow starts a new epoch
// in it, unless another process already did. Values cached by this process are invalid even if that fails.
func (d *DB) follow(ctx context.Context, s sight) (memo.Stamp, error) {
	at, v, due, behind := d.history.take(s, d.options.Now())
	if v != continues {
		d.life.renew() // the remaining connections to another server must not answer for this one
	}
	log := d.options.Log.With("seen", behind, "found", s.value)
	switch v {
	case renewed:
		log.Info("the index has a new epoch: reloading pages, tokens and names", "epoch", s.epoch)
	case distant:
		log.Info("too many changes since the last look: reloading pages, tokens and names")
	}
	if !due {
		return at, nil
	}
	ctx, cancel := context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), lookingKey{}, true), epochTime)
	defer cancel()
	now, made, err := d.beginEpoch(ctx, s.epoch, behind)
	switch {
	case err != nil:
		log.Warn("the database came back in an older state than this server has seen, and cannot be marked yet", "error", err)
		return at, nil
	case made:
		log.Error("the database came back in an older state than this server has seen: later changes are missing and must be repeated",
			"epoch", now.epoch, "serial", now.value)
	default:
		log.Warn("the database came back in an older state than this server has seen; another server noticed first", "epoch",
			now.epoch, "serial", now.value)
	}
	return d.history.settle(now), nil
}

// lookingKey marks the context of an update that is made by a look.
type lookingKey struct{}

// beginEpoch starts a new epoch with its first value above behind, and reports whether it did. It does nothing if
// another process has already replaced the refuted epoch by one above behind, or if the index has been migrated away.
func (d *DB) beginEpoch(ctx context.Context, refuted string, behind int64) (now sight, made bool, err error) {
	err = d.update(ctx, func(t *Tx) error {
		made = false
		if now, err = t.counter(ctx); err != nil {
			return err
		}
		if now.epoch != refuted && behind < now.began {
			return nil
		}
		if moved, err := t.mark(ctx, movedMark); err != nil || moved != 0 {
			return err
		}
		made = true
		now, err = t.newEpoch(ctx, max(now.value, behind)+epochGap)
		return err
	})
	return now, made, err
}

func (t *Tx) counter(ctx context.Context) (sight, error) {
	scan := func(r row) (s sight, err error) { return s, r.Scan(s.into()...) }
	return one(ctx, t, "counter", scan, sightQuery, int64(0))
}

// newEpoch sets the serial to value and makes value the first of a new epoch. Every project gets value as its serial:
// mirrors of the lost history must fetch their projects again, and those projects are unknown.
func (t *Tx) newEpoch(ctx context.Context, value int64) (sight, error) {
	s := sight{value: value, began: value, epoch: rand.Text(), mark: newMark()}
	if _, err := t.exec(ctx, `UPDATE counters SET value = $1, began = $1, epoch = $2, mark = $3 WHERE name = 'serial'`,
		s.value, s.epoch, s.mark); err != nil {
		return sight{}, err
	}
	_, err := t.exec(ctx, `UPDATE projects SET serial = $1`, s.value)
	return s, err
}

// NewEpoch starts a new epoch for an administrator who restored the database, because running processes may not have
// noticed the restore or may not know the values given out before. It advances the serial by a million, or above beyond
// if that is larger, and returns it. Running processes drop their cached values at their next look. NewEpoch returns
// fault.Conflict if the index has been moved.
func (d *DB) NewEpoch(ctx context.Context, beyond int64) (serial int64, err error) {
	err = d.update(ctx, func(t *Tx) error {
		moved, err := t.mark(ctx, movedMark)
		if err != nil {
			return err
		}
		if moved != 0 {
			return ErrMoved(moment(moved))
		}
		serial, err = t.skip(ctx, beyond)
		return err
	})
	return serial, err
}

// skip starts a new epoch far above the values that others may have seen.
func (t *Tx) skip(ctx context.Context, beyond int64) (int64, error) {
	now, err := t.counter(ctx)
	if err != nil {
		return 0, err
	}
	now, err = t.newEpoch(ctx, max(now.value+restoreGap, beyond+1))
	return now.value, err
}

// ensureEpoch names the epoch of a database that has none yet.
func (d *DB) ensureEpoch(ctx context.Context) error {
	named := func(t *Tx) error {
		s, err := t.counter(ctx)
		if err == nil && s.epoch == "" {
			err = fault.New(fault.NotFound, "the serial has no epoch")
		}
		return err
	}
	if err := d.view(ctx, named); !fault.Is(err, fault.NotFound) {
		return err
	}
	return d.update(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `UPDATE counters SET epoch = $1 WHERE name = 'serial' AND epoch = ''`, rand.Text())
		return err
	})
}

// newMark returns 63 random bits.
func newMark() int64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}
