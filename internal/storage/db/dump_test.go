package db

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/backup"
	"pyindex/internal/fault"
)

// readTables reads dumped rows.
func readTables(t *testing.T, b []byte) (h backup.Header, rows map[string][][]any, columns map[string][]string) {
	t.Helper()
	r, err := backup.NewRowsReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	rows, columns = map[string][][]any{}, map[string][]string{}
	for {
		table, names, err := r.Next()
		if err == io.EOF {
			return r.Header(), rows, columns
		}
		if err != nil {
			t.Fatal(err)
		}
		columns[table] = names
		for {
			values, err := r.Row()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			rows[table] = append(rows[table], slices.Clone(values))
		}
	}
}

// TestDump: every row of every table is in the dump of either database, with the tally that the table has; secrets are
// left out, or in the rows of the secrets alone.
func TestDump(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			d := openAt(t, fresh(t), Options{})
			fill(t, d, 1200)
			var open, sealed bytes.Buffer
			got, err := d.Dump(t.Context(), &open, backup.DumpOptions{Secrets: &sealed})
			if err != nil {
				t.Fatal(err)
			}
			if schema, _ := d.SchemaVersion(t.Context()); got.Serial != 4711 || got.Schema != schema || got.Epoch == "" ||
				got.Head.ID != "é\t'1199" {
				t.Errorf("Dump() = %+v", got)
			}
			_, rows, columns := readTables(t, open.Bytes())
			held := tallies(t, d)
			if len(got.Tables) != len(moved) {
				t.Errorf("Dump() has %d tables, want %d", len(got.Tables), len(moved))
			}
			for _, table := range got.Tables {
				want := held[table.Name]
				switch table.Name {
				case "keys", "outbox": // letters contain links that set a password
					if table.Rows != 0 || want.Rows == 0 {
						t.Errorf("the rows have %d of %d rows of %s", table.Rows, want.Rows, table.Name)
					}
				case "totps":
					at := slices.Index(columns["totps"], "secret")
					for _, r := range rows["totps"] {
						if r[at] != "" {
							t.Fatalf("the rows have the secret %v", r[at])
						}
					}
				default:
					if table.Rows != want.Rows || table.Sum != want.Sum() {
						t.Errorf("table %s has %d rows with the sum %s, want %d with %s", table.Name, table.Rows, table.Sum,
							want.Rows, want.Sum())
					}
				}
			}
			_, secrets, _ := readTables(t, sealed.Bytes())
			if len(secrets) != 2 || len(secrets["keys"]) != 1200 || len(secrets["totps"]) != 1200 ||
				got.Secrets[0].Sum != ptr(held["totps"]).Sum() {
				t.Errorf("the secrets have %d tables with %d and %d rows", len(secrets), len(secrets["keys"]),
					len(secrets["totps"]))
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// TestDumpIsOneSnapshot: what commits while the rows are read is in no table, whichever is read later.
func TestDumpIsOneSnapshot(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			d := openAt(t, fresh(t), Options{})
			fill(t, d, 3000)
			before := tallies(t, d)
			changed := false
			var b bytes.Buffer
			got, err := d.Dump(t.Context(), writerFunc(func(p []byte) (int, error) {
				if !changed && bytes.Contains(p, []byte(`"end":"repositories"`)) { // others are still to come
					changed = true
					err := d.update(t.Context(), func(tx *Tx) error {
						_, err := tx.exec(t.Context(), `DELETE FROM downloads`)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
				return b.Write(p)
			}), backup.DumpOptions{})
			if err != nil || !changed {
				t.Fatalf("Dump() = %v, changed %v", err, changed)
			}
			for _, table := range got.Tables {
				if table.Name == "downloads" && table.Rows != before["downloads"].Rows {
					t.Errorf("downloads has %d rows, want %d", table.Rows, before["downloads"].Rows)
				}
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestDumpStopsAtTheLimitOfTheLog: SQLite's log cannot be shortened while rows are read, so the dump reports its size
// and stops with advice at a limit.
func TestDumpStopsAtTheLimitOfTheLog(t *testing.T) {
	d := openAt(t, freshSQLite(t), Options{})
	fill(t, d, 2000)
	var largest int64
	_, err := d.Dump(t.Context(), io.Discard,
		backup.DumpOptions{LogLimit: 1, Progress: func(_, log int64) { largest = log }})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "--wal-limit") || largest == 0 {
		t.Errorf("Dump() = %v after a log of %d bytes, want unavailable with advice", err, largest)
	}
	if _, err := d.Dump(t.Context(), io.Discard, backup.DumpOptions{LogLimit: 1 << 40}); err != nil {
		t.Errorf("Dump() within the limit = %v", err)
	}
}

// putContent inserts a file of this index and one of an upstream, with their content.
func putContent(t *testing.T, d *DB) {
	t.Helper()
	fill(t, d, 1)
	own := func(i int) string { return fmt.Sprintf("%064x", i) }
	err := d.update(t.Context(), func(tx *Tx) error {
		for _, q := range []string{
			`UPDATE files SET sha256 = '` + own(1) + `', generation = '', metadata_sha256 = '` + own(3) +
				`', metadata_generation = 'ab', size = 11`,
			`UPDATE upstream_files SET sha256 = '` + own(1) + `', generation = '', size = 11, stored = TRUE,
				metadata_sha256 = '` + own(2) + `', metadata_generation = '', metadata_stored = TRUE, metadata_size = 22,
				provenance_sha256 = '` + own(4) + `', provenance_generation = 'cd', provenance_stored = TRUE`,
		} {
			if _, err := tx.exec(t.Context(), q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDumpedContent: the list of content is sorted and has own content, and that of upstreams only with the cache. The
// rows of files of upstreams say what is in the list.
func TestDumpedContent(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			d := openAt(t, fresh(t), Options{})
			putContent(t, d)
			sum := func(i int) string { return fmt.Sprintf("%064x", i) }
			key := func(part string, i int, generation string) string {
				return part + "/" + sum(i)[:2] + "/" + sum(i) + generation
			}
			own := []string{
				sum(1) + " 11 " + key("files", 1, ""), sum(3) + " - " + key("metadata", 3, ".ab"),
			}
			all := []string{
				own[0], sum(2) + " - " + key("metadata", 2, ""), own[1], sum(4) + " - " + key("metadata", 4, ".cd"),
			}
			for cache, want := range map[bool][]string{false: own, true: all} {
				var lines []string
				var b bytes.Buffer
				_, err := d.Dump(t.Context(), &b, backup.DumpOptions{WithCache: cache, Content: func(c backup.Content) error {
					lines = append(lines, strings.TrimSpace(string(c.AppendTo(nil))))
					return nil
				}})
				if err != nil || !slices.Equal(lines, want) {
					t.Errorf("Dump(cache %v) lists\n%v, %v, want\n%v", cache, lines, err, want)
				}
				_, rows, columns := readTables(t, b.Bytes())
				for _, c := range []string{"stored", "metadata_stored", "provenance_stored"} {
					got := rows["upstream_files"][0][slices.Index(columns["upstream_files"], c)]
					if want := cache || c == "stored"; got != want { // a file of this index has the same content
						t.Errorf("Dump(cache %v): %s = %v, want %v", cache, c, got, want)
					}
				}
				if _, ok := columns["upstream_pages"]; ok != cache {
					t.Errorf("Dump(cache %v) has upstream_pages: %v", cache, ok)
				}
			}
		})
	}
}

// TestDumpedBytes: bytes come back as bytes.
func TestDumpedBytes(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			d := openAt(t, fresh(t), Options{Now: func() time.Time { return time.Unix(1, 0) }})
			err := d.update(t.Context(), func(tx *Tx) error {
				_, err := tx.exec(t.Context(), `INSERT INTO upstream_lists (upstream, of_url, hashes, names, etag,
					last_modified, fetched_at, checked_at, problem) VALUES ('u', 1, $1, 2, '', '', 0, 0, '')`, []byte{0, 255, 10})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if _, err := d.Dump(t.Context(), &b, backup.DumpOptions{WithCache: true}); err != nil {
				t.Fatal(err)
			}
			_, rows, columns := readTables(t, b.Bytes())
			got := rows["upstream_lists"][0][slices.Index(columns["upstream_lists"], "hashes")]
			if b, ok := got.([]byte); !ok || !bytes.Equal(b, []byte{0, 255, 10}) {
				t.Errorf("hashes = %#v", got)
			}
		})
	}
}
