package db

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"pyindex/internal/backup"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

var _ backup.Rows = (*DB)(nil)

// cached lists the tables with what upstreams answered. Backups have their rows only if they are asked for.
var cached = []string{"upstream_pages", "upstream_lists"}

// secret lists the tables whose rows contain secrets that must be known as they are.
var secret = []string{"totps", "keys"}

// withheld lists the columns that a dump replaces, and the conditions on its rows, so that secrets are left out.
// Letters that wait to be sent may contain links that set a password. Restore deletes them in any case.
var withheld = map[string]dumped{
	"totps":  {columns: map[string]string{"secret": `''`}},
	"keys":   {where: `FALSE`},
	"outbox": {where: `FALSE`},
}

// uncached makes the rows say that content of upstreams is not kept, unless a file of this index has the same.
var uncached = map[string]dumped{
	"upstream_files": {columns: map[string]string{
		"stored": `(stored AND EXISTS (SELECT 1 FROM files f WHERE ` + sameDigest(`f.sha256`, `upstream_files.sha256`) + `
			AND f.generation = upstream_files.generation))`,
		"metadata_stored": `FALSE`, "provenance_stored": `FALSE`,
	}},
}

// dumped is how a table is dumped: expressions in place of columns, and a condition on the rows. Both are trusted SQL.
type dumped struct {
	columns map[string]string
	where   string
}

// logLook is how often the size of the write-ahead log is read while rows are dumped, and dumpBatch the number of rows
// after which the time is looked at.
const (
	logLook   = 200 * time.Millisecond
	dumpBatch = 500
)

// Dump implements backup.Rows. It reads in one transaction, so all rows are of the same moment. SQLite cannot shorten
// its write-ahead log meanwhile.
func (d *DB) Dump(ctx context.Context, w io.Writer, o backup.DumpOptions) (out backup.Dumped, err error) {
	schema, err := d.SchemaVersion(ctx)
	if err != nil {
		return out, err
	}
	err = d.view(ctx, func(t *Tx) error {
		if err := t.patient(ctx); err != nil {
			return err
		}
		now, err := t.counter(ctx) // the snapshot begins with the first statement that reads
		if err != nil {
			return err
		}
		out = backup.Dumped{At: d.options.Now().UTC()}
		out.Header = backup.Header{Format: backup.Format, Schema: schema, Serial: now.value, Epoch: now.epoch}
		if out.Head, err = t.auditHead(ctx); err != nil {
			return err
		}
		p := &dumping{t: t, o: o}
		if out.Tables, err = p.tables(ctx, w, out.Header); err != nil {
			return err
		}
		if o.Secrets != nil {
			if out.Secrets, err = p.secrets(ctx, o.Secrets, out.Header); err != nil {
				return err
			}
		}
		if o.Content == nil {
			return nil
		}
		return p.content(ctx)
	})
	return out, err
}

func (t *Tx) auditHead(ctx context.Context) (backup.Head, error) {
	scan := func(r row) (h backup.Head, err error) {
		var at int64
		err = r.Scan(&h.ID, &at)
		h.At = moment(at)
		return h, err
	}
	h, err := one(ctx, t, "entry", scan, `SELECT id, at FROM audit ORDER BY at DESC, id DESC LIMIT 1`)
	if fault.Is(err, fault.NotFound) {
		return backup.Head{}, nil
	}
	return h, err
}

// dumping is a dump in progress.
type dumping struct {
	t      *Tx
	o      backup.DumpOptions
	rows   int64
	looked time.Time
}

// tables writes all tables but those that the options leave out.
func (p *dumping) tables(ctx context.Context, w io.Writer, h backup.Header) ([]backup.Table, error) {
	names := moved
	if p.o.WithCache {
		names = append(append([]string{}, moved...), cached...)
	}
	return p.write(ctx, w, h, names, func(table string) dumped {
		if how, ok := withheld[table]; ok || p.o.WithCache {
			return how
		}
		return uncached[table]
	})
}

// secrets writes the tables with secrets as they are.
func (p *dumping) secrets(ctx context.Context, w io.Writer, h backup.Header) ([]backup.Table, error) {
	return p.write(ctx, w, h, secret, func(string) dumped { return dumped{} })
}

func (p *dumping) write(ctx context.Context, w io.Writer, h backup.Header, names []string,
	how func(table string) dumped,
) (out []backup.Table, err error) {
	to, err := backup.NewRowsWriter(w, h)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t, err := p.table(ctx, to, name, how(name))
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		out = append(out, t)
	}
	return out, to.Close()
}

func (p *dumping) table(ctx context.Context, to *backup.RowsWriter, name string, how dumped) (backup.Table, error) {
	columns, booleans, binary, err := p.t.columnKinds(ctx, name)
	if err != nil {
		return backup.Table{}, err
	}
	if err := to.Begin(name, columns); err != nil {
		return backup.Table{}, err
	}
	from := make([]string, len(columns))
	for i, c := range columns {
		from[i] = cmp.Or(how.columns[c], c)
	}
	q := `SELECT ` + strings.Join(from, ", ") + ` FROM ` + name
	if how.where != "" {
		q += ` WHERE ` + how.where
	}
	into := scanInto(booleans)
	values := make([]any, len(columns))
	err = p.t.query(ctx, func(r row) error {
		if err := r.Scan(into...); err != nil {
			return err
		}
		if err := plain(into, binary, values); err != nil {
			return err
		}
		if err := to.Row(values); err != nil {
			return err
		}
		return p.count(ctx)
	}, q)
	if err != nil {
		return backup.Table{}, err
	}
	return to.End()
}

// count counts a row. Now and then it reports the progress and looks at the write-ahead log.
func (p *dumping) count(ctx context.Context) error {
	p.rows++
	if p.rows%dumpBatch != 0 {
		return nil
	}
	return p.look(ctx)
}

func (p *dumping) look(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if time.Since(p.looked) < logLook {
		return nil
	}
	p.looked = time.Now()
	var log int64
	if p.t.db.path != "" {
		if info, err := os.Stat(p.t.db.path + "-wal"); err == nil {
			log = info.Size()
		}
	}
	if p.o.Progress != nil {
		p.o.Progress(p.rows, log)
	}
	if p.o.LogLimit > 0 && log > p.o.LogLimit {
		return fault.New(fault.Unavailable,
			"the database's write-ahead log grew to %d MiB while the rows were read, which is "+
				"more than --wal-limit: run the backup when less is uploaded, write it to a faster disk, or set a larger limit",
			log>>20)
	}
	return nil
}

// contentPage is the number of digests that each list of content reads at once.
const contentPage = 1000

// contentList is a sorted list of digests with their generations, read in pages.
type contentList struct {
	more func(after string) ([]custody.Stored, error)
	some []custody.Stored
	last string
	done bool
}

// head returns the next entry, or false after the last one.
func (l *contentList) head() (s custody.Stored, ok bool, err error) {
	if len(l.some) == 0 && !l.done {
		if l.some, err = l.more(l.last); err != nil {
			return s, false, err
		}
		if l.done = len(l.some) == 0; !l.done {
			l.last = l.some[len(l.some)-1].SHA256
		}
	}
	if len(l.some) == 0 {
		return s, false, nil
	}
	return l.some[0], true, nil
}

// content calls o.Content for each digest, in order. It merges the lists of files and of metadata, of this index and of
// upstreams.
func (p *dumping) content(ctx context.Context) error {
	list := func(metadata bool) *contentList {
		return &contentList{more: func(after string) ([]custody.Stored, error) {
			return p.t.storedPart(ctx, custody.Stored{SHA256: after, Metadata: metadata}, contentPage)
		}}
	}
	lists := []*contentList{list(false), list(true)}
	if p.o.WithCache {
		for _, part := range []string{"", "metadata_", "provenance_"} {
			lists = append(lists, &contentList{more: func(after string) ([]custody.Stored, error) {
				return p.t.storedOfUpstreams(ctx, part, after, contentPage)
			}})
		}
	}
	for {
		c, err := nextContent(lists)
		if err != nil || c.SHA256 == "" {
			return err
		}
		if err := p.o.Content(c); err != nil {
			return err
		}
		if err := p.look(ctx); err != nil {
			return err
		}
	}
}

// nextContent takes the smallest digest from the lists. It returns the zero Content if all are empty.
func nextContent(lists []*contentList) (c backup.Content, err error) {
	for _, l := range lists {
		s, ok, err := l.head()
		if err != nil {
			return c, err
		}
		if ok && (c.SHA256 == "" || s.SHA256 < c.SHA256) {
			c.SHA256 = s.SHA256
		}
	}
	c.Size = -1
	had := map[string]bool{}
	for _, l := range lists {
		for {
			s, ok, err := l.head()
			if err != nil {
				return c, err
			}
			if !ok || s.SHA256 != c.SHA256 {
				break
			}
			l.some = l.some[1:]
			if !s.Metadata {
				c.Size = s.Size
			}
			if key := s.Key(); !had[key] {
				had[key] = true
				c.Keys = append(c.Keys, key)
			}
		}
	}
	return c, nil
}

// storedOfUpstreams is storedPart for the content that is kept from upstreams: the files themselves (part ""), their
// metadata or their provenance.
func (t *Tx) storedOfUpstreams(ctx context.Context, part, after string, limit int) ([]custody.Stored, error) {
	sum, generation, kept := part+"sha256", part+"generation", part+"stored"
	scan := func(r row) (s custody.Stored, err error) {
		s.Metadata = part != ""
		err = r.Scan(&s.SHA256, &s.Generation, &s.Size)
		return s, err
	}
	return many(ctx, t, scan, `SELECT `+sum+`, `+generation+`, MAX(`+part+`size) FROM upstream_files
		WHERE `+kept+` AND `+sum+` IN (SELECT DISTINCT `+sum+` FROM upstream_files WHERE `+kept+` AND `+sum+` > $1
			ORDER BY `+sum+` LIMIT $2)
		GROUP BY `+sum+`, `+generation+` ORDER BY `+sum+`, `+generation, after, min(limit, math.MaxInt32))
}
