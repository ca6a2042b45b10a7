package storagetest

import (
	"slices"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// another is the generation that the suite gives to keys that are not plain.
const another = "00000000000000aa"

// hold calls HoldBlob in its own transaction. The held key must be key itself.
func (w *world) hold(key string, t time.Time) error {
	h, err := w.holds(key, another, t)
	if err == nil && h.Key != key {
		w.Errorf("HoldBlob(%s) = %s, want the plain key", key, h.Key)
	}
	return err
}

func (w *world) holds(key, generation string, t time.Time) (h custody.Held, err error) {
	err = w.b.Catalog.Update(w.ctx, func(tx catalog.Tx) (err error) {
		h, err = tx.HoldBlob(w.ctx, key, generation, t)
		return err
	})
	return h, err
}

func (w *world) owns(key, owner string, since time.Time) (ours bool) {
	w.Helper()
	w.update(func(tx publishers.Tx) (err error) {
		ours, err = tx.OwnDrop(w.ctx, key, owner, since)
		return err
	})
	return ours
}

func (w *world) let(key string, held bool) (drop bool, err error) {
	err = w.a.Catalog.Update(w.ctx, func(tx catalog.Tx) (err error) {
		drop, err = tx.ReleaseBlob(w.ctx, key, held)
		return err
	})
	return drop, err
}

// lets fails unless ReleaseBlob succeeds and returns drop.
func (w *world) lets(why, key string, held, drop bool) {
	w.Helper()
	got, err := w.let(key, held)
	w.must(err)
	if got != drop {
		w.Errorf("%s: ReleaseBlob(held %v) = %v, want %v", why, held, got, drop)
	}
}

func checkHolds(w *world) {
	key := custody.FileKey(digest("one"))
	w.must(w.hold(key, at))
	w.must(w.hold(key, at))
	w.lets("another upload holds it", key, true, false)
	w.lets("a deletion does not end a hold", key, false, false)
	w.lets("the last hold ends and no file came of it", key, true, true)
	w.lets("another drops it already", key, false, false)
	_, err := w.let(key, true)
	w.want("ReleaseBlob(hold of what is being dropped)", err, fault.Unavailable)
	w.update(func(tx publishers.Tx) error { return tx.ForgetBlob(w.ctx, key) })
	_, err = w.let(key, true)
	w.want("ReleaseBlob(hold of what is forgotten)", err, fault.Unavailable)
	other := custody.FileKey(digest("two"))
	w.must(w.hold(other, at))
	w.update(func(tx publishers.Tx) error { return tx.ForgetBlob(w.ctx, other) })
	w.lets("what is held is not forgotten", other, true, true)
}

// checkGenerations checks that a dropped key is not reused until it has been spent for long enough. All uploads of the
// same content share a key.
func checkGenerations(w *world) {
	key := custody.MetadataKey(digest("one"))
	second, third, fourth := another, "00000000000000bb", "00000000000000cc"
	holds := func(why, generation, want string) {
		w.Helper()
		h, err := w.holds(key, generation, at)
		w.must(err)
		if h.Generation != want || h.Key != custody.WithGeneration(key, want) || h.Named {
			w.Errorf("%s: HoldBlob() = %+v, want the generation %q that no file names", why, h, want)
		}
	}
	holds("the first", second, "")
	w.lets("it fails", key, true, true)
	holds("the plain key is being dropped", second, second)
	holds("another upload at the same time", third, second)
	w.lets("the other upload holds it", key+"."+second, true, false)
	w.lets("both failed", key+"."+second, true, true)
	holds("two keys are being dropped", third, third)
	w.update(func(tx publishers.Tx) error { return tx.ForgetBlob(w.ctx, key+"."+second) })
	w.update(func(tx publishers.Tx) error { return tx.ForgetBlob(w.ctx, key) })
	w.lets("a spent key is not dropped again", key, false, false)
	w.lets("this fails too", key+"."+third, true, true)
	holds("the plain key is spent", second, second)
	w.lets("", key+"."+second, true, true)
	w.update(func(tx publishers.Tx) error { return tx.ForgetSpent(w.ctx, time.Now().Add(-time.Hour)) })
	holds("the plain key was spent less long ago", fourth, fourth)
	w.lets("", key+"."+fourth, true, true)
	w.update(func(tx publishers.Tx) error { return tx.ForgetSpent(w.ctx, time.Now().Add(time.Hour)) })
	holds("the plain key was spent long ago", second, "")
	w.same("InterruptedDrops(of spent keys and others)", len(w.interrupted(time.Now().Add(time.Hour), 10)), 3)
}

// checkNamed checks that HoldBlob reports whether a file of the same generation references the key.
func checkNamed(w *world) {
	r := w.release(w.project("p"), "1.0")
	f := w.file(r, "p-1.0.tar.gz")
	for _, row := range []struct {
		why, key string
		want     bool
	}{
		{"bytes", f.Key(), true},
		{"metadata", f.MetadataKey(), true},
		{"the digest of metadata as a file", custody.FileKey(f.MetadataSHA256), false},
		{"others", custody.FileKey(digest("other")), false},
	} {
		for range 2 {
			if h, err := w.holds(row.key, another, at); err != nil || h.Named != row.want || h.Generation != "" {
				w.Errorf("%s: HoldBlob() = %+v, %v, want named %v", row.why, h, err, row.want)
			}
		}
	}
	w.lets("the plain key of the bytes is named, another generation is not", f.Key()+"."+another, false, true)
	later := w.newFile(r, "p-2.0.tar.gz")
	later.Generation, later.MetadataGeneration = another, another
	w.update(func(tx publishers.Tx) error { return tx.InsertFile(w.ctx, later, packaging.Metadata{}) })
	w.update(func(tx publishers.Tx) error {
		got, err := tx.FileByName(w.ctx, later.RepositoryID, later.Filename)
		w.same("FileByName(of a generation)", []string{got.Generation, got.MetadataGeneration}, []string{another, another})
		return err
	})
	w.lets("named by its generation", later.Key(), false, false)
	w.lets("the plain key is not", custody.FileKey(later.SHA256), false, true)
	w.update(func(tx publishers.Tx) error {
		all, err := tx.StoredAfter(w.ctx, custody.Stored{}, 10)
		keys := map[string]int64{}
		for _, s := range all {
			keys[s.Key()] = s.Size
		}
		w.same("StoredAfter()", keys,
			map[string]int64{f.Key(): f.Size, later.Key(): later.Size, f.MetadataKey(): 0, later.MetadataKey(): 0})
		var paged []custody.Stored
		for after := (custody.Stored{}); err == nil; {
			var some []custody.Stored
			if some, err = tx.StoredAfter(w.ctx, after, 1); len(some) == 0 {
				break
			}
			paged, after = append(paged, some...), some[0]
		}
		w.same("StoredAfter(by ones)", paged, all)
		return err
	})
}

// checkOwners checks that a mark has one owner at a time, which renews it directly before its DELETE.
func checkOwners(w *world) {
	key, never, long := custody.FileKey(digest("one")), time.Time{}, time.Now().Add(time.Hour)
	w.same("OwnDrop(no row)", w.owns(key, "a", long), false)
	w.must(w.hold(key, at))
	w.same("OwnDrop(held)", w.owns(key, "a", long), false)
	w.lets("it fails", key, true, true)
	w.same("OwnDrop(nobody's)", w.owns(key, "a", never), true)
	w.same("OwnDrop(mine)", w.owns(key, "a", never), true)
	w.same("OwnDrop(another's)", w.owns(key, "b", never), false)
	w.same("OwnDrop(another's, who took it long ago)", w.owns(key, "b", long), true)
	w.update(func(tx publishers.Tx) error { return tx.YieldDrop(w.ctx, key, "a") })
	w.same("InterruptedDrops(given up by who has it no longer)", w.interrupted(at, 10), []string{})
	w.update(func(tx publishers.Tx) error { return tx.YieldDrop(w.ctx, key, "b") })
	w.same("InterruptedDrops(given up)", w.interrupted(at, 10), []string{key})
	w.same("InterruptedDrops(taken by the sweeper)", w.interrupted(at, 10), []string{})
	w.same("OwnDrop(given up)", w.owns(key, "c", never), true)
	w.update(func(tx publishers.Tx) error { return tx.ForgetBlob(w.ctx, key) })
	w.same("OwnDrop(spent)", w.owns(key, "c", long), false)
}

// checkChecks checks that the last result of each kind is kept, newest first.
func checkChecks(w *world) {
	all := func() (out []custody.Check) {
		w.update(func(tx publishers.Tx) (err error) {
			out, err = tx.Checks(w.ctx)
			return err
		})
		return out
	}
	w.same("Checks(none)", len(all()), 0)
	sizes := custody.Check{Kind: custody.CheckSizes, At: at, Objects: 5, Missing: 1}
	bytes := custody.Check{Kind: custody.CheckBytes, At: at.Add(time.Hour), Objects: 6, Missing: 1, Damaged: 2, Mended: 3}
	for _, c := range []custody.Check{{Kind: custody.CheckSizes, At: at.Add(-time.Hour), Damaged: 9}, sizes, bytes} {
		w.update(func(tx publishers.Tx) error { return tx.PutCheck(w.ctx, c) })
	}
	w.same("Checks()", all(), []custody.Check{bytes, sizes})
	f := w.file(w.release(w.project("p"), "1.0"), "p-1.0.tar.gz")
	for _, row := range []struct {
		why  string
		of   custody.Stored
		want []string
	}{
		{"the file", custody.Stored{SHA256: f.SHA256}, []string{"main/p-1.0.tar.gz"}},
		{"its metadata", custody.Stored{SHA256: f.MetadataSHA256, Metadata: true}, []string{"main/p-1.0.tar.gz"}},
		{"another generation", custody.Stored{SHA256: f.SHA256, Generation: another}, []string{}},
		{"metadata as a file", custody.Stored{SHA256: f.MetadataSHA256}, []string{}},
	} {
		w.update(func(tx publishers.Tx) error {
			got, err := tx.FilesNaming(w.ctx, row.of, 10)
			w.same("FilesNaming("+row.why+")", append([]string{}, got...), row.want)
			return err
		})
	}
}

func (w *world) strays(why, key string, want bool) {
	w.Helper()
	w.update(func(tx publishers.Tx) error {
		is, err := tx.IsStray(w.ctx, key)
		w.must(err)
		w.same("IsStray("+why+")", is, want)
		got, err := tx.DropStray(w.ctx, key)
		w.same("DropStray("+why+")", got, want)
		return err
	})
}

func checkStrays(w *world) {
	f := w.file(w.release(w.project("p"), "1.0"), "p-1.0.tar.gz")
	held, never := custody.FileKey(digest("held")), custody.FileKey(digest("never"))
	w.must(w.hold(held, at))
	w.strays("a file names it", f.Key(), false)
	w.strays("a file names its metadata", f.MetadataKey(), false)
	w.strays("an upload holds it", held, false)
	w.strays("another generation of a file", f.Key()+"."+another, true)
	w.strays("no row", never, true)
	w.strays("being dropped", never, false)
	w.update(func(tx publishers.Tx) error { return tx.ForgetBlob(w.ctx, never) })
	w.strays("spent, and there again", never, true)
	h, err := w.holds(never, another, at)
	w.must(err)
	w.same("HoldBlob(a stray that is being dropped)", h.Generation, another)
}

func checkShared(w *world) {
	r := w.release(w.project("p"), "1.0")
	f := w.file(r, "p-1.0.tar.gz")
	bytes, metadata := custody.FileKey(f.SHA256), custody.MetadataKey(f.MetadataSHA256)
	swapped := custody.MetadataKey(f.SHA256)
	for _, key := range []string{bytes, metadata, swapped} {
		w.must(w.hold(key, at))
	}
	w.lets("a file names it", bytes, true, false)
	w.lets("a file names its metadata", metadata, true, false)
	w.lets("kinds never share a key", swapped, true, true)
	w.lets("still named", bytes, false, false)
	w.update(func(tx publishers.Tx) error { return tx.DeleteFile(w.ctx, f.ID) })
	w.lets("no longer named", bytes, false, true)
	w.lets("no longer named", metadata, false, true)
	w.lets("no row about it at all", custody.FileKey(digest("never seen")), false, true)
}

func (w *world) abandoned(before time.Time, limit int) []string {
	w.Helper()
	var out []string
	w.update(func(tx publishers.Tx) (err error) {
		out, err = tx.AbandonedBlobs(w.ctx, before, limit)
		return err
	})
	return out
}

func (w *world) interrupted(before time.Time, limit int) []string {
	w.Helper()
	var out []string
	w.update(func(tx publishers.Tx) (err error) {
		out, err = tx.InterruptedDrops(w.ctx, before, limit)
		return err
	})
	return out
}

func checkAbandoned(w *world) {
	r := w.release(w.project("p"), "1.0")
	f := w.file(r, "p-1.0.tar.gz")
	used, old, young := custody.FileKey(f.SHA256), custody.FileKey(digest("old")), custody.FileKey(digest("young"))
	w.must(w.hold(used, at))
	w.must(w.hold(old, at))
	w.must(w.hold(young, at.Add(time.Hour)))
	w.same("AbandonedBlobs(limit 0)", w.abandoned(at.Add(time.Minute), 0), []string{})
	w.same("AbandonedBlobs()", w.abandoned(at.Add(time.Minute), 10), []string{old})
	w.same("AbandonedBlobs() again", w.abandoned(at.Add(time.Minute), 10), []string{})
	swept, err := w.holds(old, another, at)
	w.must(err)
	w.same("HoldBlob(swept)", swept.Generation, another)
	w.must(w.hold(used, at))
	w.lets("the sweeper left what a file names", used, true, false)
	later := time.Now().Add(time.Hour)
	w.same("InterruptedDrops(before it was marked)", w.interrupted(at, 10), []string{})
	w.same("InterruptedDrops(limit 0)", w.interrupted(later, 0), []string{})
	w.same("InterruptedDrops(), without what is held", w.interrupted(later, 10), []string{old})
	w.same("AbandonedBlobs(the young one and the new generation)", len(w.abandoned(later, 10)), 2)
	w.update(func(tx publishers.Tx) error { return tx.DeleteProject(w.ctx, r.ProjectID) })
	w.same("AbandonedBlobs(of a deleted project)", w.abandoned(at.Add(time.Minute), 10), []string{used})
}

// checkLeftGeneration checks the row of a generation if a replica of an earlier version, which ignores such rows,
// deleted its file.
func checkLeftGeneration(w *world) {
	r := w.release(w.project("p"), "1.0")
	var left, named catalog.File
	for i, f := range []*catalog.File{&left, &named} {
		*f = w.newFile(r, []string{"p-1.0.tar.gz", "p-1.0-py3-none-any.whl"}[i])
		plain := custody.FileKey(f.SHA256)
		w.lets("nothing names it", plain, false, true) // so that the next hold is of another generation
		h, err := w.holds(plain, another, at)
		w.must(err)
		f.Generation = h.Generation
		w.update(func(tx publishers.Tx) error { return tx.InsertFile(w.ctx, *f, packaging.Metadata{}) })
		w.lets("a file names it", h.Key, true, false)
	}
	w.same("generations", []string{left.Generation, named.Generation}, []string{another, another})
	later := at.Add(time.Hour)
	w.same("AbandonedBlobs(while files name them)", w.abandoned(later, 10), []string{})
	// DeleteFile without ReleaseBlob of the generation.
	w.update(func(tx publishers.Tx) error { return tx.DeleteFile(w.ctx, left.ID) })
	w.same("AbandonedBlobs(before it was held)", w.abandoned(at, 10), []string{})
	w.same("AbandonedBlobs(limit 0)", w.abandoned(later, 0), []string{})
	w.same("AbandonedBlobs(left by an earlier version)", w.abandoned(later, 10), []string{left.Key()})
	w.same("AbandonedBlobs() again", w.abandoned(later, 10), []string{})
	w.same("InterruptedDrops(left by an earlier version)",
		slices.Contains(w.interrupted(time.Now().Add(time.Hour), 10), left.Key()), true)
}
