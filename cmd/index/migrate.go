package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
)

// migrateCmd moves an index, rows and bytes, to another database and another store. Bytes are copied and read back first,
// while servers run; then writes are refused until the rows are over, and here for good.
type migrateCmd struct {
	To        string `placeholder:"FILE" help:"Configuration of the new place: a TOML file with its [database] and [storage]."`
	BytesOnly bool   `help:"Copy and verify bytes, and stop: the move itself then takes less time."`
	DryRun    bool   `help:"Say what would be copied."`
	Stay      bool   `help:"Take back that this index was moved: it takes changes again."`
	JSON      bool   `name:"json" help:"Write JSON."`
}

// migrated is the outcome as --json has it.
type migrated struct {
	Objects int64           `json:"objects"` // files, and the metadata of files
	Bytes   int64           `json:"bytes"`
	Sent    int64           `json:"bytes_sent"` // others were there, and were verified
	Tables  []migratedTable `json:"tables"`     // none with --bytes-only
	Done    bool            `json:"done"`
}

type migratedTable struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// Run does one of three things: a move, the first half of one, or taking one back.
func (c *migrateCmd) Run(s *session) error {
	if (c.To == "") == !c.Stay {
		return fault.New(fault.Invalid, "say where to with --to FILE, a TOML file with [database] and [storage] of the new place; or --stay")
	}
	return s.with(func(a *app) error {
		if c.Stay {
			return c.stay(s, a)
		}
		return c.move(s, a)
	})
}

func (c *migrateCmd) stay(s *session, a *app) error {
	was, err := a.db.Stay(s.ctx)
	if err != nil {
		return err
	}
	if !was {
		return fault.New(fault.Conflict, "this index was not moved: it takes changes")
	}
	fmt.Fprintln(s.out, "this index takes changes again; what the other place took since is not here")
	return nil
}

func (c *migrateCmd) move(s *session, a *app) error {
	target, err := readTarget(c.To)
	if err != nil {
		return err
	}
	if err := a.config.differs(target); err != nil {
		return err
	}
	if at, err := a.db.MovedAt(s.ctx); err != nil || !at.IsZero() {
		return errors.Join(err, db.ErrMoved(at))
	}
	if c.DryRun {
		return c.tell(s, a)
	}
	if err := os.MkdirAll(target.DataDir, 0o700); err != nil {
		return fmt.Errorf("%s: data_dir: %w", c.To, err)
	}
	to := &app{config: target, operator: a.operator}
	if err := to.openStores(s.ctx, s.config.Log.logger(s.errs)); err != nil {
		return fmt.Errorf("%s: %w", c.To, err)
	}
	defer to.close()
	m := &mover{from: a, to: to, out: s, quiet: c.JSON}
	if m.journal, err = openJournal(filepath.Join(a.config.DataDir, "migrate.journal"), target); err != nil {
		return err
	}
	defer m.journal.close()
	// Nothing here stops a server: what exists now is copied while it goes on.
	if err := m.keep(s.ctx, true, func(f func(custody.Stored) error) error { return a.db.EachStored(s.ctx, f) }); err != nil {
		return err
	}
	var tables []db.TableMoved
	if !c.BytesOnly {
		if tables, err = m.rows(s.ctx); err != nil {
			return err
		}
	}
	return c.report(s, m, tables)
}

// rows moves the rows, with the bytes that came since, and makes the new place ready.
func (m *mover) rows(ctx context.Context) ([]db.TableMoved, error) {
	m.say("copying rows; uploads wait")
	tables, err := m.from.db.Move(ctx, m.to.db, func(each func(func(custody.Stored) error) error) error { return m.keep(ctx, false, each) })
	if err != nil {
		return nil, err
	}
	m.say("filling the search")
	x := catalog.New(m.to.db.Catalog(), nil, catalog.Options{})
	if err := x.Backfill(ctx); err != nil { // a server does the same when it starts
		return nil, fmt.Errorf("the index is moved, but its search is not filled; index serve will: %w", err)
	}
	return tables, nil
}

func (c *migrateCmd) tell(s *session, a *app) error {
	var n, bytes int64
	err := a.db.EachStored(s.ctx, func(b custody.Stored) error { n, bytes = n+1, bytes+b.Size; return nil })
	if err == nil {
		fmt.Fprintf(s.out, "%d objects with %s of files would be copied, and then the rows\n", n, inMiB(bytes))
	}
	return err
}

func (c *migrateCmd) report(s *session, m *mover, tables []db.TableMoved) error {
	out := migrated{Objects: m.objects.Load(), Bytes: m.bytes.Load(), Sent: m.sent.Load(), Tables: []migratedTable{}, Done: !c.BytesOnly}
	var rows int64
	for _, t := range tables {
		rows += t.Rows
		out.Tables = append(out.Tables, migratedTable{t.Name, t.Rows})
	}
	if c.JSON {
		return writeJSON(s.out, out)
	}
	fmt.Fprintf(s.out, "%d objects, %s, are at the new place and were read back; %s were sent now\n", out.Objects, inMiB(out.Bytes), inMiB(out.Sent))
	if c.BytesOnly {
		fmt.Fprintf(s.out, "to move the index: index migrate --to %s\n", c.To)
		return nil
	}
	fmt.Fprintf(s.out, "%d rows in %d tables are at the new place, compared with those here\n", rows, len(tables))
	fmt.Fprintf(s.out, "this index takes no more changes; serve the new one with: index serve --config %s\n", c.To)
	return nil
}

// readTarget reads where the new place is. Other settings of the file are for index serve.
func readTarget(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	values, err := flatten(text)
	if err != nil {
		return nil, fmt.Errorf("to %s: %w", path, err)
	}
	c := &Config{DataDir: "./data", Storage: storageConfig{Delivery: "stream"}}
	for key, into := range map[string]*string{
		"data_dir": &c.DataDir, "database.url": &c.Database.URL, "database.url_file": &c.Database.URLFile, "storage.url": &c.Storage.URL,
	} {
		value, ok := values[key]
		if !ok {
			continue
		}
		if *into, ok = value.(string); !ok {
			return nil, fmt.Errorf("to %s: %s must be a text", path, key)
		}
	}
	c.Storage.LinkLifetime = span(blobs.DefaultLinkLifetime)
	if err := errors.Join(c.checkDatabase(), c.checkStorage()); err != nil {
		return nil, fmt.Errorf("to %s: %w", path, err)
	}
	return c, nil
}

// differs returns fault.Invalid where two configurations have one database. The store may be the same: then only rows move.
func (c *Config) differs(other *Config) error {
	here, err := c.databaseURL()
	if err != nil {
		return err
	}
	there, err := other.databaseURL()
	if err != nil {
		return err
	}
	same := here == there
	if a, b := c.sqlitePath(), other.sqlitePath(); a != "" && b != "" {
		first, _ := os.Stat(a)
		second, err := os.Stat(b)
		same = same || err == nil && os.SameFile(first, second)
	}
	if same {
		return fault.New(fault.Invalid, "the new place has the database of this index: nothing would move")
	}
	return nil
}

// movers is how many objects are on their way at once.
const movers = 4

// mover copies bytes and says how far it is.
type mover struct {
	from, to *app
	out      *session
	quiet    bool
	journal  *journal
	seen     map[string]bool

	mu   sync.Mutex
	gone []string // were missing while files could still be deleted

	objects, bytes, sent atomic.Int64
	said                 time.Time
}

// keep copies every object that each yields and that this run has not seen, some at once. While the index is live a file
// may be deleted before its bytes are read: that is looked at again.
func (m *mover) keep(ctx context.Context, live bool, each func(func(custody.Stored) error) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan custody.Stored)
	var all sync.WaitGroup
	for range movers {
		all.Go(func() {
			for b := range queue {
				if err := m.one(ctx, b); fault.Is(err, fault.NotFound) && live {
					m.forget(b.Key())
				} else if err != nil {
					cancel(err)
				}
			}
		})
	}
	if m.seen == nil {
		m.seen = map[string]bool{}
	}
	err := each(func(b custody.Stored) error {
		if m.seen[b.Key()] {
			return nil
		}
		m.seen[b.Key()] = true
		m.progress()
		select {
		case queue <- b:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(queue)
	all.Wait()
	for _, key := range m.gone {
		delete(m.seen, key)
	}
	m.gone = nil
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (m *mover) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = append(m.gone, key)
}

// inMiB writes a number of bytes for people.
func inMiB(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// one copies an object, unless an earlier run wrote down that it is over.
func (m *mover) one(ctx context.Context, b custody.Stored) error {
	key := b.Key()
	if size, ok := m.journal.has(key); ok {
		m.objects.Add(1)
		m.bytes.Add(size)
		return nil
	}
	size, sent, err := blobs.Copy(ctx, m.from.blobs, m.to.blobs, key, b.SHA256)
	if err != nil {
		return err
	}
	if !b.Metadata && size != b.Size {
		return fault.New(fault.Invalid, "%s has %d bytes, and its row says %d", key, size, b.Size)
	}
	m.objects.Add(1)
	m.bytes.Add(size)
	m.sent.Add(sent)
	return m.journal.add(key, size)
}

// progress says how far the bytes are, now and then.
func (m *mover) progress() {
	if time.Since(m.said) < 5*time.Second {
		return
	}
	m.said = time.Now()
	m.say(fmt.Sprintf("%d objects, %s, are over", m.objects.Load(), inMiB(m.bytes.Load())))
}

func (m *mover) say(text string) {
	if !m.quiet {
		fmt.Fprintln(m.out.out, text)
	}
}
