package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// publish is a change of many steps: a project with a release and a file, its record and a serial.
func publish(ctx context.Context, s catalog.Store, id string) error {
	return s.Update(ctx, func(tx catalog.Tx) error {
		main, err := tx.RepositoryByName(ctx, catalog.MainRepository)
		if err != nil {
			return err
		}
		name, err := packaging.ParseProjectName("demo")
		if err != nil {
			return err
		}
		p, err := catalog.Create(ctx, tx, catalog.NewProject{
			ID: id, Repository: main, Name: name, Display: "demo", Actor: audit.Actor{}, EntryID: "entry " + id,
			At: time.UnixMicro(1),
		})
		if err != nil {
			return err
		}
		r := catalog.Release{ID: "r" + id, ProjectID: p.ID, Version: "1", Key: "1"}
		if err := tx.InsertRelease(ctx, r); err != nil {
			return err
		}
		f := catalog.File{
			ID:           "f" + id,
			RepositoryID: main.ID,
			ProjectID:    p.ID,
			ReleaseID:    r.ID,
			Filename:     "demo-1.tar.gz",
			NameKey:      "demo-1",
			Kind:         packaging.SDist,
		}
		return tx.InsertFile(ctx, f, packaging.Metadata{Name: "demo"})
	})
}

// published reports whether all of publish is stored. A part of it fails the test.
func published(t *testing.T, d *db.DB) bool {
	t.Helper()
	var parts []bool
	record, err := d.Audit(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := d.Catalog().Serial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parts = append(parts, len(record) == 1, serial == 1)
	err = d.Catalog().View(t.Context(), func(tx catalog.Tx) error {
		main, err := tx.RepositoryByName(t.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		projects, err := tx.Projects(t.Context(), main.ID)
		if err != nil {
			return err
		}
		f, err := tx.FileByKey(t.Context(), main.ID, "demo-1")
		_, without := tx.Metadata(t.Context(), f.ID)
		parts = append(parts, len(projects) == 1, err == nil, without == nil)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if p != parts[0] {
			t.Errorf("record, serial, project, file, metadata there: %v, want all or none", parts)
		}
	}
	return parts[0]
}

// TestEachStepFails breaks a change at each of its steps, before and after the step took effect. The change is there in
// full or not at all, only a commit whose answer was lost may have happened, and doing it again ends well.
func TestEachStepFails(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		steps := countSteps(t, fresh)
		for _, when := range []storagetest.When{storagetest.Before, storagetest.After} {
			for n := 1; n <= len(steps); n++ {
				t.Run(fmt.Sprintf("%d after %v", n, when), func(t *testing.T) {
					lost := n == len(steps) && when == storagetest.After // the commit
					failStep(t, fresh(t), n, when, lost)
				})
			}
		}
	})
}

func countSteps(t *testing.T, fresh func(*testing.T) string) []string {
	t.Helper()
	var faults storagetest.Faults
	d := storagetest.OpenDB(t, fresh(t), db.Options{Hook: faults.Hook()})
	faults.Arm(0, storagetest.Before)
	if err := publish(t.Context(), d.Catalog(), "1"); err != nil {
		t.Fatal(err)
	}
	steps := faults.Seen()
	if len(steps) < 8 || steps[len(steps)-1] != "commit " {
		t.Fatalf("steps of a change: %q, want many and a commit in the end", steps)
	}
	return steps
}

func failStep(t *testing.T, url string, n int, when storagetest.When, lost bool) {
	t.Helper()
	var faults storagetest.Faults
	d := storagetest.OpenDB(t, url, db.Options{Hook: faults.Hook()})
	faults.Arm(n, when)
	err := publish(t.Context(), d.Catalog(), "1")
	if !errors.Is(err, storagetest.ErrInjected) {
		t.Fatalf("change with step %d failing = %v, want that failure", n, err)
	}
	faults.Arm(0, storagetest.Before)
	if got := published(t, d); got != lost {
		t.Errorf("change is there: %v, want %v", got, lost)
	}
	err = publish(t.Context(), d.Catalog(), "2")
	if lost && !fault.Is(err, fault.Conflict) || !lost && err != nil {
		t.Errorf("the same again = %v, want nil, or a conflict with what happened", err)
	}
	if !published(t, d) {
		t.Error("change is not there after a retry")
	}
}

// TestOpenFails breaks making a database at each step; opening it again finishes the work.
func TestOpenFails(t *testing.T) {
	storagetest.EachEmptyDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		var count storagetest.Faults
		storagetest.OpenDB(t, fresh(t), db.Options{Hook: count.Hook()})
		total := len(count.Seen())
		for n := 1; n <= total; n += 1 + total/12 {
			for _, when := range []storagetest.When{storagetest.Before, storagetest.After} {
				var faults storagetest.Faults
				faults.Arm(n, when)
				url := fresh(t)
				if d, err := db.Open(t.Context(), url, db.Options{Hook: faults.Hook()}); err == nil {
					d.Close() // a second try inside Open mended it
				}
				d := storagetest.OpenDB(t, url, db.Options{})
				if err := publish(t.Context(), d.Catalog(), "1"); err != nil {
					t.Errorf("step %d after %v: a change in the database opened again = %v", n, when, err)
				}
			}
		}
	})
}

// TestErrorsNameTheStatement checks that an error names the statement and its table, contains no values, and still
// matches the database's error and fault kind.
func TestErrorsNameTheStatement(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		broken, fail := errors.New("the disk is on fire"), false
		d := storagetest.OpenDB(t, fresh(t), db.Options{Hook: func(s db.Step, do func() error) error {
			if fail && s.Op == db.OpQuery {
				return broken
			}
			return do()
		}})
		err := d.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
			return tx.InsertRelease(t.Context(), catalog.Release{ID: "hush", ProjectID: "none", Version: "hush", Key: "hush"})
		})
		if err == nil || !strings.HasPrefix(err.Error(), "insert releases: ") || strings.Contains(err.Error(), "hush") {
			t.Errorf("a release of no project = %v, want an error that names the statement and no value", err)
		}
		fail = true
		err = d.Catalog().View(t.Context(), func(tx catalog.Tx) error {
			_, err := tx.ProjectByID(t.Context(), "hush")
			return err
		})
		if !errors.Is(err, broken) || err.Error() != "select projects: "+broken.Error() {
			t.Errorf("a read that failed = %v, want select projects: %v", err, broken)
		}
	})
}
