package simpleapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/server"
	"pyindex/internal/simpleapi"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// fleet is several replicas of one database with a project "p" and users' tokens, and the expected state.
type fleet struct {
	t        *testing.T
	url      string
	replicas []served
	main     catalog.Repository
	next     int

	truth
	said map[string]string // what a serial was said of, and of which content
}

// served is one replica.
type served struct {
	rows *db.DB
	http.Handler
}

// truth is the content of the database.
type truth struct {
	files   []string
	revoked map[int]bool
	tokens  []access.Secret
}

func (f truth) clone() truth {
	return truth{slices.Clone(f.files), maps.Clone(f.revoked), slices.Clone(f.tokens)}
}

func newFleet(t *testing.T, url string, replicas, tokens int) *fleet {
	t.Helper()
	f := &fleet{t: t, url: url, said: map[string]string{}, truth: truth{revoked: map[int]bool{}}}
	folder := "file://" + filepath.Join(t.TempDir(), "blobs")
	for range replicas {
		rows := storagetest.OpenDB(t, url, db.Options{Conns: 2})
		b, err := blobs.Open(t.Context(), folder, blobs.Options{})
		f.must(err)
		x := assembly.New(rows.Catalog(), b, assembly.Options{Log: slog.New(slog.DiscardHandler)})
		keys := access.NewKeyring(rows.Access(), access.KeyringOptions{})
		h, err := server.New(server.Options{Keyring: keys, Log: slog.New(slog.DiscardHandler)},
			simpleapi.New(resolve.New(x.Index, resolve.Options{}), simpleapi.Options{}).Table())
		f.must(err)
		f.replicas = append(f.replicas, served{rows, h})
	}
	f.update(0, func(ctx context.Context, tx catalog.Tx) (err error) {
		if f.main, err = tx.RepositoryByName(ctx, catalog.MainRepository); err != nil {
			return err
		}
		f.main.Members = access.Reader
		if err := tx.UpdateRepository(ctx, f.main); err != nil {
			return err
		}
		name, _ := packaging.ParseProjectName("p")
		p := catalog.Project{
			ID:         "p",
			Repository: f.main,
			Name:       name,
			Display:    "p",
			Status:     catalog.Active,
			CreatedAt:  time.Unix(1, 0),
		}
		if p.Serial, err = tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertProject(ctx, p)
	})
	for i := range tokens {
		f.tokens = append(f.tokens, access.NewToken())
		f.must(f.replicas[0].rows.Access().Update(t.Context(), func(tx access.Tx) error {
			u := access.User{ID: fmt.Sprint("u", i), Name: fmt.Sprint("u", i), CreatedAt: time.Unix(1, 0)}
			if err := tx.InsertUser(t.Context(), u); err != nil {
				return err
			}
			return tx.InsertToken(t.Context(), access.Token{
				ID: fmt.Sprint("t", i), Kind: access.TokenAPI, Hash: access.HashToken(f.tokens[i]), UserID: u.ID,
				Scope: access.ScopeRead, CreatedAt: time.Unix(1, 0),
			})
		}))
	}
	return f
}

func (f *fleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) update(i int, change func(context.Context, catalog.Tx) error) {
	f.t.Helper()
	ctx := f.t.Context()
	f.must(f.replicas[i].rows.Catalog().Update(ctx, func(tx catalog.Tx) error { return change(ctx, tx) }))
}

// upload adds a file through a replica.
func (f *fleet) upload(i int) {
	f.t.Helper()
	f.next++
	version := fmt.Sprint(f.next)
	name := "p-" + version + ".tar.gz"
	f.update(i, func(ctx context.Context, tx catalog.Tx) error {
		p, err := tx.ProjectByID(ctx, "p")
		if err != nil {
			return err
		}
		r := catalog.Release{ID: "r" + version, ProjectID: p.ID, Version: version, Key: version, CreatedAt: time.Unix(1, 0)}
		if err := tx.InsertRelease(ctx, r); err != nil {
			return err
		}
		file := catalog.File{
			ID: "f" + version, RepositoryID: f.main.ID, ProjectID: p.ID, ReleaseID: r.ID, Filename: name, NameKey: name,
			Kind:    packaging.SDist,
			Version: version, SHA256: fmt.Sprintf("%064d", f.next), UploadedAt: time.Unix(1, 0),
		}
		if err := tx.InsertFile(ctx, file, packaging.Metadata{Name: "p"}); err != nil {
			return err
		}
		if p.Serial, err = tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.UpdateProject(ctx, p)
	})
	f.files = append(f.files, name)
}

// revoke revokes a token through a replica.
func (f *fleet) revoke(i, token int) {
	f.t.Helper()
	f.must(f.replicas[i].rows.Access().Update(f.t.Context(), func(tx access.Tx) error {
		if _, err := tx.RevokeToken(f.t.Context(), fmt.Sprint("t", token), time.Unix(2, 0)); err != nil {
			return err
		}
		_, err := tx.NextSerial(f.t.Context())
		return err
	}))
	f.revoked[token] = true
}

// read requests the project's page from a replica with a token, and compares it with the expected state.
func (f *fleet) read(i, token int, after string) {
	f.t.Helper()
	w := call(f.replicas[i], "GET /simple/p/", "Accept", jsonType, "Authorization", basic(f.tokens[token]))
	if f.revoked[token] {
		if w.Code != http.StatusUnauthorized {
			f.t.Errorf("%s: replica %d answers %d to a token that was revoked, want 401", after, i, w.Code)
		}
		return
	}
	if w.Code != http.StatusOK {
		f.t.Errorf("%s: replica %d answers %d to a good token: %s", after, i, w.Code, w.Body)
		return
	}
	var page struct {
		Meta  map[string]any
		Files []struct{ Filename string }
	}
	f.must(json.Unmarshal(w.Body.Bytes(), &page))
	var got []string
	for _, file := range page.Files {
		got = append(got, file.Filename)
	}
	want := slices.Clone(f.files)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.t.Errorf("%s: replica %d lists\n%v, want\n%v", after, i, got, want)
	}
	serial, content := fmt.Sprint(page.Meta["_last-serial"]), strings.Join(got, " ")
	if before, ok := f.said[serial]; ok && before != content {
		f.t.Errorf("%s: replica %d gives the serial %s to\n%s, which was that of\n%s", after, i, serial, content, before)
	}
	f.said[serial] = content
}

// TestRestoreUnderReplicas: the database is restored to an older state beneath three replicas that have pages and
// tokens in memory. Each page lists files uploaded afterwards and no lost files. Each replica rejects a token that is
// revoked afterwards, even at the same serial at which it was used before.
func TestRestoreUnderReplicas(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		f := newFleet(t, fresh(t), 3, 2)
		older, then := storagetest.TakeSnapshot(t, f.url), f.truth.clone()
		f.upload(0)
		for i := range f.replicas {
			f.read(i, 0, "before")
			f.read(i, 1, "before")
		}
		older.Restore()
		f.truth = then
		f.revoke(1, 1)
		for i := range f.replicas {
			f.read(i, 1, "revoked after the restore")
		}
		f.upload(2)
		for i := range f.replicas {
			f.read(i, 0, "uploaded after the restore")
		}
	})
}

// TestRestoreWithoutAChange: after a restore, lost files are on no page and lost permissions are not granted, even if
// nothing changes.
func TestRestoreWithoutAChange(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		f := newFleet(t, fresh(t), 3, 2)
		f.revoke(0, 1)
		older, then := storagetest.TakeSnapshot(t, f.url), f.truth.clone()
		f.upload(0)
		for i := range f.replicas {
			f.read(i, 0, "before")
			f.read(i, 1, "before")
		}
		older.Restore()
		f.truth = then
		for i := range f.replicas {
			f.read(i, 0, "after the restore")
			f.read(i, 1, "after the restore")
		}
	})
}

// TestRestoresAtRandom: for any order of uploads, reads, revocations and restores through any replicas, a page lists
// the content of the database and a revoked token is rejected. If each replica checks the database once after a
// restore, as servers do within a second, no two contents get the same serial.
func TestRestoresAtRandom(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		runs := uint64(6)
		if strings.HasSuffix(t.Name(), "postgres") { // the same paths, ten times slower
			runs = 2
		}
		for seed := range runs {
			f := newFleet(t, fresh(t), 3, 4)
			f.atRandom(rand.New(rand.NewPCG(seed, 12)), seed%2 == 0, fmt.Sprintf("seed %d", seed))
			if t.Failed() {
				return
			}
		}
	})
}

type kept struct {
	storagetest.Snapshot
	truth
}

func (f *fleet) atRandom(r *rand.Rand, attended bool, name string) {
	f.t.Helper()
	copies := []kept{{storagetest.TakeSnapshot(f.t, f.url), f.truth.clone()}}
	for step := range 120 {
		i, token := r.IntN(len(f.replicas)), r.IntN(len(f.tokens))
		switch n := r.IntN(20); {
		case n < 5:
			f.upload(i)
		case n == 5:
			f.revoke(i, token)
		case n == 6 && len(copies) < 4:
			copies = append(copies, kept{storagetest.TakeSnapshot(f.t, f.url), f.truth.clone()})
		case n == 7:
			back := copies[r.IntN(len(copies))]
			back.Restore()
			f.truth = back.truth.clone()
			if !attended { // a replica that saw nothing of what was lost may give a number to a reader before the others look
				clear(f.said)
				break
			}
			for _, replica := range f.replicas {
				_, err := replica.rows.Stamp(f.t.Context())
				f.must(err)
			}
		default:
			if !attended {
				clear(f.said)
			}
			f.read(i, token, fmt.Sprintf("%s, step %d", name, step))
		}
	}
}
