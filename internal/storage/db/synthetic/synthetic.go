package synthetic

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
)

// Options say what is to be in the database when Fill is done.
type Options struct {
	Projects    int       // made-up projects in all; those of earlier calls count
	Files       int       // files of the projects that this call adds
	Largest     int       // files of project number 0, where twice as many are to be given; 10,000 when 0
	Description int       // bytes of a description, on average; 1,500 when 0
	Seed        uint64    // another one gives other sizes, words and digests
	Until       time.Time // the newest upload; the time of the call when zero
	Say         func(done, of int)
}

// Fill adds projects until there are as many as Options says; there may be none to add. The database is made when it is
// missing. An unknown URL is fault.Invalid.
func Fill(ctx context.Context, url string, o Options) error {
	if err := migrate(ctx, url); err != nil {
		return err
	}
	s, err := open(ctx, url)
	if err != nil {
		return err
	}
	err = fill(ctx, s, o.filled())
	if closed := s.close(ctx); err == nil {
		err = closed
	}
	return err
}

// Size is how much a database holds.
type Size struct{ Projects, Files, Bytes int64 }

// Measure looks at a database: rows of projects and files, bytes on disk.
func Measure(ctx context.Context, url string) (z Size, err error) {
	s, err := open(ctx, url)
	if err != nil {
		return z, err
	}
	if z.Projects, err = s.number(ctx, `SELECT COUNT(*) FROM projects`); err == nil {
		z.Files, err = s.number(ctx, `SELECT COUNT(*) FROM files`)
	}
	if err == nil {
		z.Bytes, err = s.bytes(ctx)
	}
	if closed := s.close(ctx); err == nil {
		err = closed
	}
	return z, err
}

func (o Options) filled() Options {
	if o.Description == 0 {
		o.Description = 1500
	}
	if o.Largest == 0 {
		o.Largest = 10_000
	}
	if o.Until.IsZero() {
		o.Until = time.Now()
	}
	if o.Say == nil {
		o.Say = func(int, int) {}
	}
	return o
}

// migrate makes the tables as the program does.
func migrate(ctx context.Context, url string) error {
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return err
	}
	return d.Close()
}

// store is a database that takes rows in bulk.
type store interface {
	number(ctx context.Context, query string) (int64, error)
	text(ctx context.Context, query string) (string, error)
	bytes(ctx context.Context) (int64, error)
	begin(ctx context.Context) error // makes it fast
	add(ctx context.Context, b *batch) error
	finish(ctx context.Context) error // makes it whole again
	close(ctx context.Context) error
}

func open(ctx context.Context, url string) (store, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, strings.TrimPrefix(rest, "//"))
	case "postgres", "postgresql":
		return openPostgres(ctx, url)
	}
	return nil, fault.New(fault.Invalid, "database %q is not known", scheme+":")
}

// perBatch is how many rows of files, about, are written at once.
const perBatch = 20_000

// fill writes while the next rows are being made.
func fill(ctx context.Context, s store, o Options) error {
	m, err := newMaker(ctx, s, o)
	if err != nil || m.next >= o.Projects {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan *batch, 1)
	go func() {
		defer close(batches)
		for b := m.batch(); b != nil; b = m.batch() {
			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	for b := range batches {
		if err := s.add(ctx, b); err != nil {
			return fmt.Errorf("adding rows: %w", err)
		}
		o.Say(b.upTo, o.Projects)
	}
	if err := s.finish(ctx); err != nil {
		return fmt.Errorf("finishing: %w", err)
	}
	return ctx.Err()
}

// Made returns how many made-up projects the database has; it is made when it is missing.
func Made(ctx context.Context, url string) (int, error) {
	if err := migrate(ctx, url); err != nil {
		return 0, err
	}
	s, err := open(ctx, url)
	if err != nil {
		return 0, err
	}
	n, err := s.number(ctx, madeQuery)
	if closed := s.close(ctx); err == nil {
		err = closed
	}
	return int(n), err
}
