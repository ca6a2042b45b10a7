package db_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// named gives the connections to a URL a name of their own, and returns what ends them all.
func named(t *testing.T, url string) (string, func()) {
	t.Helper()
	name := "t" + strings.ToLower(rand.Text())
	h, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return url + "&application_name=" + name, func() {
		t.Helper()
		var n int
		err := h.QueryRow(`SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1`,
			name).Scan(&n)
		if err != nil || n == 0 {
			t.Fatalf("ended %d connections: %v", n, err)
		}
	}
}

// nothing is a transaction that does nothing.
func nothing(catalog.Tx) error { return nil }

// TestConnectionsThatEnded checks that callers do not notice if a server closed all idle connections, as after a
// restart.
func TestConnectionsThatEnded(t *testing.T) {
	url, end := named(t, postgresOrSkip(t))
	d := storagetest.OpenDB(t, url, db.Options{Bridge: time.Minute})
	first := map[string]func(context.Context) error{
		"look":   func(ctx context.Context) error { _, err := d.Stamp(ctx); return err },
		"read":   func(ctx context.Context) error { return d.Catalog().View(ctx, nothing) },
		"change": func(ctx context.Context) error { return d.Catalog().Update(ctx, nothing) },
		"ping":   d.Ping,
	}
	for name, ask := range first {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				for _, warm := range first { // connections of each kind, used a moment ago
					if err := warm(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				end()
				if err := ask(t.Context()); err != nil {
					t.Errorf("the first %s after the connections ended = %v", name, err)
				}
				if _, away := d.Away(); away {
					t.Errorf("the first %s after the connections ended began an outage", name)
				}
			}
		})
	}
}

// TestConnectionsThatEndedUnderLoad checks that no concurrent caller fails after the connections ended.
func TestConnectionsThatEndedUnderLoad(t *testing.T) {
	url, end := named(t, postgresOrSkip(t))
	d := storagetest.OpenDB(t, url, db.Options{Bridge: time.Minute})
	for range 5 {
		var warm, all sync.WaitGroup
		for range 10 {
			warm.Go(func() { d.Catalog().View(t.Context(), nothing) })
		}
		warm.Wait()
		end()
		for range 10 {
			all.Go(func() {
				_, look := d.Stamp(t.Context())
				if err := errors.Join(look, d.Catalog().View(t.Context(), nothing),
					d.Catalog().Update(t.Context(), nothing)); err != nil {
					t.Errorf("after the connections ended: %v", err)
				}
			})
		}
		all.Wait()
	}
}

// TestSlowReadsAreNoOutage checks that slow reads on all reading connections block neither the serial nor changes.
func TestSlowReadsAreNoOutage(t *testing.T) {
	d := storagetest.OpenDB(t, postgresOrSkip(t), db.Options{Bridge: time.Minute, Conns: 10})
	var held, done sync.WaitGroup
	release := make(chan struct{})
	held.Add(10)
	for range 10 {
		done.Go(func() {
			d.Catalog().View(t.Context(), func(catalog.Tx) error { held.Done(); <-release; return nil })
		})
	}
	held.Wait()
	defer func() { close(release); done.Wait() }()
	for range 3 {
		if _, err := d.Stamp(t.Context()); err != nil {
			t.Errorf("Stamp() beside ten slow reads = %v", err)
		}
		if err := d.Catalog().Update(t.Context(), nothing); err != nil {
			t.Errorf("a change beside ten slow reads = %v", err)
		}
		if _, away := d.Away(); away {
			t.Error("ten slow reads are taken for an outage")
		}
	}
}

// TestOneLookThatFails checks that one failed look is not an outage, and two in a row are.
func TestOneLookThatFails(t *testing.T) {
	for name, failure := range map[string]error{
		"the connection ended": io.ErrUnexpectedEOF, "no answer in time": context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			var fail atomic.Int32
			d := storagetest.OpenDB(t, postgresOrSkip(t),
				db.Options{Bridge: time.Minute, Hook: func(s db.Step, do func() error) error {
					if s.Op == db.OpQuery && strings.Contains(s.SQL, "c.began") && fail.Add(-1) >= 0 {
						return failure
					}
					return do()
				}})
			if _, err := d.Stamp(t.Context()); err != nil {
				t.Fatal(err)
			}
			for failures, want := range []bool{false, false, true} {
				fail.Store(int32(failures))
				if _, err := d.Stamp(t.Context()); err != nil {
					t.Errorf("%s, %d times: Stamp() = %v", name, failures, err)
				}
				if _, away := d.Away(); away != want {
					t.Errorf("%s, %d times: Away() = %v, want %v", name, failures, away, want)
				}
			}
		})
	}
}

// TestWhatBeganIsNotRepeated checks that only a transaction that has not begun is retried. A change that loses its
// connection later, or at its commit, runs once.
func TestWhatBeganIsNotRepeated(t *testing.T) {
	for _, step := range []db.Op{db.OpExec, db.OpCommit} {
		var armed atomic.Bool
		d := storagetest.OpenDB(t, postgresOrSkip(t),
			db.Options{Bridge: time.Minute, Hook: func(s db.Step, do func() error) error {
				if s.Op == step && armed.Load() && !strings.Contains(s.SQL, "advisory") {
					return io.ErrUnexpectedEOF
				}
				return do()
			}})
		armed.Store(true)
		runs := 0
		err := d.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
			runs++
			return tx.DeleteProject(t.Context(), "none")
		})
		if runs != 1 || !fault.Is(err, fault.Unavailable) {
			t.Errorf("a change whose connection ends at %s ran %d times and = %v, want once and unavailable", step, runs, err)
		}
		armed.Store(false)
	}
}
