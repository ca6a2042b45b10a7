package synthetic

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
)

// Options specifies the content of the database after Fill.
type Options struct {
	Projects    int       // total of generated projects, including those of earlier calls
	Files       int       // files of the projects that this call adds
	Largest     int       // files of project number 0, if Files is at least twice as many; 10,000 if 0
	Description int       // average bytes of a description; 1,500 if 0
	Seed        uint64    // determines sizes, words and digests
	Until       time.Time // time of the newest upload; the time of the call if zero
	Say         func(done, of int)
}

// Fill adds projects until there are as many as o.Projects. It creates the database if it is missing, and returns
// fault.Invalid for an unknown URL.
func Fill(ctx context.Context, url string, o Options) error {
	if err := migrate(ctx, url); err != nil {
		return err
	}
	s, err := open(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(fill(ctx, s, o.filled()), s.close(ctx))
}

// Size is the amount of data in a database.
type Size struct{ Projects, Files, Bytes int64 }

// Measure returns the number of projects and files of a database, and its bytes on disk.
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
	return z, errors.Join(err, s.close(ctx))
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

func migrate(ctx context.Context, url string) error {
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return err
	}
	return d.Close()
}

// store is a database that accepts rows in bulk.
type store interface {
	number(ctx context.Context, query string) (int64, error)
	text(ctx context.Context, query string) (string, error)
	bytes(ctx context.Context) (int64, error)
	begin(ctx context.Context) error // trades durability for speed
	add(ctx context.Context, b *batch) error
	finish(ctx context.Context) error // restores indexes and settings
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
	return nil, fault.New(fault.Invalid, "unknown database %q", scheme+":")
}

// perBatch is the approximate number of file rows written at once.
const perBatch = 20_000

// fill writes rows while the next ones are being generated.
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

// Made returns the number of generated projects in the database, which is created if it is missing.
func Made(ctx context.Context, url string) (int, error) {
	if err := migrate(ctx, url); err != nil {
		return 0, err
	}
	s, err := open(ctx, url)
	if err != nil {
		return 0, err
	}
	n, err := s.number(ctx, madeQuery)
	return int(n), errors.Join(err, s.close(ctx))
}
