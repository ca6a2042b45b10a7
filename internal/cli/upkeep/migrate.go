package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/terminal"
)

// Migrate moves an index to another database and blob store. It first copies the objects and reads them back, while
// servers continue to run. It then moves the rows. From then on, this index refuses changes permanently.
type Migrate struct {
	To        string `placeholder:"FILE" help:"Configuration of the target: a TOML file with its [database] and [storage]."`
	BytesOnly bool   `help:"Only copy and verify the stored objects. The actual move then takes less time."`
	DryRun    bool   `help:"Show how much would be copied."`
	Stay      bool   `help:"Undo a move: this index accepts changes again."`
	terminal.Listing
}

// migrated is the result in JSON.
type migrated struct {
	Objects int64           `json:"objects"` // files, and the metadata of files
	Bytes   int64           `json:"bytes"`
	Sent    int64           `json:"bytes_sent"` // the other objects were already there, and were verified
	Tables  []migratedTable `json:"tables"`     // none with --bytes-only
	Done    bool            `json:"done"`       // false with --bytes-only and --dry-run
}

type migratedTable struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// Run performs a move or its first half, or undoes a move.
func (c *Migrate) Run(s *cli.Session) error {
	if (c.To == "") == !c.Stay {
		return fault.New(fault.Invalid,
			"specify the target with --to FILE, a TOML file with its [database] and [storage]; or use --stay")
	}
	return s.With(func(a *app.App) error {
		if c.Stay {
			return c.stay(s, a)
		}
		return c.move(s, a)
	})
}

func (c *Migrate) stay(s *cli.Session, a *app.App) error {
	was, err := a.DB.Stay(s.Ctx)
	if err != nil {
		return err
	}
	if !was {
		return fault.New(fault.Conflict, "this index was not moved: it already accepts changes")
	}
	return c.Report(s.Out, map[string]any{"accepts_changes": true},
		"this index accepts changes again; later changes in the other index are not included")
}

func (c *Migrate) move(s *cli.Session, a *app.App) error {
	target, err := config.ReadPlace(c.To)
	if err != nil {
		return err
	}
	if err := a.Config.Differs(target); err != nil {
		return err
	}
	if at, err := a.DB.MovedAt(s.Ctx); err != nil || !at.IsZero() {
		return errors.Join(err, db.ErrMoved(at))
	}
	if c.DryRun {
		return c.tell(s, a)
	}
	if err := os.MkdirAll(target.DataDir, 0o700); err != nil {
		return fmt.Errorf("%s: data_dir: %w", c.To, err)
	}
	to := &app.App{Config: target, Operator: a.Operator}
	if err := to.OpenStores(s.Ctx, s.Config.Log.Logger(s.Errs)); err != nil {
		return fmt.Errorf("%s: %w", c.To, err)
	}
	defer to.Close()
	m := &mover{from: a, to: to, out: s, quiet: c.JSON}
	if m.journal, err = openJournal(filepath.Join(a.Config.DataDir, "migrate.journal"), target); err != nil {
		return err
	}
	defer m.journal.close()
	// Servers continue to run while the existing objects are copied.
	if err := m.keep(s.Ctx, true,
		func(f func(custody.Stored) error) error { return a.DB.EachStored(s.Ctx, f) }); err != nil {
		return err
	}
	var tables []db.TableMoved
	if !c.BytesOnly {
		if tables, err = m.rows(s.Ctx); err != nil {
			return err
		}
	}
	return c.report(s, m, tables)
}

// rows moves the rows and the objects added since, and fills the search of the target.
func (m *mover) rows(ctx context.Context) ([]db.TableMoved, error) {
	m.say("copying rows; uploads are blocked")
	tables, err := m.from.DB.Move(ctx, m.to.DB,
		func(each func(func(custody.Stored) error) error) error { return m.keep(ctx, false, each) })
	if err != nil {
		return nil, err
	}
	m.say("rebuilding the search")
	x := catalog.New(m.to.DB.Catalog(), nil, catalog.Options{})
	if err := x.Backfill(ctx); err != nil { // a server does the same when it starts
		return nil, fmt.Errorf("the index was moved, but its search could not be rebuilt; index serve will do so: %w", err)
	}
	return tables, nil
}

func (c *Migrate) tell(s *cli.Session, a *app.App) error {
	var n, bytes int64
	err := a.DB.EachStored(s.Ctx, func(b custody.Stored) error { n, bytes = n+1, bytes+b.Size; return nil })
	if err != nil {
		return err
	}
	return c.Report(s.Out, migrated{Objects: n, Bytes: bytes, Tables: []migratedTable{}},
		fmt.Sprintf("%s (%s of files) and then the rows would be copied", terminal.Plural(n, "object"),
			terminal.SizeText(bytes)))
}

func (c *Migrate) report(s *cli.Session, m *mover, tables []db.TableMoved) error {
	out := migrated{
		Objects: m.objects.Load(),
		Bytes:   m.bytes.Load(),
		Sent:    m.sent.Load(),
		Tables:  []migratedTable{},
		Done:    !c.BytesOnly,
	}
	var rows int64
	for _, t := range tables {
		rows += t.Rows
		out.Tables = append(out.Tables, migratedTable{t.Name, t.Rows})
	}
	if c.JSON {
		return terminal.WriteJSON(s.Out, out)
	}
	verb := "are"
	if out.Objects == 1 {
		verb = "is"
	}
	fmt.Fprintf(s.Out, "%s (%s) %s at the new place and verified; %s were sent now\n",
		terminal.Plural(out.Objects, "object"), terminal.SizeText(out.Bytes), verb, terminal.SizeText(out.Sent))
	if c.BytesOnly {
		fmt.Fprintf(s.Out, "to move the index: index migrate --to %s\n", c.To)
		return nil
	}
	fmt.Fprintf(s.Out, "%d rows in %d tables are at the new place and match those here\n", rows, len(tables))
	fmt.Fprintf(s.Out, "this index no longer accepts changes; serve the new one with: index serve --config %s\n", c.To)
	return nil
}

// movers is the number of objects that are copied at the same time.
const movers = 4

// mover copies objects and reports its progress.
type mover struct {
	from, to *app.App
	out      *cli.Session
	quiet    bool
	journal  *journal
	seen     map[string]bool

	mu   sync.Mutex
	gone []string // objects that were missing while files could still be deleted

	objects, bytes, sent atomic.Int64
	said                 time.Time
}

// keep copies the objects that each yields, except those that this run has already seen. If live is set, a file may be
// deleted before its object is read; the next call then checks the object again.
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

// one copies an object, unless the journal records that an earlier run has done so.
func (m *mover) one(ctx context.Context, b custody.Stored) error {
	key := b.Key()
	if size, ok := m.journal.has(key); ok {
		m.objects.Add(1)
		m.bytes.Add(size)
		return nil
	}
	size, sent, err := blobs.Copy(ctx, m.from.Blobs, m.to.Blobs, key, b.SHA256)
	if err != nil {
		return err
	}
	if !b.Metadata && size != b.Size {
		return fault.New(fault.Invalid, "%s has %d bytes, but its row specifies %d", key, size, b.Size)
	}
	m.objects.Add(1)
	m.bytes.Add(size)
	m.sent.Add(sent)
	return m.journal.add(key, size)
}

// progress reports the copied objects every five seconds.
func (m *mover) progress() {
	if time.Since(m.said) < 5*time.Second {
		return
	}
	m.said = time.Now()
	m.say(fmt.Sprintf("%d objects (%s) have been copied", m.objects.Load(), terminal.SizeText(m.bytes.Load())))
}

func (m *mover) say(text string) {
	if !m.quiet {
		fmt.Fprintln(m.out.Out, text)
	}
}
