package publishers_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/insight"
)

// TestLetInOfABusyPublisher checks that a page about a publisher with very many uploads reads a bounded part of them,
// with recorded exchanges and without, and beside as many files of another publisher.
func TestLetInOfABusyPublisher(t *testing.T) {
	const many = 20_000
	b := newBench(t)
	b.project("demo", "")
	p, q := b.add("demo"), b.add("demo", "workflow", "other.yml")
	b.released("demo", "1.0", nil)
	path := strings.TrimPrefix(b.url, "sqlite:")
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	copies := func(table, where string, change map[string]string) {
		t.Helper()
		rows, err := raw.Query(`SELECT name FROM pragma_table_info('` + table + `')`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var names, values []string
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			names, values = append(names, name), append(values, name)
			if v := change[name]; v != "" {
				values[len(values)-1] = v
			}
		}
		if _, err := raw.Exec(fmt.Sprintf(`WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d)
			INSERT INTO %s (%s) SELECT %s FROM %s, c WHERE %s`, many, table, strings.Join(names, ", "),
			strings.Join(values, ", "), table, where)); err != nil {
			t.Fatal(err)
		}
	}
	copies("audit", "action = 'publisher.exchange'", map[string]string{
		"id": "printf('x%06d', n)", "at": "at + n * 1000", "subject": "printf('t%06d', n)",
	})
	copies("files", "id = 'f-demo-1.0'", map[string]string{
		"id": "printf('f%06d', n)", "filename": "printf('f%06d', n)", "name_key": "printf('f%06d', n)",
		"uploaded_at": "uploaded_at + n * 1000", "uploader_token_id": "printf('t%06d', n)",
	})
	copies("file_claims", "file_id = 'f-demo-1.0'", map[string]string{"file_id": "printf('f%06d', n)"})
	b.clock.Pass(time.Hour)
	took := func(what string, f func() error) {
		t.Helper()
		start := time.Now()
		if err := f(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		d := time.Since(start)
		t.Logf("%s: %s", what, d)
		if d > 3*time.Second {
			t.Errorf("%s took %s", what, d)
		}
	}
	page := func(id, before string) (got insight.LetIn, err error) {
		return b.registry.LetIn(t.Context(), b.operator,
			insight.LetInRequest{Project: "demo", Publisher: id, Before: before, Limit: 25})
	}
	var first insight.LetIn
	took("the first page", func() error { first, err = page(p.ID, ""); return err })
	if len(first.Requests) != 25 || len(first.Requests[0].Files) != 1 || first.Older == "" || first.Whole {
		t.Errorf("the first page has %d requests, whole: %v", len(first.Requests), first.Whole)
	}
	took("the second page", func() error { _, err := page(p.ID, first.Older); return err })
	took("the page of a publisher beside it", func() error {
		got, err := page(q.ID, "")
		if len(got.Requests) != 0 || got.Older == "" {
			t.Errorf("it has %d requests, older: %q", len(got.Requests), got.Older)
		}
		return err
	})
	took("the publishing page", func() error {
		_, err := b.registry.ForProject(t.Context(), b.operator, "", "demo")
		return err
	})
	took("the list of files", func() error {
		got, err := b.registry.Through(t.Context(), b.operator, "", "demo", p.ID, 200)
		if len(got.Files) != 200 || !got.More {
			t.Errorf("%d files, more: %v", len(got.Files), got.More)
		}
		return err
	})
	if _, err := raw.Exec(`DELETE FROM audit WHERE action = 'publisher.exchange'`); err != nil {
		t.Fatal(err)
	}
	took("a page without recorded requests", func() error {
		got, err := page(p.ID, "")
		if len(got.Requests) != 25 || got.Requests[0].ID != "" {
			t.Errorf("%d requests", len(got.Requests))
		}
		return err
	})
	newest := b.clock.Now().Add(-time.Hour + (many-2000)*time.Millisecond)
	start := time.Now()
	got, err := b.registry.RemoveWith(t.Context(), b.operator, publishers.Removal{
		ID: p.ID, Project: "demo", Files: catalog.QuarantineFiles, From: newest,
	})
	t.Logf("the removal with a quarantine of %d files: %s", got.SetAside, time.Since(start))
	if err != nil || got.SetAside != 2001 {
		t.Errorf("RemoveWith() = %+v, %v", got, err)
	}
}
