package storagetest

import (
	"encoding/json"
	"fmt"
	"time"

	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

func checkFiles(w *world) {
	r := w.release(w.project("p"), "1.0")
	late := w.newFile(r, "p-1.0-py3-none-any.whl")
	late.UploadedAt, late.Yanked, late.YankedReason, late.Comment = at.Add(time.Microsecond), true, "broken", "naïve ☃"
	late.Uploader = catalog.Uploader{
		Kind: "publisher", ID: "pub", Name: "workflow x", TokenID: "tok",
		Claims: map[string]any{
			"run_id": json.Number("9007199254740993"), "ref": "refs/heads/ü", "nested": map[string]any{"a": []any{true}},
		},
	}
	early := w.newFile(r, "p-1.0.tar.gz")
	early.Uploader = catalog.Uploader{Kind: "user", ID: "u", Name: "ann"}
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertFile(w.ctx, late, packaging.Metadata{}))
		return tx.InsertFile(w.ctx, early, packaging.Metadata{})
	})
	w.view(func(tx catalog.Tx) error {
		byKey, err := tx.FileByKey(w.ctx, w.main.ID, late.NameKey)
		w.must(err)
		w.same("FileByKey()", byKey, late)
		byName, err := tx.FileByName(w.ctx, w.main.ID, early.Filename)
		w.must(err)
		w.same("FileByName()", byName, early)
		bySum, err := tx.FilesBySHA256(w.ctx, w.main.ID, late.SHA256)
		w.must(err)
		w.same("FilesBySHA256()", bySum, []catalog.File{late})
		ofRelease, err := tx.FilesOfRelease(w.ctx, r.ID)
		w.must(err)
		w.same("FilesOfRelease()", ofRelease, []catalog.File{early, late})
		listed, err := tx.Files(w.ctx, r.ProjectID)
		early.Uploader, late.Uploader = catalog.Uploader{}, catalog.Uploader{}
		w.same("Files()", listed, []catalog.File{early, late})
		w.must(err)
		w.sameShown(tx, r.ProjectID)
		return nil
	})
}

// sameShown checks that the files and releases of a page are those of a project, with fewer fields.
func (w *world) sameShown(tx catalog.Tx, projectID string) {
	files, err := tx.Files(w.ctx, projectID)
	w.must(err)
	for i, f := range files {
		files[i] = catalog.File{
			Filename: f.Filename, Version: f.Version, SHA256: f.SHA256, MetadataSHA256: f.MetadataSHA256,
			RequiresPython: f.RequiresPython, Size: f.Size, UploadedAt: f.UploadedAt, Yanked: f.Yanked,
			YankedReason: f.YankedReason, Attested: f.Attested,
		}
	}
	shown, err := tx.ShownFiles(w.ctx, projectID)
	w.must(err)
	w.same("ShownFiles()", shown, files)
	releases, err := tx.Releases(w.ctx, projectID)
	w.must(err)
	for i, r := range releases {
		releases[i] = catalog.Release{Version: r.Version, Key: r.Key}
	}
	versions, err := tx.ShownReleases(w.ctx, projectID)
	w.must(err)
	w.same("ShownReleases()", versions, releases)
}

// checkFileConflicts checks that a name is unique in a repository, and that the transaction continues after a conflict.
func checkFileConflicts(w *world) {
	r := w.release(w.project("p"), "1.0")
	f := w.file(r, "p-1.0.tar.gz")
	sameKey, sameName := w.newFile(r, "P-1.0.tar.gz"), w.newFile(r, f.Filename)
	sameKey.NameKey, sameName.NameKey = f.NameKey, "another key"
	buried := w.newFile(r, "p-0.9.tar.gz")
	other := catalog.Repository{ID: w.id("repository"), Name: "other", CreatedAt: at}
	elsewhere := f
	elsewhere.ID, elsewhere.RepositoryID = "elsewhere", other.ID
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertTombstone(w.ctx, w.main.ID, buried.NameKey, buried.Filename, at))
		w.want("InsertFile(taken key)", tx.InsertFile(w.ctx, sameKey, packaging.Metadata{}), fault.Conflict)
		w.want("InsertFile(taken name)", tx.InsertFile(w.ctx, sameName, packaging.Metadata{}), fault.Conflict)
		w.want("InsertFile(deleted name)", tx.InsertFile(w.ctx, buried, packaging.Metadata{}), fault.Conflict)
		w.must(tx.InsertRepository(w.ctx, other))
		return tx.InsertFile(w.ctx, elsewhere, packaging.Metadata{})
	})
	w.view(func(tx catalog.Tx) error {
		got, err := tx.FileByName(w.ctx, w.main.ID, f.Filename)
		w.must(err)
		w.same("FileByName(after conflicts)", got, f)
		_, err = tx.FileByName(w.ctx, other.ID, f.Filename)
		return err
	})
}

func checkFileChanges(w *world) {
	r := w.release(w.project("p"), "1.0")
	f := w.file(r, "p-1.0.tar.gz")
	w.update(func(tx publishers.Tx) error {
		w.must(tx.SetYank(w.ctx, f.ID, true, "wrong “wheel”"))
		w.want("SetYank(nothing)", tx.SetYank(w.ctx, "nothing", true, ""), fault.NotFound)
		got, err := tx.FileByName(w.ctx, w.main.ID, f.Filename)
		w.same("yank", []any{got.Yanked, got.YankedReason}, []any{true, "wrong “wheel”"})
		w.must(err)
		w.must(tx.SetYank(w.ctx, f.ID, false, ""))
		got, err = tx.FileByName(w.ctx, w.main.ID, f.Filename)
		w.same("unyank", got, f)
		return err
	})
	w.update(func(tx publishers.Tx) error { return tx.DeleteFile(w.ctx, f.ID) })
	w.view(func(tx catalog.Tx) error {
		_, err := tx.FileByKey(w.ctx, w.main.ID, f.NameKey)
		w.want("FileByKey(deleted)", err, fault.NotFound)
		_, err = tx.Metadata(w.ctx, f.ID)
		w.want("Metadata(deleted)", err, fault.NotFound)
		return nil
	})
}

func checkMetadata(w *world) {
	r := w.release(w.project("p"), "1.0")
	f := w.newFile(r, "p-1.0.tar.gz")
	m := packaging.Metadata{
		MetadataVersion: "2.4", Name: "p", Version: "1.0", Summary: "Größe <b> & 日本語 \U0001f40d",
		Description: "line\r\nline\u2028\tNUL \x00 end", Classifiers: []string{"A :: B", ""}, ProvidesExtra: []string{"x"},
	}
	w.update(func(tx publishers.Tx) error { return tx.InsertFile(w.ctx, f, m) })
	w.view(func(tx catalog.Tx) error {
		got, err := tx.Metadata(w.ctx, f.ID)
		w.same("Metadata()", got, m)
		return err
	})
}

// checkIllegible checks that both databases reject text that one of them cannot store, before it ends a transaction.
func checkIllegible(w *world) {
	r := w.release(w.project("p"), "1.0")
	for _, bad := range []string{"a\x00b", "a\xffb", "\xed\xa0\x80"} {
		f := w.newFile(r, "p-1.0.tar.gz")
		f.Comment = bad
		err := w.a.Catalog.Update(w.ctx, func(tx catalog.Tx) error { return tx.InsertFile(w.ctx, f, packaging.Metadata{}) })
		w.want("InsertFile(comment of illegible bytes)", err, fault.Invalid)
	}
}

func checkTombstones(w *world) {
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertTombstone(w.ctx, w.main.ID, "k", "f", at))
		w.must(tx.InsertTombstone(w.ctx, w.main.ID, "k", "f", at))
		for key, want := range map[string]bool{"k": true, "K": false, "": false} {
			got, err := tx.Tombstoned(w.ctx, w.main.ID, key)
			w.must(err)
			w.same("Tombstoned("+key+")", got, want)
		}
		got, err := tx.Tombstoned(w.ctx, "elsewhere", "k")
		w.same("Tombstoned(elsewhere)", got, false)
		return err
	})
}

func checkMembers(w *world) {
	p := w.project("demo")
	r, empty := w.release(p, "1.0"), w.release(p, "2.0")
	f, g := w.file(r, "demo-1.0.whl"), w.file(r, "demo-1.0.tar.gz")
	m := catalog.Members{Names: []string{"a/b.py", "a/é.py"}, Total: 7, Startup: []string{"a.pth", "é.start"}}
	startup := func(tx publishers.Tx, want bool) {
		got, err := tx.(ingest.Tx).HasStartup(w.ctx, p.ID)
		w.must(err)
		w.same("HasStartup", got, want)
	}
	w.update(func(tx publishers.Tx) error {
		startup(tx, false)
		w.must(tx.(ingest.Tx).InsertMembers(w.ctx, g.ID, catalog.Members{Names: []string{"a.pth"}, Total: 1}))
		startup(tx, false)
		w.must(tx.(ingest.Tx).InsertMembers(w.ctx, f.ID, m))
		startup(tx, true)
		w.must(tx.SetQuarantine(w.ctx, f.ID, time.Now(), "bad"))
		startup(tx, false)
		w.must(tx.SetQuarantine(w.ctx, f.ID, time.Time{}, ""))
		w.want("InsertMembers(again)", tx.(ingest.Tx).InsertMembers(w.ctx, f.ID, m), fault.Conflict)
		w.must(tx.SetYank(w.ctx, g.ID, true, "bad"))
		return nil
	})
	w.view(func(tx catalog.Tx) error {
		got, err := tx.(browse.Tx).Members(w.ctx, f.ID)
		w.must(err)
		w.same("Members", got, m)
		_, err = tx.(browse.Tx).Members(w.ctx, "none")
		w.want("Members(none)", err, fault.NotFound)
		of, err := tx.StartupOfRelease(w.ctx, r.ID)
		w.must(err)
		w.same("StartupOfRelease", of, map[string]catalog.Startup{f.ID: {Members: m.Startup}})
		all, err := tx.Summaries(w.ctx, p.ID)
		w.must(err)
		byID := map[string]catalog.Summary{}
		for _, s := range all {
			byID[s.ID] = s
		}
		if one := byID[r.ID]; len(all) != 2 || one.Files != 2 || one.Size != 84 || one.Yanked || one.Version != "1.0" {
			w.Errorf("Summaries = %+v", one)
		}
		if none := byID[empty.ID]; none.Files != 0 || none.Size != 0 || none.Yanked {
			w.Errorf("Summaries(no files) = %+v", none)
		}
		return nil
	})
	w.update(func(tx publishers.Tx) error {
		w.must(tx.SetYank(w.ctx, f.ID, true, "worse"))
		all, err := tx.Summaries(w.ctx, p.ID)
		w.must(err)
		for _, s := range all {
			if s.ID == r.ID && (!s.Yanked || s.YankedReason != "worse") {
				w.Errorf("Summaries(yanked) = %+v", s)
			}
		}
		return tx.DeleteFile(w.ctx, f.ID)
	})
}

// checkShown checks what pages read of files with unusual texts, which must not be mixed up.
func checkShown(w *world) {
	p := w.project("p")
	r := w.release(p, "1.0")
	var files []catalog.File
	for i, requires := range []string{"", ">=3.8", ">=3.8 “é”", "\x1f", "a\x1f1\x1fb", "日本\x1f", "\x1e", "a\x1eb\x1f"} {
		f := w.newFile(r, fmt.Sprintf("p-1.0-%d-py3-none-any.whl", i))
		f.RequiresPython, f.Attested, f.MetadataSHA256 = requires, i%2 == 0, []string{"", f.SHA256}[i%2]
		files = append(files, f)
	}
	w.update(func(tx publishers.Tx) error {
		for _, f := range files {
			w.must(tx.InsertFile(w.ctx, f, packaging.Metadata{}))
		}
		w.must(tx.SetYank(w.ctx, files[1].ID, true, ""))
		w.must(tx.SetYank(w.ctx, files[2].ID, true, "日本\x1f“why”\x1f"))
		w.must(tx.SetYank(w.ctx, files[4].ID, true, "b"))
		w.must(tx.SetYank(w.ctx, files[5].ID, true, "\x1e"))
		w.must(tx.SetYank(w.ctx, files[7].ID, true, "\x1e\x1fé\x1e"))
		return nil
	})
	w.view(func(tx catalog.Tx) error {
		w.sameShown(tx, r.ProjectID)
		return nil
	})
	w.update(func(tx publishers.Tx) error {
		w.must(tx.SetQuarantine(w.ctx, files[3].ID, at, "why"))
		return nil
	})
	w.view(func(tx catalog.Tx) error {
		w.sameShown(tx, r.ProjectID)
		return nil
	})
}

// checkShownReleases checks the order of what pages read of releases and files, which is that of their times and then
// of their ids, and that releases are left out if all of their files are in quarantine.
func checkShownReleases(w *world) {
	p, other := w.project("p"), w.project("other")
	w.view(func(tx catalog.Tx) error {
		w.sameShown(tx, p.ID)
		return nil
	})
	for i := range 9 {
		version := fmt.Sprintf("%d.0", i)
		r := catalog.Release{
			ID: fmt.Sprintf("release-%d", i*5%9), ProjectID: p.ID, Version: version, Key: "key " + version,
			CreatedAt: at.Add(-time.Duration(i/2) * time.Second),
		}
		if i == 8 {
			r.ProjectID = other.ID
		}
		w.update(func(tx publishers.Tx) error {
			w.must(tx.InsertRelease(w.ctx, r))
			for n := range i % 4 { // none to three
				f := w.newFile(r, fmt.Sprintf("p-%s-%d-py3-none-any.whl", version, n))
				f.UploadedAt = r.CreatedAt
				w.must(tx.InsertFile(w.ctx, f, packaging.Metadata{}))
				if i >= 4 || n > 0 {
					w.must(tx.SetQuarantine(w.ctx, f.ID, at, "why"))
				}
			}
			return nil
		})
	}
	w.view(func(tx catalog.Tx) error {
		w.sameShown(tx, p.ID)
		w.sameShown(tx, other.ID)
		all, err := tx.ShownReleases(w.ctx, p.ID)
		w.must(err)
		var versions []string
		for _, r := range all {
			versions = append(versions, r.Version)
		}
		w.same("versions", versions, []string{"4.0", "2.0", "3.0", "0.0", "1.0"})
		return nil
	})
}
