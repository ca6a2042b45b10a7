package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/backup"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/postgrestest"
	"pyindex/internal/storage/storagetest"
)

// world is an index with a folder as its store.
type world struct {
	*testing.T
	rows  *db.DB
	blobs *blobs.Blobs
	index *assembly.Index
	who   access.Caller
	store string
	dir   string // of the backup
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return openWorld(t, storagetest.SQLite(t), filepath.Join(t.TempDir(), "blobs"))
}

// openWorld returns the index with a database and a store, a folder or a bucket.
func openWorld(t *testing.T, url, store string) *world {
	t.Helper()
	w := &world{T: t, who: access.Operator("test"), store: store, dir: filepath.Join(t.TempDir(), "b")}
	w.rows = storagetest.OpenDB(t, url, db.Options{})
	var err error
	if w.blobs, err = blobs.Open(t.Context(), w.store, blobs.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.blobs.Close() })
	w.index = assembly.New(w.rows.Catalog(), w.blobs,
		assembly.Options{Policy: ingest.PrivatePolicy(), Log: slog.New(slog.DiscardHandler)})
	return w
}

// add uploads a file of a project.
func (w *world) add(ctx context.Context, project, text string) error {
	f := packagingtest.SDist(project, "1.0", text)
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return err
	}
	in, err := w.index.Begin(ctx, w.who, "", name)
	if err != nil {
		return err
	}
	defer in.Discard()
	if _, err = in.Write(f.Bytes); err == nil {
		_, err = w.index.Publish(ctx, in, ingest.Upload{Filename: f.Name, Kind: packaging.Kind(f.Kind)})
	}
	return err
}

func (w *world) uploads(names ...string) {
	w.Helper()
	for _, n := range names {
		if err := w.add(w.Context(), n, "text of "+n); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) deletes(ctx context.Context, project string) error {
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return err
	}
	return w.index.DeleteProject(ctx, w.who, "", name)
}

func (w *world) options() backup.Options {
	return backup.Options{
		Index: w.rows, Blobs: w.blobs, Version: "test", Instance: "i", BaseURL: "http://127.0.0.1",
		Within: []string{w.store},
		Entry: func(m backup.Manifest) audit.Entry {
			return audit.Entry{ID: m.ID, At: m.FinishedAt, Action: "backup.finish", Outcome: audit.Granted, Subject: m.ID}
		},
	}
}

func (w *world) backup(o backup.Options) backup.Manifest {
	w.Helper()
	m, err := backup.Create(w.Context(), w.dir, o)
	if err != nil {
		w.Fatalf("Create() = %v", err)
	}
	return m
}

// verified fails the test if anything in the backup is broken.
func (w *world) verified(snapshots int) {
	w.Helper()
	v, err := backup.Verify(w.Context(), w.dir, backup.VerifyOptions{})
	if err != nil || v.Broken() > 0 || len(v.Snapshots) != snapshots {
		w.Errorf("Verify() = %d snapshots, %v, %v, want %d whole ones", len(v.Snapshots), v.Faults, err, snapshots)
	}
}

// free fails the test if a lease is left.
func (w *world) free() {
	w.Helper()
	if l, held, err := w.index.Custody.Leased(w.Context()); held || err != nil {
		w.Errorf("the lease %v is left, %v", l, err)
	}
}

// contents returns the paths of the content of the backup with the times of their last changes.
func (w *world) contents() map[string]time.Time {
	w.Helper()
	out := map[string]time.Time{}
	err := filepath.WalkDir(filepath.Join(w.dir, "content"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		out[path] = info.ModTime()
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// TestBackupIsIncremental: the second backup copies only new content, both snapshots are whole, and pruning removes the
// older one with the content that it alone needs.
func TestBackupIsIncremental(t *testing.T) {
	w := newWorld(t)
	w.uploads("one", "two")
	first := w.backup(w.options())
	before := w.contents()
	if err := w.deletes(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	w.uploads("three")
	second := w.backup(w.options())
	after := w.contents()
	for path, at := range before {
		if !after[path].Equal(at) {
			t.Errorf("%s was written again, or removed", path)
		}
	}
	if len(after) <= len(before) || first.Objects != second.Objects {
		t.Errorf("the backups have %d and then %d files of content, of %d and %d objects", len(before), len(after),
			first.Objects,
			second.Objects)
	}
	w.verified(2)
	p, err := backup.Prune(t.Context(), w.dir, 1, nil)
	if err != nil || !slices.Equal(p.IDs, []string{first.ID}) || !slices.Equal(p.Kept, []string{second.ID}) ||
		p.Objects == 0 {
		t.Errorf("Prune() removed %v and %d objects, kept %v, %v", p.IDs, p.Objects, p.Kept, err)
	}
	if n := len(w.contents()); int64(n) != second.Objects {
		t.Errorf("%d files of content are left, want %d", n, second.Objects)
	}
	w.verified(1)
	w.free()
	made, err := w.rows.Backups(t.Context())
	if err != nil || len(made) != 2 || made[0].ID != second.ID || made[0].Bytes != second.Bytes {
		t.Errorf("Backups() = %+v, %v", made, err)
	}
	entries, err := w.rows.Audit(t.Context(), 1)
	if err != nil || len(entries) != 1 || entries[0].Action != "backup.finish" || entries[0].Subject != second.ID {
		t.Errorf("the newest entry is %+v, %v", entries, err)
	}
}

// TestBackupWithoutContent: content that the store lacks, or that is damaged there, is not in the backup, which is
// finished with an error and says what it lacks. Verify reports it.
func TestBackupWithoutContent(t *testing.T) {
	w := newWorld(t)
	w.uploads("gone", "bad", "good")
	for _, name := range []string{"gone", "bad"} {
		f := packagingtest.SDist(name, "1.0", "text of "+name)
		path := filepath.Join(w.store, filepath.FromSlash(custody.FileKey(f.SHA256())))
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if name == "bad" {
			f.Bytes[3] ^= 1
			if err := os.WriteFile(path, f.Bytes, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	m, err := backup.Create(t.Context(), w.dir, w.options())
	lacks, ok := errors.AsType[*backup.Incomplete](err)
	if !ok || m.Lacking != 2 || lacks.Manifest.ID != m.ID || len(m.Missing) != 2 {
		t.Fatalf("Create() = %+v, %v, want a backup that lacks two objects", m, err)
	}
	v, err := backup.Verify(t.Context(), w.dir, backup.VerifyOptions{})
	if err != nil || v.Broken() != 2 {
		t.Errorf("Verify() = %+v, %v, want two faults", v.Faults, err)
	}
	w.free()
}

// TestVerifyFindsDamage: every kind of damage is found and named.
func TestVerifyFindsDamage(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir, snapshot string) (path string){
		"content changed": func(t *testing.T, dir, _ string) string { return flip(t, anyContent(t, dir)) },
		"content cut":     func(t *testing.T, dir, _ string) string { return cut(t, anyContent(t, dir)) },
		"content missing": func(t *testing.T, dir, _ string) string {
			path := anyContent(t, dir)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			return path
		},
		"rows changed": func(t *testing.T, _, s string) string { return flip(t, filepath.Join(s, "rows.jsonl.zst")) },
		"list changed": func(t *testing.T, _, s string) string { return flip(t, filepath.Join(s, "content.zst")) },
		"rows cut":     func(t *testing.T, _, s string) string { return cut(t, filepath.Join(s, "rows.jsonl.zst")) },
		"manifest cut": func(t *testing.T, _, s string) string { return cut(t, filepath.Join(s, "manifest.json")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.uploads("one")
			m := w.backup(w.options())
			path := damage(t, w.dir, filepath.Join(w.dir, "snapshots", m.ID))
			rel, err := filepath.Rel(w.dir, path)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []backup.VerifyOptions{{}, {Snapshot: m.ID}} {
				v, err := backup.Verify(t.Context(), w.dir, o)
				if err != nil ||
					!slices.ContainsFunc(v.Faults, func(f backup.Fault) bool { return f.Path == filepath.ToSlash(rel) }) {
					t.Errorf("Verify(%+v) = %+v, %v, want %s", o, v.Faults, err, rel)
				}
			}
		})
	}
}

func anyContent(t *testing.T, dir string) (path string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "content", "*", "*"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no content: %v", err)
	}
	return all[0]
}

func flip(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		b[len(b)/2] ^= 1
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func cut(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()-9)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBackupPlaces: a backup is not made in the folders of the index, also not by a symbolic link, among other files,
// or into a folder that another backup is using.
func TestBackupPlaces(t *testing.T) {
	w := newWorld(t)
	w.uploads("one")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(w.store, link); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"in the store": filepath.Join(w.store, "new", "backup"), "the store": w.store,
		"by a link":         filepath.Join(link, "backup"),
		"among other files": full,
	} {
		if _, err := backup.Create(t.Context(), dir, w.options()); !fault.Is(err, fault.Conflict) {
			t.Errorf("Create(%s) = %v, want conflict", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(w.store, "new")); err == nil {
		t.Error("a refused backup created its folder")
	}
	target := t.TempDir()
	w.dir = filepath.Join(t.TempDir(), "to")
	if err := os.Symlink(target, w.dir); err != nil {
		t.Fatal(err)
	}
	w.backup(w.options()) // a link to a good place is followed
	if _, err := backup.List(target); err != nil {
		t.Errorf("the backup is not behind the link: %v", err)
	}
	o := w.options()
	o.Blobs = during{w.blobs, func() {
		if _, err := backup.Create(t.Context(), w.dir, w.options()); !fault.Is(err, fault.Conflict) {
			t.Errorf("Create() while another runs = %v, want conflict", err)
		}
		if _, err := backup.Prune(t.Context(), w.dir, 1, nil); !fault.Is(err, fault.Conflict) {
			t.Errorf("Prune() while a backup runs = %v, want conflict", err)
		}
	}}
	w.uploads("two")
	w.backup(o)
}

// during calls a function before each object is opened.
type during struct {
	backup.Blobs
	f func()
}

func (d during) Open(ctx context.Context, key string) (custody.Blob, int64, error) {
	d.f()
	return d.Blobs.Open(ctx, key)
}

// TestBackupOnAFullDisk: a backup that fails leaves no snapshot and no lease, and the next one uses the content that it
// copied.
func TestBackupOnAFullDisk(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		w.uploads(fmt.Sprintf("p%d", i))
	}
	var mu sync.Mutex
	left := 2_000
	full := w.options().WithWrites(func(f *os.File, p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		if left -= len(p); left < 0 {
			return 0, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
		}
		return f.Write(p)
	})
	_, err := backup.Create(t.Context(), w.dir, full)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "the disk is full") {
		t.Errorf("Create() on a full disk = %v", err)
	}
	if all, err := backup.List(w.dir); err != nil || len(all) != 0 {
		t.Errorf("List() after it = %d snapshots, %v", len(all), err)
	}
	w.free()
	w.backup(w.options())
	w.verified(1)
}

// TestBackupStopsWithoutItsLease: a backup whose lease expired fails, because content may have been deleted, and says
// that it can be run again.
func TestBackupStopsWithoutItsLease(t *testing.T) {
	w := newWorld(t)
	w.uploads("one", "two")
	o := w.options().WithLease(30*time.Millisecond, 60*time.Millisecond)
	o.Blobs = during{w.blobs, func() { time.Sleep(200 * time.Millisecond) }}
	_, err := backup.Create(t.Context(), w.dir, o)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "run it again") {
		t.Errorf("Create() without its lease = %v", err)
	}
	w.verifiedNone()
	w.backup(w.options())
	w.verified(1)
}

func (w *world) verifiedNone() {
	w.Helper()
	if all, err := backup.List(w.dir); err != nil || len(all) != 0 {
		w.Errorf("List() = %d snapshots, %v, want none", len(all), err)
	}
}

// TestBackupBesideDeletions: backups beside uploads and deletions of the same content have all content that their rows
// need.
func TestBackupBesideDeletions(t *testing.T) {
	rounds := 8
	if os.Getenv("INDEX_TEST_ALL") != "" {
		rounds = 200
	}
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for i := range 2 {
		others.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("p%d-%d", i, n)
				if err := w.add(ctx, name, fmt.Sprint("shared ", n%5)); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				if err := w.deletes(ctx, fmt.Sprintf("p%d-%d", i, rand.IntN(n+1))); err != nil && ctx.Err() == nil &&
					!fault.Is(err, fault.NotFound) {
					t.Error(err)
				}
			}
		})
	}
	others.Go(func() {
		for ctx.Err() == nil {
			if _, err := w.index.Custody.Sweep(ctx, w.who); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	var objects int64
	for range rounds {
		o := w.options()
		o.Blobs = during{w.blobs, func() { time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond) }}
		m, err := backup.Create(t.Context(), w.dir, o)
		if err != nil {
			t.Fatalf("Create() = %v, %+v", err, m.Missing)
		}
		objects += m.Objects
	}
	stop()
	others.Wait()
	w.verified(rounds)
	if objects == 0 {
		t.Error("the backups had no content")
	}
	t.Logf("%d backups with %d objects", rounds, objects)
}

// TestSealedSecrets: with a recipient, the secrets are in the backup for the holder of its identity alone, with the TLS
// files; without one, the backup lists them as absent.
func TestSealedSecrets(t *testing.T) {
	w := newWorld(t)
	if _, err := w.rows.Instance(t.Context()); err != nil { // a row of keys
		t.Fatal(err)
	}
	tls := filepath.Join(t.TempDir(), "tls")
	if err := os.MkdirAll(tls, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tls, "key.pem"), []byte("a private key"), 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	o := w.options()
	o.SecretFolders = map[string]string{"tls": tls}
	open := w.backup(o)
	absent := func(m backup.Manifest, what string) bool {
		return slices.ContainsFunc(m.Absent, func(a backup.Absence) bool { return a.What == what })
	}
	if !absent(open, "second factors") || !absent(open, "keys of the index") || !absent(open, "tls") || open.HasSecrets() {
		t.Errorf("without a recipient, absent are %v", open.Absent)
	}
	o.Seal = []string{id.Recipient().String()}
	sealed := w.backup(o)
	if absent(sealed, "second factors") || !sealed.HasSecrets() {
		t.Errorf("with a recipient, absent are %v", sealed.Absent)
	}
	f, err := os.Open(filepath.Join(w.dir, "snapshots", sealed.ID, "secrets.age"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := age.Decrypt(f, id)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		b, e := io.ReadAll(r)
		if err = errors.Join(err, e); err != nil {
			t.Fatal(err)
		}
		got[h.Name] = string(b)
	}
	if got["tls/key.pem"] != "a private key" || !strings.Contains(got["rows.jsonl"], `["instance","`) {
		t.Errorf("sealed are %q", got)
	}
	o.Seal = []string{"age1nonsense"}
	if _, err := backup.Create(t.Context(), w.dir, o); !fault.Is(err, fault.Invalid) {
		t.Errorf("Create(wrong recipient) = %v, want invalid", err)
	}
}

// TestStreamIsABackup: a stream that is unpacked is the folder of a backup with the same content.
func TestStreamIsABackup(t *testing.T) {
	w := newWorld(t)
	w.uploads("one", "two")
	var b bytes.Buffer
	m, err := backup.Stream(t.Context(), &b, w.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := backup.Receive(bytes.NewReader(b.Bytes()), w.dir, nil); err != nil {
		t.Fatal(err)
	}
	w.verified(1)
	if all, err := backup.List(w.dir); err != nil || len(all) != 1 || all[0].ID != m.ID {
		t.Errorf("List() = %d snapshots, %v", len(all), err)
	}
	w.free()
}

// TestRowsOnlyBackup: a backup of the rows alone has no content, and is known to the index from then on.
func TestRowsOnlyBackup(t *testing.T) {
	w := newWorld(t)
	w.uploads("one")
	o := w.options()
	o.RowsOnly = true
	m := w.backup(o)
	if n, _ := filepath.Glob(filepath.Join(w.dir, "content", "*", "*")); len(n) > 0 || m.Objects == 0 {
		t.Errorf("the backup has %d files of content for %d objects", len(n), m.Objects)
	}
	w.verified(1)
	made, err := w.rows.Backups(t.Context())
	if err != nil || len(made) != 1 || !made[0].RowsOnly {
		t.Errorf("Backups() = %+v, %v", made, err)
	}
}

// TestBackupOfABucket: backups of PostgreSQL and a bucket, as a folder and as a stream, are whole and have the same
// content. They are incremental, and beside deletions they have what their rows need.
func TestBackupOfABucket(t *testing.T) {
	postgrestest.Skip(t)
	w := openWorld(t, storagetest.Postgres(t), storagetest.Bucket(t))
	w.uploads("one", "two", "three")
	options := func() backup.Options {
		o := w.options()
		o.Within = nil
		return o
	}
	first := w.backup(options())
	if first.Objects != 3 || first.Bytes == 0 {
		t.Errorf("the backup has %d objects with %d bytes, want 3 files", first.Objects, first.Bytes)
	}
	w.verified(1)
	before := w.contents()
	w.uploads("four")
	o := options()
	o.Blobs = during{w.blobs, func() {
		if err := w.deletes(t.Context(), "one"); err != nil && !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	}}
	w.backup(o)
	w.verified(2)
	after := w.contents()
	if len(before) != 3 || len(after) != 4 {
		t.Errorf("%d and then %d objects in the backup, want 3 and 4", len(before), len(after))
	}
	for path, at := range before {
		if !after[path].Equal(at) {
			t.Errorf("%s was written again", path)
		}
	}
	w.free()
	var b bytes.Buffer
	m, err := backup.Stream(t.Context(), &b, options())
	if err != nil {
		t.Fatal(err)
	}
	w.free()
	w.dir = filepath.Join(t.TempDir(), "stream")
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := backup.Receive(&b, w.dir, nil); err != nil {
		t.Fatal(err)
	}
	w.verified(1)
	if n := len(w.contents()); n != 3 || m.Objects != 3 {
		t.Errorf("the stream has %d objects of %d, want those of three projects", n, m.Objects)
	}
}
