package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// stores are the kinds of store: each function opens an empty one or skips the test.
var stores = map[string]func(*testing.T) string{
	"folder": func(t *testing.T) string { return "file://" + filepath.Join(t.TempDir(), "blobs") },
	"memory": func(*testing.T) string { return "mem://" },
	"s3":     func(t *testing.T) string { return storagetest.Bucket(t) },
}

// mending is an index with two repositories on some kind of store, and its log.
type mending struct {
	*assembly.Index
	t     *testing.T
	blobs custody.Blobs
	rows  *db.DB
	admin access.Caller
	log   bytes.Buffer
	now   time.Time
}

func newMending(t *testing.T, location string, wrap func(custody.Blobs) custody.Blobs) *mending {
	t.Helper()
	rows, err := db.Open(t.Context(), storagetest.SQLite(t), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rows.Close() })
	store, err := blobs.Open(t.Context(), location, blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	m := &mending{t: t, rows: rows, blobs: store, admin: access.Operator("test"), now: time.Now()}
	if wrap != nil {
		m.blobs = wrap(store)
	}
	m.Index = assembly.New(rows.Catalog(), m.blobs,
		assembly.Options{Log: slog.New(slog.NewTextHandler(&m.log, nil)), Now: func() time.Time { return m.now }})
	if err := m.AddRepository(t.Context(), m.admin, catalog.NewRepository{Name: "two"}); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mending) upload(repo string, f packagingtest.File) error {
	return publish(m.t.Context(), m.Index, m.admin, repo, f)
}

// read returns the content that a reader gets.
func (m *mending) read(repo string, f packagingtest.File, part catalog.Part) ([]byte, error) {
	b, _, err := m.Open(m.t.Context(), m.admin, repo, f.SHA256(), f.Name, part)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return io.ReadAll(b)
}

// intact fails the test unless the file and its metadata are read as they were uploaded.
func (m *mending) intact(repo string, f packagingtest.File) {
	m.t.Helper()
	for part, want := range map[catalog.Part][]byte{catalog.Bytes: f.Bytes, catalog.MetadataPart: f.Metadata} {
		if got, err := m.read(repo, f, part); err != nil || !bytes.Equal(got, want) {
			m.t.Errorf("part %v in %s reads %d bytes, %v, want the uploaded %d", part, repo, len(got), err, len(want))
		}
	}
}

// errors returns the error lines of the log since the last call, except those about failing uploads.
func (m *mending) errors() (out []string) {
	for line := range strings.Lines(m.log.String()) {
		if strings.Contains(line, "level=ERROR") && !strings.Contains(line, "uploads fail") {
			out = append(out, line)
		}
	}
	m.log.Reset()
	return out
}

// damages are the ways to damage stored content; nil deletes it.
func damages(right []byte) map[string][]byte {
	flipped := bytes.Clone(right)
	flipped[len(flipped)/2] ^= 1
	return map[string][]byte{
		"flipped": flipped, "cut": right[:len(right)/2], "empty": {}, "deleted": nil,
		"longer": append(bytes.Clone(right), "more"...),
	}
}

// spoil replaces the content under a key, or deletes it if nil.
func (m *mending) spoil(key string, p []byte) {
	m.t.Helper()
	err := m.blobs.Delete(m.t.Context(), key)
	if err == nil && p != nil {
		err = m.blobs.Put(m.t.Context(), key, p)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// TestUploadMendsDamage: uploading content that is damaged or missing in the store restores it, as the same file and as
// a new one in another repository, and logs it once.
func TestUploadMendsDamage(t *testing.T) {
	for kind, location := range stores {
		t.Run(kind, func(t *testing.T) {
			m := newMending(t, location(t), nil)
			n := 0
			for part, bytesOf := range map[string]func(packagingtest.File) (string, []byte){
				"file": func(f packagingtest.File) (string, []byte) { return custody.FileKey(f.SHA256()), f.Bytes },
				"metadata": func(f packagingtest.File) (string, []byte) {
					return custody.MetadataKey(digestOf(f.Metadata)), f.Metadata
				},
			} {
				for damage := range damages([]byte("0123456789")) {
					for _, repo := range []string{"main", "two"} {
						n++
						f := packagingtest.Wheel(fmt.Sprintf("demo-%d", n), "1.0", "x = 1\n")
						name := part + " " + damage + ", uploaded to " + repo
						if err := m.upload("main", f); err != nil {
							t.Fatal(err)
						}
						key, right := bytesOf(f)
						m.spoil(key, damages(right)[damage])
						m.errors()
						if err := m.upload(repo, f); err != nil {
							t.Errorf("%s = %v, want it mended", name, err)
						}
						if lines := m.errors(); len(lines) != 1 || !strings.Contains(lines[0], "were mended") ||
							!strings.Contains(lines[0], key) {
							t.Errorf("%s: the log has %q, want one error that names the key", name, lines)
						}
						m.intact("main", f)
						m.intact(repo, f)
						if err := m.upload(repo, f); err != nil || len(m.errors()) != 0 {
							t.Errorf("%s: the same once more = %v, want nothing to do", name, err)
						}
					}
				}
			}
		})
	}
}

// forgetful is a store whose PUT succeeds but does not store anything while lost is set.
type forgetful struct {
	custody.Blobs
	lost bool
}

func (b *forgetful) Keep(ctx context.Context, key string, s custody.Stage) error {
	if b.lost {
		return nil
	}
	return b.Blobs.Keep(ctx, key, s)
}

func (b *forgetful) Put(ctx context.Context, key string, p []byte) error {
	if b.lost {
		return nil
	}
	return b.Blobs.Put(ctx, key, p)
}

// TestMendingMustHold: a repair that the store does not keep is an error, and the next attempt succeeds.
func TestMendingMustHold(t *testing.T) {
	var store *forgetful
	m := newMending(t, "mem://", func(b custody.Blobs) custody.Blobs { store = &forgetful{Blobs: b}; return store })
	f := packagingtest.Wheel("demo", "1.0", "x = 1\n")
	if err := m.upload("main", f); err != nil {
		t.Fatal(err)
	}
	for damage, p := range damages(f.Bytes) {
		for _, repo := range []string{"main", "two"} {
			m.spoil(custody.FileKey(f.SHA256()), p)
			store.lost = true
			if err := m.upload(repo, f); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s, uploaded to %s and not kept = %v, want unavailable", damage, repo, err)
			}
			if lines := m.errors(); len(lines) != 1 || !strings.Contains(lines[0], "could not be mended") {
				t.Errorf("%s: the log has %q, want one error", damage, lines)
			}
			store.lost = false
		}
		if err := m.upload("main", f); err != nil {
			t.Errorf("%s, uploaded again = %v", damage, err)
		}
		m.errors()
		m.intact("main", f)
	}
}

// TestDamageIsNotServed: content with another size, and metadata with another digest, are an error with the reason, and
// one log line a minute for each key.
func TestDamageIsNotServed(t *testing.T) {
	m := newMending(t, "file://"+filepath.Join(t.TempDir(), "blobs"), nil)
	f := packagingtest.Wheel("demo", "1.0", "x = 1\n")
	if err := m.upload("main", f); err != nil {
		t.Fatal(err)
	}
	m.intact("main", f)
	for part, right := range map[catalog.Part][]byte{catalog.Bytes: f.Bytes, catalog.MetadataPart: f.Metadata} {
		key := custody.FileKey(f.SHA256())
		if part == catalog.MetadataPart {
			key = custody.MetadataKey(digestOf(f.Metadata))
		}
		for damage, p := range damages(right) {
			if damage == "flipped" && part == catalog.Bytes {
				continue // index doctor --bytes finds it, and every installer
			}
			m.spoil(key, p)
			m.now = m.now.Add(2 * time.Minute)
			words := "is damaged in the store"
			if damage == "deleted" {
				words = "is missing in the store"
			}
			for range 3 {
				if _, err := m.read("main", f, part); !fault.Is(err, fault.Unavailable) ||
					!strings.Contains(fault.Message(err), words) {
					t.Errorf("part %v, %s: Open = %v, want unavailable: %s", part, damage, err, words)
				}
			}
			if lines := m.errors(); len(lines) != 1 || !strings.Contains(lines[0], key) {
				t.Errorf("part %v, %s: the log has %q, want one error that names the key", part, damage, lines)
			}
		}
		m.spoil(key, right)
	}
	m.intact("main", f)
}

// TestCheckStored: a check finds all damage, repairs it from a copy, stores its outcome and continues after an
// interruption.
func TestCheckStored(t *testing.T) {
	for kind, location := range stores {
		t.Run(kind, func(t *testing.T) {
			m := newMending(t, location(t), nil)
			backup, err := blobs.Open(t.Context(), "mem://", blobs.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer backup.Close()
			want := map[string]string{}
			var files []packagingtest.File
			for damage := range damages([]byte("0123456789")) {
				f := packagingtest.Wheel("demo-"+damage, "1.0", "x = 1\n")
				files = append(files, f)
				if err := m.upload("main", f); err != nil {
					t.Fatal(err)
				}
				for key, right := range map[string][]byte{
					custody.FileKey(f.SHA256()): f.Bytes, custody.MetadataKey(digestOf(f.Metadata)): f.Metadata,
				} {
					if err := backup.Put(t.Context(), key, right); err != nil {
						t.Fatal(err)
					}
					m.spoil(key, damages(right)[damage])
					want[key] = damage
				}
			}
			sound := packagingtest.Wheel("sound", "1.0", "x = 1\n")
			if err := m.upload("main", sound); err != nil {
				t.Fatal(err)
			}
			check := func(o custody.CheckOptions) (sum custody.Check, found map[string]string) {
				t.Helper()
				found = map[string]string{}
				o.Found = func(b custody.Broken) { found[b.Key] = strings.Join(b.Files, ",") + " " + b.Why }
				sum, err := m.Custody.CheckStored(t.Context(), m.admin, o)
				if err != nil {
					t.Fatalf("CheckStored = %v", err)
				}
				return sum, found
			}
			sum, found := check(custody.CheckOptions{Kind: custody.CheckBytes})
			if sum.Objects != 12 || sum.Missing != 2 || sum.Damaged != 8 || len(found) != 10 {
				t.Errorf("CheckStored = %+v with %d found, want 12 objects of which 2 are missing and 8 damaged", sum, len(found))
			}
			for key, damage := range want {
				if !strings.Contains(found[key], "main/demo_"+damage+"-1.0") {
					t.Errorf("%s (%s) is reported as %q, want with its file", key, damage, found[key])
				}
			}
			if lines := m.errors(); len(lines) != 1 || !strings.Contains(lines[0], "missing=2") {
				t.Errorf("the log has %q, want one error with the numbers", lines)
			}
			if sizes, _ := check(custody.CheckOptions{Kind: custody.CheckSizes}); sizes.Missing != 2 || sizes.Damaged != 3 {
				t.Errorf("CheckStored(sizes) = %+v, want 2 missing, and 3 files of another size", sizes)
			}
			if u, err := m.Usage(t.Context(), m.admin); err != nil || len(u.Checks) != 2 || u.Checks[0].Missing != 2 {
				t.Errorf("Usage() = %+v, %v, want the outcome of both checks", u.Checks, err)
			}
			if some, _ := check(custody.CheckOptions{
				Kind: custody.CheckBytes, Skip: func(key string) bool { return want[key] != "deleted" },
			}); some.Objects != 12 || some.Missing != 2 || some.Damaged != 0 {
				t.Errorf("CheckStored(continued) = %+v, want it to skip intact objects", some)
			}
			mended, _ := check(custody.CheckOptions{Kind: custody.CheckBytes, Mend: backup})
			if mended.Mended != 10 || mended.Missing+mended.Damaged != 0 {
				t.Errorf("CheckStored(mend) = %+v, want 10 mended", mended)
			}
			if again, _ := check(custody.CheckOptions{Kind: custody.CheckBytes}); again.Missing+again.Damaged+
				again.Mended != 0 || again.Objects != 12 {
				t.Errorf("CheckStored(again) = %+v, want nothing", again)
			}
			for _, f := range append(files, sound) {
				m.intact("main", f)
			}
		})
	}
}

// TestCheckStoredRefuses: a check needs an administrator; a store that does not respond is not reported as empty; a
// damaged copy repairs nothing.
func TestCheckStoredRefuses(t *testing.T) {
	var faulty *storagetest.FaultyBlobs
	m := newMending(t, "mem://",
		func(b custody.Blobs) custody.Blobs { faulty = &storagetest.FaultyBlobs{Blobs: b}; return faulty })
	f := packagingtest.Wheel("demo", "1.0", "x = 1\n")
	if err := m.upload("main", f); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Custody.CheckStored(t.Context(), access.Guest(true),
		custody.CheckOptions{Kind: custody.CheckBytes}); !fault.Is(err, fault.Denied) {
		t.Errorf("CheckStored(guest) = %v, want denied", err)
	}
	if _, err := m.Custody.FindStrays(t.Context(), access.Guest(true), true, nil); !fault.Is(err, fault.Denied) {
		t.Errorf("FindStrays(guest) = %v, want denied", err)
	}
	faulty.Arm(1, storagetest.Before)
	if sum, err := m.Custody.CheckStored(t.Context(), m.admin,
		custody.CheckOptions{Kind: custody.CheckBytes}); err == nil || sum.Missing != 0 {
		t.Errorf("CheckStored(store away) = %+v, %v, want an error and nothing missing", sum, err)
	}
	faulty.Arm(0, storagetest.Before)
	copied, err := blobs.Open(t.Context(), "mem://", blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	key := custody.FileKey(f.SHA256())
	if err := copied.Put(t.Context(), key, []byte("wrong too")); err != nil {
		t.Fatal(err)
	}
	m.spoil(key, nil)
	sum, err := m.Custody.CheckStored(t.Context(), m.admin, custody.CheckOptions{Kind: custody.CheckBytes, Mend: copied})
	if err != nil || sum.Missing != 1 || sum.Mended != 0 {
		t.Errorf("CheckStored(mend from a damaged copy) = %+v, %v, want it missing still", sum, err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Custody.CheckStored(done, m.admin, custody.CheckOptions{Kind: custody.CheckBytes}); err == nil {
		t.Error("CheckStored(interrupted) = nil, want an error")
	}
}

// TestStrays: objects without a row are found, and removed after a day; objects that files need, uploads in progress
// and foreign objects remain.
func TestStrays(t *testing.T) {
	for kind, location := range stores {
		t.Run(kind, func(t *testing.T) {
			m := newMending(t, location(t), nil)
			f, gone := packagingtest.Wheel("demo", "1.0", "x = 1\n"), packagingtest.Wheel("gone", "1.0", "x = 1\n")
			for _, f := range []packagingtest.File{f, gone} {
				if err := m.upload("main", f); err != nil {
					t.Fatal(err)
				}
			}
			project := name(t, "gone")
			if err := m.DeleteProject(t.Context(), m.admin, "", project); err != nil {
				t.Fatal(err)
			}
			held := custody.FileKey(digestOf([]byte("held")))
			if err := m.rows.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
				_, err := tx.HoldBlob(t.Context(), held, "", m.now)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			strays := []string{
				custody.FileKey(digestOf([]byte("stray"))), custody.MetadataKey(digestOf([]byte("stray"))),
				custody.FileKey(f.SHA256()) + ".0123456789abcdef",
				custody.FileKey(gone.SHA256()), // a PUT that came after its DELETE
			}
			for _, key := range append(strays, held) {
				if err := m.blobs.Put(t.Context(), key, []byte("stray")); err != nil {
					t.Fatal(err)
				}
			}
			find := func(remove bool) custody.Strays {
				t.Helper()
				n, err := m.Custody.FindStrays(t.Context(), m.admin, remove, nil)
				if err != nil {
					t.Fatalf("FindStrays = %v", err)
				}
				return n
			}
			if n := find(true); n.Strays != 0 || n.Young != 4 || n.Removed != 0 || n.Objects != 7 {
				t.Errorf("FindStrays(young) = %+v, want 4 young ones left alone", n)
			}
			m.now = m.now.Add(25 * time.Hour)
			if n := find(false); n.Strays != 4 || n.Bytes != 20 || n.Removed != 0 {
				t.Errorf("FindStrays() = %+v, want 4 of 20 bytes", n)
			}
			if n := find(true); n.Strays != 4 || n.Removed != 4 {
				t.Errorf("FindStrays(remove) = %+v, want 4 removed", n)
			}
			if n := find(true); n.Strays != 0 || n.Objects != 3 {
				t.Errorf("FindStrays(again) = %+v, want none among 3", n)
			}
			m.intact("main", f)
			if _, err := m.blobs.Size(t.Context(), held); err != nil {
				t.Errorf("the content of an upload in progress: %v", err)
			}
		})
	}
}

// stuck is a store whose DELETE fails.
type stuck struct {
	custody.Blobs
	well bool
}

func (b *stuck) Delete(ctx context.Context, key string) error {
	if b.well {
		return b.Blobs.Delete(ctx, key)
	}
	return fault.New(fault.Unavailable, "the bytes cannot be deleted")
}

// TestLeftover: a deletion whose content cannot be removed is done, and reports the number of remaining objects; so
// does a sweep. Once the store works again, the next sweep removes them at once.
func TestLeftover(t *testing.T) {
	var store *stuck
	m := newMending(t, "mem://", func(b custody.Blobs) custody.Blobs { store = &stuck{Blobs: b}; return store })
	for i := range 10 {
		if err := m.upload("main", packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x = 1\n")); err != nil {
			t.Fatal(err)
		}
	}
	err := m.DeleteProject(t.Context(), m.admin, "", name(t, "demo"))
	want := "the project was deleted from the index; " +
		"20 stored objects could not be removed now, and the sweeper will remove them later"
	if l, ok := errors.AsType[*custody.Leftover](err); !ok || l.Objects != 20 || err.Error() != want {
		t.Errorf("DeleteProject = %v, want %q", err, want)
	}
	if _, err := m.Project(t.Context(), m.admin, "", name(t, "demo")); !fault.Is(err, fault.NotFound) {
		t.Errorf("the project afterwards: %v, want not found", err)
	}
	if n, err := m.Custody.Sweep(t.Context(), m.admin); n != 0 || err == nil ||
		!strings.Contains(err.Error(), "20 stored objects could not be removed now") {
		t.Errorf("Sweep(still failing) = %d, %v, want an error with the number of remaining objects", n, err)
	}
	store.well = true
	if n, err := m.Custody.Sweep(t.Context(), m.admin); n != 20 || err != nil {
		t.Errorf("Sweep(well again) = %d, %v, want all 20 at once", n, err)
	}
}

// TestRetryAfterOutage: an upload that failed because of the store succeeds at once when it is repeated.
func TestRetryAfterOutage(t *testing.T) {
	for _, step := range []string{"keep", "put"} {
		for _, when := range []storagetest.When{storagetest.Before, storagetest.After} {
			var faulty *storagetest.FaultyBlobs
			var store *stuck
			wrap := func(b custody.Blobs) custody.Blobs {
				faulty = &storagetest.FaultyBlobs{Blobs: b}
				store = &stuck{Blobs: faulty}
				return store
			}
			m := newMending(t, "mem://", wrap)
			f := packagingtest.Wheel("demo", "1.0", "x = 1\n")
			for n, round := 1, 0; ; n++ { // a file and its metadata are stored at once, so the order varies
				faulty.Arm(n, when)
				if err := m.upload("main", f); err == nil {
					if round++; round == 20 {
						t.Fatalf("no upload failed at %s", step)
					}
					m = newMending(t, "mem://", wrap)
					n = 0
					continue
				}
				if seen := faulty.Seen(); len(seen) >= n && seen[n-1] == step {
					break
				}
			}
			faulty.Arm(0, when)
			if err := m.upload("main", f); err != nil {
				t.Errorf("failed at %s (after it: %v), sent again = %v, want success", step, when, err)
			}
			m.intact("main", f)
		}
	}
}

// counting is a store that counts concurrent DELETEs. Each waits until the maximum is reached.
type counting struct {
	custody.Blobs
	mu        sync.Mutex
	now, most int
	full      chan struct{}
}

func (b *counting) Delete(ctx context.Context, key string) error {
	b.mu.Lock()
	b.now++
	if b.most = max(b.most, b.now); b.now == 8 {
		close(b.full)
		b.full = make(chan struct{})
	}
	wait := b.full
	if b.now == 8 {
		b.now = 0
		wait = nil
	}
	b.mu.Unlock()
	if wait != nil {
		<-wait
	}
	return b.Blobs.Delete(ctx, key)
}

// TestDeletesRunInParallel: at most eight keys are deleted at a time.
func TestDeletesRunInParallel(t *testing.T) {
	var store *counting
	m := newMending(t, "mem://", func(b custody.Blobs) custody.Blobs {
		store = &counting{Blobs: b, full: make(chan struct{})}
		return store
	})
	for i := range 12 {
		if err := m.upload("main", packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x = 1\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.DeleteProject(t.Context(), m.admin, "", name(t, "demo")); err != nil { // 24 keys
		t.Fatal(err)
	}
	if store.most != 8 {
		t.Errorf("%d keys were removed at a time, want 8", store.most)
	}
}

// hanging is a store that does not respond to a DELETE.
type hanging struct{ custody.Blobs }

func (b hanging) Delete(ctx context.Context, key string) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestDeletionEndsBesideAHangingStore: a deletion waits at most 45 seconds for the store, however many keys there are.
func TestDeletionEndsBesideAHangingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMending(t, "mem://", func(b custody.Blobs) custody.Blobs { return hanging{b} })
		for i := range 15 {
			if err := m.upload("main", packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x = 1\n")); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		err := m.DeleteProject(t.Context(), m.admin, "", name(t, "demo"))
		if l, ok := errors.AsType[*custody.Leftover](err); !ok || l.Objects != 30 {
			t.Errorf("DeleteProject = %v, want 30 objects left to the sweeper", err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("DeleteProject took %v, want 45 s at the most", took)
		}
	})
}
