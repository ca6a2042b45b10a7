package storagetest

import (
	"slices"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/pages"
)

// UpstreamFiles checks the guarantees of files.Store, and of custody.Tx about content that is kept of upstreams.
func UpstreamFiles(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"rows":    checkUpstreamFileRows,
		"idle":    checkIdleUpstreamFiles,
		"usage":   checkUpstreamUsage,
		"content": checkUpstreamContent,
		"own":     checkUpstreamAndOwn,
		"removed": checkRemovedUpstream,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

// upstreamRow returns a row whose fields all have a value.
func upstreamRow(upstream, path string) files.Row {
	return files.Row{
		Key: files.Key{Upstream: upstream, Path: path}, Project: "p", Filename: "p-1.0.tar.gz", SHA256: digest(path),
		Found: true, Size: 1000, Generation: another, Stored: true,
		Metadata:     files.Sibling{SHA256: digest("m" + path), Size: 20, Generation: another, Stored: true},
		Provenance:   files.Sibling{SHA256: digest("p" + path), Size: 3, Generation: another, Stored: true},
		ProvenanceAt: at, BlockedUntil: at.Add(time.Hour), Changed: digest("c" + path), Startup: `{"é":1}`, FirstAt: at,
		UsedAt: at.Add(time.Minute),
	}
}

func (w *world) put(rows ...files.Row) {
	w.Helper()
	w.must(w.a.Files.Update(w.ctx, func(tx files.Tx) error {
		for _, r := range rows {
			if err := tx.PutUpstreamFile(w.ctx, r); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (w *world) upstreamFile(k files.Key) (r files.Row) {
	w.Helper()
	w.must(w.b.Files.View(w.ctx, func(tx files.Tx) (err error) {
		r, err = tx.UpstreamFile(w.ctx, k)
		return err
	}))
	return r
}

func checkUpstreamFileRows(w *world) {
	full, empty := upstreamRow("public", "aa/x"), files.Row{Key: files.Key{Upstream: "public", Path: "aa/y"}, Size: -1}
	w.must(w.a.Files.View(w.ctx, func(tx files.Tx) error {
		_, err := tx.UpstreamFile(w.ctx, full.Key)
		w.want("UpstreamFile(none)", err, fault.NotFound)
		_, err = tx.StoredUpstreamFile(w.ctx, full.SHA256)
		w.want("StoredUpstreamFile(none)", err, fault.NotFound)
		return nil
	}))
	w.put(full, empty, upstreamRow("other", "aa/x"))
	w.same("UpstreamFile()", w.upstreamFile(full.Key), full)
	w.same("UpstreamFile(empty)", w.upstreamFile(empty.Key), empty)
	changed := full
	changed.Stored, changed.SHA256, changed.FirstAt = false, digest("other"), at.Add(time.Hour)
	w.put(changed)
	changed.FirstAt = full.FirstAt // the first one stays
	w.same("UpstreamFile(changed)", w.upstreamFile(full.Key), changed)
	w.must(w.a.Files.Update(w.ctx, func(tx files.Tx) error {
		for _, t := range []time.Time{at.Add(time.Hour), at} {
			if err := tx.UseUpstreamFile(w.ctx, full.Key, t); err != nil {
				return err
			}
		}
		return tx.UseUpstreamFile(w.ctx, files.Key{Upstream: "nobody", Path: "x"}, at)
	}))
	if got := w.upstreamFile(full.Key).UsedAt; !got.Equal(at.Add(time.Hour)) {
		w.Errorf("the last use is %v, want the latest", got)
	}
	w.must(w.a.Files.View(w.ctx, func(tx files.Tx) error {
		stored, err := tx.StoredUpstreamFile(w.ctx, full.SHA256)
		w.must(err)
		w.same("StoredUpstreamFile()", stored.Upstream, "other")
		found, err := tx.FoundUpstreamFiles(w.ctx, "public", "p")
		if err != nil || len(found) != 1 || found[0].Path != full.Path {
			w.Errorf("FoundUpstreamFiles() = %v, %v", found, err)
		}
		examined, err := tx.ExaminedUpstreamFiles(w.ctx, "public", "p")
		w.must(err)
		w.same("ExaminedUpstreamFiles()", examined, found)
		noted, err := tx.NotedUpstreamProjects(w.ctx, "public")
		w.must(err)
		w.same("NotedUpstreamProjects()", noted, []string{"p"})
		noted, err = tx.NotedUpstreamProjects(w.ctx, "nowhere")
		w.must(err)
		w.same("NotedUpstreamProjects(nowhere)", len(noted), 0)
		return nil
	}))
}

func (w *world) idle(upstream string, before time.Time, limit int) (paths []string) {
	w.Helper()
	w.must(w.a.Files.View(w.ctx, func(tx files.Tx) error {
		rows, err := tx.IdleUpstreamFiles(w.ctx, upstream, before, limit)
		for _, r := range rows {
			paths = append(paths, r.Path)
		}
		return err
	}))
	return paths
}

func checkIdleUpstreamFiles(w *world) {
	var rows []files.Row
	for i, path := range []string{"d", "c", "b", "a"} {
		r := upstreamRow("public", path)
		r.UsedAt = at.Add(time.Duration(i) * time.Minute)
		rows = append(rows, r)
	}
	nothing := upstreamRow("public", "nothing")
	nothing.Stored, nothing.Metadata.Stored, nothing.Provenance.Stored = false, false, false
	rows[1].Stored, rows[1].Provenance.Stored = false, false // metadata alone
	rows[2].Upstream = "other"
	w.put(append(rows, nothing)...)
	w.same("IdleUpstreamFiles()", w.idle("", at.Add(time.Hour), 10), []string{"d", "c", "b", "a"})
	w.same("IdleUpstreamFiles(two)", w.idle("", at.Add(time.Hour), 2), []string{"d", "c"})
	w.same("IdleUpstreamFiles(before)", w.idle("", at.Add(time.Minute), 10), []string{"d"})
	w.same("IdleUpstreamFiles(of one)", w.idle("other", at.Add(time.Hour), 10), []string{"b"})
}

func (w *world) usage() (all []files.Usage) {
	w.Helper()
	w.must(w.a.Files.View(w.ctx, func(tx files.Tx) (err error) {
		all, err = tx.UpstreamUsage(w.ctx)
		return err
	}))
	return all
}

func checkUpstreamUsage(w *world) {
	w.same("UpstreamUsage(none)", w.usage(), []files.Usage{})
	a, b, c := upstreamRow("public", "a"), upstreamRow("public", "b"), upstreamRow("second", "c")
	b.SHA256, b.Metadata.Stored, b.Provenance.Stored = a.SHA256, false, false // counts once
	c.Stored = false
	w.put(a, b, c)
	w.same("UpstreamUsage()", w.usage(),
		[]files.Usage{{Upstream: "public", Files: 1, Bytes: 1023}, {Upstream: "second", Files: 0, Bytes: 23}})
}

// checkUpstreamContent checks that content of upstreams is not deleted while its row says that it is stored, and is
// afterwards, and that checks of the store do not expect it.
func checkUpstreamContent(w *world) {
	r := upstreamRow("public", "x")
	r.Generation, r.Metadata.Generation, r.Provenance.Generation = "", "", ""
	keys := []string{
		custody.FileKey(r.SHA256), custody.MetadataKey(r.Metadata.SHA256), custody.MetadataKey(r.Provenance.SHA256),
	}
	for _, key := range keys {
		w.must(w.hold(key, at))
	}
	w.put(r)
	for _, key := range keys {
		w.lets("its row is there", key, true, false)
		w.strays("kept of an upstream", key, false)
		if h, err := w.holds(key, another, at); err != nil || h.Named || h.Generation != "" {
			w.Errorf("HoldBlob(kept of an upstream) = %+v, %v, want the key, not named", h, err)
		}
		w.lets("an upload joined and failed", key, true, false)
	}
	w.same("AbandonedBlobs(stored)", w.abandoned(time.Now().Add(time.Hour), 10), []string{})
	w.update(func(tx publishers.Tx) error {
		all, err := tx.StoredAfter(w.ctx, custody.Stored{}, 10)
		w.same("StoredAfter()", all, []custody.Stored{})
		return err
	})
	r.Stored, r.Metadata.Stored, r.Provenance.Stored = false, false, false
	w.put(r)
	for _, key := range keys {
		w.lets("it was evicted", key, false, true)
	}
}

// checkUpstreamAndOwn checks that content which a file of this index has too is named, is neither idle nor counted, and
// stays when either of the two goes.
func checkUpstreamAndOwn(w *world) {
	f := w.newFile(w.release(w.project("p"), "1.0"), "p-1.0.tar.gz")
	r := upstreamRow("public", "x")
	r.SHA256, r.Generation, r.Metadata.Stored, r.Provenance.Stored = f.SHA256, f.Generation, false, false
	key := f.Key()
	w.must(w.hold(key, at))
	w.put(r)
	w.update(func(tx publishers.Tx) error { return tx.InsertFile(w.ctx, f, packaging.Metadata{}) })
	w.lets("both name it", key, true, false)
	if h, err := w.holds(key, another, at); err != nil || !h.Named {
		w.Errorf("HoldBlob(own and of an upstream) = %+v, %v, want it named", h, err)
	}
	w.lets("", key, true, false)
	w.same("IdleUpstreamFiles(own)", w.idle("", at.Add(time.Hour), 10), []string{})
	w.same("UpstreamUsage(own)", w.usage(), []files.Usage{})
	w.must(w.a.Catalog.Update(w.ctx, func(tx catalog.Tx) error { return tx.DeleteFile(w.ctx, f.ID) }))
	w.lets("the own file is gone", key, false, false)
	w.same("IdleUpstreamFiles()", w.idle("", at.Add(time.Hour), 10), []string{"x"})
	r.Stored = false
	w.put(r)
	w.lets("both are gone", key, false, true)
}

// checkRemovedUpstream checks that what was read from a removed upstream is deleted, and that the sweep gets its
// content, unless another upstream has it too.
func checkRemovedUpstream(w *world) {
	gone, stays := upstreamRow("gone", "x"), upstreamRow("stays", "y")
	gone.Generation, gone.Metadata.Generation, gone.Provenance.Generation = "", "", ""
	stays.Generation, stays.Metadata.Generation = "", ""
	stays.Metadata.SHA256 = gone.Metadata.SHA256
	file, metadata, provenance := custody.FileKey(gone.SHA256), custody.MetadataKey(gone.Metadata.SHA256),
		custody.MetadataKey(gone.Provenance.SHA256)
	for _, key := range []string{file, metadata, provenance} {
		w.must(w.hold(key, at))
	}
	w.put(gone, stays)
	for _, key := range []string{file, metadata, provenance} {
		w.lets("its row is there", key, true, false)
	}
	name, err := packaging.ParseProjectName("six")
	w.must(err)
	w.updatePages(func(tx pages.Tx) error {
		for _, upstream := range []string{"gone", "stays"} {
			k := pages.Key{Upstream: upstream, Name: name}
			w.must(tx.PutUpstreamPage(w.ctx, pages.Row{Key: k, Record: []byte{1}, FetchedAt: at, CheckedAt: at}))
			w.must(tx.PutUpstreamList(w.ctx, pages.List{Upstream: upstream, Hashes: []byte{1}, FetchedAt: at, CheckedAt: at}))
			_, err := tx.LeaseUpstream(w.ctx, k, "another", at, at.Add(time.Hour))
			w.must(err)
		}
		return nil
	})
	w.must(w.registry().Add(w.ctx, operator, anUpstream("gone")))
	w.must(w.registry().Remove(w.ctx, operator, "gone"))
	w.updatePages(func(tx pages.Tx) error {
		for upstream, remains := range map[string]bool{"gone": false, "stays": true} {
			k := pages.Key{Upstream: upstream, Name: name}
			_, err := tx.UpstreamPage(w.ctx, k, time.Time{})
			w.same("page of "+upstream, err == nil, remains)
			_, err = tx.UpstreamList(w.ctx, upstream)
			w.same("list of "+upstream, err == nil, remains)
			free, err := tx.UpstreamLeaseFree(w.ctx, k, at)
			w.must(err)
			w.same("free lease of "+upstream, free, !remains)
		}
		return nil
	})
	w.must(w.b.Files.View(w.ctx, func(tx files.Tx) error {
		_, err := tx.UpstreamFile(w.ctx, gone.Key)
		w.want("UpstreamFile(removed)", err, fault.NotFound)
		return nil
	}))
	w.same("the row of the other", w.upstreamFile(stays.Key), stays)
	abandoned := w.abandoned(time.Now().Add(time.Hour), 10)
	slices.Sort(abandoned)
	want := []string{file, provenance}
	slices.Sort(want)
	w.same("AbandonedBlobs()", abandoned, want)
}
