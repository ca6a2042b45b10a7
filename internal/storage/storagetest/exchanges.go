package storagetest

import (
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/publishers"
)

// checkExchanges checks that exchanges are found by every filter, newest first, and that only exchanges are deleted.
func checkExchanges(w *world) {
	entry := func(id, action, repository, project, subject string, age time.Duration) audit.Entry {
		return audit.Entry{
			ID: id, At: at.Add(-age), Action: action, Outcome: audit.Refused, Repository: repository, Project: project,
			Subject: subject,
			Detail:  map[string]any{"code": "invalid-publisher", "nearest": []any{map[string]any{"claim": "ref"}}},
		}
	}
	const exchange, other = "publisher.exchange", "publisher.add"
	rows := []audit.Entry{
		entry("a", exchange, "r", "one", "p", 0), entry("b", exchange, "r", "two", "q", time.Minute),
		entry("c", exchange, "s", "one", "p", time.Hour), entry("d", exchange, "", "", "", 2*time.Hour),
		entry("e", other, "r", "one", "p", 3*time.Hour),
	}
	w.update(func(tx publishers.Tx) error {
		for _, e := range rows {
			w.must(tx.InsertAudit(w.ctx, e))
		}
		for _, row := range []struct {
			f    publishers.ExchangeFilter
			want string
		}{
			{publishers.ExchangeFilter{Limit: 10}, "abcd"},
			{publishers.ExchangeFilter{Limit: 2}, "ab"},
			{publishers.ExchangeFilter{}, ""},
			{publishers.ExchangeFilter{RepositoryID: "r", Limit: 10}, "ab"},
			{publishers.ExchangeFilter{RepositoryID: "r", Project: "one", Limit: 10}, "a"},
			{publishers.ExchangeFilter{Project: "one", Limit: 10}, "ac"},
			{publishers.ExchangeFilter{Project: "on", Limit: 10}, ""},
			{publishers.ExchangeFilter{Project: "%", Limit: 10}, ""},
			{publishers.ExchangeFilter{Subject: "p", RepositoryID: "s", Limit: 10}, "c"},
			{publishers.ExchangeFilter{Subject: "p", Limit: 10}, "ac"},
			{publishers.ExchangeFilter{RepositoryID: "r", Project: "one", Since: at.Add(time.Microsecond), Limit: 10}, ""},
			{publishers.ExchangeFilter{Since: at.Add(-time.Minute), Limit: 10}, "ab"},
			{publishers.ExchangeFilter{Since: at.Add(-time.Minute + time.Microsecond), Limit: 10}, "a"},
		} {
			got, err := tx.Exchanges(w.ctx, row.f)
			w.must(err)
			w.same("Exchanges()", ids(got), row.want)
		}
		got, err := tx.Exchanges(w.ctx, publishers.ExchangeFilter{Limit: 1})
		w.must(err)
		w.same("Exchanges(1)", got, rows[:1])
		for _, c := range []struct {
			limit int
			want  int64
		}{{0, 0}, {1, 1}, {1, 0}} {
			n, err := tx.DeleteExchangesBefore(w.ctx, at.Add(-time.Hour), c.limit)
			w.must(err)
			w.same("DeleteExchangesBefore()", n, c.want)
		}
		got, err = tx.Exchanges(w.ctx, publishers.ExchangeFilter{Limit: 10})
		w.must(err)
		w.same("Exchanges(after some are forgotten)", ids(got), "abc")
		return nil
	})
}

func ids(all []audit.Entry) string {
	var b strings.Builder
	for _, e := range all {
		b.WriteString(e.ID)
	}
	return b.String()
}
