package advisory_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
)

// counting counts the rows of records that are written, and calls between after each transaction of an import.
type counting struct {
	advisory.Store
	rows, most int // in total, and in one transaction
	between    func()
}

func (c *counting) run(ctx context.Context, in func(context.Context, func(advisory.Tx) error) error,
	f func(advisory.Tx) error,
) error {
	n := 0
	err := in(ctx, func(tx advisory.Tx) error {
		n = 0 // it may run again
		return f(countedTx{tx, &n})
	})
	c.rows, c.most = c.rows+n, max(c.most, n)
	if c.between != nil {
		c.between()
	}
	return err
}

func (c *counting) Aside(ctx context.Context, f func(advisory.Tx) error) error {
	return c.run(ctx, c.Store.Aside, f)
}

func (c *counting) Update(ctx context.Context, f func(advisory.Tx) error) error {
	return c.run(ctx, c.Store.Update, f)
}

// countedTx counts the rows of records that it writes.
type countedTx struct {
	advisory.Tx
	n *int
}

func (t countedTx) InsertAdvisories(ctx context.Context, all []advisory.Row) error {
	*t.n += len(all)
	return t.Tx.InsertAdvisories(ctx, all)
}

func (t countedTx) EndAdvisories(ctx context.Context, feed string, all []advisory.Entry, until int64) error {
	*t.n += len(all)
	return t.Tx.EndAdvisories(ctx, feed, all, until)
}

func (t countedTx) TidyAdvisories(ctx context.Context, feed string, from, to advisory.Entry, revision int64,
) (int64, error) {
	n, err := t.Tx.TidyAdvisories(ctx, feed, from, to, revision)
	*t.n += int(n)
	return n, err
}

// records is a feed of n records. Each tenth one is about forty projects, and each of the others about one; their
// summaries are suffixed.
func records(n int, suffix string) advisory.Source {
	return func(_ context.Context, each func(string, []byte, error) error) error {
		for i := range n {
			var affected []string
			for k := range map[bool]int{true: 40, false: 1}[i%10 == 0] {
				affected = append(affected,
					fmt.Sprintf(`{"package":{"ecosystem":"PyPI","name":"p%d-%d"},"versions":["1.0"]}`, i, k))
			}
			text := fmt.Sprintf(`{"id":"MAL-%d","summary":"bad%s","affected":[%s]}`, i, suffix, strings.Join(affected, ","))
			if err := each(fmt.Sprint("x", i), []byte(text), nil); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestUploadsDuringAnImport checks that no transaction of an import writes more than some hundred rows however large
// the feed is, and that uploads commit between any two of them. So none waits for the whole import.
func TestUploadsDuringAnImport(t *testing.T) {
	const atOnce = 800 // rows that are added, and as many that end
	each(t, func(w *world) {
		t := w.t
		commits := 0
		c := &counting{Store: w.rows.Advisories(), between: func() {
			err := w.rows.Catalog().Update(ctx, func(tx catalog.Tx) error { // as an upload commits
				_, err := tx.NextSerial(ctx)
				return err
			})
			if err != nil {
				t.Errorf("an upload during the import = %v", err)
			}
			commits++
		}}
		x := advisory.New(c, advisory.Options{})
		if _, err := x.Import(ctx, w.boss, "f", records(1500, ""), advisory.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
		rows := 150*40 + 1350
		if c.rows != rows || c.most > atOnce || commits < rows/atOnce {
			t.Errorf("%d rows were written, at most %d at once, and %d uploads committed; want %d rows, at most %d at once",
				c.rows, c.most, commits, rows, atOnce)
		}
		c.rows, c.most, commits = 0, 0, 0
		if _, err := x.Import(ctx, w.boss, "f", records(1500, " and worse"), advisory.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
		// Each row is added and the one before ended, which is deleted afterwards.
		if c.rows != 3*rows || c.most > atOnce || commits < 3*rows/atOnce {
			t.Errorf("a change of all wrote %d rows, at most %d at once, and %d uploads committed; want %d rows", c.rows, c.most,
				commits, 3*rows)
		}
	})
}

// TestUnchangedImportWritesNoRow checks that a feed which has not changed is read again without writing any of its
// records, and that one that changed a little writes what differs.
func TestUnchangedImportWritesNoRow(t *testing.T) {
	each(t, func(w *world) {
		t := w.t
		c := &counting{Store: w.rows.Advisories()}
		x := advisory.New(c, advisory.Options{})
		for _, step := range []struct {
			what string
			from advisory.Source
			want int
		}{
			{"a new feed", records(500, ""), 50*40 + 450},
			{"the same feed", records(500, ""), 0},
			{"a feed with one more record", records(501, ""), 40},
			{"the same larger feed", records(501, ""), 0},
			{"a feed without the last record", records(500, ""), 40 + 40}, // they end, and are deleted
		} {
			c.rows = 0
			if out, err := x.Import(ctx, w.boss, "f", step.from, advisory.ImportOptions{}); err != nil || c.rows != step.want {
				t.Errorf("importing %s wrote %d rows, want %d: %+v, %v", step.what, c.rows, step.want, out, err)
			}
		}
	})
}
