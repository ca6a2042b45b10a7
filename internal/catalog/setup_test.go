package catalog_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// world is an index on a folder and SQLite, with an administrator and ways to get other callers.
type world struct {
	*assembly.Index
	t     *testing.T
	db    *db.DB
	blobs *blobs.Blobs
	dir   *access.Directory
	keys  *access.Keyring
	admin access.Caller
	now   time.Time

	folder string // of the blobs
	url    string // of the database
}

func newWorld(t *testing.T, policy ingest.Policy, limits catalog.Limits) *world {
	t.Helper()
	folder := t.TempDir()
	url := storagetest.SQLite(t)
	rows, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	bytes, err := blobs.Open(t.Context(), "file://"+filepath.Join(folder, "blobs"), blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bytes.Close() })
	w := &world{
		t:      t,
		folder: filepath.Join(folder, "blobs"),
		url:    url,
		db:     rows,
		blobs:  bytes,
		admin:  access.Operator("test"),
		now:    time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
	clock := func() time.Time { w.now = w.now.Add(time.Millisecond); return w.now }
	w.Index = assembly.New(rows.Catalog(), bytes,
		assembly.Options{Policy: policy, Limits: limits, Log: slog.New(slog.DiscardHandler)})
	w.dir = access.NewDirectory(rows.Access(), access.DirectoryOptions{Now: clock})
	w.keys = access.NewKeyring(rows.Access(), access.KeyringOptions{Now: clock})
	return w
}

// user creates an account and returns the caller of one of its tokens.
func (w *world) user(name string, n access.NewAPIToken) access.Caller {
	w.t.Helper()
	if _, err := w.dir.AddUser(w.t.Context(), w.admin, access.NewUser{Name: name}); err != nil {
		w.t.Fatal(err)
	}
	return w.token(name, n)
}

func (w *world) token(name string, n access.NewAPIToken) access.Caller {
	w.t.Helper()
	n.User, n.Repository = name, catalog.MainRepository
	_, secret, err := w.dir.CreateToken(w.t.Context(), w.admin, n)
	if err != nil {
		w.t.Fatal(err)
	}
	who, err := w.keys.Identify(w.t.Context(), "__token__", secret)
	if err != nil {
		w.t.Fatal(err)
	}
	return who
}

// upload returns an upload of f with a form that states everything.
func (w *world) upload(who access.Caller, f packagingtest.File,
	change ...func(*ingest.Upload),
) (ingest.Receipt, error) {
	w.t.Helper()
	return w.uploadTo("", who, f, change...)
}

func (w *world) uploadTo(repo string, who access.Caller, f packagingtest.File,
	change ...func(*ingest.Upload),
) (ingest.Receipt, error) {
	w.t.Helper()
	in, err := w.Begin(w.t.Context(), who, repo, stagedFor(f))
	if err != nil {
		return ingest.Receipt{}, err
	}
	defer func() { _ = in.Discard() }()
	if _, err := in.Write(f.Bytes); err != nil {
		return ingest.Receipt{}, err
	}
	u := ingest.Upload{
		Filename: f.Name, Kind: packaging.Kind(f.Kind), Digests: ingest.Digests{SHA256: f.SHA256()},
		Form: packaging.Metadata{MetadataVersion: "2.1", Name: f.Project, Version: f.Version},
	}
	for _, c := range change {
		c(&u)
	}
	return w.Publish(context.WithoutCancel(w.t.Context()), in, u)
}

// stagedFor returns the project in f's name, or the zero name.
func stagedFor(f packagingtest.File) packaging.ProjectName {
	n, _ := packaging.ParseProjectName(f.Project)
	return n
}

// must uploads as the administrator.
func (w *world) must(files ...packagingtest.File) {
	w.t.Helper()
	for _, f := range files {
		if _, err := w.upload(w.admin, f); err != nil {
			w.t.Fatalf("uploading %s: %v", f.Name, err)
		}
	}
}

func name(t *testing.T, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func digestOf(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

// mayPublish begins an upload and discards it.
func (w *world) mayPublish(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
	in, err := w.Begin(ctx, who, repo, name)
	if err == nil {
		_ = in.Discard()
	}
	return err
}
