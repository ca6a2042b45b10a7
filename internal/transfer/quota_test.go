package transfer_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/transfertest"
)

// limitedWorld returns an index with limits whose rows and content others may share.
func limitedWorld(t *testing.T, url, folder string, limits catalog.Limits) *world {
	t.Helper()
	rows := storagetest.OpenDB(t, url, db.Options{})
	bytes, err := blobs.Open(t.Context(), "file://"+folder, blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bytes.Close() })
	w := &world{t: t, db: rows, folder: folder}
	w.Index = assembly.New(rows.Catalog(), bytes, assembly.Options{Limits: limits, Log: slog.New(slog.DiscardHandler)})
	w.Importer = &transfer.Importer{
		Store: rows.Transfer(), Index: w.Index.Index, Intake: w.Index.Intake, Who: access.Operator("test"),
	}
	return w
}

// sized returns the n-th wheel of a project. All have the same size if the names of their projects are equally long.
func sized(project string, n int) packagingtest.File {
	return packagingtest.Wheel(project, fmt.Sprintf("1.%03d", 100+n), fmt.Sprintf("x = %03d\n", 100+n))
}

// size returns the bytes that the repository and its projects have, and fails the test if they disagree.
func (w *world) size() int64 {
	w.t.Helper()
	var size int64
	err := w.db.Catalog().View(w.t.Context(), func(tx catalog.Tx) error {
		r, err := tx.RepositoryByName(w.t.Context(), "main")
		if err != nil {
			return err
		}
		size = r.Size
		differ, err := tx.RepositorySizesDiffer(w.t.Context())
		if differ {
			w.t.Error("the size of the repository differs from the sum of its projects")
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return size
}

// An import adds the files of a project in the order of their times while the project and the repository have room. It
// refuses the others with the limit and its holder, and takes them in a later run if there is room then.
func TestImportKeepsWithinTheSizeLimits(t *testing.T) {
	one := int64(len(sized("demo", 0).Bytes))
	for name, c := range map[string]struct {
		limits catalog.Limits
		says   string
		raise  func(w *world) error
	}{
		"project": {
			catalog.Limits{ProjectSize: 3*one + one/2},
			"project demo uses",
			func(w *world) error {
				return w.SetLimits(t.Context(), w.Who, "", nameOf(t, "demo"), catalog.Limits{ProjectSize: 5 * one})
			},
		},
		"repository": {
			catalog.Limits{RepositorySize: 3 * one},
			"repository main uses",
			func(w *world) error {
				n := 5 * one
				return w.ChangeRepository(t.Context(), w.Who, "main", catalog.RepositoryChange{SizeLimit: &n})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := limitedWorld(t, storagetest.SQLite(t), filepath.Join(t.TempDir(), "blobs"), c.limits), transfertest.New()
			for n := range 5 {
				s.Add(sized("demo", n))
			}
			sum := w.run(s, toMain)
			if sum.Added != 3 || sum.Refused != 2 || sum.RefusedBy["size limit"] != 2 || w.size() != 3*one {
				t.Fatalf("%+v with %d bytes, want 3 files of %d and 2 refusals", sum, w.size(), one)
			}
			for i, l := range sum.RefusedList {
				if !strings.Contains(l.Reason, c.says) || l.Filename == sized("demo", 0).Name {
					t.Errorf("refusal %d is %+v, want %q", i, l, c.says)
				}
			}
			if got := w.rows("demo"); len(got) != 3 || got[0].Filename != sized("demo", 0).Name ||
				got[2].Filename != sized("demo", 2).Name {
				t.Errorf("rows %+v, want the first three", got)
			}
			if n := w.stored(); n != 6 {
				t.Errorf("%d objects are stored, want 3 files with their metadata", n)
			}
			if err := c.raise(w); err != nil {
				t.Fatal(err)
			}
			if sum := w.run(s, toMain); sum.Added != 2 || sum.Present != 3 || sum.Refused != 0 || w.size() != 5*one {
				t.Errorf("under a larger limit: %+v with %d bytes", sum, w.size())
			}
		})
	}
}

// A project of which no file has room is not created.
func TestImportIntoAFullRepositoryCreatesNothing(t *testing.T) {
	one := int64(len(sized("demo", 0).Bytes))
	w := limitedWorld(t, storagetest.SQLite(t), filepath.Join(t.TempDir(), "blobs"), catalog.Limits{RepositorySize: one})
	w.upload(sized("else", 0))
	s := transfertest.New()
	s.Add(sized("demo", 0))
	s.Add(sized("demo", 1))
	if sum := w.run(s, toMain); sum.Added != 0 || sum.Refused != 2 || sum.NewProjects != 0 {
		t.Errorf("summary %+v, want two refusals", sum)
	}
	if p, err := w.Index.Project(t.Context(), w.Who, "", nameOf(t, "demo")); !fault.Is(err, fault.NotFound) {
		t.Errorf("project %+v, %v, want none", p, err)
	}
	if n := w.stored(); n != 2 {
		t.Errorf("%d objects are stored, want those of the uploaded file", n)
	}
}

// Imports and uploads through two processes at once use the limits up, but never exceed them together.
func TestImportsAndUploadsKeepWithinTheLimitsTogether(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		const projects, each, fit = 3, 6, 9
		one := int64(len(sized("demo0", 0).Bytes))
		limits := catalog.Limits{ProjectSize: 5*one + one/2, RepositorySize: fit*one + one/2}
		url, folder := fresh(t), filepath.Join(t.TempDir(), "blobs")
		all := []*world{limitedWorld(t, url, folder, limits), limitedWorld(t, url, folder, limits)}
		var added atomic.Int64
		var wait sync.WaitGroup
		for i, w := range all {
			s := transfertest.New()
			s.Of.Location = fmt.Sprint("/srv/", i)
			for p := range projects {
				for n := range each {
					s.Add(sized(fmt.Sprint("demo", p), i*each+n))
				}
			}
			wait.Go(func() {
				_, sum, err := w.Run(t.Context(), s, toMain)
				if err != nil || sum.Failed+sum.Conflicts != 0 || sum.Added+sum.Refused != projects*each {
					t.Errorf("Run() = %+v, %v", sum, err)
					return
				}
				added.Add(int64(sum.Added))
			})
			wait.Go(func() {
				for n := range each {
					err := w.tryUpload(sized("demo0", (2+i)*each+n))
					if err == nil {
						added.Add(1)
					} else if !fault.Is(err, fault.TooLarge) {
						t.Errorf("upload %d = %v, want too large", n, err)
					}
				}
			})
		}
		wait.Wait()
		if n, size := added.Load(), all[0].size(); n != fit || size != fit*one {
			t.Errorf("%d files were added, with %d bytes, want exactly %d of %d", n, size, fit, one)
		}
		for p := range projects {
			if n := len(all[0].rows(fmt.Sprint("demo", p))); n > 5 {
				t.Errorf("demo%d has %d files, want at most 5", p, n)
			}
		}
	})
}
