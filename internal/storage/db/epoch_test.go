package db_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// replica is one of several handles of a database, with its log.
type replica struct {
	*db.DB
	t   *testing.T
	log *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func openReplica(t *testing.T, url string, o db.Options) *replica {
	t.Helper()
	r := &replica{t: t, log: new(lockedBuffer)}
	o.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	r.DB = storagetest.OpenDB(t, url, o)
	return r
}

func (r *replica) stamp() memo.Stamp {
	r.t.Helper()
	at, err := r.Stamp(r.t.Context())
	if err != nil {
		r.t.Fatalf("Stamp() = %v", err)
	}
	return at
}

// change commits one change and returns its serial.
func (r *replica) change() (n int64) {
	r.t.Helper()
	err := r.Catalog().Update(r.t.Context(), func(tx catalog.Tx) (err error) {
		n, err = tx.NextSerial(r.t.Context())
		return err
	})
	if err != nil {
		r.t.Fatalf("a change = %v", err)
	}
	return n
}

func (r *replica) changes(n int) (last int64) {
	r.t.Helper()
	for range n {
		last = r.change()
	}
	return last
}

// cries counts the lines of a level.
func (r *replica) cries(level string) int { return strings.Count(r.log.String(), "level="+level) }

// TestCounterGoesBack checks three processes that see the serial go back. Each starts an epoch of its own memory, one
// of them starts and logs one in the database, and no serial is used twice.
func TestCounterGoesBack(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		url := fresh(t)
		var all []*replica
		for range 3 {
			all = append(all, openReplica(t, url, db.Options{}))
		}
		all[0].changes(5)
		older := storagetest.TakeSnapshot(t, url)
		top := all[1].changes(2)
		var before []memo.Stamp
		for _, r := range all {
			before = append(before, r.stamp())
		}
		older.Restore()
		after := make([]memo.Stamp, len(all))
		var group sync.WaitGroup
		for i, r := range all { // at once
			group.Go(func() { after[i], _ = r.Stamp(t.Context()) })
		}
		group.Wait()
		for i, r := range all {
			if after[i].Epoch == before[i].Epoch || after[i].Value <= top {
				t.Errorf("Stamp() after the counter went back from %v = %v, want another epoch and a larger value", before[i],
					after[i])
			}
			if after[i].Value != after[0].Value {
				t.Errorf("Stamp() of process %d = %v, and of the first %v: two epochs were made", i, after[i], after[0])
			}
			if again := r.stamp(); again != after[i] {
				t.Errorf("Stamp() once more = %v, want %v", again, after[i])
			}
		}
		if n := all[0].cries("ERROR") + all[1].cries("ERROR") + all[2].cries("ERROR"); n != 1 {
			t.Errorf("the logs have %d errors, want one:\n%s%s%s", n, all[0].log, all[1].log, all[2].log)
		}
		if n := all[2].change(); n != after[0].Value+1 {
			t.Errorf("the next change is %d, want %d", n, after[0].Value+1)
		}
	})
}

// TestCounterGoesBackAndForth checks that a process notices that the serial went back, even if others moved it to the
// old value or beyond before the next look.
func TestCounterGoesBackAndForth(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		for _, forth := range []int{1, 2, 3, 9} {
			url := fresh(t)
			cutOff := openReplica(t, url, db.Options{})
			cutOff.changes(5)
			older := storagetest.TakeSnapshot(t, url)
			cutOff.changes(2)
			before := cutOff.stamp()
			older.Restore()
			other := openReplica(t, url, db.Options{}) // saw nothing of what was lost
			other.stamp()
			given := other.changes(forth)
			after := cutOff.stamp()
			if after.Epoch == before.Epoch || after.Value <= max(before.Value, given) {
				t.Errorf("back by 2 and on by %d: Stamp() = %v after %v, want another epoch beyond %d", forth, after, before,
					max(before.Value, given))
			}
			if seen := other.stamp(); seen.Value != after.Value || seen.Epoch == 0 {
				t.Errorf("back by 2 and on by %d: Stamp() of the other = %v, want a new epoch at %d", forth, seen, after.Value)
			}
		}
	})
}

// TestNothingWasSeen checks that a process that saw no lost change notices nothing, and that a longer history is not a
// new epoch.
func TestNothingWasSeen(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		url := fresh(t)
		a, b := openReplica(t, url, db.Options{}), openReplica(t, url, db.Options{})
		a.changes(5)
		before := b.stamp()
		older := storagetest.TakeSnapshot(t, url)
		a.changes(2) // nobody looks
		older.Restore()
		if got := b.stamp(); got != before {
			t.Errorf("Stamp() of what was seen before = %v, want %v", got, before)
		}
		for _, n := range []int{1, 2, 30} {
			want := a.changes(n)
			if got := b.stamp(); got.Epoch != before.Epoch || got.Value != want {
				t.Errorf("Stamp() after %d changes = %v, want %d in epoch %d", n, got, want, before.Epoch)
			}
		}
		if a.cries("ERROR")+b.cries("ERROR") > 0 {
			t.Errorf("errors were logged:\n%s%s", a.log, b.log)
		}
	})
}

// TestWasFarAhead checks that a process that saw more than the first one starts another epoch above that.
func TestWasFarAhead(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		url := fresh(t)
		a, far := openReplica(t, url, db.Options{}), openReplica(t, url, db.Options{})
		a.changes(3)
		older := storagetest.TakeSnapshot(t, url)
		a.change()
		a.stamp()
		if _, err := far.NewEpoch(t.Context(), 5_000_000); err != nil {
			t.Fatal(err)
		}
		top := far.stamp()
		older.Restore()
		first := a.stamp()
		if first.Value >= top.Value {
			t.Fatalf("Stamp() = %v, want one that is behind %v: nothing is tried here", first, top)
		}
		given := a.changes(3)
		second := far.stamp()
		if second.Epoch == top.Epoch || second.Value <= max(top.Value, given) {
			t.Errorf("Stamp() of who saw %v = %v, want another epoch beyond it", top, second)
		}
		if third := a.stamp(); third.Value != second.Value || third.Epoch == first.Epoch {
			t.Errorf("Stamp() of the first = %v, want a new epoch at %d", third, second.Value)
		}
	})
}

// TestEpochCannotBeWritten checks that cached values are invalid and no seen serial is reused while the database
// accepts no changes. The epoch follows as soon as possible.
func TestEpochCannotBeWritten(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		url := fresh(t)
		var shut atomic.Bool
		var clock fakeClock
		a := openReplica(t, url, db.Options{Now: clock.now, Hook: func(s db.Step, do func() error) error {
			if shut.Load() && s.Op == db.OpExec && strings.Contains(s.SQL, "began = ") {
				return io.ErrClosedPipe
			}
			return do()
		}})
		a.changes(3)
		older := storagetest.TakeSnapshot(t, url)
		a.changes(2)
		before := a.stamp()
		shut.Store(true)
		older.Restore()
		during := a.stamp()
		if during.Epoch == before.Epoch || during.Value != before.Value-2 {
			t.Errorf("Stamp() while nothing can be written = %v, want %d in another epoch than %v", during, before.Value-2,
				before)
		}
		if n := a.change(); n <= before.Value {
			t.Errorf("a change meanwhile = %d, which was seen as something else", n)
		}
		shut.Store(false)
		clock.add()
		other := openReplica(t, url, db.Options{})
		other.change() // SQLite is looked at when something changed
		after := a.stamp()
		if after.Epoch < during.Epoch || after.Value <= before.Value+500 {
			t.Errorf("Stamp() when it can be written = %v, want a new epoch in the database", after)
		}
	})
}

// TestNewEpoch: an administrator's epoch moves the counter by a million, or beyond what is named, every process
// follows, and projects get the number, so that mirrors come for all of them.
func TestNewEpoch(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		url := fresh(t)
		a, b := openReplica(t, url, db.Options{}), openReplica(t, url, db.Options{})
		if err := publish(t.Context(), a.Catalog(), "1"); err != nil {
			t.Fatal(err)
		}
		before := b.stamp()
		for _, beyond := range []int64{0, 5, 7_000_000} {
			n, err := a.NewEpoch(t.Context(), beyond)
			if err != nil || n <= beyond || n < before.Value+1_000_000 {
				t.Errorf("NewEpoch(%d) = %d, %v after %d", beyond, n, err, before.Value)
			}
			after := b.stamp()
			if after.Epoch == before.Epoch || after.Value != n {
				t.Errorf("Stamp() of another process = %v after %v, want %d in another epoch", after, before, n)
			}
			err = a.Catalog().View(t.Context(), func(tx catalog.Tx) error {
				main, err := tx.RepositoryByName(t.Context(), catalog.MainRepository)
				if err != nil {
					return err
				}
				all, err := tx.Projects(t.Context(), main.ID)
				if err == nil && (len(all) != 1 || all[0].Serial != n) {
					t.Errorf("projects after NewEpoch = %v, want one with serial %d", all, n)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			before = after
		}
		if a.cries("ERROR")+b.cries("ERROR") > 0 {
			t.Errorf("an epoch that was asked for is an error:\n%s%s", a.log, b.log)
		}
	})
}

// TestMoveStartsAnEpoch checks that a copy has its own epoch, and that an index taken back reuses no serial of the
// copy.
func TestMoveStartsAnEpoch(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		from, to := openReplica(t, fresh(t), db.Options{}), openReplica(t, fresh(t), db.Options{})
		top := from.changes(4)
		before, empty := from.stamp(), to.stamp()
		if _, err := from.Move(t.Context(), to.DB,
			func(func(func(custody.Stored) error) error) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if got := to.stamp(); got.Value != top || got.Epoch == empty.Epoch {
			t.Errorf("Stamp() of the copy = %v after %v, want %d in another epoch", got, empty, top)
		}
		if _, err := from.NewEpoch(t.Context(), 0); !fault.Is(err, fault.Conflict) {
			t.Errorf("NewEpoch() of an index that was moved = %v, want conflict", err)
		}
		given := to.changes(3)
		if _, err := from.Stay(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := from.stamp(); got.Epoch == before.Epoch || got.Value <= given {
			t.Errorf("Stamp() after Stay = %v, want another epoch than %v beyond %d", got, before, given)
		}
	})
}

// TestMovedIndexThatGoesBack checks that a moved index gets no new epoch.
func TestMovedIndexThatGoesBack(t *testing.T) {
	url := storagetest.SQLite(t)
	from, to := openReplica(t, url, db.Options{}), openReplica(t, storagetest.SQLite(t), db.Options{})
	from.changes(2)
	if _, err := from.Move(t.Context(), to.DB,
		func(func(func(custody.Stored) error) error) error { return nil }); err != nil {
		t.Fatal(err)
	}
	older := storagetest.TakeSnapshot(t, url)
	if _, err := from.Stay(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := from.stamp()
	older.Restore()
	if got := from.stamp(); got.Epoch == before.Epoch || got.Value != 2 {
		t.Errorf("Stamp() of the moved index = %v, want 2 in another epoch than %v", got, before)
	}
}

// TestSQLiteFileIsReplaced: another file in the place of the database is noticed, opened, and compared like a restore;
// no change goes to the file that is gone. With the log of the old file beside it, nothing is read or written.
func TestSQLiteFileIsReplaced(t *testing.T) {
	url := storagetest.SQLite(t)
	a, b := openReplica(t, url, db.Options{}), openReplica(t, url, db.Options{})
	a.changes(5)
	older := storagetest.TakeSnapshot(t, url)
	top := a.changes(2)
	before := a.stamp()
	b.stamp()
	older.Replace(true)
	n := a.change() // the first that is asked is a writer
	if n <= top {
		t.Errorf("a change after the file was replaced = %d, which was given before", n)
	}
	wait(t, "the other file", func() bool { return a.stamp().Epoch != before.Epoch && b.stamp().Value == a.stamp().Value })
	if got := a.stamp(); got.Value <= top {
		t.Errorf("Stamp() of the other file = %v, want it beyond %d", got, top)
	}
	fresh := openReplica(t, url, db.Options{})
	if got, want := fresh.stamp().Value, a.stamp().Value; got != want {
		t.Errorf("a process that opens the file sees %d, want %d", got, want)
	}
	want := b.change()
	wait(t, "a change in the other file", func() bool { return a.stamp().Value == want && fresh.stamp().Value == want })

	older.Replace(false)
	err := a.Catalog().Update(t.Context(), func(tx catalog.Tx) error { _, err := tx.NextSerial(t.Context()); return err })
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "-wal") {
		t.Errorf("a change beside the log of another file = %v, want unavailable and what to do", err)
	}
}

// TestSQLiteFileIsGone checks that a change to a deleted file is rejected.
func TestSQLiteFileIsGone(t *testing.T) {
	url := storagetest.SQLite(t)
	a := openReplica(t, url, db.Options{})
	a.change()
	path := strings.TrimPrefix(url, "sqlite:")
	moveAway(t, path, path+".away")
	err := a.Catalog().Update(t.Context(), func(tx catalog.Tx) error { _, err := tx.NextSerial(t.Context()); return err })
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a change of a file that is gone = %v, want unavailable", err)
	}
	moveAway(t, path+".away", path)
	if n := a.change(); n != 2 {
		t.Errorf("a change of the file that is back = %d, want 2", n)
	}
}

// TestFileIsReplacedInAChange checks that a change is not reported as successful if its file was replaced before the
// commit.
func TestFileIsReplacedInAChange(t *testing.T) {
	url := storagetest.SQLite(t)
	a := openReplica(t, url, db.Options{})
	a.change()
	older := storagetest.TakeSnapshot(t, url)
	err := a.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
		_, err := tx.NextSerial(t.Context())
		older.Replace(true)
		return err
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a change whose file was replaced = %v, want unavailable", err)
	}
	if n := a.change(); n != 2 {
		t.Errorf("the change again = %d, want 2", n)
	}
}

// TestCounterGoesBackInAnOutage: the first look after an outage finds an older database and makes the epoch at once,
// though the outage is not noted as over yet.
func TestCounterGoesBackInAnOutage(t *testing.T) {
	url := postgresOrSkip(t)
	var down atomic.Bool
	a := openReplica(t, url, db.Options{Bridge: time.Hour, Hook: func(_ db.Step, do func() error) error {
		if down.Load() {
			return io.ErrUnexpectedEOF
		}
		return do()
	}})
	a.changes(3)
	older := storagetest.TakeSnapshot(t, url)
	a.changes(2)
	before := a.stamp()
	down.Store(true)
	if got := a.stamp(); got != before {
		t.Errorf("Stamp() in the outage = %v, want %v", got, before)
	}
	if _, away := a.Away(); !away {
		t.Fatal("there is no outage")
	}
	older.Restore()
	down.Store(false)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.Attend(ctx, func(context.Context) {}) }()
	defer func() { cancel(); <-done }()
	wait(t, "the end of the outage", func() bool { _, away := a.Away(); return !away })
	if got := a.stamp(); got.Epoch == before.Epoch || got.Value <= before.Value+500 {
		t.Errorf("Stamp() after the outage = %v, want a new epoch in the database beyond %v", got, before)
	}
	if n := a.cries("ERROR"); n != 1 {
		t.Errorf("the log has %d errors, want one:\n%s", n, a.log)
	}
}
