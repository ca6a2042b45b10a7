package db

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/storage/postgrestest"
	"pyindex/internal/upstream/files"
)

func openAt(t *testing.T, url string, o Options) *DB {
	t.Helper()
	d, err := Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func freshPostgres(t *testing.T) string {
	t.Helper()
	postgrestest.Skip(t)
	return postgrestest.Schema(t)
}

// fill puts rows into every table. Texts of row i are all alike, so that whatever refers to another table finds its
// row.
func fill(t *testing.T, d *DB, rows int) {
	t.Helper()
	err := d.update(t.Context(), func(tx *Tx) error {
		for _, table := range moved {
			columns, booleans, err := tx.columns(t.Context(), table)
			if err != nil {
				return err
			}
			kinds, err := tx.inner.QueryContext(t.Context(), `SELECT * FROM `+table+` LIMIT 0`)
			if err != nil {
				return err
			}
			types, _ := kinds.ColumnTypes()
			kinds.Close()
			b := &batch{into: tx, table: table, columns: columns}
			for i := range rows {
				values := make([]any, len(columns))
				for c := range columns {
					switch {
					case booleans[c]:
						values[c] = i%2 == 1
					case strings.HasPrefix(types[c].DatabaseTypeName(), "TEXT"):
						values[c] = fmt.Sprintf("é\t'%d", i)
					case types[c].DatabaseTypeName() == "BYTEA":
						values[c] = []byte{0, byte(i)}
						if i == 1 {
							values[c] = []byte{}
						}
					default:
						values[c] = int64(i)<<40 + 7
					}
				}
				if err := b.add(t.Context(), values); err != nil {
					return fmt.Errorf("%s: %w", table, err)
				}
			}
			if err := b.flush(t.Context()); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		if err := tx.leaveUpstreamContent(t.Context()); err != nil { // as Move does
			return err
		}
		_, err := tx.exec(t.Context(), `UPDATE counters SET value = 4711 WHERE name = 'serial'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tallies returns the content of each table.
func tallies(t *testing.T, d *DB) map[string]tally {
	t.Helper()
	out := map[string]tally{}
	err := d.view(t.Context(), func(tx *Tx) error {
		for _, table := range moved {
			columns, booleans, err := tx.columns(t.Context(), table)
			if err != nil {
				return err
			}
			if out[table], err = tx.eachRow(t.Context(), table, columns, booleans,
				func([]any) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func keepNothing(each func(func(custody.Stored) error) error) error {
	return each(func(custody.Stored) error { return nil })
}

// TestMovedTables checks that every table of the migrations is either copied or rebuilt.
func TestMovedTables(t *testing.T) {
	d := openAt(t, freshSQLite(t), Options{})
	var all []string
	err := d.view(t.Context(), func(tx *Tx) (err error) {
		all, err = many(t.Context(), tx, scanText, `SELECT name FROM sqlite_master WHERE type = 'table'
			AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%' AND name NOT LIKE 'project_text%' ORDER BY name`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := append(append([]string{"counters"}, moved...), rebuilt...)
	slices.Sort(want)
	if !slices.Equal(all, want) {
		t.Errorf("the tables are\n%v, Move knows\n%v", all, want)
	}
}

// TestMove: every row arrives on the other database and comes back, the counter goes on, and the old place takes no
// more.
func TestMove(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			first, second, third := openAt(t, freshSQLite(t), Options{}), openAt(t, fresh(t), Options{}),
				openAt(t, freshSQLite(t), Options{})
			fill(t, first, 1200)
			before := tallies(t, first)
			done, err := first.Move(t.Context(), second, keepNothing)
			if err != nil {
				t.Fatalf("Move() = %v", err)
			}
			if len(done) != len(moved) || done[0].Rows != 1201 { // with main
				t.Errorf("Move() = %v", done)
			}
			if _, err := second.Move(t.Context(), third, keepNothing); err != nil {
				t.Fatalf("Move() back = %v", err)
			}
			for table, got := range tallies(t, third) {
				if got != before[table] {
					t.Errorf("%s holds %v after two moves, want %v", table, got, before[table])
				}
			}
			for i, d := range []*DB{second, third} {
				if n, err := d.Serial(t.Context()); err != nil || n != 4711 {
					t.Errorf("Serial() of copy %d = %d, %v, want it to go on at 4711", i, n, err)
				}
			}
			for i, d := range []*DB{first, second} {
				if err := next(t, d); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "moved") {
					t.Errorf("a change of database %d, which was moved = %v, want unavailable", i, err)
				}
			}
			if err := next(t, third); err != nil {
				t.Errorf("a change of the last copy = %v", err)
			}
		})
	}
}

// TestMoveLeavesUpstreamContent checks that a move brings the digests of upstreams' files, but not their content, and
// that the copy does not expect that content.
func TestMoveLeavesUpstreamContent(t *testing.T) {
	from, to := openAt(t, freshSQLite(t), Options{}), openAt(t, freshSQLite(t), Options{})
	sum := strings.Repeat("ab", 32)
	row := files.Row{
		Key: files.Key{Upstream: "public", Path: "x"}, Project: "p", Filename: "p-1.tar.gz", SHA256: sum, Size: 5,
		Stored: true, Metadata: files.Sibling{SHA256: sum, Stored: true},
	}
	err := from.update(t.Context(), func(tx *Tx) error {
		if _, err := tx.HoldBlob(t.Context(), custody.FileKey(sum), "", time.Now()); err != nil {
			return err
		}
		if err := tx.PutUpstreamFile(t.Context(), row); err != nil {
			return err
		}
		_, err := tx.ReleaseBlob(t.Context(), custody.FileKey(sum), true)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	if _, err := from.Move(t.Context(), to, func(each func(func(custody.Stored) error) error) error {
		return each(func(custody.Stored) error { moved++; return nil })
	}); err != nil || moved != 0 {
		t.Fatalf("Move() = %v with %d blobs, want none", err, moved)
	}
	err = to.update(t.Context(), func(tx *Tx) error {
		got, err := tx.UpstreamFile(t.Context(), row.Key)
		if err == nil && (got.SHA256 != sum || got.Stored || got.Metadata.Stored || got.Metadata.SHA256 != sum) {
			t.Errorf("the row arrived as %+v, want its digests and nothing stored", got)
		}
		gone, err2 := tx.AbandonedBlobs(t.Context(), time.Now().Add(time.Hour), 10)
		if len(gone) != 1 {
			t.Errorf("the copy expects the content: AbandonedBlobs() = %v", gone)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func next(t *testing.T, d *DB) error {
	return d.update(t.Context(), func(tx *Tx) error { _, err := tx.NextSerial(t.Context()); return err })
}

// TestMoveRefuses checks that no index is overwritten, and none is moved twice.
func TestMoveRefuses(t *testing.T) {
	from, full, empty := openAt(t, freshSQLite(t), Options{}), openAt(t, freshSQLite(t), Options{}),
		openAt(t, freshSQLite(t), Options{})
	fill(t, from, 2)
	fill(t, full, 1)
	before := tallies(t, full)
	if _, err := from.Move(t.Context(), full, keepNothing); !fault.Is(err, fault.Conflict) {
		t.Errorf("Move(to an index with content) = %v, want conflict", err)
	}
	if got := tallies(t, full); got["users"] != before["users"] {
		t.Error("a refused move changed the other database")
	}
	if err := next(t, from); err != nil {
		t.Errorf("a change after a refused move = %v", err)
	}
	lost := errors.New("the bytes did not arrive")
	if _, err := from.Move(t.Context(), empty,
		func(func(func(custody.Stored) error) error) error { return lost }); !errors.Is(err, lost) {
		t.Errorf("Move() without its bytes = %v, want %v", err, lost)
	}
	if got := tallies(t, empty); got["users"].Rows != 0 {
		t.Error("rows arrived whose bytes did not")
	}
	if _, err := from.Move(t.Context(), empty, keepNothing); err != nil {
		t.Fatalf("Move() = %v", err)
	}
	if _, err := from.Move(t.Context(), openAt(t, freshSQLite(t), Options{}), keepNothing); !fault.Is(err,
		fault.Conflict) {
		t.Errorf("Move() of what was moved = %v, want conflict", err)
	}
	if at, err := from.MovedAt(t.Context()); err != nil || at.IsZero() {
		t.Errorf("MovedAt() = %v, %v", at, err)
	}
	for _, want := range []bool{true, false} {
		if was, err := from.Stay(t.Context()); err != nil || was != want {
			t.Errorf("Stay() = %v, %v, want %v", was, err, want)
		}
	}
	if err := next(t, from); err != nil {
		t.Errorf("a change after Stay = %v", err)
	}
}

// TestMoveBreaks: whichever step of either side fails, before or after it took effect, the old place has everything,
// and moving again ends well, unless the move was done.
func TestMoveBreaks(t *testing.T) {
	for _, side := range []string{"from", "to"} {
		for _, after := range []bool{false, true} {
			for n := 1; ; n += 17 {
				if broke := breakAt(t, side, n, after); !broke {
					break
				}
			}
		}
	}
}

func breakAt(t *testing.T, side string, n int, after bool) (broke bool) {
	t.Helper()
	armed, step := false, 0
	hook := func(_ Step, do func() error) error {
		if !armed {
			return do()
		}
		if step++; step != n {
			return do()
		}
		broke = true
		if after {
			do()
		}
		return errors.New("the machine went")
	}
	var o [2]Options
	o[map[string]int{"from": 0, "to": 1}[side]].Hook = hook
	from, to := openAt(t, freshSQLite(t), o[0]), openAt(t, freshSQLite(t), o[1])
	fill(t, from, 3)
	want := tallies(t, from)
	armed = true
	_, err := from.Move(t.Context(), to, keepNothing)
	armed = false
	what := fmt.Sprintf("%s breaks at step %d (after: %v)", side, n, after)
	if broke && err == nil {
		t.Errorf("%s: Move() = nil", what)
	}
	at, failed := from.MovedAt(t.Context())
	if failed != nil {
		t.Fatalf("%s: %v", what, failed)
	}
	if at.IsZero() {
		if _, err := from.Move(t.Context(), to, keepNothing); err != nil {
			t.Errorf("%s: moving again = %v", what, err)
		}
	}
	for _, d := range []*DB{from, to} {
		for table, got := range tallies(t, d) {
			if got.Rows != want[table].Rows {
				t.Fatalf("%s: %s has %d rows, want %d", what, table, got.Rows, want[table].Rows)
			}
		}
	}
	return broke
}
