package storagetest

import (
	"strings"
	"time"

	"pyindex/internal/account"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
)

// checkHistory checks that entries are found by each condition of a filter, newest first, and are paged without loss.
func checkHistory(w *world) {
	before := func(d time.Duration) time.Time { return at.Add(-d) }
	rows := []audit.Entry{
		{
			ID: "a", At: at, Action: "file.add", Outcome: audit.Granted, Repository: "r", Project: "one", Version: "1.0",
			Filename: "one-1.0.whl",
			Actor:    audit.Actor{Kind: "user", ID: "u1", Name: "ann", TokenID: "t", Address: "192.0.2.1", RequestID: "q"},
		},
		{
			ID: "b", At: at, Action: "file.add", Outcome: audit.Refused, Repository: "r", Project: "one", Version: "1.0",
			Actor:  audit.Actor{Kind: "user", ID: "u2", Name: "bob", Address: "192.0.2.2"},
			Detail: map[string]any{"reason": "100% Wrong_name"},
		},
		{
			ID:         "c",
			At:         before(time.Minute),
			Action:     "file.yank",
			Outcome:    audit.Granted,
			Repository: "r",
			Project:    "one",
			Version:    "2.0",
		},
		{
			ID: "d", At: before(time.Hour), Action: "file.add", Outcome: audit.Granted, Repository: "s", Project: "one",
			Detail: map[string]any{"uploader": map[string]any{"claims": map[string]any{"actor": "hidden words"}}},
		},
		{ID: "e", At: before(2 * time.Hour), Action: "user.add", Outcome: audit.Granted, Subject: "Carl"},
	}
	w.update(func(tx publishers.Tx) error {
		for _, e := range rows {
			w.must(tx.InsertAudit(w.ctx, e))
		}
		return nil
	})
	w.view(func(tx catalog.Tx) error {
		for _, row := range []struct {
			f    audit.Filter
			want string
		}{
			{audit.Filter{}, "bacde"}, // for equal times the greater id is newer
			{audit.Filter{RepositoryID: "r"}, "bac"},
			{audit.Filter{RepositoryID: "r", Project: "one", Version: "1.0"}, "ba"},
			{audit.Filter{Project: "one"}, "bacd"},
			{audit.Filter{Project: "on"}, ""},
			{audit.Filter{ActorID: "u1"}, "a"},
			{audit.Filter{Actor: "bob", ActorID: "u1"}, ""},
			{audit.Filter{RepositoryID: "r", NotActorID: "u1"}, "bc"},
			{audit.Filter{WithToken: true}, "a"},
			{audit.Filter{WithToken: true, ActorID: "u2"}, ""},
			{audit.Filter{Actions: []string{"file.add"}}, "bad"},
			{audit.Filter{Actions: []string{"user.add", "file.yank", "nothing"}}, "ce"},
			{audit.Filter{Actions: []string{"user.add", "file.add", "user.add"}}, "bade"},
			{audit.Filter{Actions: []string{"user.add", "file.add", "file.yank"}, After: rows[2].Place()}, "de"},
			{audit.Filter{RepositoryID: "r", Project: "one", Actions: []string{"file.yank", "file.add"}}, "bac"},
			{audit.Filter{Without: []string{"file.add"}}, "ce"},
			{audit.Filter{Actions: []string{"file.add"}, Without: []string{"file.add"}}, ""},
			{audit.Filter{Outcome: audit.Refused}, "b"},
			{audit.Filter{Outcome: audit.Granted, RepositoryID: "r"}, "ac"},
			{audit.Filter{Actor: "ann"}, "a"},
			{audit.Filter{Actor: "an"}, ""},
			{audit.Filter{Address: "192.0.2.2"}, "b"},
			{audit.Filter{Since: before(time.Minute)}, "bac"},
			{audit.Filter{Since: before(time.Minute).Add(time.Microsecond)}, "ba"},
			{audit.Filter{Until: before(time.Minute)}, "de"},
			{audit.Filter{Since: before(time.Hour), Until: at}, "cd"},
			{audit.Filter{Text: "CARL"}, "e"},
			{audit.Filter{Text: "100% wrong_"}, "b"},
			{audit.Filter{Text: "100% wrong_", Discreet: true}, "b"},
			{audit.Filter{Text: "hidden words"}, "d"},
			{audit.Filter{Text: "hidden words", Discreet: true}, ""},
			{audit.Filter{Text: "%"}, "b"},
			{audit.Filter{Text: "g_n"}, "b"},
			{audit.Filter{Text: "n_g"}, ""},
			{audit.Filter{Text: "!"}, ""},
			{audit.Filter{Text: "one-1.0.whl", Actor: "ann"}, "a"},
			{audit.Filter{Text: "' OR 1=1"}, ""},
			{audit.Filter{Text: "a\x00"}, ""},
			{audit.Filter{Actor: "\xff"}, ""},
			{audit.Filter{After: rows[1].Place()}, "acde"},
			{audit.Filter{After: rows[0].Place()}, "cde"},
			{audit.Filter{After: rows[4].Place()}, ""},
			{audit.Filter{After: audit.Cursor{At: before(time.Minute), ID: "cc"}}, "cde"},
		} {
			row.f.Limit = 10
			got, err := tx.Entries(w.ctx, row.f)
			w.must(err)
			w.same("Entries()", ids(got), row.want)
		}
		got, err := tx.Entries(w.ctx, audit.Filter{Actor: "ann", Limit: 1})
		w.must(err)
		w.same("Entries(ann)", got, rows[:1])
		var all string
		for f := (audit.Filter{Limit: 2}); ; f.After = got[len(got)-1].Place() {
			got, err = tx.Entries(w.ctx, f)
			if all += ids(got); err != nil || len(got) == 0 {
				break
			}
		}
		w.same("Entries(page by page)", all, "bacde")
		return err
	})
}

// checkForgetting checks that the oldest entries are deleted first, in batches, of one outcome or both, and never new
// ones.
func checkForgetting(w *world) {
	w.updateAccounts(func(tx account.Tx) error {
		for i, id := range strings.Split("abcdefgh", "") {
			outcome := audit.Granted
			if i%2 == 1 {
				outcome = audit.Refused
			}
			w.must(tx.InsertAudit(w.ctx,
				audit.Entry{ID: id, At: at.Add(-time.Duration(i) * time.Hour), Action: "x", Outcome: outcome}))
		}
		return nil
	})
	for _, c := range []struct {
		outcome audit.Outcome
		before  time.Time
		limit   int
		removed int64
		left    string
	}{
		{audit.Refused, at.Add(-8 * time.Hour), 10, 0, "abcdefgh"},
		{audit.Refused, at, 0, 0, "abcdefgh"},
		{audit.Refused, at, 1, 1, "abcdefg"},
		{audit.Refused, at.Add(-3 * time.Hour), 10, 1, "abcdeg"},
		{audit.Granted, at.Add(-5 * time.Hour), 10, 1, "abcde"},
		{"", at.Add(-2 * time.Hour), 1, 1, "abcd"},
		{"", at.Add(-2 * time.Hour), 10, 1, "abc"},
		{audit.Refused, at.Add(time.Hour), 10, 1, "ac"},
	} {
		w.updateAccounts(func(tx account.Tx) error {
			n, err := tx.DeleteAuditBefore(w.ctx, c.outcome, c.before, c.limit)
			w.must(err)
			all, err := tx.Entries(w.ctx, audit.Filter{Limit: 10})
			w.must(err)
			w.same("DeleteAuditBefore()", []any{n, ids(all)}, []any{c.removed, c.left})
			return nil
		})
	}
}
