package catalog_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/postgrestest"
	"pyindex/internal/storage/storagetest"
)

// wheelOf returns the n-th wheel of a project. All have the same size if the names of their projects are equally long.
func wheelOf(project string, n int) packagingtest.File {
	return packagingtest.Wheel(project, fmt.Sprintf("1.%03d", 100+n), fmt.Sprintf("x = %03d\n", 100+n))
}

func (w *world) repository(repo string) catalog.Repository {
	w.t.Helper()
	r, err := w.Repository(w.t.Context(), w.admin, repo)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) limitRepository(repo string, n int64) {
	w.t.Helper()
	err := w.ChangeRepository(w.t.Context(), w.admin, repo, catalog.RepositoryChange{SizeLimit: &n})
	if err != nil || w.lastAction() != "repository.limits" {
		w.t.Fatalf("ChangeRepository(size limit) = %v, recorded as %s", err, w.lastAction())
	}
}

// A repository has a limit for all its files: the configured one, or its own. The refusal names the limit, the use, the
// holder and the way to raise it.
func TestRepositoryQuota(t *testing.T) {
	one := int64(len(wheelOf("demo", 0).Bytes))
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{RepositorySize: 3 * one})
	refused := func(repo string, f packagingtest.File, words ...string) {
		t.Helper()
		before := w.state()
		_, err := w.uploadTo(repo, w.admin, f)
		for _, word := range words {
			if !fault.Is(err, fault.TooLarge) || !strings.Contains(fault.Message(err), word) {
				t.Errorf("an upload over the limit = %v, want too large with %q", err, word)
			}
		}
		if after := w.state(); after != before {
			t.Errorf("a refused upload changed the catalog from\n%s to\n%s", before, after)
		}
	}
	w.must(wheelOf("demo", 0), wheelOf("demo", 1), wheelOf("else", 0))
	if got := w.repository("").Size; got != 3*one {
		t.Errorf("the size of main is %d after three files of %d", got, one)
	}
	refused("", wheelOf("demo", 2), "File too large", "repository main uses", "limits.repository_size",
		"index repository limit main --size")
	refused("", wheelOf("anew", 0), "repository main uses") // a project that would be created
	if _, err := w.upload(w.admin, wheelOf("demo", 1)); err != nil {
		t.Errorf("the identical file in a full repository = %v, want no error", err)
	}
	w.limitRepository("main", 4*one)
	w.must(wheelOf("demo", 2))
	refused("", wheelOf("demo", 3), "repository main uses", "its limit of")
	if err := w.AddRepository(t.Context(), w.admin, catalog.NewRepository{Name: "team"}); err != nil {
		t.Fatal(err)
	}
	for n := range 3 { // another repository is another holder
		if _, err := w.uploadTo("team", w.admin, wheelOf("demo", n)); err != nil {
			t.Errorf("an upload to another repository = %v", err)
		}
	}
	refused("team", wheelOf("demo", 3), "repository team uses", "index repository limit team --size")
	if err := w.DeleteProject(t.Context(), w.admin, "", name(t, "else")); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteFile(t.Context(), w.admin, "", name(t, "demo"), wheelOf("demo", 0).Name); err != nil {
		t.Fatal(err)
	}
	if got := w.repository("").Size; got != 2*one {
		t.Errorf("the size of main is %d after deletions, want two files of %d", got, one)
	}
	w.must(wheelOf("demo", 3), wheelOf("demo", 4))
	refused("", wheelOf("demo", 5), "repository main uses")
	w.limitRepository("main", 0)
	refused("", wheelOf("demo", 5), "limits.repository_size")
}

// Only an administrator changes the limit of a repository, and no limit is negative.
func TestRepositoryLimitNeedsAnAdministrator(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	someone, n, below := w.user("someone", access.NewAPIToken{Scope: access.ScopeAdmin}), int64(5), int64(-1)
	err := w.ChangeRepository(t.Context(), someone, "main", catalog.RepositoryChange{SizeLimit: &n})
	if !fault.Is(err, fault.Denied) || w.lastAction() != "repository.limits refused" {
		t.Errorf("ChangeRepository by a user = %v, recorded as %s", err, w.lastAction())
	}
	err = w.ChangeRepository(t.Context(), w.admin, "main", catalog.RepositoryChange{SizeLimit: &below})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("a negative limit = %v, want invalid", err)
	}
	if _, err := w.NearLimits(t.Context(), someone); !fault.Is(err, fault.Denied) {
		t.Errorf("NearLimits by a user = %v, want denied", err)
	}
	if got := w.repository("").SizeLimit; got != 0 {
		t.Errorf("the limit is %d, want none", got)
	}
}

// Content that two files share is stored once and counts for each of them, so that a project or repository uses the
// same whatever others have, and deleting one file never changes what another uses.
func TestSharedContentCountsForEachFile(t *testing.T) {
	policy := ingest.PrivatePolicy()
	policy.SharedContent = true
	w := newWorld(t, policy, catalog.Limits{})
	if err := w.AddRepository(t.Context(), w.admin, catalog.NewRepository{Name: "team"}); err != nil {
		t.Fatal(err)
	}
	f := wheelOf("demo", 0)
	w.must(f)
	if _, err := w.uploadTo("team", w.admin, f); err != nil {
		t.Fatal(err)
	}
	size := int64(len(f.Bytes))
	if a, b := w.repository("").Size, w.repository("team").Size; a != size || b != size {
		t.Errorf("main has %d and team %d bytes, want %d each", a, b, size)
	}
	if err := w.DeleteProject(t.Context(), w.admin, "", name(t, "demo")); err != nil {
		t.Fatal(err)
	}
	if a, b := w.repository("").Size, w.repository("team").Size; a != 0 || b != size {
		t.Errorf("main has %d and team %d bytes after the deletion, want 0 and %d", a, b, size)
	}
}

// From 80 % on, the sender of an upload is warned, and administrators find the project and the repository.
func TestWarningsNearLimits(t *testing.T) {
	one := int64(len(wheelOf("demo", 0).Bytes))
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{ProjectSize: 5 * one, RepositorySize: 10 * one})
	warned := func(f packagingtest.File) string {
		t.Helper()
		got, err := w.upload(w.admin, f)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(got.Warnings, "\n")
	}
	for n := range 3 {
		if got := warned(wheelOf("demo", n)); got != "" {
			t.Errorf("the file %d of 5 is answered with %q", n+1, got)
		}
	}
	for _, want := range []string{"80 %", "100 %"} {
		got := warned(wheelOf("demo", len(want)+3)) // another number for each
		if !strings.Contains(got, "project demo uses") || !strings.Contains(got, want) ||
			strings.Contains(got, "repository") {
			t.Errorf("the answer is %q, want a warning about the project at %s", got, want)
		}
	}
	for n := range 3 {
		got := warned(wheelOf("else", n))
		if want := n == 2; strings.Contains(got, "repository main uses") != want {
			t.Errorf("with %d of 10 files in the repository, the answer is %q", n+6, got)
		}
	}
	near, err := w.NearLimits(t.Context(), w.admin)
	if err != nil || len(near) != 2 || near[0].Holder() != "project demo" || near[0].Percent() != 100 ||
		near[1].Holder() != "repository main" || near[1].Percent() != 80 {
		t.Errorf("NearLimits = %v, %v, want demo at 100 %% and main at 80 %%", near, err)
	}
	if err := w.SetLimits(t.Context(), w.admin, "", name(t, "demo"), catalog.Limits{ProjectSize: 100 * one}); err != nil {
		t.Fatal(err)
	}
	w.limitRepository("main", 100*one)
	if near, err := w.NearLimits(t.Context(), w.admin); err != nil || len(near) != 0 {
		t.Errorf("NearLimits = %v, %v under larger limits, want none", near, err)
	}
}

// Concurrent uploads through two processes, with deletions in between, never exceed a limit together, use it up, and
// leave the sizes of projects and repository exact.
func TestQuotaIsExactUnderRaces(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		const files, fit, workers = 24, 9, 8
		one := int64(len(wheelOf("demo0", 0).Bytes))
		limits := catalog.Limits{ProjectSize: 6*one + one/2, RepositorySize: fit*one + one/2}
		url, at := fresh(t), "file://"+filepath.Join(t.TempDir(), "blobs")
		var all []*world
		for range 2 {
			rows := storagetest.OpenDB(t, url, db.Options{})
			bytes, err := blobs.Open(t.Context(), at, blobs.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = bytes.Close() })
			all = append(all, &world{t: t, db: rows, admin: access.Operator("test"), Index: assembly.New(rows.Catalog(), bytes,
				assembly.Options{Policy: ingest.PrivatePolicy(), Limits: limits, Log: slog.New(slog.DiscardHandler)})})
		}
		var accepted, deleted atomic.Int64
		run := func(upload func(w *world, n int)) {
			var wait sync.WaitGroup
			queue := make(chan int)
			for i := range workers {
				wait.Go(func() {
					for n := range queue {
						upload(all[i%2], n)
					}
				})
			}
			for _, n := range rand.Perm(files) {
				queue <- n
			}
			close(queue)
			wait.Wait()
		}
		add := func(w *world, n int) {
			_, err := w.upload(w.admin, wheelOf(fmt.Sprint("demo", n%3), n))
			if err == nil {
				accepted.Add(1)
			} else if !fault.Is(err, fault.TooLarge) {
				t.Errorf("upload %d = %v, want too large", n, err)
			}
		}
		run(add)
		if got := accepted.Load(); got != fit {
			t.Errorf("%d files were accepted, want exactly %d", got, fit)
		}
		run(func(w *world, n int) {
			if n%2 == 0 {
				add(w, n+files)
			} else if w.DeleteFile(t.Context(), w.admin, "", name(t, fmt.Sprint("demo", n%3)),
				wheelOf(fmt.Sprint("demo", n%3), n).Name) == nil {
				deleted.Add(1)
			}
		})
		want := (accepted.Load() - deleted.Load()) * one
		if got := all[0].repository("").Size; got != want || got > limits.RepositorySize {
			t.Errorf("the repository has %d bytes, want %d, within %d", got, want, limits.RepositorySize)
		}
		err := all[0].db.Catalog().View(t.Context(), func(tx catalog.Tx) error {
			differ, err := tx.RepositorySizesDiffer(t.Context())
			if differ {
				t.Error("the size of the repository differs from the sum of its projects")
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Uploads to one project that run at the same time cannot exceed its limit together.
func TestProjectQuotaHoldsForConcurrentUploads(t *testing.T) {
	one := int64(len(wheelOf("demo", 0).Bytes))
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{ProjectSize: 3*one + one/2})
	var wait sync.WaitGroup
	var accepted atomic.Int64
	for n := range 10 {
		wait.Go(func() {
			if _, err := w.upload(w.admin, wheelOf("demo", n)); err == nil {
				accepted.Add(1)
			}
		})
	}
	wait.Wait()
	if got := accepted.Load(); got != 3 {
		t.Errorf("%d files were accepted, want 3", got)
	}
}

// The size and the limit of a repository move with the index.
func TestSizesMoveWithTheIndex(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(wheelOf("demo", 0), wheelOf("else", 0))
	w.limitRepository("main", 1<<40)
	want := w.repository("")
	to := storagetest.OpenDB(t, storagetest.SQLite(t), db.Options{})
	if _, err := w.db.Move(t.Context(), to,
		func(func(func(custody.Stored) error) error) error { return nil }); err != nil {
		t.Fatal(err)
	}
	err := to.Catalog().View(t.Context(), func(tx catalog.Tx) error {
		got, err := tx.RepositoryByName(t.Context(), "main")
		if got.Size != want.Size || got.SizeLimit != want.SizeLimit || got.Size == 0 {
			t.Errorf("after the move, main has %d of %d bytes, want %d of %d", got.Size, got.SizeLimit, want.Size,
				want.SizeLimit)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A server that starts corrects sizes that a replica of an earlier version has left wrong.
func TestBackfillCountsSizesAgain(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(wheelOf("demo", 0))
	want := w.repository("").Size
	path := strings.TrimPrefix(w.url, "sqlite:")
	if err := postgrestest.Execute("sqlite", path, `UPDATE repositories SET size = 5`); err != nil {
		t.Fatal(err)
	}
	if err := w.Backfill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.repository("").Size; got != want {
		t.Errorf("the size is %d after a start, want %d", got, want)
	}
}
