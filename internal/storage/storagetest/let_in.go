package storagetest

import (
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// checkLetIn checks that the exchanges, the files and the changes of one publisher of one project are found, and no
// others.
func checkLetIn(w *world) {
	p, other := w.project("p"), w.project("other")
	r, r2 := w.release(p, "1"), w.release(other, "1")
	file := func(r catalog.Release, name, kind, token string, age time.Duration) {
		f := w.newFile(r, name)
		f.ID, f.UploadedAt = name, at.Add(-age)
		f.Uploader = catalog.Uploader{Kind: kind, Name: "workflow", TokenID: token}
		if kind == "publisher" {
			f.Uploader.Claims = map[string]any{"ref": name}
		}
		w.update(func(tx publishers.Tx) error {
			w.must(tx.InsertFile(w.ctx, f, packaging.Metadata{Name: name}))
			if name == "c" {
				w.must(tx.SetQuarantine(w.ctx, f.ID, at, "why"))
			}
			return nil
		})
	}
	file(r, "a", "publisher", "t1", 3*time.Hour)
	file(r, "b", "publisher", "t1", 2*time.Hour)
	file(r, "c", "publisher", "t2", time.Hour)
	file(r, "d", "user", "t3", 0)
	file(r2, "e", "publisher", "t1", 0)
	entry := func(id, action, rule, project, subject string, o audit.Outcome, age time.Duration) {
		w.update(func(tx publishers.Tx) error {
			return tx.InsertAudit(w.ctx, audit.Entry{
				ID: id, At: at.Add(-age), Action: action, Outcome: o, Repository: p.Repository.ID, Project: project,
				Subject: subject, Actor: audit.Actor{Kind: "publisher", ID: rule}, Detail: map[string]any{"publisher": rule},
			})
		})
	}
	const exchange = "publisher.exchange"
	entry("1", exchange, "x", "p", "t1", audit.Granted, 3*time.Hour)
	entry("2", exchange, "x", "p", "t2", audit.Granted, time.Hour)
	entry("3", exchange, "y", "p", "t4", audit.Granted, 0)
	entry("4", exchange, "x", "other", "t1", audit.Granted, 0)
	entry("5", "publisher.add", "", "p", "x", audit.Granted, 4*time.Hour)
	entry("6", "publisher.remove", "", "p", "x", audit.Granted, 0)
	entry("7", "publisher.remove", "", "p", "x", audit.Refused, 0)
	entry("8", "publisher.add", "", "other", "x", audit.Granted, 0)
	entry("9", "publisher.pin", "", "p", "x", audit.Granted, 0)
	w.view(func(ctx catalog.Tx) error {
		tx := ctx.(publishers.Tx)
		names := func(files []catalog.File, err error) string {
			w.must(err)
			var b strings.Builder
			for _, f := range files {
				if f.Uploader.Claims["ref"] != f.Filename {
					w.Errorf("%s has the claims %v", f.Filename, f.Uploader.Claims)
				}
				b.WriteString(f.Filename)
			}
			return b.String()
		}
		for _, c := range []struct {
			before audit.Cursor
			limit  int
			want   string
		}{
			{audit.Cursor{}, 10, "cba"},
			{audit.Cursor{}, 2, "cb"},
			{audit.Cursor{At: at.Add(-time.Hour), ID: "c"}, 10, "ba"},
			{audit.Cursor{At: at.Add(-time.Hour), ID: "d"}, 10, "cba"},
			{audit.Cursor{At: at.Add(-3 * time.Hour), ID: "a"}, 10, ""},
		} {
			w.same("FilesPublished()", names(tx.FilesPublished(w.ctx, p.ID, c.before, c.limit)), c.want)
		}
		w.same("FilesByTokens()", names(tx.FilesByTokens(w.ctx, p.ID, []string{"t2", "t1", "t3", "t9"})), "abc")
		w.same("FilesByTokens(of none)", names(tx.FilesByTokens(w.ctx, p.ID, nil)), "")
		tokens, err := tx.TokensGranted(w.ctx, p.Repository.ID, "p", "x")
		w.must(err)
		w.same("TokensGranted()", len(tokens), 2)
		for _, c := range []struct {
			f    publishers.ExchangeFilter
			want string
		}{
			{publishers.ExchangeFilter{Rule: "x", Project: "p", RepositoryID: p.Repository.ID, Limit: 10}, "21"},
			{publishers.ExchangeFilter{Rule: "x", Limit: 10}, "421"},
			{publishers.ExchangeFilter{Rule: "y", Project: "p", Limit: 10}, "3"},
			{publishers.ExchangeFilter{Rule: "z", Limit: 10}, ""},
			{publishers.ExchangeFilter{Rule: "x", Before: audit.Cursor{At: at.Add(-time.Hour), ID: "2"}, Limit: 10}, "1"},
			{publishers.ExchangeFilter{Before: audit.Cursor{At: at, ID: "4"}, Limit: 10}, "321"},
		} {
			got, err := tx.Exchanges(w.ctx, c.f)
			w.must(err)
			w.same("Exchanges()", ids(got), c.want)
		}
		changes := func(project, id string, limit int) string {
			got, err := tx.PublisherChanges(w.ctx, "", project, id, limit)
			w.must(err)
			return ids(got)
		}
		w.same("PublisherChanges()", changes("p", "x", 10), "65")
		w.same("PublisherChanges(1)", changes("p", "x", 1), "6")
		w.same("PublisherChanges(any project)", changes("", "x", 10), "865")
		w.same("PublisherChanges(another)", changes("p", "y", 10), "")
		return nil
	})
}
