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

// Numbers that a new epoch leaves out, so that values given before and seen by others are not given again.
const (
	// beyond the largest value that the process which noticed has seen: another may have seen a few more
	epochGap   = 1_000
	restoreGap = 1_000_000 // beyond the value found, where nobody knows what was given: see NewEpoch
)

// markSlots is how many changes back serial_marks reaches.
const markSlots = 4096

// epochTime bounds making a new epoch. The looks of this process wait for it.
const epochTime = 30 * time.Second

// sight is what a look finds: the counter, with what tells whether it continues what was seen before.
type sight struct {
	value int64
	epoch string // names the history; made anew by NewEpoch and its like
	began int64  // the first value that was given in the epoch
	mark  int64  // random, of the change that gave the value
	known int64  // the largest value that had the mark asked about, -1 where serial_marks does not have it
}

// sightQuery is one look. $1 is the mark of the last one.
const sightQuery = `SELECT c.value, c.epoch, c.began, c.mark, COALESCE((SELECT MAX(m.value) FROM serial_marks m WHERE m.mark = $1), -1)
	FROM counters c WHERE c.name = 'serial'`

func (s *sight) into() []any { return []any{&s.value, &s.epoch, &s.began, &s.mark, &s.known} }

// verdict is what a sight means for what was kept under an earlier one.
type verdict int

const (
	continues verdict = iota // it is the same, or what came after it
	renewed                  // another epoch, with numbers that were not given before
	distant                  // too many changes lie between: nobody can say
	broken                   // the earlier one is not part of this history
)

// since compares with an earlier sight and the largest value ever seen.
func (s sight) since(last sight, highest int64) verdict {
	switch {
	case s.epoch != last.epoch && highest >= s.began:
		return broken
	case s.epoch != last.epoch:
		return renewed
	case s.mark == last.mark && s.value >= last.value: // programs without epochs leave the mark
		return continues
	case s.value > last.value && s.known >= last.value:
		return continues
	case s.value > last.value+markSlots:
		return distant
	}
	return broken
}

// history follows the counter through its looks and numbers the epochs of this process. It is safe for concurrent use.
type history struct {
	mu      sync.Mutex
	begun   bool
	last    sight
	highest int64 // ever seen
	epoch   int64 // of the stamps, counted by this process
	owed    bool  // a new epoch in the database, which could not be made yet
	tried   time.Time
}

// mark returns the mark of the last sight, for sightQuery.
func (h *history) mark() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last.mark
}

// given returns the largest value ever seen: no change of this process gets one up to it.
func (h *history) given() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.highest
}

// take notes a sight. Whatever does not continue the last one starts an epoch of the stamps. due is whether the
// database needs a new epoch and it is time to try, and behind the largest value seen.
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

// settle notes that the database has an epoch beyond all that was seen.
func (h *history) settle(s sight) memo.Stamp {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.owed, h.last, h.highest = false, s, max(h.highest, s.value)
	return memo.Stamp{Epoch: h.epoch, Value: s.value}
}

// pending reports whether a new epoch is owed to the database.
func (h *history) pending() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.owed
}

// follow turns what a look found into a stamp. Where the database came back older, or with another history, it makes a
// new epoch there, unless another process did. What this process kept is out of use also while that does not succeed.
func (d *DB) follow(ctx context.Context, s sight) (memo.Stamp, error) {
	at, v, due, behind := d.history.take(s, d.options.Now())
	if v != continues {
		d.life.renew() // what is left of connections to another server must not answer for this one
	}
	log := d.options.Log.With("seen", behind, "found", s.value)
	switch v {
	case renewed:
		log.Info("the index has a new epoch: pages, tokens and names are read again", "epoch", s.epoch)
	case distant:
		log.Info("many changes were made since the last look: pages, tokens and names are read again")
	}
	if !due {
		return at, nil
	}
	ctx, cancel := context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), lookingKey{}, true), epochTime)
	defer cancel()
	now, made, err := d.beginEpoch(ctx, s.epoch, behind)
	switch {
	case err != nil:
		log.Warn("the database came back older than this server has seen it, and cannot be marked yet", "error", err)
		return at, nil
	case made:
		log.Error("the database came back older than this server has seen it: what was changed in between is missing, and must be done again",
			"epoch", now.epoch, "serial", now.value)
	default:
		log.Warn("the database came back older than this server has seen it; another server noticed first", "epoch",
			now.epoch, "serial", now.value)
	}
	return d.history.settle(now), nil
}

// lookingKey marks the context of a change that a look makes.
type lookingKey struct{}

// beginEpoch makes a new epoch whose first value lies beyond behind, unless the epoch is not refuted any more and the
// one that took its place does so already. It reports whether it did. An index that was moved away is left alone.
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

// counter returns the row of the counter.
func (t *Tx) counter(ctx context.Context) (sight, error) {
	scan := func(r row) (s sight, err error) { return s, r.Scan(s.into()...) }
	return one(ctx, t, "counter", scan, sightQuery, int64(0))
}

// newEpoch moves the counter to a value and makes it the first of a new epoch. Each project gets it as its serial:
// mirrors that have the project as it was in the history that was lost must come for it again, and nobody knows which
// those are.
func (t *Tx) newEpoch(ctx context.Context, value int64) (sight, error) {
	s := sight{value: value, began: value, epoch: rand.Text(), mark: newMark()}
	if _, err := t.exec(ctx, `UPDATE counters SET value = $1, began = $1, epoch = $2, mark = $3 WHERE name = 'serial'`,
		s.value, s.epoch, s.mark); err != nil {
		return sight{}, err
	}
	_, err := t.exec(ctx, `UPDATE projects SET serial = $1`, s.value)
	return s, err
}

// NewEpoch starts a new epoch, for an administrator who restored the database: no process may have noticed, or know
// what was given before. The counter moves on by a million, or beyond a value if that is larger, and is returned. What
// running processes kept is out of use at their next look. An index that was moved is fault.Conflict.
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

// skip starts a new epoch well beyond what others may have been given.
func (t *Tx) skip(ctx context.Context, beyond int64) (int64, error) {
	now, err := t.counter(ctx)
	if err != nil {
		return 0, err
	}
	now, err = t.newEpoch(ctx, max(now.value+restoreGap, beyond+1))
	return now.value, err
}

// ensureEpoch names the epoch of a new database, or of one from before there were epochs.
func (d *DB) ensureEpoch(ctx context.Context) error {
	named := func(t *Tx) error {
		s, err := t.counter(ctx)
		if err == nil && s.epoch == "" {
			err = fault.New(fault.NotFound, "the counter has no epoch")
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
	rand.Read(b[:]) // does not fail
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}
