package db_test

import (
	"context"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// stoppable is a database that a test can take away, with a clock that it sets.
type stoppable struct {
	*db.DB
	down atomic.Bool
	now  atomic.Int64
}

func openStoppable(t *testing.T, bridge time.Duration) *stoppable {
	t.Helper()
	s := &stoppable{}
	s.DB = storagetest.OpenDB(t, postgresOrSkip(t), db.Options{
		Bridge: bridge, Now: func() time.Time { return time.Unix(s.now.Load(), 0) },
		Hook: func(_ db.Step, do func() error) error {
			if s.down.Load() {
				return io.ErrUnexpectedEOF // what a driver says when the server went
			}
			return do()
		},
	})
	return s
}

func (s *stoppable) write(t *testing.T) error {
	return s.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
		_, err := tx.NextSerial(t.Context())
		return err
	})
}

// TestBridge checks that during an outage the serial keeps its value for the configured time and all other calls fail
// at once. When the database is back, nobody sees an older serial.
func TestBridge(t *testing.T) {
	s := openStoppable(t, time.Minute)
	if err := s.write(t); err != nil {
		t.Fatal(err)
	}
	before, err := s.Catalog().Serial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.down.Store(true)
	for range 3 {
		if n, err := s.Catalog().Serial(t.Context()); n != before || err != nil {
			t.Errorf("Serial() without the database = %d, %v, want %d", n, err, before)
		}
	}
	s.now.Store(7)
	if age, away := s.Away(); !away || age != 7*time.Second {
		t.Errorf("Away() = %v, %v, want 7s, true", age, away)
	}
	if err := s.write(t); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Update() without the database = %v, want unavailable", err)
	}
	if err := s.Catalog().View(t.Context(), func(catalog.Tx) error { return nil }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("View() without the database = %v, want unavailable", err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping() while reads go on = %v, want nil", err)
	}
	s.now.Store(61)
	if n, err := s.Catalog().Serial(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Serial() after the time is over = %d, %v, want unavailable", n, err)
	}
	if err := s.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Ping() after the time is over = %v, want unavailable", err)
	}
	s.down.Store(false)
	if n, err := s.Catalog().Serial(t.Context()); n != before || err != nil {
		t.Errorf("Serial() of the database that is back = %d, %v, want %d", n, err, before)
	}
	if _, away := s.Away(); away {
		t.Error("Away() of a database that is back = true")
	}
}

// TestAttend checks that Attend notices on its own that the database is back, and reports each change once.
func TestAttend(t *testing.T) {
	s := openStoppable(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	changed, done := make(chan struct{}, 100), make(chan struct{})
	go func() { s.Attend(ctx, func(context.Context) { changed <- struct{}{} }); close(done) }()
	defer func() { cancel(); <-done }()
	if err := s.write(t); err != nil {
		t.Fatal(err)
	}
	wait(t, "a change", func() bool { return len(changed) > 0 })
	s.down.Store(true)
	wait(t, "the outage", func() bool { _, away := s.Away(); return away })
	s.down.Store(false)
	wait(t, "the end of the outage", func() bool { _, away := s.Away(); return !away })
	if err := s.write(t); err != nil {
		t.Errorf("Update() after the outage = %v", err)
	}
}

// TestNoBridge: without the option nothing is bridged.
func TestNoBridge(t *testing.T) {
	s := openStoppable(t, 0)
	if _, err := s.Catalog().Serial(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.down.Store(true)
	if n, err := s.Catalog().Serial(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Serial() = %d, %v, want unavailable", n, err)
	}
	s.down.Store(false)
}

// wait looks for ten seconds.
func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s was not noticed in ten seconds", what)
		}
	}
}

// postgresOrSkip returns a fresh schema; only a server can go away.
func postgresOrSkip(t *testing.T) string {
	t.Helper()
	if os.Getenv(storagetest.PostgresVariable) == "" && os.Getenv("CI") != "true" {
		t.Skipf("%s is not set", storagetest.PostgresVariable)
	}
	return storagetest.Postgres(t)
}
