package storagetest

import (
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/lockout"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// checkQuarantine checks that a quarantined file is left out of all lists for pages, and keeps its name.
func checkQuarantine(w *world) {
	p := w.project("p")
	r, gone := w.release(p, "1.0"), w.release(p, "2.0")
	wheel, sdist, later := w.file(r, "p-1.0-py3-none-any.whl"), w.file(r, "p-1.0.tar.gz"), w.file(gone, "p-2.0.tar.gz")
	since := at.Add(time.Hour)
	w.update(func(tx publishers.Tx) error {
		w.must(tx.SetQuarantine(w.ctx, wheel.ID, since, "why"))
		w.must(tx.SetQuarantine(w.ctx, later.ID, since, ""))
		w.want("SetQuarantine(nothing)", tx.SetQuarantine(w.ctx, "nothing", since, ""), fault.NotFound)
		return nil
	})
	wheel.QuarantinedAt, wheel.QuarantineReason, later.QuarantinedAt = since, "why", since
	w.view(func(tx catalog.Tx) error {
		listed, err := tx.Files(w.ctx, p.ID)
		w.must(err)
		w.same("Files()", listed, []catalog.File{sdist})
		ofRelease, err := tx.FilesOfRelease(w.ctx, r.ID)
		w.must(err)
		w.same("FilesOfRelease()", ofRelease, []catalog.File{sdist})
		all, err := tx.AllFilesOfRelease(w.ctx, r.ID)
		w.must(err)
		w.same("AllFilesOfRelease()", all, []catalog.File{wheel, sdist})
		all, err = tx.AllFiles(w.ctx, p.ID)
		w.must(err)
		w.same("AllFiles()", all, []catalog.File{wheel, sdist, later})
		byKey, err := tx.FileByKey(w.ctx, w.main.ID, wheel.NameKey)
		w.must(err)
		w.same("FileByKey()", byKey, wheel)
		releases, err := tx.Releases(w.ctx, p.ID)
		w.must(err)
		w.same("Releases()", releases, []catalog.Release{r})
		sums, err := tx.Summaries(w.ctx, p.ID)
		w.must(err)
		for _, s := range sums {
			want := []int64{1, sdist.Size, 1, wheel.Size}
			if s.ID == gone.ID {
				want = []int64{0, 0, 1, later.Size}
			}
			w.same("Summaries("+s.Version+")", []int64{int64(s.Files), s.Size, int64(s.Quarantined), s.QuarantinedSize}, want)
			if s.Offered() != (s.ID == r.ID) {
				w.Errorf("Offered() of %s = %v", s.Version, s.Offered())
			}
		}
		if len(sums) != 2 {
			w.Errorf("Summaries() = %d releases, want 2, also the one that is in quarantine", len(sums))
		}
		kept, err := tx.Uploads(w.ctx, catalog.UploadFilter{}, 10)
		w.must(err)
		w.same("Uploads(in quarantine)", kept,
			[]catalog.Uploaded{
				{File: later, Repository: w.main.Name, Project: "p"}, {File: wheel, Repository: w.main.Name, Project: "p"},
			})
		return nil
	})
	w.update(func(tx publishers.Tx) error { return tx.SetQuarantine(w.ctx, later.ID, time.Time{}, "") })
	w.view(func(tx catalog.Tx) error {
		releases, err := tx.Releases(w.ctx, p.ID)
		w.same("Releases(after the release)", releases, []catalog.Release{r, gone})
		return err
	})
}

// checkUploads checks the uploads of a caller since a time, newest first.
func checkUploads(w *world) {
	p := w.project("p")
	r := w.release(p, "1.0")
	put := func(name string, hours int, u catalog.Uploader) catalog.Uploaded {
		f := w.newFile(r, name)
		f.UploadedAt, f.Uploader = at.Add(time.Duration(hours)*time.Hour), u
		w.update(func(tx publishers.Tx) error { return tx.InsertFile(w.ctx, f, packaging.Metadata{}) })
		return catalog.Uploaded{File: f, Repository: w.main.Name, Project: "p"}
	}
	pub := w.publisher("publisher-1")
	w.attach(pub, p)
	minted := w.token(access.Token{Kind: access.TokenMinted, Limited: true},
		access.TokenProject{ProjectID: r.ProjectID, PublisherID: pub.ID})
	old := put("p-1.0-1-py3-none-any.whl", 0, catalog.Uploader{Kind: "user", ID: "amy", Name: "amy", TokenID: "t1"})
	put("p-1.0-2-py3-none-any.whl", 1, catalog.Uploader{Kind: "user", ID: "zoe", Name: "zoe"})
	byToken := put("p-1.0-3-py3-none-any.whl", 2, catalog.Uploader{Kind: "user", ID: "amy", Name: "amy", TokenID: "t2"})
	first := put("p-1.0-4-py3-none-any.whl", 3,
		catalog.Uploader{Kind: "publisher", Name: "workflow x", TokenID: "long gone"})
	second := put("p-1.0-5-py3-none-any.whl", 4,
		catalog.Uploader{Kind: "publisher", Name: "workflow y", TokenID: minted.ID})
	put("p-1.0-6-py3-none-any.whl", 5, catalog.Uploader{Kind: "user", ID: "workflow x", Name: "workflow x"})
	for what, c := range map[string]struct {
		f    catalog.UploadFilter
		want []catalog.Uploaded
	}{
		"a user":        {catalog.UploadFilter{UserID: "amy"}, []catalog.Uploaded{byToken, old}},
		"a user, since": {catalog.UploadFilter{UserID: "amy", Since: at.Add(time.Hour)}, []catalog.Uploaded{byToken}},
		"a token":       {catalog.UploadFilter{TokenID: "t1"}, []catalog.Uploaded{old}},
		"a publisher": {
			catalog.UploadFilter{Publisher: "workflow x", Minted: pub.ID}, []catalog.Uploaded{second, first},
		},
		"nobody":             {catalog.UploadFilter{UserID: "nobody"}, nil},
		"nothing in it":      {catalog.UploadFilter{}, nil},
		"nothing that early": {catalog.UploadFilter{TokenID: "t1", Since: at.Add(time.Minute)}, nil},
	} {
		w.view(func(tx catalog.Tx) error {
			got, err := tx.Uploads(w.ctx, c.f, 10)
			w.must(err)
			w.same("Uploads("+what+")", got, c.want)
			n, err := tx.CountUploads(w.ctx, c.f)
			w.same("CountUploads("+what+")", n, len(c.want))
			return err
		})
	}
	w.view(func(tx catalog.Tx) error {
		got, err := tx.Uploads(w.ctx, catalog.UploadFilter{UserID: "amy"}, 1)
		w.same("Uploads(at most one)", got, []catalog.Uploaded{byToken})
		return err
	})
	w.update(func(tx publishers.Tx) error {
		w.must(tx.SetQuarantine(w.ctx, byToken.ID, at, ""))
		offered := catalog.UploadFilter{UserID: "amy", Offered: true}
		got, err := tx.Uploads(w.ctx, offered, 10)
		w.must(err)
		w.same("Uploads(not in quarantine)", got, []catalog.Uploaded{old})
		n, err := tx.CountUploads(w.ctx, offered)
		w.must(err)
		w.same("CountUploads(not in quarantine)", n, 1)
		return tx.SetQuarantine(w.ctx, byToken.ID, time.Time{}, "")
	})
	rows := func(id string) (ids []string) {
		w.must(w.b.Lockouts.View(w.ctx, func(tx lockout.Tx) (err error) {
			ids, err = tx.MintedFor(w.ctx, id)
			return err
		}))
		return ids
	}
	w.same("MintedFor()", rows(pub.ID), []string{minted.ID})
	w.same("MintedFor(nothing)", rows("nothing"), []string(nil))
	w.same("MintedFor(\"\")", rows(""), []string(nil))
	w.updateAccess(func(tx access.Tx) error { _, err := tx.RevokeToken(w.ctx, minted.ID, at); return err })
	w.same("MintedFor(after it was revoked)", rows(pub.ID), []string(nil))
}
