package verify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/postgrestest"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/verify"
)

// world is an index that is damaged by hand.
type world struct {
	*assembly.Index
	t     *testing.T
	url   string
	db    *db.DB
	store *blobs.Blobs
	boss  access.Caller
	ahead time.Duration // of the verifier's clock
}

func newWorld(t *testing.T, url, location string) *world {
	t.Helper()
	w := &world{t: t, url: url, boss: access.Operator("test")}
	w.db = storagetest.OpenDB(t, url, db.Options{})
	var err error
	if w.store, err = blobs.Open(t.Context(), location, blobs.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	w.Index = assembly.New(w.db.Catalog(), w.store, assembly.Options{
		Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().Add(w.ahead) },
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// upload uploads a file to main.
func (w *world) upload(f packagingtest.File) error {
	name, err := packaging.ParseProjectName(f.Project)
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(w.t.Context())
	in, err := w.Begin(ctx, w.boss, "", name)
	if err != nil {
		return err
	}
	defer in.Discard()
	if _, err := in.Write(f.Bytes); err != nil {
		return err
	}
	_, err = w.Publish(ctx, in, ingest.Upload{
		Filename: f.Name, Kind: packaging.Kind(f.Kind), Digests: ingest.Digests{SHA256: f.SHA256()},
		Form: packaging.Metadata{MetadataVersion: "2.1", Name: f.Project, Version: f.Version},
	})
	return err
}

// sql changes rows behind the back of the index.
func (w *world) sql(statements ...string) {
	w.t.Helper()
	driver, name := "pgx", w.url
	if path, ok := strings.CutPrefix(w.url, "sqlite:"); ok {
		driver, name = "sqlite", path+"?_pragma=busy_timeout(5000)"
	}
	w.must(postgrestest.Execute(driver, name, statements...))
}

// row returns a file of main.
func (w *world) row(filename string) (f catalog.File) {
	w.t.Helper()
	w.must(w.db.Catalog().View(w.t.Context(), func(tx catalog.Tx) error {
		main, err := tx.RepositoryByName(w.t.Context(), "main")
		if err == nil {
			f, err = tx.FileByName(w.t.Context(), main.ID, filename)
		}
		return err
	}))
	return f
}

// content returns what the store has under a key, or nil.
func (w *world) content(key string) []byte {
	w.t.Helper()
	b, _, err := w.store.Open(w.t.Context(), key)
	if err != nil {
		return nil
	}
	defer b.Close()
	out, err := io.ReadAll(b)
	w.must(err)
	return out
}

// run verifies the index.
func (w *world) run(o verify.Options) (found []verify.Finding, sum verify.Summary) {
	w.t.Helper()
	o.Found = func(f verify.Finding) { found = append(found, f) }
	sum, err := verify.New(w.db.Verify(), w.Custody, nil).Run(w.t.Context(), w.boss, o)
	w.must(err)
	return found, sum
}

// clean fails unless the index has no finding.
func (w *world) clean(when string) {
	w.t.Helper()
	if found, _ := w.run(verify.Options{}); len(found) > 0 {
		w.t.Errorf("%s, verify finds %+v", when, found)
	}
}

// eachPlace runs f on SQLite with a folder, and on PostgreSQL with a bucket if there are any.
func eachPlace(t *testing.T, f func(t *testing.T, w *world)) {
	t.Run("sqlite folder", func(t *testing.T) {
		f(t, newWorld(t, storagetest.SQLite(t), "file://"+filepath.Join(t.TempDir(), "blobs")))
	})
	t.Run("postgres bucket", func(t *testing.T) {
		postgrestest.Skip(t)
		f(t, newWorld(t, storagetest.Postgres(t), storagetest.Bucket(t)))
	})
}

var (
	wheel  = packagingtest.Wheel("demo", "1.0", "x = 1\n", "Requires-Python: >=3.9", "Requires-Dist: six")
	second = packagingtest.Wheel("demo", "2.0", "x = 2\n", "Requires-Dist: six")
	sdist  = packagingtest.SDist("demo", "1.0", "x = 1\n")
	other  = packagingtest.Wheel("other", "1.0", "x = 3\n")
)

// filled uploads some files, and adds an attestation and a file that is kept of an upstream.
func (w *world) filled() {
	w.t.Helper()
	for _, f := range []packagingtest.File{wheel, second, sdist, other} {
		w.must(w.upload(f))
	}
	w.must(w.DeleteProject(w.t.Context(), w.boss, "", name(w.t, "other")))
	w.must(w.upload(packagingtest.Wheel("last", "1.0", "x = 4\n")))
	statement := fmt.Sprintf(`{"subject":[{"name":"x","digest":{"sha256":%q}}]}`, wheel.SHA256())
	w.sql(fmt.Sprintf(`INSERT INTO attestations (file_id, predicate, document, verified, publisher)
			VALUES ('%s', 'p', '{"envelope":{"statement":"%s"}}', TRUE, '')`, w.row(wheel.Name).ID,
		base64.StdEncoding.EncodeToString([]byte(statement))),
		`UPDATE files SET attested = TRUE WHERE filename = '`+wheel.Name+`'`)
	kept := []byte("content of an upstream")
	s := custody.Stored{SHA256: packagingtest.File{Bytes: kept}.SHA256(), Size: int64(len(kept))}
	w.must(w.store.Put(w.t.Context(), s.Key(), kept))
	row := fmt.Sprintf(`INSERT INTO blobs (blob_key, part, sha256, holds, since, settled, dropping)
			VALUES ('%s', 'files', '%s', 0, 1, TRUE, FALSE)`, s.Key(), s.SHA256)
	if strings.HasPrefix(w.url, "sqlite:") { // it computes the key
		row = fmt.Sprintf(`INSERT INTO blobs (part, sha256, holds, since, settled, dropping)
			VALUES ('files', '%s', 0, 1, TRUE, FALSE)`, s.SHA256)
	}
	w.sql(row,
		fmt.Sprintf(`INSERT INTO upstream_files (upstream, path, project, filename, sha256, size, generation, stored,
			metadata_sha256, metadata_generation, metadata_stored, first_at, used_at)
			VALUES ('public', 'a/b', 'kept', 'kept-1.0.whl', '%s', %d, '', TRUE, '', '', FALSE, 1, 1)`, s.SHA256, s.Size))
}

func name(t *testing.T, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// damage is one kind of damage, made by hand.
type damage struct {
	name string
	make func(w *world)
	kind string
	of   string       // in the subject
	left bool         // it cannot be repaired
	undo func(*world) // what puts it right if it cannot be repaired
}

func sql(statements ...string) func(*world) {
	return func(w *world) { w.sql(statements...) }
}

func damages(w *world) []damage {
	f := w.row(wheel.Name)
	where := ` WHERE filename = '` + wheel.Name + `'`
	content := w.content(f.Key())
	keep := func(key string, p []byte) func(*world) {
		return func(w *world) { w.must(w.store.Put(w.t.Context(), key, p)) }
	}
	drop := func(key string) func(*world) {
		return func(w *world) { w.must(w.store.Delete(w.t.Context(), key)) }
	}
	var kept string
	w.must(w.db.Verify().View(w.t.Context(), func(tx verify.Tx) error {
		all, err := tx.KeptAfter(w.t.Context(), "", "", 1)
		kept = all[0].Stored.Key()
		return err
	}))
	flipped := bytes.Clone(content)
	flipped[len(flipped)/2] ^= 1
	return []damage{
		{
			name: "content missing",
			make: drop(f.Key()),
			kind: "content",
			of:   wheel.Name,
			left: true,
			undo: keep(f.Key(), content),
		},
		{
			name: "content damaged",
			make: keep(f.Key(), flipped),
			kind: "content",
			of:   wheel.Name,
			left: true,
			undo: keep(f.Key(), content),
		},
		{
			name: "content cut",
			make: keep(f.Key(), content[:9]),
			kind: "content",
			of:   wheel.Name,
			left: true,
			undo: keep(f.Key(), content),
		},
		{name: "metadata missing", make: drop(f.MetadataKey()), kind: "metadata", of: wheel.Name},
		{name: "metadata damaged", make: keep(f.MetadataKey(), []byte("Name: evil\n")), kind: "metadata", of: wheel.Name},
		{
			name: "other metadata digest in the row", kind: "metadata", of: wheel.Name, left: true,
			make: sql(`UPDATE files SET metadata_sha256 = '` + w.row(second.Name).MetadataSHA256 + `'` + where),
			undo: sql(`UPDATE files SET metadata_sha256 = '` + f.MetadataSHA256 + `'` + where),
		},
		{
			name: "other md5", make: sql(`UPDATE files SET md5 = 'beef'` + where), kind: "digest", of: wheel.Name, left: true,
			undo: sql(`UPDATE files SET md5 = '` + f.MD5 + `'` + where),
		},
		{
			name: "other name key", make: sql(`UPDATE files SET name_key = 'nothing'` + where), kind: "file-name",
			of: wheel.Name, left: true,
			undo: sql(`UPDATE files SET name_key = '` + f.NameKey + `'` + where),
		},
		{
			name: "size of a file",
			make: sql(`UPDATE files SET size = size + 1`+where, `UPDATE projects SET size = size + 1 WHERE name = 'demo'`,
				`UPDATE repositories SET size = size + 1`), kind: "columns", of: wheel.Name,
		},
		{
			name: "requires-python", make: sql(`UPDATE files SET requires_python = ''` + where), kind: "columns", of: wheel.Name,
		},
		{
			name: "parsed metadata missing", make: sql(`UPDATE files SET metadata_number = -1` + where),
			kind: "columns", of: wheel.Name,
		},
		{
			name: "other parsed metadata",
			make: sql(`UPDATE files SET metadata_number = -1`+where, `INSERT INTO file_metadata (file_id, metadata_version,
				summary, document) VALUES ('`+f.ID+`', '', '', '{"name":"evil"}')`), kind: "columns",
			of: wheel.Name,
		},
		{
			name: "size of a project",
			make: sql(`UPDATE projects SET size = 1 WHERE name = 'demo'`,
				`UPDATE repositories SET size = (SELECT SUM(size) FROM projects)`), kind: "project-size", of: "main/demo",
		},
		{name: "size of a repository", make: sql(`UPDATE repositories SET size = 1`), kind: "repository-size", of: "main"},
		{
			name: "release without files",
			make: sql(`INSERT INTO releases (id, project_id, version, version_key, created_at) VALUES ('x', '` + f.ProjectID +
				`', '9', '9', 1)`), kind: "empty-release", of: "main/demo 9",
		},
		{name: "version of a file", make: sql(`UPDATE files SET version = '7'` + where), kind: "version", of: wheel.Name},
		{name: "name of a project", make: sql(`DELETE FROM names WHERE name = 'demo'`), kind: "name", of: "demo"},
		{name: "name of a deleted project", make: sql(`DELETE FROM names WHERE name = 'other'`), kind: "name", of: "other"},
		{
			name: "name of an upstream",
			make: sql(`UPDATE names SET origin = 'upstream', upstream = 'public' WHERE name = 'demo'`), kind: "origin",
			of: "main/demo", left: true,
			undo: sql(`UPDATE names SET origin = 'own', upstream = '' WHERE name = 'demo'`),
		},
		{
			name: "source of an unknown name",
			make: sql(`INSERT INTO name_sources (repository_id, name, upstream, since) VALUES ('r', 'seen', 'public', 1)`),
			kind: "name-source", of: "seen",
		},
		{
			name: "deleted name",
			make: sql(`INSERT INTO tombstones (repository_id, name_key, filename, deleted_at) VALUES ('` + f.RepositoryID +
				`', '` + f.NameKey + `', 'x', 1)`), kind: "tombstone", of: wheel.Name, left: true,
			undo: sql(`DELETE FROM tombstones WHERE filename = 'x'`),
		},
		{
			name: "counter went back", make: sql(`UPDATE projects SET serial = serial + 1000 WHERE name = 'last'`),
			kind: "serial", of: "main/last", left: true,
			undo: sql(`UPDATE projects SET serial = serial - 1000 WHERE name = 'last'`),
		},
		{
			name: "mark of an attestation", make: sql(`UPDATE files SET attested = FALSE` + where), kind: "attested",
			of: wheel.Name,
		},
		{
			name: "marked without attestation",
			make: sql(`UPDATE files SET attested = TRUE WHERE filename = '` + second.Name + `'`), kind: "attested",
			of: second.Name,
		},
		{
			name: "attestation of other content", kind: "attestation", of: second.Name, left: true,
			make: sql(`INSERT INTO attestations (file_id, predicate, document, verified, publisher)
				SELECT '` + w.row(second.Name).ID + `', 'q', document, FALSE, '' FROM attestations WHERE predicate = 'p'`),
			undo: sql(`DELETE FROM attestations WHERE predicate = 'q'`),
		},
		{
			name: "row of content", make: sql(`DELETE FROM blobs WHERE blob_key = '` + f.Key() + `'`), kind: "blob-row",
			of: wheel.Name,
		},
		{
			name: "row of metadata", make: sql(`DELETE FROM blobs WHERE blob_key = '` + f.MetadataKey() + `'`),
			kind: "blob-row", of: wheel.Name,
		},
		{
			name: "content marked for deletion",
			make: sql(`UPDATE blobs SET dropping = TRUE WHERE blob_key = '` + f.Key() + `'`), kind: "blob-marked",
			of: wheel.Name, left: true,
			undo: sql(`UPDATE blobs SET dropping = FALSE WHERE blob_key = '` + f.Key() + `'`),
		},
		{
			name: "card missing", make: sql(`DELETE FROM project_cards`, `DELETE FROM requirements`), kind: "card",
			of: "main/demo",
		},
		{
			name: "card of a release that is gone", make: sql(`UPDATE project_cards SET version = '99' WHERE name = 'demo'`),
			kind: "card", of: "main/demo",
		},
		{name: "requirements missing", make: sql(`DELETE FROM requirements`), kind: "requirements", of: "main/demo"},
		{
			name: "role in nothing",
			make: sql(
				`INSERT INTO users (id, name, admin, password_hash, created_at, disabled_at) VALUES ('u', 'u', FALSE, '', 1, 0)`,
				`INSERT INTO grants (user_id, repository_id, project_id, role, created_at) VALUES ('u', '`+f.RepositoryID+
					`', 'gone', 'owner', 1)`,
			), kind: "orphans", of: "grants",
		},
		{name: "kept content missing", make: drop(kept), kind: "kept", of: "public/a/b"},
	}
}

// Each kind of damage is found, and only that; what can be derived is repaired, and the next run is clean.
func TestDamageIsFoundAndRepaired(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *world) {
		w.filled()
		w.clean("on a healthy index")
		for _, d := range damages(w) {
			d.make(w)
			found, sum := w.run(verify.Options{})
			if len(found) == 0 || sum.Repaired != 0 || sum.Left() != int64(len(found)) {
				t.Errorf("%s: found %+v, %+v", d.name, found, sum)
			}
			matched := false
			for _, f := range found {
				if f.Kind != d.kind || f.Next == "" || f.Problem == "" {
					t.Errorf("%s: found %+v, want only %s", d.name, f, d.kind)
				}
				matched = matched || strings.Contains(f.Subject, d.of)
			}
			if !matched {
				t.Errorf("%s: found %+v, want something about %s", d.name, found, d.of)
			}
			found, sum = w.run(verify.Options{Repair: true})
			if (sum.Left() > 0) != d.left {
				t.Errorf("%s: after a repair, %d of %+v are left", d.name, sum.Left(), found)
			}
			if d.undo != nil {
				d.undo(w)
			}
			w.clean("after " + d.name)
			if t.Failed() {
				return
			}
		}
	})
}

// Missing and damaged content is restored from a copy of the store, and only if the copy has the right digest.
func TestMendFromCopy(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *world) {
		w.filled()
		copied := copyOf{}
		for _, n := range []string{wheel.Name, second.Name} {
			copied[w.row(n).Key()] = w.content(w.row(n).Key())
			copied[w.row(n).MetadataKey()] = w.content(w.row(n).MetadataKey())
		}
		f := w.row(wheel.Name)
		w.must(w.store.Delete(t.Context(), f.Key()))
		w.must(w.store.Put(t.Context(), w.row(second.Name).Key(), []byte("rubbish")))
		bad := copyOf{f.Key(): []byte("rubbish")}
		if found, sum := w.run(verify.Options{Mend: bad}); sum.Repaired != 0 || sum.Left() != 2 {
			t.Errorf("with a damaged copy, verify finds %+v", found)
		}
		if found, sum := w.run(verify.Options{Mend: copied}); sum.Repaired != 2 || sum.Left() != 0 {
			t.Errorf("with a copy, verify finds %+v", found)
		}
		w.clean("after restoring from a copy")
	})
}

// copyOf is a copy of content.
type copyOf map[string][]byte

func (c copyOf) Open(_ context.Context, key string) (custody.Blob, int64, error) {
	p, ok := c[key]
	if !ok {
		return nil, 0, fault.New(fault.NotFound, "not copied")
	}
	return readable{bytes.NewReader(p)}, int64(len(p)), nil
}

type readable struct{ *bytes.Reader }

func (readable) Close() error { return nil }

// An object without a row is a finding when it is older than a day, and a repair removes it.
func TestStrays(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *world) {
		w.filled()
		key := custody.FileKey(strings.Repeat("ab", 32))
		w.must(w.store.Put(t.Context(), key, []byte("nobody's")))
		found, sum := w.run(verify.Options{Repair: true})
		if len(found) != 0 || sum.Young != 1 {
			t.Errorf("a young object: %+v, %+v", found, sum)
		}
		w.ahead = 25 * time.Hour
		if found, sum := w.run(verify.Options{}); sum.Left() != 1 || found[0].Kind != "stray" || found[0].Subject != key {
			t.Errorf("an old object: %+v, %+v", found, sum)
		}
		if found, sum := w.run(verify.Options{Repair: true}); sum.Repaired != 1 || w.content(key) != nil {
			t.Errorf("removing it: %+v, %+v", found, sum)
		}
		w.clean("after removing a stray")
	})
}

// A run that was interrupted continues where it stopped, and checks again what was wrong before.
func TestContinues(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t), "file://"+filepath.Join(t.TempDir(), "blobs"))
	for n := range 150 {
		w.must(w.upload(packagingtest.Wheel("demo", fmt.Sprint(n), "x")))
	}
	var first catalog.File
	w.must(w.db.Verify().View(t.Context(), func(tx verify.Tx) error {
		all, err := tx.FilesByContent(t.Context(), "", 1)
		first = all[0].File
		return err
	}))
	w.must(w.store.Delete(t.Context(), first.Key()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var at verify.Position
	stopped, err := verify.New(w.db.Verify(), w.Custody, nil).Run(ctx, w.boss, verify.Options{
		Saved: func(p verify.Position) error { at = p; cancel(); return nil },
	})
	if err == nil || at.After == "" || len(at.Again) != 1 || at.Again[0] != first.SHA256 {
		t.Fatalf("an interrupted run = %+v, %v, and leaves %+v", stopped, err, at)
	}
	found, sum := w.run(verify.Options{From: at})
	if len(found) != 1 || found[0].Kind != "content" || stopped.Files+sum.Files != 151 {
		t.Errorf("the next run found %+v and read %d files after %d, want the missing one again and each other once", found,
			sum.Files, stopped.Files)
	}
}

// Only an administrator verifies an index.
func TestNeedsAnAdministrator(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t), "file://"+filepath.Join(t.TempDir(), "blobs"))
	if _, err := verify.New(w.db.Verify(), w.Custody, nil).Run(t.Context(), access.Caller{},
		verify.Options{}); err == nil {
		t.Error("an anonymous caller verified the index")
	}
}
