package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/backup"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// index is an index with its store.
type index struct {
	*testing.T
	url   string
	rows  *db.DB
	blobs *blobs.Blobs
	*assembly.Index
}

// place is a kind of database with a kind of store.
type place struct {
	name     string
	database func(testing.TB) string
	store    func(testing.TB) string
}

var (
	folder = place{
		"sqlite and a folder", storagetest.SQLite,
		func(t testing.TB) string { return "file://" + t.TempDir() + "/blobs" },
	}
	bucket = place{"postgres and a bucket", nil, storagetest.Bucket}
)

// eachPair runs f for a restore into the same kind of place and into the other one. The functions return new places.
func eachPair(t *testing.T, f func(t *testing.T, from, to place)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		here := folder
		if strings.HasSuffix(t.Name(), "postgres") {
			here = bucket
			here.database = func(tb testing.TB) string { return fresh(tb.(*testing.T)) }
		}
		t.Run("to itself", func(t *testing.T) { f(t, here, here) })
		if here.name == bucket.name {
			t.Run("to a folder", func(t *testing.T) { f(t, here, folder) })
			t.Run("from a folder", func(t *testing.T) { f(t, folder, here) })
		}
	})
}

func open(t *testing.T, p place, restoring bool) *index {
	t.Helper()
	return openAt(t, p.database(t), p.store(t), restoring)
}

func openAt(t *testing.T, url, store string, restoring bool) *index {
	t.Helper()
	x := &index{T: t, url: url}
	x.rows = storagetest.OpenDB(t, url, db.Options{Restoring: restoring})
	o := blobs.Options{}
	if !strings.HasPrefix(store, "file:") {
		o.StageDir = t.TempDir()
	}
	var err error
	if x.blobs, err = blobs.Open(t.Context(), store, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.blobs.Close() })
	x.Index = assembly.New(x.rows.Catalog(), x.blobs, assembly.Options{Log: slog.New(slog.DiscardHandler)})
	if !restoring {
		if _, err := x.rows.Instance(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func named(s string) packaging.ProjectName {
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		panic(err)
	}
	return n
}

func (x *index) upload(project, version string) error {
	f := packagingtest.Wheel(project, version, "content of "+project+" "+version)
	boss := access.Operator("test")
	in, err := x.Begin(x.Context(), boss, "main", named(project))
	if err != nil {
		return err
	}
	defer in.Discard()
	if _, err := in.Write(f.Bytes); err != nil {
		return err
	}
	_, err = x.Publish(x.Context(), in, ingest.Upload{Filename: f.Name})
	return err
}

func (x *index) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// filled is an index with a few projects.
func filled(t *testing.T, p place) *index {
	t.Helper()
	x := open(t, p, false)
	for i := range 5 {
		x.must(x.upload(fmt.Sprintf("demo-%d", i), "1.0"))
		x.must(x.upload(fmt.Sprintf("demo-%d", i), "2.0"))
	}
	return x
}

const snapshotID = "20261129T214500Z-4f1c"

// backUp writes a backup of the index into a new folder.
func (x *index) backUp(rowsOnly bool) string {
	x.Helper()
	dir := x.TempDir()
	x.must(os.WriteFile(filepath.Join(dir, "index-backup"), []byte("index backup 1\n"), 0o600))
	at := filepath.Join(dir, "snapshots", snapshotID)
	x.must(os.MkdirAll(at, 0o700))
	rows, list := packed(x, filepath.Join(at, "rows.jsonl.zst")), packed(x, filepath.Join(at, "content.zst"))
	m := backup.Manifest{Format: backup.Format, ID: snapshotID, Version: "test", RowsOnly: rowsOnly}
	var err error
	m.Instance, err = x.rows.Instance(x.Context())
	x.must(err)
	out, err := x.rows.Dump(x.Context(), rows, backup.DumpOptions{Content: func(c backup.Content) error {
		m.Objects += int64(len(c.Keys))
		if _, err := list.Write(c.AppendTo(nil)); err != nil || rowsOnly {
			return err
		}
		b, _, err := x.blobs.Open(x.Context(), c.Keys[0])
		if err != nil {
			return err
		}
		defer b.Close()
		content, err := io.ReadAll(b)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, c.Path())
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600))
	}})
	x.must(err)
	x.must(rows.Close())
	x.must(list.Close())
	m.Schema, m.Serial, m.Epoch, m.At, m.Tables, m.AuditHead = out.Schema, out.Serial, out.Epoch, out.At, out.Tables,
		out.Head
	for _, name := range []string{"rows.jsonl.zst", "content.zst"} {
		m.Files = append(m.Files, part(x, at, name))
	}
	text, err := json.Marshal(m)
	x.must(err)
	x.must(os.WriteFile(filepath.Join(at, "manifest.json"), text, 0o600))
	return dir
}

func part(x *index, dir, name string) backup.Part {
	b, err := os.ReadFile(filepath.Join(dir, name))
	x.must(err)
	sum := sha256.Sum256(b)
	return backup.Part{Path: name, Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

type packedFile struct {
	*zstd.Encoder
	file *os.File
}

func (p packedFile) Close() error { return errors.Join(p.Encoder.Close(), p.file.Close()) }

func packed(x *index, path string) packedFile {
	f, err := os.Create(path)
	x.must(err)
	e, err := zstd.NewWriter(f)
	x.must(err)
	return packedFile{e, f}
}

// restore restores the newest snapshot of a folder.
func (x *index) restore(dir string, change ...func(*backup.RestoreOptions)) (backup.Restored, error) {
	x.Helper()
	from, err := backup.OpenFolder(dir)
	if err != nil {
		return backup.Restored{}, err
	}
	defer from.Close()
	m, err := from.Snapshot("")
	if err != nil {
		return backup.Restored{}, err
	}
	o := backup.RestoreOptions{
		Manifest: m, Target: x.rows, Content: x.blobs,
		Load: backup.LoadOptions{Scratch: x.TempDir()},
	}
	for _, f := range change {
		f(&o)
	}
	return backup.Restore(x.Context(), from, o)
}

// state is all files of an index with their content, as text.
func (x *index) state() string {
	x.Helper()
	var out []string
	boss := access.Operator("test")
	list, err := x.Listing(x.Context(), boss, "main")
	x.must(err)
	for _, p := range list.Projects() {
		c, err := x.Contents(x.Context(), boss, "main", p.Name)
		x.must(err)
		for _, f := range c.Files {
			for _, s := range f.AllStored() {
				b, _, err := x.blobs.Open(x.Context(), s.Key())
				if err != nil {
					out = append(out, fmt.Sprintf("%s %s: %v", f.Filename, s.Key(), err))
					continue
				}
				h := sha256.New()
				_, err = io.Copy(h, b)
				x.must(errors.Join(err, b.Close()))
				out = append(out,
					fmt.Sprintf("%s %s %s %x", f.Filename, f.UploadedAt.Format(time.RFC3339Nano), s.Key(), h.Sum(nil)))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestRestore: a backup is restored into the same and into the other kind of database and store, with all files and
// their content. The restored index takes no uploads.
func TestRestore(t *testing.T) {
	eachPair(t, func(t *testing.T, from, to place) {
		x := filled(t, from)
		dir := x.backUp(false)
		y := open(t, to, true)
		out, err := y.restore(dir)
		if err != nil || out.Objects != 20 || out.Copied != 20 || out.Resumed {
			t.Fatalf("Restore() = %+v, %v", out, err)
		}
		y.Index = assembly.New(y.rows.Catalog(), y.blobs, assembly.Options{})
		if a, b := x.state(), y.state(); a != b || !strings.Contains(a, "demo_4-2.0") {
			t.Errorf("the restored files are\n%s\nwant\n%s", b, a)
		}
		if err := y.upload("demo-1", "3.0"); !fault.Is(err, fault.Unavailable) {
			t.Errorf("an upload = %v, want the state recovered", err)
		}
		if _, err := y.restore(dir); !fault.Is(err, fault.Conflict) {
			t.Errorf("Restore(into an index) = %v", err)
		}
	})
}

// TestRestoreUsesContentOfTheStore: content that the store has already is verified and used; damaged content is
// replaced.
func TestRestoreUsesContentOfTheStore(t *testing.T) {
	eachPair(t, func(t *testing.T, from, to place) {
		x := filled(t, from)
		dir := x.backUp(false)
		y := open(t, to, true)
		fill(y, dir)
		var damaged string
		y.must(y.blobs.Each(t.Context(), func(o custody.Object) error { damaged = o.Key; return nil }))
		y.must(y.blobs.Delete(t.Context(), damaged))
		y.must(y.blobs.Put(t.Context(), damaged, []byte("damaged")))
		out, err := y.restore(dir)
		if err != nil || out.Objects != 20 || out.Copied != 1 {
			t.Fatalf("Restore() = %+v, %v, want one copied object", out, err)
		}
		if a, b := x.state(), y.state(); a != b {
			t.Errorf("the restored files are\n%s\nwant\n%s", b, a)
		}
	})
}

// fill copies the content of a backup into the store.
func fill(y *index, dir string) {
	f, err := backup.OpenFolder(dir)
	y.must(err)
	defer f.Close()
	m, err := f.Snapshot("")
	y.must(err)
	list, err := f.OpenList(m)
	y.must(err)
	defer list.Close()
	y.must(backup.EachContent(list, func(c backup.Content) error {
		b, err := os.ReadFile(filepath.Join(dir, c.Path()))
		if err != nil {
			return err
		}
		for _, key := range c.Keys {
			if err := y.blobs.Put(y.Context(), key, b); err != nil {
				return err
			}
		}
		return nil
	}))
}

// TestRestoreWithoutContent: the content that a backup of rows alone needs must be in the store, by its size, and by
// its digest if that is wanted. What is missing is listed, and nothing is restored.
func TestRestoreWithoutContent(t *testing.T) {
	eachPair(t, func(t *testing.T, from, to place) {
		x := filled(t, from)
		whole, dir := x.backUp(false), x.backUp(true)
		y := open(t, to, true)
		out, err := y.restore(dir)
		if !fault.Is(err, fault.Invalid) || out.MissingCount != 20 ||
			!strings.Contains(err.Error(), "the store lacks files/") ||
			strings.Contains(err.Error(), "\n") || len(err.Error()) > 800 {
			t.Fatalf("Restore(into an empty store) = %+v, %v", out, err)
		}
		fill(y, whole)
		var key string
		y.must(y.blobs.Each(t.Context(), func(o custody.Object) error {
			if strings.HasPrefix(o.Key, "files/") {
				key = o.Key
			}
			return nil
		}))
		size, err := y.blobs.Size(t.Context(), key)
		y.must(err)
		good := read(y, key)
		put := func(b []byte) {
			y.must(y.blobs.Delete(t.Context(), key))
			y.must(y.blobs.Put(t.Context(), key, b))
		}
		put([]byte("short"))
		if _, err := y.restore(dir); err == nil || !strings.Contains(err.Error(), "has 5 bytes in the store") {
			t.Errorf("Restore(with content of another size) = %v", err)
		}
		put(bytes.Repeat([]byte("x"), int(size)))
		verify := func(o *backup.RestoreOptions) { o.Verify = true }
		if _, err := y.restore(dir, verify); err == nil || !strings.Contains(err.Error(), key+" is damaged in the store") {
			t.Errorf("Restore(verifying damaged content) = %v", err)
		}
		put(good)
		if out, err := y.restore(dir, verify); err != nil || !out.Resumed || out.Copied != 0 {
			t.Errorf("Restore() = %+v, %v", out, err)
		}
		if a, b := x.state(), y.state(); a != b {
			t.Errorf("the restored files are\n%s\nwant\n%s", b, a)
		}
	})
}

func read(y *index, key string) []byte {
	b, _, err := y.blobs.Open(y.Context(), key)
	y.must(err)
	defer b.Close()
	all, err := io.ReadAll(b)
	y.must(err)
	return all
}

// TestRestoreOfADamagedBackup: damaged or missing parts and content are named, and nothing is restored. The same backup
// can be restored once it is whole again, or without the content that is missing.
func TestRestoreOfADamagedBackup(t *testing.T) {
	x := filled(t, folder)
	dir := x.backUp(false)
	y := open(t, folder, true)
	snapshot := filepath.Join(dir, "snapshots", snapshotID)
	var content string
	x.must(filepath.WalkDir(filepath.Join(dir, "content"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			content = path
		}
		return err
	}))
	for what, test := range map[string]struct {
		path string
		to   []byte // nil removes the file
		want string
	}{
		"no mark":          {filepath.Join(dir, "index-backup"), nil, "is not a backup"},
		"a newer mark":     {filepath.Join(dir, "index-backup"), []byte("index backup 2\n"), "newer version"},
		"no manifest":      {filepath.Join(snapshot, "manifest.json"), nil, "no finished snapshot"},
		"damaged manifest": {filepath.Join(snapshot, "manifest.json"), []byte("{"), "cannot be read"},
		"manifest of another": {
			filepath.Join(snapshot, "manifest.json"), []byte(`{"format":1,"id":"20261129T214500Z-0000"}`), "cannot be read",
		},
		"a path out": {
			filepath.Join(snapshot, "manifest.json"),
			[]byte(`{"format":1,"id":"` + snapshotID + `","files":[{"path":"../../index-backup"}]}`), "lists the file",
		},
		"a newer format": {
			filepath.Join(snapshot, "manifest.json"), []byte(`{"format":2,"id":"` + snapshotID + `"}`), "format 2",
		},
		"damaged rows":    {filepath.Join(snapshot, "rows.jsonl.zst"), []byte("x"), "rows.jsonl.zst of snapshot"},
		"no rows":         {filepath.Join(snapshot, "rows.jsonl.zst"), nil, "lacks its file rows.jsonl.zst"},
		"no list":         {filepath.Join(snapshot, "content.zst"), nil, "lacks its file content.zst"},
		"damaged content": {content, []byte("damaged"), "is damaged in the backup"},
		"missing content": {content, nil, "the backup lacks content/"},
	} {
		was, err := os.ReadFile(test.path)
		x.must(err)
		if test.to == nil {
			x.must(os.Remove(test.path))
		} else {
			x.must(os.WriteFile(test.path, test.to, 0o600))
		}
		if _, err := y.restore(dir); err == nil || !strings.Contains(err.Error(), test.want) ||
			fault.KindOf(err) == fault.Internal {
			t.Errorf("%s: Restore() = %v, want %q", what, err, test.want)
		}
		if list, err := y.Listing(t.Context(), access.Operator("test"), "main"); err == nil && len(list.Projects()) > 0 {
			t.Errorf("%s: something was restored", what)
		}
		x.must(os.WriteFile(test.path, was, 0o600))
	}
	x.must(os.RemoveAll(content))
	out, err := y.restore(dir, func(o *backup.RestoreOptions) { o.AcceptMissing = true })
	if err != nil || out.MissingCount != 1 || len(out.Missing) != 1 {
		t.Errorf("Restore(accepting) = %+v, %v", out, err)
	}
}

// TestRestoreToAFullDisk: a full store is reported as such, nothing is restored, and the restore goes on once there is
// room.
func TestRestoreToAFullDisk(t *testing.T) {
	x := filled(t, folder)
	dir := x.backUp(false)
	y := open(t, folder, true)
	full := &fullBlobs{Blobs: y.blobs, room: 7}
	_, err := y.restore(dir, func(o *backup.RestoreOptions) { o.Content = full })
	if !errors.Is(err, custody.ErrFull) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("Restore(full) = %v", err)
	}
	out, err := y.restore(dir)
	if err != nil || !out.Resumed || out.Copied >= out.Objects || out.Objects != 20 {
		t.Errorf("Restore(again) = %+v, %v", out, err)
	}
	if a, b := x.state(), y.state(); a != b {
		t.Errorf("the restored files are\n%s\nwant\n%s", b, a)
	}
}

// fullBlobs is a store that is full after a number of objects.
type fullBlobs struct {
	custody.Blobs
	room int64
}

func (b *fullBlobs) Keep(ctx context.Context, key string, s custody.Stage) error {
	if b.room--; b.room < 0 {
		return fault.Wrap(fault.Unavailable, custody.ErrFull, "the content cannot be stored: the disk is full")
	}
	return b.Blobs.Keep(ctx, key, s)
}

// stream returns a backup as a stream, the manifest last.
func stream(x *index, dir string) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(path string) {
		b, err := os.ReadFile(path)
		x.must(err)
		name, err := filepath.Rel(dir, path)
		x.must(err)
		x.must(w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), Typeflag: tar.TypeReg}))
		_, err = w.Write(b)
		x.must(err)
	}
	x.must(filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && e.Name() != "manifest.json" {
			add(path)
		}
		return err
	}))
	add(filepath.Join(dir, "snapshots", snapshotID, "manifest.json"))
	x.must(w.Close())
	return out.Bytes()
}

// TestReceive: a stream is received as the folder that it was made from. One that was cut off anywhere is refused.
func TestReceive(t *testing.T) {
	x := filled(t, folder)
	whole := stream(x, x.backUp(false))
	dir := t.TempDir()
	if err := backup.Receive(bytes.NewReader(whole), dir, nil); err != nil {
		t.Fatal(err)
	}
	y := open(t, folder, true)
	if _, err := y.restore(dir); err != nil {
		t.Fatal(err)
	}
	if a, b := x.state(), y.state(); a != b {
		t.Errorf("the restored files are\n%s\nwant\n%s", b, a)
	}
	// Content that was damaged already when it was sent is missing afterwards.
	damaged := bytes.Replace(whole, []byte("content of demo-3 2.0"), []byte("content of demo-3 9.9"), 1)
	if bytes.Equal(damaged, whole) {
		damaged = spoiled(whole)
	}
	dir = t.TempDir()
	if err := backup.Receive(bytes.NewReader(damaged), dir, nil); err != nil {
		t.Fatal(err)
	}
	z := open(t, folder, true)
	if _, err := z.restore(dir); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(err.Error(), "the backup lacks content/") {
		t.Errorf("Restore(of a stream with damaged content) = %v", err)
	}
	manifest := bytes.LastIndex(whole, []byte("manifest.json"))
	for _, n := range []int{
		0, 1, 511, 512, 700, len(whole) / 3, len(whole) / 2, manifest - 1, manifest + 200, manifest + 520,
	} {
		dir := t.TempDir()
		if err := backup.Receive(bytes.NewReader(whole[:n]), dir, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("Receive(the first %d of %d bytes) = %v", n, len(whole), err)
		}
		if f, err := backup.OpenFolder(dir); err == nil {
			if all, err := f.Snapshots(); err == nil && len(all) > 0 && f.CheckParts(all[0]) == nil {
				t.Errorf("the first %d bytes make a whole snapshot", n)
			}
			f.Close()
		}
	}
}

// spoiled returns a stream whose first content has another byte.
func spoiled(whole []byte) []byte {
	out := bytes.Clone(whole)
	at := bytes.Index(out, []byte("content/")) + 512
	out[at] ^= 1
	return out
}

// TestReceiveRefuses: paths that do not belong to a backup, links, folders elsewhere, repeated files and two snapshots
// are refused, and nothing is written outside of the folder.
func TestReceiveRefuses(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	for what, h := range map[string]tar.Header{
		"a path out":          {Name: "../index-backup", Typeflag: tar.TypeReg},
		"an absolute path":    {Name: "/index-backup", Typeflag: tar.TypeReg},
		"a path out within":   {Name: "content/../../x", Typeflag: tar.TypeReg},
		"another file":        {Name: "snapshots/" + snapshotID + "/extra", Typeflag: tar.TypeReg},
		"another id":          {Name: "snapshots/../manifest.json", Typeflag: tar.TypeReg},
		"a link":              {Name: "index-backup", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink},
		"a hard link":         {Name: "index-backup", Linkname: "/etc/passwd", Typeflag: tar.TypeLink},
		"a device":            {Name: "index-backup", Typeflag: tar.TypeBlock},
		"a folder elsewhere":  {Name: "elsewhere/", Typeflag: tar.TypeDir},
		"a folder out":        {Name: "content/../", Typeflag: tar.TypeDir},
		"the wrong place":     {Name: "content/ff/" + digest, Typeflag: tar.TypeReg},
		"a digest in capital": {Name: "content/AB/" + strings.ToUpper(digest), Typeflag: tar.TypeReg},
		"a large manifest":    {Name: "snapshots/" + snapshotID + "/manifest.json", Typeflag: tar.TypeReg, Size: 100 << 20},
	} {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		h.Mode = 0o600
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(make([]byte, min(h.Size, 100)))
		_ = w.Flush()
		above := t.TempDir()
		dir := filepath.Join(above, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := backup.Receive(&out, dir, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: Receive() = %v", what, err)
		}
		if all, _ := os.ReadDir(above); len(all) != 1 {
			t.Errorf("%s: something was written outside of the folder: %v", what, all)
		}
	}
	for what, names := range map[string][2]string{
		"the same file twice": {"index-backup", "index-backup"},
		"two snapshots": {
			"snapshots/20261129T214500Z-0001/content.zst", "snapshots/20261129T214500Z-0002/content.zst",
		},
		"more after the manifest": {"snapshots/" + snapshotID + "/manifest.json", "index-backup"},
	} {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		for _, name := range names {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
				t.Fatal(err)
			}
		}
		_ = w.Close()
		if err := backup.Receive(&out, t.TempDir(), nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: Receive() = %v", what, err)
		}
	}
}

// FuzzReceive: no stream writes outside of the folder or makes Receive fail in another way than by an error.
func FuzzReceive(f *testing.F) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	_ = w.WriteHeader(&tar.Header{Name: "index-backup", Mode: 0o600, Size: 15, Typeflag: tar.TypeReg})
	_, _ = w.Write([]byte("index backup 1\n"))
	_ = w.WriteHeader(&tar.Header{Name: "snapshots/" + snapshotID + "/manifest.json", Mode: 0o600, Typeflag: tar.TypeReg})
	_ = w.Close()
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		above := t.TempDir()
		dir := filepath.Join(above, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		_ = backup.Receive(bytes.NewReader(b), dir, nil)
		if all, _ := os.ReadDir(above); len(all) != 1 {
			t.Errorf("something was written outside of the folder: %v", all)
		}
	})
}
