package files_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

// smallDisk is a store whose disk holds a number of bytes in stages, and is full then. Deleting an object frees its
// bytes.
type smallDisk struct {
	custody.Blobs
	left atomic.Int64
}

func (d *smallDisk) Stage(ctx context.Context) (custody.Stage, error) {
	s, err := d.Blobs.Stage(ctx)
	if err != nil {
		return nil, err
	}
	return &smallStage{Stage: s, disk: d}, nil
}

func (d *smallDisk) Keep(ctx context.Context, key string, s custody.Stage) error {
	if small, ok := s.(*smallStage); ok {
		small.kept = true
		s = small.Stage
	}
	return d.Blobs.Keep(ctx, key, s)
}

func (d *smallDisk) Delete(ctx context.Context, key string) error {
	size, err := d.Size(ctx, key)
	if err == nil {
		d.left.Add(size)
	}
	return d.Blobs.Delete(ctx, key)
}

type smallStage struct {
	custody.Stage
	disk *smallDisk
	kept bool
	once sync.Once
}

func (s *smallStage) Write(p []byte) (int, error) {
	n := max(0, min(int64(len(p)), s.disk.left.Load()))
	m, err := s.Stage.Write(p[:n])
	s.disk.left.Add(-int64(m))
	if err == nil && m < len(p) {
		err = fault.Wrap(fault.Unavailable, custody.ErrFull, "the disk is full")
	}
	return m, err
}

func (s *smallStage) Discard() error {
	s.once.Do(func() {
		if !s.kept {
			s.disk.left.Add(s.Size())
		}
	})
	return s.Stage.Discard()
}

// TestADiskThatFillsInTheMiddle checks that all clients of a download get the verified file, from memory from where the
// disk was full, and that nothing of it is kept.
func TestADiskThatFillsInTheMiddle(t *testing.T) {
	for _, room := range []int64{0, 1, 300_000, 5<<20 + 17, 19 << 20} {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			w := newWorld(t, files.Options{})
			disk := &smallDisk{Blobs: w.blobs}
			disk.left.Store(room)
			w.files.Close()
			w.openOver(disk, files.Options{})
			p := content(20 << 20)
			f, r := w.file("p-1.0.tar.gz", p)
			r.gate, r.stopAt = make(chan struct{}), 0
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					o, err := w.files.Open(t.Context(), public, f)
					if err == nil {
						err = same(o, p)
					}
					if err != nil {
						t.Errorf("a client got %v", err)
					}
				})
			}
			w.eventually("the request", func() bool { return r.asked.Load() == 1 })
			time.Sleep(20 * time.Millisecond) // all have joined
			close(r.gate)
			all.Wait()
			w.settle()
			if n := w.objects(); n != 0 || w.files.Counters().FromStore != 0 {
				t.Errorf("%d objects were kept", n)
			}
			if n := disk.left.Load(); n != room {
				t.Errorf("%d of %d bytes of the disk are free afterwards", n, room)
			}
			if staged, _ := filepath.Glob(filepath.Join(w.folder, ".stage", "*")); len(staged) > 0 {
				t.Errorf("%v remains", staged)
			}
		})
	}
}

// TestAWrongFileFromAFullDisk checks that a file that is passed on from memory is verified as well.
func TestAWrongFileFromAFullDisk(t *testing.T) {
	w := newWorld(t, files.Options{})
	disk := &smallDisk{Blobs: w.blobs}
	w.files.Close()
	w.openOver(disk, files.Options{})
	p := content(12 << 20)
	f, _ := w.file("p-1.0.tar.gz", p)
	wrong := bytes.Clone(p)
	wrong[len(wrong)-1] ^= 1
	w.up.set(f.URL, &reply{body: wrong})
	got, _, err := w.read(f)
	if kindOf(err) != upstream.Wrong || len(got) > len(p)-files.HoldBack {
		t.Errorf("a client got %d of %d bytes, %v", len(got), len(p), err)
	}
}

// TestASlowClientOfAFullDisk checks that a client that reads nothing does not hold up the others for long, and is cut
// off then.
func TestASlowClientOfAFullDisk(t *testing.T) {
	w := newWorld(t, files.Options{})
	disk := &smallDisk{Blobs: w.blobs}
	w.files.Close()
	w.openOver(disk, files.Options{})
	w.files.SetTimes(5*time.Second, 100*time.Millisecond, time.Second, time.Second)
	p := content(3 * files.Window)
	f, _ := w.file("p-1.0.tar.gz", p)
	slow, err := w.files.Open(t.Context(), public, f)
	w.must(err)
	defer slow.Close()
	fast, err := w.files.Open(t.Context(), public, f)
	w.must(err)
	w.must(same(fast, p))
	if _, err := io.Copy(io.Discard, slow.Stream); err == nil {
		t.Error("the slow client read to the end of what was dropped")
	}
	if _, err := w.files.Open(t.Context(), public, f); err != nil {
		t.Errorf("the next client got %v", err)
	}
}

// TestLowSpace checks that nothing more is kept if little of the disk is free, that clients get their files
// nevertheless, and that stored content is evicted.
func TestLowSpace(t *testing.T) {
	var free atomic.Int64
	free.Store(100 << 30)
	w := newWorld(t, files.Options{Space: func() (int64, int64, bool) { return free.Load(), 1000 << 30, true }})
	w.files.SetIdle(0)
	old, _ := w.file("old-1.0.tar.gz", content(1<<20))
	_, _, err := w.read(old)
	w.must(err)
	w.settle()
	free.Store(49 << 30) // less than a twentieth
	w.now.Store(int64(time.Minute))
	p := content(2 << 20)
	f, _ := w.file("p-1.0.tar.gz", p)
	if got, _, err := w.read(f); err != nil || !bytes.Equal(got, p) {
		t.Errorf("a client got %d bytes, %v", len(got), err)
	}
	w.settle()
	if n := w.objects(); n != 0 {
		t.Errorf("%d objects are stored, want none", n)
	}
	if row := w.row(old); row.Stored || row.SHA256 != old.SHA256 {
		t.Errorf("the evicted file has %+v, want its digest and nothing stored", row)
	}
	free.Store(100 << 30)
	for _, f := range []page.File{old, f} {
		_, _, err = w.read(f)
		w.must(err)
		w.settle()
	}
	if n := w.objects(); n != 2 {
		t.Errorf("%d objects are stored with space again, want 2", n)
	}
}

// TestTheLeastRecentlyUsedIsEvicted checks that the limit holds, that content which was used last stays, and that an
// evicted file is fetched again and must still have its digest.
func TestTheLeastRecentlyUsedIsEvicted(t *testing.T) {
	w := newWorld(t, files.Options{Limit: 3 << 20})
	w.files.SetIdle(0)
	var all []page.File
	for i := range 5 {
		f, _ := w.file(fmt.Sprintf("p%d-1.0.tar.gz", i), content(1<<20-i))
		all = append(all, f)
	}
	get := func(f page.File) {
		t.Helper()
		w.now.Add(int64(time.Minute))
		_, _, err := w.read(f)
		w.must(err)
		w.settle()
	}
	for _, f := range all[:3] {
		get(f)
	}
	get(all[0]) // used again
	get(all[3])
	for i, want := range []bool{true, false, true, true} {
		if got := w.row(all[i]).Stored; got != want {
			t.Errorf("file %d is stored: %v, want %v", i, got, want)
		}
	}
	if n := w.objects(); n != 3 {
		t.Errorf("%d objects, want 3", n)
	}
	get(all[1])
	if n := w.files.Counters().Evictions; n != 2 {
		t.Errorf("%d evictions, want 2", n)
	}
	usage, err := w.files.Usage(t.Context())
	if err != nil || len(usage) != 1 || usage[0].Files != 3 || usage[0].Bytes > 3<<20 {
		t.Errorf("Usage() = %+v, %v", usage, err)
	}
	large, _ := w.file("large-1.0.tar.gz", content(4<<20))
	get(large)
	if w.row(all[1]).Stored != true || w.objects() != 3 {
		t.Error("a file larger than the limit replaced others")
	}
	w.up.set(all[2].URL, &reply{body: content(100)})
	w.must(w.files.Tend(t.Context()))
}

// TestNothingIsEvictedUnderALease checks that content stays while a backup or a move reads the store, that a new file
// is then served without being kept, and that the limit holds again afterwards.
func TestNothingIsEvictedUnderALease(t *testing.T) {
	w := newWorld(t, files.Options{Limit: 2 << 20})
	w.files.SetIdle(0)
	var all []page.File
	for i := range 4 {
		f, _ := w.file(fmt.Sprintf("p%d-1.0.tar.gz", i), content(1<<20-i))
		all = append(all, f)
	}
	get := func(f page.File) {
		t.Helper()
		w.now.Add(int64(time.Minute))
		got, _, err := w.read(f)
		if err != nil || int64(len(got)) != f.Size {
			t.Fatalf("reading %s = %d bytes, %v", f.Filename, len(got), err)
		}
		w.settle()
	}
	get(all[0])
	get(all[1])
	if _, err := w.db.TakeLease(t.Context(), "backup:1", "test", time.Hour); err != nil {
		t.Fatal(err)
	}
	get(all[2])
	w.must(w.files.Tend(t.Context()))
	if _, _, err := w.files.Evict(t.Context(), access.Operator("ann"), "public"); !fault.Is(err, fault.Conflict) ||
		!strings.Contains(fault.Message(err), "backup") {
		t.Errorf("Evict() under a lease = %v, want a conflict that names the backup", err)
	}
	for i, f := range all[:2] {
		if !w.row(f).Stored {
			t.Errorf("file %d was evicted under a lease", i)
		}
	}
	if n := w.files.Counters().Evictions; n != 0 || w.objects() != 2 {
		t.Errorf("%d evictions and %d objects under a lease, want 0 and 2", n, w.objects())
	}
	w.must(w.db.EndLease(t.Context(), "backup:1", "test"))
	get(all[3])
	if w.row(all[0]).Stored || !w.row(all[3]).Stored || w.objects() != 2 {
		t.Errorf("after the lease, %d objects are stored, want the new file instead of the oldest", w.objects())
	}
}

// TestWhatWasJustUsedIsNotEvicted checks that content in use stays, and that a new file is not kept then.
func TestWhatWasJustUsedIsNotEvicted(t *testing.T) {
	w := newWorld(t, files.Options{Limit: 1 << 20})
	a, _ := w.file("a-1.0.tar.gz", content(900_000))
	b, _ := w.file("b-1.0.tar.gz", content(800_000))
	for _, f := range []page.File{a, b} {
		_, _, err := w.read(f)
		w.must(err)
		w.settle()
	}
	if !w.row(a).Stored || w.objects() != 1 {
		t.Error("content that was used a moment ago was evicted")
	}
	w.now.Store(int64(10 * time.Minute))
	_, _, err := w.read(b)
	w.must(err)
	w.settle()
	if w.row(a).Stored || !w.row(b).Stored {
		t.Error("content that was not used for ten minutes was not evicted")
	}
}

// own adds a file of this index whose content is p, as an upload does.
func (w *world) own(p []byte) {
	w.Helper()
	s := custody.Stored{SHA256: sum(p), Size: int64(len(p))}
	held, err := w.keeper.Hold(w.Context(), s)
	w.must(err)
	stage, err := w.keeper.Stage(w.Context())
	w.must(err)
	defer stage.Discard()
	_, err = stage.Write(p)
	w.must(err)
	w.must(w.keeper.Keep(w.Context(), held[0], stage))
	w.insertOwn(s, held[0])
}

// insertOwn commits the row of an own file.
func (w *world) insertOwn(s custody.Stored, h custody.Held) {
	w.Helper()
	name, err := packaging.ParseProjectName("own")
	w.must(err)
	w.must(w.db.Catalog().Update(w.Context(), func(tx catalog.Tx) error {
		main, err := tx.RepositoryByName(w.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		p := catalog.Project{ID: "p", Repository: main, Name: name, Display: "own", Status: catalog.Active}
		r := catalog.Release{ID: "r", ProjectID: "p", Version: "1.0", Key: "1.0"}
		f := catalog.File{
			ID: "f", RepositoryID: main.ID, ProjectID: "p", ReleaseID: "r", Filename: "own-1.0.tar.gz", NameKey: "own",
			Kind: packaging.SDist, Version: "1.0", Size: s.Size, SHA256: s.SHA256, Generation: h.Generation,
		}
		if err := tx.InsertProject(w.Context(), p); err != nil {
			return err
		}
		if err := tx.InsertRelease(w.Context(), r); err != nil {
			return err
		}
		if err := tx.InsertFile(w.Context(), f, packaging.Metadata{}); err != nil {
			return err
		}
		_, err = tx.ReleaseBlob(w.Context(), h.Key, true)
		return err
	}))
}

// TestOwnContentIsNeverEvicted checks that content which a file of this index has too stays in the store, in whichever
// order both came, and does not count.
func TestOwnContentIsNeverEvicted(t *testing.T) {
	for _, first := range []string{"own", "upstream"} {
		t.Run(first, func(t *testing.T) {
			w := newWorld(t, files.Options{})
			w.files.SetIdle(0)
			p := content(500_000)
			f, _ := w.file("p-1.0.tar.gz", p)
			if first == "own" {
				w.own(p)
			}
			_, _, err := w.read(f)
			w.must(err)
			w.settle()
			if first == "upstream" {
				w.own(p)
			}
			w.now.Store(int64(time.Hour))
			if w.files.MakeRoom(t.Context(), 1<<30) {
				t.Error("something was freed")
			}
			if usage, err := w.files.Usage(t.Context()); err != nil || len(usage) != 0 {
				t.Errorf("Usage() = %+v, %v, want nothing", usage, err)
			}
			b, _, err := w.keeper.Find(t.Context(), custody.Stored{SHA256: sum(p), Size: int64(len(p))})
			if err != nil {
				t.Fatalf("the own content is gone: %v", err)
			}
			b.Close()
		})
	}
}

// TestUploadOnAFullDisk checks that an upload to a full disk succeeds while content of upstreams can be evicted, and
// fails when none is left.
func TestUploadOnAFullDisk(t *testing.T) {
	w := newWorld(t, files.Options{})
	disk := &smallDisk{Blobs: w.blobs}
	disk.left.Store(3 << 20)
	w.files.Close()
	w.openOver(disk, files.Options{})
	for i := range 3 {
		f, _ := w.file(fmt.Sprintf("p%d-1.0.tar.gz", i), content(1<<20-i))
		_, _, err := w.read(f)
		w.must(err)
		w.settle()
	}
	w.now.Store(int64(time.Second))
	w.own(content(2<<20 + 1))
	stage, err := w.keeper.Stage(t.Context())
	w.must(err)
	defer stage.Discard()
	if _, err := stage.Write(content(2 << 20)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an upload with nothing left to evict = %v, want unavailable", err)
	}
}

// shortDisk is a store whose stages lose everything after some bytes, as a disk that others write to may.
type shortDisk struct {
	custody.Blobs
	most int64
}

func (d shortDisk) Stage(ctx context.Context) (custody.Stage, error) {
	s, err := d.Blobs.Stage(ctx)
	return shortStage{s, d.most}, err
}

type shortStage struct {
	custody.Stage
	most int64
}

func (s shortStage) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.most {
		return 0, io.EOF
	}
	return s.Stage.ReadAt(p[:min(int64(len(p)), s.most-off)], off)
}

// TestAShortStageIsNotTheEnd checks that a client of a file of unknown size is cut off, and does not get a clean end,
// if a part of it is lost before it was read.
func TestAShortStageIsNotTheEnd(t *testing.T) {
	w := newWorld(t, files.Options{})
	w.files.Close()
	w.openOver(shortDisk{w.blobs, 2 << 20}, files.Options{})
	f, r := w.file("p-1.0.tar.gz", content(4<<20))
	f.Size, r.size = -1, -1
	got, _, err := w.read(f)
	if err == nil {
		t.Errorf("a client got %d bytes and a clean end", len(got))
	}
}
