package synthetic

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

type postgresStore struct {
	conn    *pgx.Conn
	indexes []string // SQL of the dropped indexes
}

func openPostgres(ctx context.Context, url string) (*postgresStore, error) {
	conn, err := pgx.Connect(ctx, url)
	return &postgresStore{conn: conn}, err
}

func (s *postgresStore) number(ctx context.Context, q string) (n int64, err error) {
	err = s.conn.QueryRow(ctx, q).Scan(&n)
	return n, err
}

func (s *postgresStore) text(ctx context.Context, q string) (out string, err error) {
	err = s.conn.QueryRow(ctx, q).Scan(&out)
	return out, err
}

func (s *postgresStore) bytes(ctx context.Context) (int64, error) {
	return s.number(ctx, `SELECT pg_database_size(current_database())`)
}

// begin drops the indexes that no constraint needs. It turns off foreign key triggers if the account is allowed to.
func (s *postgresStore) begin(ctx context.Context) error {
	rows, err := s.conn.Query(ctx, `SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
		JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisunique AND NOT i.indisprimary`)
	if err != nil {
		return err
	}
	var names []string
	var name, text string
	_, err = pgx.ForEachRow(rows, []any{&name, &text}, func() error {
		names, s.indexes = append(names, name), append(s.indexes, text)
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.exec(ctx, `DROP INDEX `+name); err != nil {
			return err
		}
	}
	_ = s.exec(ctx, `SET session_replication_role = replica`) // only a superuser may; others wait longer
	return s.exec(ctx, `SET synchronous_commit = off; SET maintenance_work_mem = '512MB';
		CREATE TEMPORARY TABLE texts (project_id TEXT, number BIGINT, name TEXT, summary TEXT, keywords TEXT, people TEXT, classifiers TEXT, body TEXT);
		CREATE TEMPORARY TABLE cards (LIKE project_cards)`)
}

func (s *postgresStore) add(ctx context.Context, b *batch) error {
	tx, err := s.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	for i, rows := range b.rows {
		t := tables[i]
		switch i {
		case cards:
			t.name = "cards"
		case texts:
			t.name = "texts"
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(rows)); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	columns := tables[cards].columns
	_, err = tx.Exec(ctx,
		`INSERT INTO project_cards (`+strings.Join(columns, ", ")+`, document) SELECT c.`+strings.Join(columns, ", c.")+`,
		setweight(to_tsvector('simple', t.name), 'A') || setweight(to_tsvector('simple', t.summary), 'B') || setweight(to_tsvector('simple', t.keywords), 'B')
		|| setweight(to_tsvector('simple', t.people), 'C') || setweight(to_tsvector('simple', t.classifiers), 'D') || setweight(to_tsvector('simple', t.body), 'D')
		FROM cards c JOIN texts t ON t.project_id = c.project_id`)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx,
		`INSERT INTO counters (name, value) VALUES ($1, $2), ('serial', $3) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		nextName, b.upTo, b.serial)
	if err == nil {
		_, err = tx.Exec(ctx, `TRUNCATE cards, texts`)
	}
	if err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// finish recreates the indexes and collects the planner's statistics, as autovacuum would.
func (s *postgresStore) finish(ctx context.Context) error {
	for _, q := range append(s.indexes, sizesQuery, `DROP TABLE cards, texts`, `VACUUM ANALYZE`, `CHECKPOINT`) {
		if err := s.exec(ctx, q); err != nil && q != `CHECKPOINT` { // requires a superuser
			return err
		}
	}
	return nil
}

func (s *postgresStore) exec(ctx context.Context, q string) error {
	_, err := s.conn.Exec(ctx, q)
	return err
}

func (s *postgresStore) close(ctx context.Context) error {
	return s.conn.Close(context.WithoutCancel(ctx))
}
