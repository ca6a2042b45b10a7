package db

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// firstUpgraded is the oldest schema that the test upgrades: that of the release before there were epochs.
const firstUpgraded = 18

// meaningful lists the columns that the program must be able to parse. The others contain text that is hard to copy.
var meaningful = map[string]string{
	"repositories.members": "uploader", "projects.name": "p%d", "projects.status": "active", "users.name": "u%d",
	"blobs.blob_key": "files/ab/ab%d", "blobs.part": "files", "blobs.sha256": "ab%d", "blobs.generation": "",
}

// TestUpgrade: a database of each schema since 18, with rows in every table that it has, is opened by this program,
// keeps every row and value, is used, and moves to another database. A migration is covered by being there.
func TestUpgrade(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T, int64) string{
		"sqlite": sqliteOf, "postgres": func(t *testing.T, _ int64) string { return freshPostgres(t) },
	} {
		for _, version := range versionsSince(t, firstUpgraded) {
			t.Run(fmt.Sprintf("%s from %d", name, version), func(t *testing.T) {
				url := fresh(t, version)
				before := fillOld(t, url, version)
				d := openAt(t, url, Options{})
				checkKept(t, d, before)
				checkPendingReserved(t, d, version)
				checkSizesCounted(t, d)
				checkUsable(t, d)
				if _, err := d.Move(t.Context(), openAt(t, freshSQLite(t), Options{}), keepNothing); err != nil {
					t.Errorf("Move() of the upgraded database = %v", err)
				}
			})
		}
	}
}

// versionsSince returns the numbers of the migrations but the newest, from one on.
func versionsSince(t *testing.T, first int64) (out []int64) {
	t.Helper()
	for _, version := range versions(t) {
		if version >= first {
			out = append(out, version)
		}
	}
	if len(out) < 2 {
		t.Fatalf("there is no migration after %d", first)
	}
	return out[:len(out)-1]
}

// oldTable is a table of an old schema and its content.
type oldTable struct {
	name     string
	columns  []string
	booleans []bool
	held     tally
}

// fillOld gives a database an old schema, if it has none, and three rows in each table.
func fillOld(t *testing.T, url string, version int64) (out []oldTable) {
	t.Helper()
	d, err := connect(url, Options{}.filled())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := d.provider()
	if err == nil {
		_, err = p.UpTo(t.Context(), version)
	}
	if err != nil {
		t.Fatalf("making schema %d: %v", version, err)
	}
	err = d.update(t.Context(), func(tx *Tx) error {
		for _, name := range append(slices.Clone(moved), "project_cards", "requirements") {
			if !hasTable(t, url, name) || name == "reservations" && version < pendingReserved {
				continue
			}
			table := oldTable{name: name}
			if err := tx.fillTable(t.Context(), &table); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			out = append(out, table)
		}
		_, err := tx.exec(t.Context(), `UPDATE counters SET value = 4711 WHERE name = 'serial'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range out {
		out[i].held = held(t, d, out[i])
	}
	return out
}

// hasTable asks on a handle of its own: a question about a missing table ends a transaction of PostgreSQL.
func hasTable(t *testing.T, url, name string) bool {
	t.Helper()
	d, err := connect(url, Options{}.filled())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	rows, err := d.read.QueryContext(t.Context(), `SELECT * FROM `+name+` LIMIT 0`)
	if err != nil {
		return false
	}
	return rows.Close() == nil
}

// fillTable inserts three rows. Texts of row i are all alike, so that whatever refers to another table finds its row.
func (t *Tx) fillTable(ctx context.Context, table *oldTable) (err error) {
	if table.columns, table.booleans, err = t.columns(ctx, table.name); err != nil {
		return err
	}
	probe, err := t.inner.QueryContext(ctx, `SELECT `+strings.Join(table.columns, ", ")+` FROM `+table.name+` LIMIT 0`)
	if err != nil {
		return err
	}
	types, err := probe.ColumnTypes()
	probe.Close()
	if err != nil {
		return err
	}
	for c := len(types) - 1; c >= 0; c-- { // the full-text index of PostgreSQL is no value of ours
		if types[c].DatabaseTypeName() == "TSVECTOR" {
			table.columns, table.booleans, types = slices.Delete(table.columns, c, c+1), slices.Delete(table.booleans, c, c+1),
				slices.Delete(types, c, c+1)
		}
	}
	b := &batch{into: t, table: table.name, columns: table.columns}
	for i := range 3 {
		values := make([]any, len(table.columns))
		for c, column := range table.columns {
			said, known := meaningful[table.name+"."+column]
			switch {
			case table.name == "repositories" && column == "name" && i == 0:
				values[c] = catalog.MainRepository
			case known && strings.Contains(said, "%d"):
				values[c] = fmt.Sprintf(said, i)
			case known:
				values[c] = said
			case table.booleans[c]:
				values[c] = i%2 == 1
			case strings.HasPrefix(types[c].DatabaseTypeName(), "TEXT"):
				values[c] = fmt.Sprintf("é\t'%d", i)
			case types[c].DatabaseTypeName() == "BYTEA":
				values[c] = []byte{0, byte(i)}
			default:
				values[c] = int64(i)<<40 + 7
			}
		}
		if err := b.add(ctx, values); err != nil {
			return err
		}
	}
	return b.flush(ctx)
}

// held returns the content of a table in its old columns.
func held(t *testing.T, d *DB, table oldTable) (out tally) {
	t.Helper()
	err := d.view(t.Context(), func(tx *Tx) (err error) {
		out, err = tx.eachRow(t.Context(), table.name, table.columns, table.booleans, func([]any) error { return nil })
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", table.name, err)
	}
	return out
}

func checkKept(t *testing.T, d *DB, before []oldTable) {
	t.Helper()
	if len(before) < 30 {
		t.Errorf("only %d tables were filled", len(before))
	}
	for _, table := range before {
		if got := held(t, d, table); got != table.held || got.Rows != 3 {
			t.Errorf("%s holds %v after the upgrade, want %v", table.name, got, table.held)
		}
	}
}

// pendingReserved is the schema that reserves the names of pending publishers.
const pendingReserved = 41

// checkPendingReserved: the names that pending publishers of an older schema wait for are reserved until 90 days after
// their end.
func checkPendingReserved(t *testing.T, d *DB, version int64) {
	t.Helper()
	if version >= pendingReserved {
		return
	}
	var all, right int
	err := d.read.QueryRowContext(t.Context(), `SELECT COUNT(*), COUNT(p.id) FROM reservations r
		LEFT JOIN pending_publishers p ON p.id = r.subject AND p.project = r.pattern AND p.repository_id = r.repository_id
			AND r.why = 'pending' AND NOT r.is_prefix AND p.created_at = r.since
			AND r.ends_at = CASE WHEN p.expires_at = 0 THEN 0 ELSE p.expires_at + 90 * 24 * 3600 * CAST(1000000 AS BIGINT) END`,
	).Scan(&all, &right)
	if err != nil || all != 3 || right != 3 {
		t.Errorf("%d reservations after the upgrade, %d of them of pending publishers, %v; want 3 of 3", all, right, err)
	}
}

// checkSizesCounted: every repository of an upgraded database knows the total size of its projects.
func checkSizesCounted(t *testing.T, d *DB) {
	t.Helper()
	var total int64
	err := d.view(t.Context(), func(tx *Tx) error {
		differ, err := tx.RepositorySizesDiffer(t.Context())
		if err != nil || differ {
			return fmt.Errorf("sizes differ: %v, %w", differ, err)
		}
		total, err = one(t.Context(), tx, "size", scanNumber, `SELECT CAST(SUM(size) AS BIGINT) FROM repositories`)
		return err
	})
	if err != nil || total == 0 {
		t.Errorf("the sizes of the upgraded repositories add up to %d, %v", total, err)
	}
}

// checkUsable reads old rows as the program does, and makes a project.
func checkUsable(t *testing.T, d *DB) {
	t.Helper()
	ctx := t.Context()
	before, err := d.Stamp(ctx)
	if err != nil || before.Value != 4711 {
		t.Errorf("Stamp() = %v, %v, want it to go on at 4711", before, err)
	}
	old, _ := packaging.ParseProjectName("p0")
	name, _ := packaging.ParseProjectName("new")
	err = d.update(ctx, func(tx *Tx) error {
		main, err := tx.RepositoryByName(ctx, catalog.MainRepository)
		if err != nil {
			return err
		}
		if _, err := tx.ProjectByName(ctx, main.ID, old); err != nil {
			return fmt.Errorf("an old project: %w", err)
		}
		if _, err := tx.UserByName(ctx, "u1"); err != nil {
			return fmt.Errorf("an old user: %w", err)
		}
		p := catalog.Project{
			ID:         "new",
			Repository: main,
			Name:       name,
			Display:    "new",
			Status:     catalog.Active,
			CreatedAt:  d.options.Now(),
		}
		if p.Serial, err = tx.NextSerial(ctx); err != nil {
			return err
		}
		if p.Serial != 4712 {
			t.Errorf("NextSerial() = %d, want 4712", p.Serial)
		}
		if err := tx.InsertProject(ctx, p); err != nil {
			return err
		}
		if _, err = tx.ProjectByName(ctx, main.ID, name); err != nil {
			return err
		}
		return tx.trustNames(ctx, main.ID, name)
	})
	if err != nil {
		t.Errorf("using the upgraded database: %v", err)
	}
	if after, err := d.Stamp(ctx); err != nil || after.Epoch != before.Epoch || after.Value != 4712 {
		t.Errorf("Stamp() after a change = %v, %v, want 4712 in the epoch of %v", after, err, before)
	}
}

// trustNames lets a new publisher upload to a new project and to what is named alike, by a new token.
func (t *Tx) trustNames(ctx context.Context, repositoryID string, name packaging.ProjectName) error {
	p, err := t.PutPublisher(ctx, publishers.Publisher{ID: "new", Issuer: "https://issuer.example", Lookup: "acme/new"})
	if err != nil {
		return err
	}
	prefix, err := packaging.ParseNamePrefix(name.String())
	if err != nil {
		return err
	}
	r := publishers.RepositoryPublisher{
		ID:           "wide",
		Publisher:    p,
		RepositoryID: repositoryID,
		Prefix:       prefix,
		Creates:      true,
	}
	if err := t.InsertRepositoryPublisher(ctx, r); err != nil {
		return err
	}
	if err := t.InsertToken(ctx, access.Token{ID: "new", Kind: access.TokenMinted, Hash: "new"}); err != nil {
		return err
	}
	if err := t.InsertTokenNames(ctx, "new", "wide"); err != nil {
		return err
	}
	names, err := t.TokenNames(ctx, "new")
	if err == nil && (len(names) != 1 || !names[0].Covers(repositoryID, name) || !names[0].Creates) {
		err = fmt.Errorf("TokenNames() = %v, want one that covers %s", names, name)
	}
	return err
}
