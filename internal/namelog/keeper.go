package namelog

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// TendEvery is how often Tend is called. A change is in the copy after this time, at the latest after the next call.
const TendEvery = 20 * time.Second

const (
	// how long one holder may write without renewing
	leaseTime = 5 * time.Minute
	// how old the newest segment may get although nothing changed; it shows that the copy was kept up to then
	quiet = time.Hour
	// number of changes in one segment
	changesAtOnce = 2000
	namesAtOnce   = 1000
	// All names are written again, and the other segments deleted, after this many segments, but at most once in a day
	// unless there are many.
	compactAfter = 100
	compactMany  = 2000
	compactEvery = 24 * time.Hour
)

// Options are the settings of a Keeper; the zero value works.
type Options struct {
	Now func() time.Time // time.Now
	Log *slog.Logger     // slog.Default
}

// Keeper writes and reads the copy. It is safe for concurrent use; any number may share a database and store.
type Keeper struct {
	store   Store
	content Content
	now     func() time.Time
	log     *slog.Logger
	holder  string

	mu      sync.Mutex
	listed  bool      // written is known
	written int       // segments of this instance
	whole   time.Time // when the newest one with all names was written
	failing time.Time
	why     error
}

// New returns the keeper of the copy of s in c.
func New(s Store, c Content, o Options) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Keeper{store: s, content: c, now: o.Now, log: o.Log, holder: rand.Text()}
}

func (k *Keeper) clock() time.Time { return k.now().UTC().Truncate(time.Microsecond) }

// Trouble returns the last error of Tend and since when it fails, or nil.
func (k *Keeper) Trouble() (time.Time, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failing, k.why
}

// Tend writes what is not in the copy. It does nothing if another process does so.
func (k *Keeper) Tend(ctx context.Context) error {
	err := k.tend(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.failing, k.why = time.Time{}, nil
	case ctx.Err() == nil && k.why == nil:
		k.failing, k.why = k.clock(), err
	case ctx.Err() == nil:
		k.why = err
	}
	return err
}

func (k *Keeper) tend(ctx context.Context) error {
	due, err := k.due(ctx)
	if err != nil || !due {
		return err
	}
	return k.leased(ctx, func() error {
		s, _, err := k.state(ctx)
		if err != nil {
			return err
		}
		if err := k.count(ctx, s.Instance); err != nil {
			return err
		}
		if s.SavedAt.IsZero() || k.large() {
			return k.saveAll(ctx)
		}
		return k.saveChanges(ctx)
	})
}

// SaveNow writes what is not in the copy, and otherwise that nothing changed, for a command that needs the copy to be
// current. It returns fault.Unavailable if another process is writing.
func (k *Keeper) SaveNow(ctx context.Context) error {
	did := false
	err := k.leased(ctx, func() error {
		did = true
		s, _, err := k.state(ctx)
		if err == nil && s.SavedAt.IsZero() {
			return k.saveAll(ctx)
		}
		if err == nil {
			err = k.saveChanges(ctx)
		}
		return err
	})
	if err == nil && !did {
		err = fault.New(fault.Unavailable, "another server is writing the copy of names; try again")
	}
	return err
}

// leased runs f if no other process is writing.
func (k *Keeper) leased(ctx context.Context, f func() error) error {
	got := false
	now := k.clock()
	err := k.store.Update(ctx, func(tx Tx) (err error) {
		got, err = tx.LeaseNameLog(ctx, k.holder, now, now.Add(leaseTime))
		return err
	})
	if err != nil || !got {
		return err
	}
	err = f()
	return errors.Join(err, k.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		_, err := tx.LeaseNameLog(context.WithoutCancel(ctx), k.holder, now, now)
		return err
	}))
}

func (k *Keeper) state(ctx context.Context) (s State, changes []Change, err error) {
	err = k.store.View(ctx, func(tx Tx) (err error) {
		if s, err = tx.NameLogState(ctx); err == nil {
			changes, err = tx.Unsaved(ctx, 1)
		}
		return err
	})
	return s, changes, err
}

// due reports whether there is anything to write.
func (k *Keeper) due(ctx context.Context) (bool, error) {
	s, changes, err := k.state(ctx)
	if fault.Is(err, fault.NotFound) { // an index without an id
		return false, nil
	}
	old := k.clock().Sub(s.SavedAt) >= quiet || s.LastBackup.After(s.SavedAt)
	return len(changes) > 0 || old, err
}

func header(s State, at time.Time, all bool) Header {
	return Header{Format: format, Instance: s.Instance, Before: s.Before, Serial: s.Serial, At: at, All: all}
}

// saveChanges writes the changes, in segments of limited size. Without any, it writes that nothing changed.
func (k *Keeper) saveChanges(ctx context.Context) error {
	for {
		changes, err := k.saveSome(ctx)
		if err != nil || len(changes) < changesAtOnce {
			return err
		}
	}
}

func (k *Keeper) saveSome(ctx context.Context) (changes []Change, err error) {
	var h Header
	var w *writer
	at := k.clock()
	err = k.store.View(ctx, func(tx Tx) error {
		s, err := tx.NameLogState(ctx)
		if err != nil {
			return err
		}
		if changes, err = tx.Unsaved(ctx, changesAtOnce); err != nil {
			return err
		}
		h = header(s, at, false)
		if w, err = newWriter(ctx, k.content, h); err != nil {
			return err
		}
		for _, c := range changes {
			if err := w.change(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if w != nil {
		defer w.stage.Discard()
	}
	if err == nil {
		err = k.finish(ctx, w, h, changes)
	}
	return changes, err
}

// change writes the row of a change. A row that is gone was never anybody's name.
func (w *writer) change(ctx context.Context, tx Tx, c Change) error {
	var r Record
	var err error
	switch c.Kind {
	case KindTombstone:
		var s Tombstone
		s, err = tx.TombstoneOf(ctx, c.Repository, c.Name)
		r = Record{Tombstone: &s}
	case KindName, KindDeleted:
		var name packaging.ProjectName
		if name, err = packaging.ParseProjectName(c.Name); err != nil {
			return err
		}
		if c.Kind == KindName {
			var n catalog.Name
			n, err = tx.NameOf(ctx, name)
			r = nameRecord(n)
		} else {
			var d catalog.Deleted
			d, err = tx.DeletedNamed(ctx, c.Repository, name)
			r = deletedRecord(d)
		}
	}
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		err = w.add(r)
	}
	return err
}

// finish stores a segment and notes that its changes are in the copy.
func (k *Keeper) finish(ctx context.Context, w *writer, h Header, changes []Change) error {
	if err := w.keep(ctx, k.content, h); err != nil {
		return err
	}
	k.mu.Lock()
	k.written++
	k.mu.Unlock()
	return k.store.Update(ctx, func(tx Tx) error {
		if err := tx.ForgetUnsaved(ctx, changes); err != nil {
			return err
		}
		return tx.NoteSaved(ctx, h.At)
	})
}

// saveAll writes a segment with all names, and deletes the segments of this instance that it replaces.
func (k *Keeper) saveAll(ctx context.Context) error {
	var h Header
	var w *writer
	var changes []Change
	at := k.clock()
	err := k.store.View(ctx, func(tx Tx) error {
		s, err := tx.NameLogState(ctx)
		if err != nil {
			return err
		}
		if changes, err = tx.Unsaved(ctx, 1<<20); err != nil {
			return err
		}
		h = header(s, at, true)
		if w, err = newWriter(ctx, k.content, h); err != nil {
			return err
		}
		return w.all(ctx, tx)
	})
	if w != nil {
		defer w.stage.Discard()
	}
	if err == nil {
		err = k.finish(ctx, w, h, changes)
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.whole = h.At
	k.mu.Unlock()
	return k.drop(ctx, h)
}

// all writes all names.
func (w *writer) all(ctx context.Context, tx Tx) error {
	return eachRow(ctx, tx,
		func(n catalog.Name) error {
			if !Kept(n) {
				return nil
			}
			return w.add(nameRecord(n))
		},
		func(d catalog.Deleted) error { return w.add(deletedRecord(d)) },
		func(s Tombstone) error { return w.add(Record{Tombstone: &s}) })
}

// eachRow calls the functions for all names, deleted projects and tombstones of the database, in this order.
func eachRow(ctx context.Context, tx Tx, name func(catalog.Name) error, deleted func(catalog.Deleted) error,
	tombstone func(Tombstone) error,
) error {
	for after := ""; ; {
		some, err := tx.Names(ctx, after, namesAtOnce)
		if err != nil {
			return err
		}
		for _, n := range some {
			after = n.Name.String()
			if err := name(n); err != nil {
				return err
			}
		}
		if len(some) < namesAtOnce {
			break
		}
	}
	gone, err := tx.DeletedProjects(ctx)
	if err != nil {
		return err
	}
	for _, d := range gone {
		if err := deleted(d); err != nil {
			return err
		}
	}
	for after := (Tombstone{}); ; {
		some, err := tx.BuriedAfter(ctx, after, namesAtOnce)
		if err != nil {
			return err
		}
		for _, s := range some {
			after = s
			if err := tombstone(s); err != nil {
				return err
			}
		}
		if len(some) < namesAtOnce {
			return nil
		}
	}
}

// segment is an object of the copy.
type segment struct {
	key, instance, kind, digest string
	at                          time.Time
}

var keyParts = regexp.MustCompile(`\Anames/([0-9a-z]+)/([0-9]{16})-([a-z]+)-([0-9a-f]{64})\z`)

func parseKey(key string) (segment, bool) {
	m := keyParts.FindStringSubmatch(key)
	if m == nil {
		return segment{}, false
	}
	var us int64
	for _, c := range m[2] {
		us = us*10 + int64(c-'0')
	}
	return segment{key: key, instance: m[1], at: time.UnixMicro(us).UTC(), kind: m[3], digest: m[4]}, true
}

// list returns the segments of an instance, or of all if it is "", by time.
func (k *Keeper) list(ctx context.Context, instance string) (out []segment, err error) {
	prefix := custody.NamesFolder
	if instance != "" {
		prefix += instance + "/"
	}
	err = k.content.EachUnder(ctx, prefix, func(o custody.Object) error {
		if s, ok := parseKey(o.Key); ok && (instance == "" || s.instance == instance) {
			out = append(out, s)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b segment) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return strings.Compare(a.key, b.key)
	})
	return out, err
}

// large reports whether it is time to write all names again.
func (k *Keeper) large() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.written >= compactMany || k.written >= compactAfter && k.clock().Sub(k.whole) >= compactEvery
}

// count counts the segments of this instance, once.
func (k *Keeper) count(ctx context.Context, instance string) error {
	k.mu.Lock()
	known := k.listed
	k.mu.Unlock()
	if known {
		return nil
	}
	all, err := k.list(ctx, instance)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.listed, k.written = true, len(all)
	for _, s := range all {
		if s.kind == custody.NamesAll {
			k.whole = s.at
		}
	}
	return nil
}

// drop deletes the segments of this instance from before one with all names, if the database has everything in them. A
// database that was put back to an older state lacks some.
func (k *Keeper) drop(ctx context.Context, all Header) error {
	listed, err := k.list(ctx, all.Instance)
	if err != nil {
		return err
	}
	var old []segment
	for _, s := range listed {
		if s.at.Before(all.At) {
			old = append(old, s)
		}
	}
	if len(old) == 0 {
		return nil
	}
	found, err := k.find(ctx, State{Instance: all.Instance, Before: all.Before}, old)
	if err != nil {
		return err
	}
	if n := len(found.missing); n > 0 {
		return fault.New(fault.Conflict,
			"the copy of names beside the content has %d names that the database lacks: it was put back to an older state; add them with: index restore finish", n)
	}
	for _, s := range found.read {
		if err := k.content.Delete(ctx, s.key); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.written = len(listed) - len(found.read)
	return nil
}
