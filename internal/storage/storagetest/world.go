package storagetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/lockout"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/pages"
)

// Stores is one database as seen by the packages that use it.
type Stores struct {
	Access     access.Store
	Catalog    catalog.Store
	Publishers publishers.Store
	Accounts   account.Store
	Lockouts   lockout.Store
	Pages      pages.Store
	Files      files.Store
	Upstreams  upstream.Store
	Holds      holds.Store
}

// Opener creates a database with the repository "main" and opens it twice, as two processes would.
type Opener func(t *testing.T) (Stores, Stores)

// world is a database under test with some rows.
type world struct {
	*testing.T
	ctx  context.Context
	a, b Stores
	main catalog.Repository
	n    int
}

// at is a time with nonzero microseconds.
var at = time.Date(2026, 11, 23, 9, 46, 22, 123456000, time.UTC)

func newWorld(t *testing.T, open Opener) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context()}
	w.a, w.b = open(t)
	w.view(func(tx catalog.Tx) (err error) {
		w.main, err = tx.RepositoryByName(w.ctx, catalog.MainRepository)
		return err
	})
	return w
}

func (w *world) id(kind string) string {
	w.n++
	return fmt.Sprintf("%s-%04d", kind, w.n)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("unexpected error: %v", err)
	}
}

func (w *world) view(f func(catalog.Tx) error) {
	w.Helper()
	w.must(w.a.Catalog.View(w.ctx, f))
}

// update writes through the first handle. Its transaction covers all rows except users.
func (w *world) update(f func(publishers.Tx) error) {
	w.Helper()
	w.must(w.a.Publishers.Update(w.ctx, f))
}

func (w *world) updateAccess(f func(access.Tx) error) {
	w.Helper()
	w.must(w.a.Access.Update(w.ctx, f))
}

func (w *world) want(what string, err error, k fault.Kind) {
	w.Helper()
	if !fault.Is(err, k) {
		w.Errorf("%s = %v (%v), want %v", what, err, fault.KindOf(err), k)
	}
}

func (w *world) same(what string, got, want any) {
	w.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(packaging.ProjectName{}, packaging.NamePrefix{}),
		cmpopts.EquateEmpty()); d != "" {
		w.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func (w *world) name(s string) packaging.ProjectName {
	w.Helper()
	n, err := packaging.ParseProjectName(s)
	w.must(err)
	return n
}

func (w *world) user(name string) access.User {
	w.Helper()
	u := access.User{ID: w.id("user"), Name: name, CreatedAt: at}
	w.updateAccess(func(tx access.Tx) error { return tx.InsertUser(w.ctx, u) })
	return u
}

func (w *world) project(name string) catalog.Project {
	w.Helper()
	p := catalog.Project{
		ID:         w.id("project"),
		Repository: w.main,
		Name:       w.name(name),
		Display:    name,
		Status:     catalog.Active,
		CreatedAt:  at,
	}
	w.update(func(tx publishers.Tx) error { return tx.InsertProject(w.ctx, p) })
	return p
}

func (w *world) release(p catalog.Project, version string) catalog.Release {
	w.Helper()
	r := catalog.Release{ID: w.id("release"), ProjectID: p.ID, Version: version, Key: version, CreatedAt: at}
	w.update(func(tx publishers.Tx) error { return tx.InsertRelease(w.ctx, r) })
	return r
}

// newFile returns a file that is not yet in the database. Its digests are derived from its name.
func (w *world) newFile(r catalog.Release, filename string) catalog.File {
	return catalog.File{
		ID: w.id("file"), RepositoryID: w.main.ID, ProjectID: r.ProjectID, ReleaseID: r.ID, Filename: filename,
		NameKey: "key " + filename,
		Kind:    packaging.Wheel, Version: r.Version, PythonVersion: "py3", Size: 42, MD5: digest(filename)[:32],
		SHA256:     digest(filename),
		Blake2b256: digest("b" + filename), MetadataSHA256: digest("m" + filename), RequiresPython: ">=3.9", UploadedAt: at,
	}
}

func (w *world) file(r catalog.Release, filename string) catalog.File {
	w.Helper()
	f := w.newFile(r, filename)
	w.update(func(tx publishers.Tx) error { return tx.InsertFile(w.ctx, f, packaging.Metadata{Name: filename}) })
	return f
}
