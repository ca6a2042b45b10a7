package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/backup"
	"pyindex/internal/fault"
)

// dumpOf dumps a database as a backup does.
func dumpOf(t *testing.T, d *DB, secrets bool) backup.LoadOptions {
	t.Helper()
	var rows, sealed bytes.Buffer
	o := backup.DumpOptions{}
	if secrets {
		o.Secrets = &sealed
	}
	out, err := d.Dump(t.Context(), &rows, o)
	if err != nil {
		t.Fatal(err)
	}
	id, err := d.Instance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	load := backup.LoadOptions{
		Manifest: backup.Manifest{
			ID: "20261129T214500Z-4f1c", Schema: out.Schema, Instance: id, At: out.At, Serial: out.Serial, Epoch: out.Epoch,
			AuditHead: out.Head, Tables: out.Tables,
		},
		Rows:    opening(rows.Bytes()),
		Scratch: t.TempDir(),
		Actor:   audit.Actor{Kind: "operator", Name: "test"},
	}
	if secrets {
		load.Secrets = opening(sealed.Bytes())
	}
	return load
}

func opening(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// each pair of databases, from and to.
func eachLoad(t *testing.T, f func(t *testing.T, from, to *DB)) {
	for _, pair := range []struct {
		name     string
		from, to func(*testing.T) string
	}{
		{"sqlite to sqlite", freshSQLite, freshSQLite},
		{"sqlite to postgres", freshSQLite, freshPostgres},
		{"postgres to sqlite", freshPostgres, freshSQLite},
	} {
		t.Run(pair.name, func(t *testing.T) {
			f(t, openAt(t, pair.from(t), Options{}), openAt(t, pair.to(t), Options{Restoring: true}))
		})
	}
}

// number returns the number that a statement selects.
func (d *DB) number(t *testing.T, q string) (n int64) {
	t.Helper()
	if err := d.view(t.Context(), func(tx *Tx) (err error) {
		n, err = one(t.Context(), tx, "number", scanNumber, q)
		return err
	}); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return n
}

func (d *DB) run(t *testing.T, all ...string) {
	t.Helper()
	if err := d.update(t.Context(), func(tx *Tx) error {
		for _, q := range all {
			if _, err := tx.exec(t.Context(), q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// credentials are rows of everything that a restore ends, with two users of whom one has an authenticator.
func credentials(t *testing.T, d *DB) {
	t.Helper()
	ctx := t.Context()
	dir := access.NewDirectory(d.Access(), access.DirectoryOptions{})
	boss := access.Operator("test")
	for _, name := range []string{"ann", "bob"} {
		if _, err := dir.AddUser(ctx, boss, access.NewUser{Name: name, Password: "winter garden copper"}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := dir.CreateToken(ctx, boss, access.NewAPIToken{User: name, Scope: access.ScopeUpload}); err != nil {
			t.Fatal(err)
		}
	}
	d.run(t,
		`INSERT INTO totps (user_id, secret, created_at, confirmed_at, last_step) SELECT id, 'JBSWY3DPEHPK3PXP', 1, CASE name WHEN 'ann' THEN 1 ELSE 0 END, 0 FROM users`,
		`INSERT INTO recovery_codes (user_id, hash, used_at) SELECT id, 'h', 0 FROM users WHERE name = 'ann'`,
		`INSERT INTO sessions (id, hash, user_id, method, agent, address, created_at, seen_at, confirmed_at, expires_at, ended_at) SELECT 's', 's', id, 'password', '', '', 1, 1, 1, 9000000000000000, 0 FROM users WHERE name = 'ann'`,
		`INSERT INTO links (id, hash, kind, user_id, invitation, created_by, created_at, expires_at, used_at, tries) SELECT 'l', 'l', 'reset', id, '', '', 1, 9000000000000000, 0, 0 FROM users WHERE name = 'ann'`,
		`INSERT INTO challenges (hash, user_id, state, expires_at) VALUES ('c', '', '', 9000000000000000)`,
		`INSERT INTO outbox (id, address, subject, text, created_at, due_at, tries) VALUES ('o', 'a@b', 's', 't', 1, 1, 0)`,
		`INSERT INTO keys (name, secret, created_at) VALUES ('challenges', 'sealing', 1)`,
		`INSERT INTO tokens (id, kind, hash, user_id, scope, description, limited, created_at, expires_at, last_used_at, revoked_at, publisher, claims, single_use) VALUES ('m', 'minted', 'mh', '', 'upload', '', TRUE, 1, 9000000000000000, 0, 0, '', '{}', TRUE)`,
	)
}

// TestRestoreEndsWhatMayHaveBeenRevoked: sessions, links, challenges, letters and minted tokens end; API tokens end
// unless they are kept; the index has another id, a serial a million further on that every project has, and is in the
// state recovered; the audit log names the restored head.
func TestRestoreEndsWhatMayHaveBeenRevoked(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("keep %v", keep), func(t *testing.T) {
			eachLoad(t, func(t *testing.T, from, to *DB) {
				credentials(t, from)
				from.run(t, `INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial, size, created_at) SELECT 'p', id, 'demo', 'demo', 'active', '', 7, 0, 1 FROM repositories`)
				o := dumpOf(t, from, false)
				o.KeepTokens = keep
				out, err := to.Load(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				tokens, kept := int64(2), int64(0)
				if keep {
					tokens, kept = 0, 2
				}
				if out.Sessions != 1 || out.Links != 1 || out.Minted != 1 || out.Tokens != tokens || out.TokensKept != kept ||
					!slices.Equal(out.LostFactors, []string{"ann"}) {
					t.Errorf("Load() = %+v", out)
				}
				for q, want := range map[string]int64{
					`SELECT COUNT(*) FROM sessions`:                                                 0,
					`SELECT COUNT(*) FROM links`:                                                    0,
					`SELECT COUNT(*) FROM challenges`:                                               0,
					`SELECT COUNT(*) FROM outbox`:                                                   0,
					`SELECT COUNT(*) FROM tokens WHERE kind = 'minted' AND revoked_at = 0`:          0,
					`SELECT COUNT(*) FROM tokens WHERE kind = 'api' AND revoked_at = 0`:             kept,
					`SELECT COUNT(*) FROM keys`:                                                     1,
					`SELECT COUNT(*) FROM totps WHERE secret = '' AND confirmed_at > 0`:             1,
					`SELECT COUNT(*) FROM totps`:                                                    1,
					`SELECT COUNT(*) FROM recovery_codes`:                                           1,
					`SELECT COUNT(*) FROM counters WHERE name = 'restoring'`:                        0,
					`SELECT COUNT(*) FROM backups`:                                                  1,
					`SELECT COUNT(*) FROM instances`:                                                1,
					`SELECT value FROM counters WHERE name = 'serial'`:                              o.Manifest.Serial + restoreGap,
					`SELECT serial FROM projects`:                                                   o.Manifest.Serial + restoreGap,
					`SELECT COUNT(*) FROM audit WHERE action = 'restore'`:                           1,
					`SELECT COUNT(*) FROM counters WHERE name = 'recovered' AND epoch LIKE '2026%'`: 1,
				} {
					if got := to.number(t, q); got != want {
						t.Errorf("%s = %d, want %d", q, got, want)
					}
				}
				if id, err := to.Instance(t.Context()); err != nil || id == o.Manifest.Instance || id != out.Instance {
					t.Errorf("the id is %q, %v; it was %q", id, err, o.Manifest.Instance)
				}
				entries, err := many1(t, to, `SELECT detail FROM audit WHERE action = 'restore'`)
				if err != nil || !strings.Contains(entries, o.Manifest.AuditHead.ID) {
					t.Errorf("the audit entry %s does not name the restored head %s", entries, o.Manifest.AuditHead.ID)
				}
			})
		})
	}
}

func many1(t *testing.T, d *DB, q string) (s string, err error) {
	err = d.view(t.Context(), func(tx *Tx) error {
		s, err = one(t.Context(), tx, "text", scanText, q)
		return err
	})
	return s, err
}

// TestRestoreOfSecrets: with the secrets of a backup, authenticators and sealing keys are those of before. The id of
// the index is a new one all the same.
func TestRestoreOfSecrets(t *testing.T) {
	eachLoad(t, func(t *testing.T, from, to *DB) {
		credentials(t, from)
		o := dumpOf(t, from, true)
		out, err := to.Load(t.Context(), o)
		if err != nil || len(out.LostFactors) != 0 {
			t.Fatalf("Load() = %+v, %v", out, err)
		}
		for q, want := range map[string]int64{
			`SELECT COUNT(*) FROM totps WHERE secret = 'JBSWY3DPEHPK3PXP'`: 2,
			`SELECT COUNT(*) FROM keys WHERE secret = 'sealing'`:           1,
			`SELECT COUNT(*) FROM keys`:                                    2,
		} {
			if got := to.number(t, q); got != want {
				t.Errorf("%s = %d, want %d", q, got, want)
			}
		}
		if id, _ := to.Instance(t.Context()); id == o.Manifest.Instance {
			t.Error("the id of the index is the old one")
		}
	})
}

// TestRestoreIsAllOrNothing: rows that are damaged, cut off, of other tables or columns, or not those of the manifest
// leave the database empty and marked, and the same restore then succeeds. A server does not open it meanwhile.
func TestRestoreIsAllOrNothing(t *testing.T) {
	eachLoad(t, func(t *testing.T, from, to *DB) {
		credentials(t, from)
		good := dumpOf(t, from, false)
		r, err := good.Rows()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if resumed, err := to.BeginRestore(t.Context(), good.Manifest.ID); err != nil || resumed {
			t.Fatalf("BeginRestore() = %v, %v", resumed, err)
		}
		changed := func(old, new string) []byte {
			if !bytes.Contains(text, []byte(old)) {
				t.Fatalf("the rows lack %s", old)
			}
			return bytes.Replace(text, []byte(old), []byte(new), 1)
		}
		hostile := `users; DROP TABLE users; --`
		for what, rows := range map[string][]byte{
			"empty":            nil,
			"cut off":          text[:len(text)-20],
			"cut in a row":     text[:len(text)/2],
			"another value":    changed(`"ann"`, `"eve"`),
			"another table":    changed(`{"table":"users"`, `{"table":"sqlite_master"`),
			"a hostile table":  changed(`{"table":"users"`, `{"table":"`+hostile+`"`),
			"a hostile column": changed(`"columns":["id"`, `"columns":["id) VALUES (1); --"`),
			"a newer format":   changed(`"format":1`, `"format":99`),
			"another schema":   changed(`"schema":`, `"schema":1`),
		} {
			o := good
			o.Rows = opening(rows)
			if _, err := to.Load(t.Context(), o); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: Load() = %v", what, err)
			}
			if n := to.number(t, `SELECT COUNT(*) FROM users`); n != 0 {
				t.Errorf("%s: %d users are there", what, n)
			}
			if err := to.update(t.Context(),
				func(tx *Tx) error { _, err := tx.NextSerial(t.Context()); return err }); !fault.Is(err,
				fault.Unavailable) {
				t.Errorf("%s: the database takes changes meanwhile: %v", what, err)
			}
		}
		other := good
		other.Manifest.Tables = slices.Clone(good.Manifest.Tables)
		other.Manifest.Tables[1].Rows++
		if _, err := to.Load(t.Context(), other); !fault.Is(err, fault.Invalid) {
			t.Errorf("Load(another manifest) = %v", err)
		}
		newer := good
		newer.Manifest.Schema++
		if _, err := to.Load(t.Context(), newer); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "schema") {
			t.Errorf("Load(a newer schema) = %v", err)
		}
		to.options.Restoring = false
		if err := to.checkRestored(t.Context()); !fault.Is(err, fault.Unavailable) ||
			!strings.Contains(err.Error(), good.Manifest.ID) {
			t.Errorf("opening the database for a server = %v", err)
		}
		to.options.Restoring = true
		if resumed, err := to.BeginRestore(t.Context(), good.Manifest.ID); err != nil || !resumed {
			t.Errorf("BeginRestore(again) = %v, %v", resumed, err)
		}
		if _, err := to.Load(t.Context(), good); err != nil {
			t.Fatalf("Load() = %v", err)
		}
		to.options.Restoring = false
		if err := to.checkRestored(t.Context()); err != nil {
			t.Errorf("opening the restored database = %v", err)
		}
		if _, err := to.Load(t.Context(), good); !fault.Is(err, fault.Conflict) {
			t.Errorf("Load(into an index) = %v", err)
		}
		if _, err := to.BeginRestore(t.Context(), "x"); !fault.Is(err, fault.Conflict) {
			t.Errorf("BeginRestore(an index) = %v", err)
		}
	})
}

// TestRestoreOfAnOlderSchema: rows of an older schema become those that an upgrade of the database itself makes of
// them.
func TestRestoreOfAnOlderSchema(t *testing.T) {
	ctx := t.Context()
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": emptySQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			// An older index, filled, whose rows are dumped by a program of its time: this one with fewer tables.
			const schema = 46
			url := fresh(t)
			old, err := connect(url, Options{}.filled())
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(old.dialect.check(ctx, old.write), old.upTo(ctx, schema)); err != nil {
				t.Fatal(err)
			}
			old.run(t,
				`INSERT INTO repositories (id, name, members, public, created_at) VALUES ('r1', 'main', 'uploader', TRUE, 1)`,
				`UPDATE counters SET epoch = 'e', value = 12 WHERE name = 'serial'`,
				`INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial, size, created_at) VALUES ('p', 'r1', 'demo', 'Demo', 'active', '', 7, 0, 1)`,
				`INSERT INTO names (name, origin, since, by_kind, by_id, by_name, why) VALUES ('demo', 'own', 1, '', '', '', 'project')`,
				`INSERT INTO tombstones (repository_id, name_key, filename, deleted_at) VALUES ('r1', 'k', 'f', 3)`,
			)
			o := dumpOld(t, old, schema)
			old.Close()

			to := openAt(t, freshSQLite(t), Options{Restoring: true})
			if _, err := to.Load(ctx, o); err != nil {
				t.Fatal(err)
			}
			upgraded := openAt(t, url, Options{})
			for _, table := range []string{"repositories", "names", "tombstones", "releases", "files"} {
				if a, b := rowsOf(t, upgraded, table), rowsOf(t, to, table); a != b {
					t.Errorf("table %s is\n%s\nafter the restore, and after an upgrade\n%s", table, b, a)
				}
			}
			if n := to.number(t, `SELECT COUNT(*) FROM projects WHERE name = 'demo' AND serial = 1000012`); n != 1 {
				t.Error("the project is not there with the serial of the new epoch")
			}
			if v, err := to.SchemaVersion(ctx); err != nil || v <= schema {
				t.Errorf("the schema is %d, %v", v, err)
			}
		})
	}
}

// dumpOld writes the rows of the tables that a database of an older schema has.
func dumpOld(t *testing.T, d *DB, schema int64) backup.LoadOptions {
	t.Helper()
	var rows bytes.Buffer
	o := backup.LoadOptions{
		Manifest: backup.Manifest{ID: "old", Schema: schema, Instance: "older", Serial: 12, Epoch: "e", At: time.Now()},
		Scratch:  t.TempDir(),
	}
	err := d.view(t.Context(), func(tx *Tx) error {
		p := &dumping{t: tx}
		var names []string
		for _, name := range moved {
			if name != "instances" && readable(t.Context(), d, name) {
				names = append(names, name)
			}
		}
		var err error
		o.Manifest.Tables, err = p.write(t.Context(), &rows, backup.Header{Schema: schema, Serial: 12, Epoch: "e"}, names,
			func(table string) dumped { return withheld[table] })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Rows = opening(rows.Bytes())
	return o
}

func readable(ctx context.Context, d *DB, table string) bool {
	rows, err := d.read.QueryContext(ctx, `SELECT * FROM `+table+` LIMIT 0`)
	if err != nil {
		return false
	}
	rows.Close()
	return true
}

// rowsOf returns the rows of a table as sorted text, with the columns by name.
func rowsOf(t *testing.T, d *DB, table string) string {
	t.Helper()
	var out []string
	if err := d.view(t.Context(), func(tx *Tx) error {
		columns, booleans, err := tx.columns(t.Context(), table)
		if err != nil {
			return err
		}
		_, err = tx.eachRow(t.Context(), table, columns, booleans, func(values []any) error {
			var row []string
			for i, v := range values {
				row = append(row, fmt.Sprint(columns[i], "=", v))
			}
			slices.Sort(row)
			out = append(out, strings.Join(row, " "))
			return nil
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
