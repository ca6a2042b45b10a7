package storagetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

func (w *world) serial(s Stores) int64 {
	w.Helper()
	n, err := s.Catalog.Serial(w.ctx)
	w.must(err)
	return n
}

// next increments the serial through one handle and returns it.
func (w *world) next(s Stores) int64 {
	w.Helper()
	var n int64
	w.must(s.Catalog.Update(w.ctx, func(tx catalog.Tx) (err error) {
		n, err = tx.NextSerial(w.ctx)
		return err
	}))
	return n
}

// checkSerials checks that the next look through either handle sees a commit, and none sees a rollback.
func checkSerials(w *world) {
	start := w.serial(w.a)
	for i := range int64(20) {
		writer, reader := w.a, w.b
		if i%2 == 1 {
			writer, reader = w.b, w.a
		}
		n := w.next(writer)
		w.same("NextSerial()", n, start+i+1)
		w.same("Serial() of the other process", w.serial(reader), n)
		w.same("Serial() of this process", w.serial(writer), n)
	}
	stop := errors.New("stop")
	err := w.a.Catalog.Update(w.ctx, func(tx catalog.Tx) error {
		tx.NextSerial(w.ctx)
		return stop
	})
	if !errors.Is(err, stop) {
		w.Errorf("Update(fails) = %v, want the function's own error", err)
	}
	w.same("Serial() after a rollback", w.serial(w.b), start+20)
	gone, cancel := context.WithCancel(w.ctx)
	cancel()
	if _, err := w.a.Catalog.Serial(gone); err != nil && !errors.Is(err, context.Canceled) {
		w.Errorf("Serial(cancelled) = %v, want nil or the context's error", err)
	}
}

// checkSerialOrder checks that serials follow the order of commits, and that nobody sees an older serial after a
// commit.
func checkSerialOrder(w *world) {
	const writers, rounds = 8, 10
	var highest atomic.Int64 // highest serial known to be committed
	var group sync.WaitGroup
	for i := range writers {
		writer, reader := w.a, w.b
		if i%2 == 1 {
			writer, reader = w.b, w.a
		}
		group.Go(func() {
			for range rounds {
				before := highest.Load()
				n := w.next(writer)
				if n <= before {
					w.Errorf("NextSerial() = %d after %d was committed", n, before)
				}
				raise(&highest, n)
				low := highest.Load()
				if got := w.serial(reader); got < low {
					w.Errorf("Serial() = %d after %d was committed", got, low)
				}
			}
		})
	}
	group.Wait()
	w.same("numbers given out", highest.Load()-w.serial(w.a), int64(0))
}

func raise(v *atomic.Int64, n int64) {
	for old := v.Load(); old < n && !v.CompareAndSwap(old, n); old = v.Load() {
	}
}

// checkIsolation checks that a view remains as first read, and cannot write.
func checkIsolation(w *world) {
	p := w.project("p")
	w.view(func(tx catalog.Tx) error {
		before, err := tx.ProjectByID(w.ctx, p.ID)
		w.must(err)
		changed := p
		changed.Serial = 99
		w.must(w.b.Catalog.Update(w.ctx, func(tx catalog.Tx) error { return tx.UpdateProject(w.ctx, changed) }))
		after, err := tx.ProjectByID(w.ctx, p.ID)
		w.same("a second read in one view", after, before)
		return err
	})
	err := w.a.Catalog.View(w.ctx, func(tx catalog.Tx) error { return tx.UpdateProject(w.ctx, p) })
	if err == nil {
		w.Error("UpdateProject in a view = nil, want an error")
	}
	w.view(func(tx catalog.Tx) error {
		got, err := tx.ProjectByID(w.ctx, p.ID)
		w.same("serial after a view that tried to write", got.Serial, int64(99))
		return err
	})
}

// checkAllOrNothing checks that an error, a panic and an ended context change nothing, and that the store still works.
func checkAllOrNothing(w *world) {
	add := func(ctx context.Context, name string, end func() error) error {
		return w.a.Catalog.Update(ctx, func(tx catalog.Tx) error {
			w.must(tx.InsertProject(ctx,
				catalog.Project{ID: name, Repository: w.main, Name: w.name(name), Status: catalog.Active}))
			return end()
		})
	}
	if err := add(w.ctx, "failed", func() error { return fault.New(fault.Denied, "no") }); !fault.Is(err, fault.Denied) {
		w.Errorf("Update(fails) = %v, want its own error", err)
	}
	func() {
		defer func() { recover() }()
		add(w.ctx, "panicked", func() error { panic("in the middle") })
	}()
	ending, cancel := context.WithCancel(w.ctx)
	err := w.a.Catalog.Update(ending, func(tx catalog.Tx) error {
		w.must(tx.InsertProject(ending,
			catalog.Project{ID: "cancelled", Repository: w.main, Name: w.name("cancelled"), Status: catalog.Active}))
		cancel()
		_, err := tx.NextSerial(ending)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		w.Errorf("Update(cancelled) = %v, want the context's error", err)
	}
	w.must(add(w.ctx, "kept", func() error { return nil }))
	w.view(func(tx catalog.Tx) error {
		all, err := tx.Projects(w.ctx, w.main.ID)
		if len(all) != 1 || all[0].ID != "kept" {
			w.Errorf("Projects() = %v, want the kept one alone", all)
		}
		return err
	})
}

// race runs f n times at once, half of them through each handle, and returns how many succeeded.
func (w *world) race(n int, f func(s Stores, i int) error) int64 {
	var won atomic.Int64
	var group sync.WaitGroup
	for i := range n {
		s := w.a
		if i%2 == 1 {
			s = w.b
		}
		group.Go(func() {
			switch err := f(s, i); {
			case err == nil:
				won.Add(1)
			case !fault.Is(err, fault.Conflict):
				w.Errorf("racer %d: %v, want nil or a conflict", i, err)
			}
		})
	}
	group.Wait()
	return won.Load()
}

func checkFileRace(w *world) {
	r := w.release(w.project("p"), "1.0")
	files := make([]catalog.File, 32)
	for i := range files {
		files[i] = w.newFile(r, "p-1.0.tar.gz")
		files[i].SHA256 = digest(files[i].ID)
	}
	won := w.race(len(files), func(s Stores, i int) error {
		return s.Catalog.Update(w.ctx,
			func(tx catalog.Tx) error { return tx.InsertFile(w.ctx, files[i], packaging.Metadata{}) })
	})
	w.same("winners of one file name", won, int64(1))
}

func checkProjectRace(w *world) {
	won := w.race(32, func(s Stores, i int) error {
		return s.Publishers.Update(w.ctx, func(tx publishers.Tx) error {
			p := catalog.Project{ID: digest(string(rune(i))), Repository: w.main, Name: w.name("wanted"), Status: catalog.Active}
			return tx.InsertProject(w.ctx, p)
		})
	})
	w.same("winners of one project name", won, int64(1))
}
