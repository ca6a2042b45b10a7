package storagetest

import (
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// hold and let are HoldBlob and ReleaseBlob in transactions of their own.
func (w *world) hold(key string, t time.Time) error {
	return w.b.Catalog.Update(w.ctx, func(tx catalog.Tx) error { return tx.HoldBlob(w.ctx, key, t) })
}

func (w *world) let(key string, held bool) (drop bool, err error) {
	err = w.a.Catalog.Update(w.ctx, func(tx catalog.Tx) (err error) {
		drop, err = tx.ReleaseBlob(w.ctx, key, held)
		return err
	})
	return drop, err
}

// lets fails unless a release goes through and says drop or not.
func (w *world) lets(why, key string, held, drop bool) {
	w.Helper()
	got, err := w.let(key, held)
	w.must(err)
	if got != drop {
		w.Errorf("%s: ReleaseBlob(held %v) = %v, want %v", why, held, got, drop)
	}
}

func checkHolds(w *world) {
	key := catalog.FileKey(digest("one"))
	w.must(w.hold(key, at))
	w.must(w.hold(key, at))
	w.lets("another upload holds it", key, true, false)
	w.lets("a deletion does not end a hold", key, false, false)
	w.lets("the last hold ends and no file came of it", key, true, true)
	w.want("HoldBlob(being dropped)", w.hold(key, at), fault.Unavailable)
	w.lets("another drops it already", key, false, false)
	_, err := w.let(key, true)
	w.want("ReleaseBlob(hold of what is being dropped)", err, fault.Unavailable)
	w.update(func(tx publishers.Tx) error { return tx.ForgetBlob(w.ctx, key) })
	_, err = w.let(key, true)
	w.want("ReleaseBlob(hold of what is forgotten)", err, fault.Unavailable)
	w.must(w.hold(key, at))
	w.update(func(tx publishers.Tx) error { return tx.ForgetBlob(w.ctx, key) })
	w.lets("what is held is not forgotten", key, true, true)
}

func checkShared(w *world) {
	r := w.release(w.project("p"), "1.0")
	f := w.file(r, "p-1.0.tar.gz")
	bytes, metadata := catalog.FileKey(f.SHA256), catalog.MetadataKey(f.MetadataSHA256)
	swapped := catalog.MetadataKey(f.SHA256)
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
	w.lets("no row about it at all", catalog.FileKey(digest("never seen")), false, true)
}

// abandoned is AbandonedBlobs in a transaction of its own.
func (w *world) abandoned(before time.Time, limit int) []string {
	w.Helper()
	var out []string
	w.update(func(tx publishers.Tx) (err error) {
		out, err = tx.AbandonedBlobs(w.ctx, before, limit)
		return err
	})
	return out
}

// interrupted is InterruptedDrops in a transaction of its own.
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
	used, old, young := catalog.FileKey(f.SHA256), catalog.FileKey(digest("old")), catalog.FileKey(digest("young"))
	w.must(w.hold(used, at))
	w.must(w.hold(old, at))
	w.must(w.hold(young, at.Add(time.Hour)))
	w.same("AbandonedBlobs(limit 0)", w.abandoned(at.Add(time.Minute), 0), []string{})
	w.same("AbandonedBlobs()", w.abandoned(at.Add(time.Minute), 10), []string{old})
	w.same("AbandonedBlobs() again", w.abandoned(at.Add(time.Minute), 10), []string{})
	w.want("HoldBlob(swept)", w.hold(old, at), fault.Unavailable)
	w.must(w.hold(used, at))
	w.lets("the sweeper left what a file names", used, true, false)
	later := time.Now().Add(time.Hour)
	w.same("InterruptedDrops(before it was marked)", w.interrupted(at, 10), []string{})
	w.same("InterruptedDrops(limit 0)", w.interrupted(later, 0), []string{})
	w.same("InterruptedDrops(), without what is held", w.interrupted(later, 10), []string{old})
	w.same("AbandonedBlobs(interrupted, and the young one)", len(w.abandoned(later, 10)), 2)
	w.update(func(tx publishers.Tx) error { return tx.DeleteProject(w.ctx, r.ProjectID) })
	w.same("AbandonedBlobs(of a deleted project)", w.abandoned(at.Add(time.Minute), 10), []string{used})
}
