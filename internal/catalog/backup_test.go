package catalog_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"pyindex/internal/assembly"
	"pyindex/internal/backup"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// backs is an actor that does what a backup does: it takes a lease, reads the rows of one moment, copies their content
// and ends the lease.
func backs(w *world, f packagingtest.File) *actor {
	return &actor{name: "backup", do: func(ctx context.Context, _ *assembly.Index) error {
		name := "backup:" + f.Name
		step := func(what string, do func() error) error {
			if _, err := gate(ctx, what); err != nil {
				return err
			}
			return do()
		}
		var keys []string
		err := step("lease", func() error {
			_, err := w.db.TakeLease(ctx, name, "a", 5*time.Minute)
			return err
		})
		if err == nil {
			err = step("snapshot", func() error {
				_, err := w.db.Dump(ctx, io.Discard, backup.DumpOptions{Content: func(c backup.Content) error {
					if c.SHA256 == f.SHA256() {
						keys = append(keys, c.Keys...)
					}
					return nil
				}})
				return err
			})
		}
		for _, key := range keys {
			if err == nil {
				err = step("copy", func() error {
					_, err := w.blobs.Size(ctx, key)
					return err
				})
			}
		}
		if err == nil {
			err = step("end", func() error { return w.db.EndLease(ctx, name, "a") })
		}
		return err
	}}
}

// TestBackupAgainstDeletion: in every order of the steps of a backup, a deletion, an upload of the same content, a
// sweep and the store, the content of each row that the backup read is there until it is copied.
func TestBackupAgainstDeletion(t *testing.T) {
	deletes := func(w *world, f packagingtest.File, o outcome) *actor {
		return &actor{
			name: "deletion", delete: o, refused: o != done,
			do: func(ctx context.Context, x *assembly.Index) error {
				p, _ := packaging.ParseProjectName(f.Project)
				return x.DeleteProject(ctx, w.admin, "", p)
			},
		}
	}
	sweeps := func(w *world) *actor {
		return &actor{name: "sweep", ahead: 3 * time.Minute, do: func(ctx context.Context, x *assembly.Index) error {
			_, err := x.Custody.Sweep(ctx, w.admin)
			return err
		}}
	}
	uploads := func(w *world, f packagingtest.File) *actor {
		return &actor{name: "upload to two", do: func(ctx context.Context, x *assembly.Index) error {
			return publish(ctx, x, w.admin, "two", f)
		}}
	}
	for name, c := range map[string]struct {
		with     func(w *world, f packagingtest.File) []*actor
		switches int
	}{
		"deletion": {func(w *world, f packagingtest.File) []*actor {
			return []*actor{deletes(w, f, done)}
		}, -1},
		"deletion whose DELETE is carried out late": {func(w *world, f packagingtest.File) []*actor {
			return []*actor{deletes(w, f, late)}
		}, 2},
		"deletion and upload": {func(w *world, f packagingtest.File) []*actor {
			return []*actor{deletes(w, f, done), uploads(w, f)}
		}, 1},
		"deletion and sweep": {func(w *world, f packagingtest.File) []*actor {
			return []*actor{deletes(w, f, never), sweeps(w)}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := repositoriesOf(t)
			n := 0
			runs := explore(func(choose func(int) int) {
				n++
				f := packagingtest.SDist(fmt.Sprintf("demo-%d", n), "1.0", name)
				w.must(f)
				s, actors := new(scene), append([]*actor{backs(w, f)}, c.with(w, f)...)
				s.play(t, w, actors, c.switches, choose)
				w.settled(s, actors, f)
			})
			t.Logf("%d orders", runs)
		})
	}
}

// movableClock returns a world whose clock, and that of its database, can be moved.
func movableClock(t *testing.T) (w *world, move func(time.Duration)) {
	t.Helper()
	w = newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	var ahead time.Duration
	now := func() time.Time { return time.Now().Add(ahead) }
	rows, err := db.Open(t.Context(), storagetest.SQLite(t), db.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	w.db = rows
	w.Index = assembly.New(rows.Catalog(), w.blobs,
		assembly.Options{Policy: ingest.PrivatePolicy(), Log: slog.New(slog.DiscardHandler), Now: now})
	return w, func(d time.Duration) { ahead += d }
}

// TestLeaseHoldsBackDeletions: while a backup runs, a deleted project's content stays, without a word of failure, and
// strays are not removed. A sweep deletes the content after the backup; a dead lease holds back nothing.
func TestLeaseHoldsBackDeletions(t *testing.T) {
	for name, end := range map[string]func(w *world, move func(time.Duration)){
		"ended": func(w *world, _ func(time.Duration)) {
			if err := w.db.EndLease(t.Context(), "backup:1", "a"); err != nil {
				t.Error(err)
			}
		},
		"dead": func(_ *world, move func(time.Duration)) { move(6 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			w, move := movableClock(t)
			f := packagingtest.SDist("demo", "1.0", "x")
			w.must(f)
			if _, err := w.db.TakeLease(t.Context(), "backup:1", "a", 5*time.Minute); err != nil {
				t.Fatal(err)
			}
			demo, _ := packaging.ParseProjectName("demo")
			if err := w.DeleteProject(t.Context(), w.admin, "", demo); err != nil {
				t.Errorf("DeleteProject() during a backup = %v", err)
			}
			move(3 * time.Minute)
			if n, err := w.Custody.Sweep(t.Context(), w.admin); n != 0 || err != nil {
				t.Errorf("Sweep() during a backup = %d, %v, want nothing", n, err)
			}
			if _, err := w.Custody.FindStrays(t.Context(), w.admin, true, nil); !fault.Is(err, fault.Conflict) {
				t.Errorf("FindStrays(remove) during a backup = %v, want conflict", err)
			}
			if _, err := w.Custody.FindStrays(t.Context(), w.admin, false, nil); err != nil {
				t.Errorf("FindStrays() during a backup = %v", err)
			}
			key := custody.FileKey(f.SHA256())
			if _, err := w.blobs.Size(t.Context(), key); err != nil {
				t.Fatalf("the content is gone during a backup: %v", err)
			}
			end(w, move)
			move(3 * time.Minute) // past the grace of marks
			if n, err := w.Custody.Sweep(t.Context(), w.admin); n == 0 || err != nil {
				t.Errorf("Sweep() after the backup = %d, %v", n, err)
			}
			if _, err := w.blobs.Size(t.Context(), key); !fault.Is(err, fault.NotFound) {
				t.Errorf("the content after the backup: %v, want not found", err)
			}
		})
	}
}

// TestLeaseIsRenewedOnlyAlive: a lease that expired cannot be renewed, because content may be gone, and a live one
// cannot be taken by another holder.
func TestLeaseIsRenewedOnlyAlive(t *testing.T) {
	w, move := movableClock(t)
	ctx := t.Context()
	if _, err := w.db.TakeLease(ctx, "backup:1", "a", 5*time.Minute); err != nil {
		t.Fatal(err)
	}
	move(4 * time.Minute)
	if err := w.db.RenewLease(ctx, "backup:1", "a", 5*time.Minute); err != nil {
		t.Errorf("RenewLease() = %v", err)
	}
	if _, err := w.db.TakeLease(ctx, "backup:1", "b", time.Minute); !fault.Is(err, fault.Conflict) {
		t.Errorf("TakeLease() of another = %v, want conflict", err)
	}
	if err := w.db.RenewLease(ctx, "backup:1", "b", time.Hour); !fault.Is(err, fault.Conflict) {
		t.Errorf("RenewLease() of another = %v, want conflict", err)
	}
	move(5 * time.Minute)
	if err := w.db.RenewLease(ctx, "backup:1", "a", 5*time.Minute); !fault.Is(err, fault.Conflict) {
		t.Errorf("RenewLease() of a dead lease = %v, want conflict", err)
	}
	if _, err := w.db.TakeLease(ctx, "backup:1", "b", time.Minute); err != nil {
		t.Errorf("TakeLease() of a dead lease = %v", err)
	}
}

// TestRowsOnlyBackupKeepsContent: content that a kept backup of the rows alone needs stays in the store after its file
// was deleted, until the backup is forgotten. Content that was deleted before the backup, and uploads that failed, are
// removed as ever.
func TestRowsOnlyBackupKeepsContent(t *testing.T) {
	w, move := movableClock(t)
	ctx := t.Context()
	before, after := packagingtest.SDist("before", "1.0", "x"), packagingtest.SDist("after", "1.0", "y")
	w.must(before)
	w.must(after)
	gone := func(f packagingtest.File) {
		t.Helper()
		p, _ := packaging.ParseProjectName(f.Project)
		if err := w.DeleteProject(ctx, w.admin, "", p); err != nil {
			t.Fatal(err)
		}
	}
	has := func(when string, f packagingtest.File, want bool) {
		t.Helper()
		move(3 * time.Minute)
		if _, err := w.Custody.Sweep(ctx, w.admin); err != nil {
			t.Fatal(err)
		}
		if _, err := w.blobs.Size(ctx, custody.FileKey(f.SHA256())); (err == nil) != want {
			t.Errorf("%s: the content of %s: %v, want it there: %v", when, f.Name, err, want)
		}
	}
	// another backup holds the deletion back
	if _, err := w.db.TakeLease(ctx, "backup:0", "a", 5*time.Minute); err != nil {
		t.Fatal(err)
	}
	gone(before)
	if err := w.db.EndLease(ctx, "backup:0", "a"); err != nil {
		t.Fatal(err)
	}
	move(time.Hour)
	at, err := w.db.TakeLease(ctx, "backup:1", "a", 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.AddBackup(ctx, backup.Made{ID: "1", At: at.Since, RowsOnly: true}); err != nil {
		t.Fatal(err)
	}
	gone(after)
	if err := w.db.EndLease(ctx, "backup:1", "a"); err != nil {
		t.Fatal(err)
	}
	has("deleted before the backup", before, false)
	has("deleted after the backup", after, true)
	if err := w.db.ForgetBackups(ctx, []string{"1"}); err != nil {
		t.Fatal(err)
	}
	has("after the backup was forgotten", after, false)
}
