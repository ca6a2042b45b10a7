package blobs

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// KeepAll implements custody.Together: it makes many files durable with two syncs of the file system, where Keep needs
// several for each file.
func (b *Blobs) KeepAll(_ context.Context, keys []string, all []custody.Stage) error {
	stages := make([]*stage, len(all))
	for i, s := range all {
		if err := checkKey(keys[i]); err != nil {
			return err
		}
		from, ok := s.(*stage)
		if !ok || from.of != b.stages {
			return fault.New(fault.Internal, "a stage of another store cannot be kept here")
		}
		stages[i] = from
	}
	return explain("the content cannot be stored", b.folder.keepAll(keys, stages))
}

// KeepsTogether implements custody.Together. Only folders on systems that can sync a file system do.
func (b *Blobs) KeepsTogether() bool { return b.folder != nil && syncsAll }

// keepAll is keep for many files.
func (d *folder) keepAll(keys []string, all []*stage) error {
	if err := d.syncs.do(func() error { return syncAll(d.root) }); err != nil {
		return err
	}
	for _, s := range all {
		if err := s.synced(); err != nil {
			return err
		}
	}
	for i, key := range keys {
		path := d.path(key)
		if err := d.makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		if err := name(all[i].file, path); err != nil {
			return err
		}
		if err := sameSize(path, all[i].Size()); err != nil {
			return err
		}
	}
	return d.syncs.do(func() error { return syncAll(d.root) })
}

// synced returns the error of a sync of the whole file system that concerns this stage. It is final, as in sync.
func (s *stage) synced() error {
	if s.lost == nil {
		if err := writeError(s.file); err != nil {
			s.lost = fault.Wrap(fault.Unavailable, err, "the disk did not store the file; send it again")
		}
	}
	return s.lost
}

// group runs one sync for all callers that wait for one.
type group struct {
	running sync.Mutex

	mu   sync.Mutex
	next *turn
}

type turn struct {
	once sync.Once
	err  error
}

// do returns the result of an f that began after the call of do.
func (g *group) do(f func() error) error {
	g.mu.Lock()
	if g.next == nil {
		g.next = &turn{err: errors.New("the sync did not end")} // if f panics
	}
	t := g.next
	g.mu.Unlock()
	t.once.Do(func() {
		g.running.Lock()
		defer g.running.Unlock()
		g.mu.Lock()
		g.next = nil
		g.mu.Unlock()
		t.err = f()
	})
	return t.err
}
