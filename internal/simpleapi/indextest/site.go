// Package indextest provides a small index for tests of its readers: a SQLite database, a folder of blobs, and the real
// server in front.
//
// Rows are written directly into the tables, so that tests can create data that an upload would reject. The package
// does not check its input for consistency.
package indextest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/route"
	"pyindex/internal/server"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// Site is an index in a temporary folder.
type Site struct {
	Index *catalog.Index
	Views *atomic.Int64 // number of read transactions

	t     testing.TB
	db    *db.DB
	blobs custody.Blobs
	main  catalog.Repository
}

// views counts the read transactions of a store.
type views struct {
	catalog.Store
	n *atomic.Int64
}

func (v views) View(ctx context.Context, f func(catalog.Tx) error) error {
	v.n.Add(1)
	return v.Store.View(ctx, f)
}

// Start is the upload time of a site's first file.
var Start = time.Date(2026, 3, 1, 12, 30, 5, 42_000, time.UTC)

// New returns an empty site with the repository "main". It is closed when the test ends.
func New(t testing.TB) *Site {
	t.Helper()
	dir := t.TempDir()
	d, err := db.Open(t.Context(), storagetest.SQLite(t), db.Options{})
	must(t, err)
	t.Cleanup(func() { d.Close() })
	b, err := blobs.Open(t.Context(), "file://"+filepath.Join(dir, "blobs"), blobs.Options{})
	must(t, err)
	s := &Site{t: t, db: d, blobs: b, Views: new(atomic.Int64)}
	s.Index = assembly.New(views{d.Catalog(), s.Views}, b, assembly.Options{Log: slog.New(slog.DiscardHandler)}).Index
	s.update(func(ctx context.Context, tx catalog.Tx) (err error) {
		s.main, err = tx.RepositoryByName(ctx, catalog.MainRepository)
		return err
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func id() string { return uuid.Must(uuid.NewV7()).String() }

func (s *Site) update(f func(context.Context, catalog.Tx) error) {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	must(s.t, s.db.Catalog().Update(ctx, func(tx catalog.Tx) error { return f(ctx, tx) }))
}

// Serve returns the server for some tables. If open is true, anonymous callers may read.
func (s *Site) Serve(base string, open bool, tables ...route.Table) http.Handler {
	s.t.Helper()
	return s.serve(server.Options{BasePath: base, Log: slog.New(slog.DiscardHandler)}, open, tables)
}

// ServeLogged is Serve for callers with a token, with a log.
func (s *Site) ServeLogged(log *slog.Logger, tables ...route.Table) http.Handler {
	s.t.Helper()
	return s.serve(server.Options{Log: log}, false, tables)
}

func (s *Site) serve(o server.Options, open bool, tables []route.Table) http.Handler {
	s.t.Helper()
	o.Keyring = access.NewKeyring(s.db.Access(), access.KeyringOptions{AnonymousRead: open})
	h, err := server.New(o, tables...)
	must(s.t, err)
	return h
}

// Token creates a user with a read token. If repositoryID is not empty, the user gets the role in that repository or
// project.
func (s *Site) Token(role access.Role, repositoryID, projectID string) access.Secret {
	s.t.Helper()
	secret, user := access.NewToken(), access.User{ID: id(), CreatedAt: Start}
	user.Name = "u" + user.ID
	must(s.t, s.db.Access().Update(context.WithoutCancel(s.t.Context()), func(tx access.Tx) error {
		ctx := s.t.Context()
		if err := tx.InsertUser(ctx, user); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		if repositoryID != "" {
			g := access.Grant{UserID: user.ID, RepositoryID: repositoryID, ProjectID: projectID, Role: role, CreatedAt: Start}
			if err := tx.PutGrant(ctx, g); err != nil {
				return err
			}
		}
		return tx.InsertToken(ctx,
			access.Token{
				ID:        id(),
				Kind:      access.TokenAPI,
				Hash:      access.HashToken(secret),
				UserID:    user.ID,
				Scope:     access.ScopeRead,
				CreatedAt: Start,
			})
	}))
	return secret
}

// Hidden creates a repository that is visible only to users with a grant in it.
func (s *Site) Hidden(name string) catalog.Repository {
	s.t.Helper()
	r := catalog.Repository{ID: id(), Name: name, CreatedAt: Start}
	s.update(func(ctx context.Context, tx catalog.Tx) error { return tx.InsertRepository(ctx, r) })
	return r
}

// Change updates a project and its serial, as a command of the index would.
func (s *Site) Change(p catalog.Project, change func(*catalog.Project)) {
	s.t.Helper()
	s.update(func(ctx context.Context, tx catalog.Tx) (err error) {
		if p, err = tx.ProjectByID(ctx, p.ID); err != nil {
			return err
		}
		if p.Serial, err = tx.NextSerial(ctx); err != nil {
			return err
		}
		change(&p)
		return tx.UpdateProject(ctx, p)
	})
}

// Project creates a project in the main repository, or in the given one.
func (s *Site) Project(name string, in ...catalog.Repository) catalog.Project {
	s.t.Helper()
	n, err := packaging.ParseProjectName(name)
	must(s.t, err)
	p := catalog.Project{ID: id(), Repository: s.main, Name: n, Display: name, Status: catalog.Active, CreatedAt: Start}
	if len(in) > 0 {
		p.Repository = in[0]
	}
	s.update(func(ctx context.Context, tx catalog.Tx) (err error) {
		if p.Serial, err = tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertProject(ctx, p)
	})
	return p
}

// File describes a file to add. Add derives the remaining fields.
type File struct {
	catalog.File
	Core     packaging.Metadata
	Content  string // stored unless SHA256 is set, which makes a row without content
	Metadata string // content of the .metadata file; "" for none
}

// Add adds files to a project, and creates their releases if needed.
func (s *Site) Add(p catalog.Project, files ...File) []catalog.File {
	s.t.Helper()
	out := make([]catalog.File, 0, len(files))
	for _, f := range files {
		out = append(out, s.complete(p, f))
	}
	s.update(func(ctx context.Context, tx catalog.Tx) error {
		for i := range out {
			if err := insert(ctx, tx, &out[i], files[i].Core); err != nil {
				return err
			}
		}
		return nil
	})
	s.Change(p, func(*catalog.Project) {})
	return out
}

// complete stores a file's content and fills in the fields derived from it.
func (s *Site) complete(p catalog.Project, f File) catalog.File {
	f.ID, f.RepositoryID, f.ProjectID, f.NameKey = id(), p.Repository.ID, p.ID, f.Filename
	if f.UploadedAt.IsZero() {
		f.UploadedAt = Start
	}
	if f.SHA256 != "" {
		return f.File
	}
	f.SHA256, f.Size = digest(f.Content), int64(len(f.Content))
	must(s.t, s.blobs.Put(s.t.Context(), custody.FileKey(f.SHA256), []byte(f.Content)))
	if f.Metadata != "" {
		f.MetadataSHA256 = digest(f.Metadata)
		must(s.t, s.blobs.Put(s.t.Context(), custody.MetadataKey(f.MetadataSHA256), []byte(f.Metadata)))
	}
	return f.File
}

// Spoil replaces the stored content of a file, or of its metadata. If p is nil, the content is removed.
func (s *Site) Spoil(f catalog.File, part catalog.Part, p []byte) {
	s.t.Helper()
	key := f.Key()
	if part == catalog.MetadataPart {
		key = f.MetadataKey()
	}
	must(s.t, s.blobs.Delete(s.t.Context(), key))
	if p != nil {
		must(s.t, s.blobs.Put(s.t.Context(), key, p))
	}
}

func insert(ctx context.Context, tx catalog.Tx, f *catalog.File, core packaging.Metadata) error {
	v, err := packaging.ParseVersion(f.Version)
	if err != nil {
		return err
	}
	r, err := tx.ReleaseByKey(ctx, f.ProjectID, v.Key())
	if fault.Is(err, fault.NotFound) {
		r = catalog.Release{ID: id(), ProjectID: f.ProjectID, Version: v.String(), Key: v.Key(), CreatedAt: f.UploadedAt}
		err = tx.InsertRelease(ctx, r)
	}
	if err != nil {
		return err
	}
	f.ReleaseID = r.ID
	return tx.InsertFile(ctx, *f, core)
}

// Attest adds attestations to a file. If one of them is verified, the file must have been added with Attested set.
func (s *Site) Attest(f catalog.File, all ...catalog.Attestation) {
	s.t.Helper()
	s.update(func(ctx context.Context, tx catalog.Tx) error {
		for _, a := range all {
			if err := tx.(ingest.Tx).InsertAttestation(ctx, f.ID, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// Yank sets the yank state of a file and updates its project's serial.
func (s *Site) Yank(p catalog.Project, fileID string, yanked bool, reason string) {
	s.t.Helper()
	s.update(func(ctx context.Context, tx catalog.Tx) error { return tx.SetYank(ctx, fileID, yanked, reason) })
	s.Change(p, func(*catalog.Project) {})
}

// Quarantine puts a file into quarantine or takes it out, and updates its project's serial.
func (s *Site) Quarantine(p catalog.Project, fileID string, in bool) {
	s.t.Helper()
	var at time.Time
	if in {
		at = Start
	}
	s.update(func(ctx context.Context, tx catalog.Tx) error { return tx.SetQuarantine(ctx, fileID, at, "") })
	s.Change(p, func(*catalog.Project) {})
}

// DeleteFile deletes a file and updates its project's serial.
func (s *Site) DeleteFile(p catalog.Project, fileID string) {
	s.t.Helper()
	s.update(func(ctx context.Context, tx catalog.Tx) error { return tx.DeleteFile(ctx, fileID) })
	s.Change(p, func(*catalog.Project) {})
}

// Delete deletes a project.
func (s *Site) Delete(p catalog.Project) {
	s.t.Helper()
	s.update(func(ctx context.Context, tx catalog.Tx) error {
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.DeleteProject(ctx, p.ID)
	})
}

// NewEpoch starts a new epoch, as after a restore.
func (s *Site) NewEpoch() {
	s.t.Helper()
	_, err := s.db.NewEpoch(context.WithoutCancel(s.t.Context()), 0)
	must(s.t, err)
}

// Another returns another index of the same database, which has read nothing yet.
func (s *Site) Another() *catalog.Index {
	return assembly.New(s.db.Catalog(), s.blobs, assembly.Options{Log: slog.New(slog.DiscardHandler)}).Index
}

// digest returns the SHA-256 of s, in hex.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Projects creates n projects without files, named name-0 and so on.
func (s *Site) Projects(name string, n int) {
	s.t.Helper()
	s.update(func(ctx context.Context, tx catalog.Tx) error {
		for i := range n {
			p := catalog.Project{
				ID:         id(),
				Repository: s.main,
				Display:    fmt.Sprintf("%s_%d", name, i),
				Status:     catalog.Active,
				Serial:     1,
				CreatedAt:  Start,
			}
			var err error
			if p.Name, err = packaging.ParseProjectName(p.Display); err != nil {
				return err
			}
			if err := tx.InsertProject(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// Advisories returns the rows of feeds of advisories.
func (s *Site) Advisories() advisory.Store { return s.db.Advisories() }
