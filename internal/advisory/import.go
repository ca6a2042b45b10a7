package advisory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Sizes of the steps of an import. Each transaction is short, so that uploads continue meanwhile.
const (
	writeBatch = 400 // rows
	readBatch  = 5_000
	textBatch  = 256 << 10 // bytes of records that one goroutine parses at a time
	leaseTime  = 3 * time.Minute
	renewEvery = 30 * time.Second

	maxBroken = 10_000 // records that cannot be read
	maxNamed  = 20     // of them, that are named
)

// ImportOptions says how to import.
type ImportOptions struct {
	From  string // where the records come from, for people
	Force bool   // import although the feed loses more than half of its records, or has none
	// Validators identify what is imported, for the next fetch.
	ETag, LastModified string
	At                 time.Time // when the feed was asked for; now if zero
}

// Imported is the outcome of an import.
type Imported struct {
	Feed     string `json:"feed"`
	Revision int64  `json:"revision"`
	// Records and Malware are the numbers of records that count now, each counted once for each project.
	Records int64 `json:"records"`
	Malware int64 `json:"malware"`
	Added   int64 `json:"added"`
	Changed int64 `json:"changed"`
	Removed int64 `json:"removed"`
	Other   int64 `json:"other"`    // records about no Python package
	Again   int64 `json:"repeated"` // records that the feed has twice; the first counts
	// Broken is the number of records that cannot be read, at least in part. BrokenNames names some, with the reason.
	// What such a record stated before remains.
	Broken      int64    `json:"broken"`
	BrokenNames []string `json:"broken_names"`
}

var errNoAdministrator = fault.New(fault.Denied,
	"only an administrator, with a token of scope admin, may manage feeds of advisories")

// Import replaces the records of a feed by those of a source, and creates the feed if it does not exist. It needs an
// administrator. The new records take effect together, at once and in all processes, when Import returns; until then,
// and if it fails, those that were there remain. It returns fault.Conflict if another import of the feed runs, or if
// the feed would lose more than half of its records, or of those about malicious releases, or has none, unless o.Force
// is set; and fault.Invalid if the source cannot be read.
func (x *Advisories) Import(ctx context.Context, who access.Caller, feed string, from Source,
	o ImportOptions,
) (Imported, error) {
	if !who.Admin() {
		e := x.changes.Entry(who, "feed.import", nil)
		e.Subject = feed
		return Imported{}, x.changes.Deny(ctx, e, errNoAdministrator)
	}
	if err := CheckName(feed); err != nil {
		return Imported{}, err
	}
	if o.At.IsZero() {
		o.At = x.changes.Clock()
	}
	if err := x.ensure(ctx, feed); err != nil {
		return Imported{}, err
	}
	if err := x.lease(ctx, feed); err != nil {
		return Imported{}, err
	}
	defer x.release(ctx, feed)
	return x.run(ctx, who, feed, from, o)
}

// ensure creates a feed that does not exist.
func (x *Advisories) ensure(ctx context.Context, name string) error {
	return x.store.Aside(ctx, func(tx Tx) error {
		row := FeedRow{Feed: Default(), CreatedAt: x.changes.Clock()}
		row.Name = name
		if err := tx.InsertFeed(ctx, row); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
		return nil
	})
}

// lease takes the lease of a feed, until release. It returns fault.Conflict if another import of it runs, in this
// process or in another one.
func (x *Advisories) lease(ctx context.Context, feed string) error {
	x.mu.Lock()
	running := x.running[feed]
	x.running[feed] = true
	x.mu.Unlock()
	if running {
		return errRunning(feed)
	}
	err := x.extend(ctx, feed)
	if err != nil {
		x.forget(feed)
	}
	return err
}

func (x *Advisories) forget(feed string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.running, feed)
}

// extend renews the lease.
func (x *Advisories) extend(ctx context.Context, feed string) error {
	return x.store.Aside(ctx, func(tx Tx) error { return x.renew(ctx, tx, feed) })
}

func errRunning(feed string) error {
	return fault.New(fault.Conflict, "another import of the feed %s is running: try again later", feed)
}

// renew renews the lease in a transaction, so that nothing is written without it.
func (x *Advisories) renew(ctx context.Context, tx Tx, feed string) error {
	now := x.changes.Clock()
	ok, err := tx.LeaseFeed(ctx, feed, x.holder, now, now.Add(leaseTime))
	if err == nil && !ok {
		err = errRunning(feed)
	}
	return err
}

func (x *Advisories) release(ctx context.Context, feed string) {
	defer x.forget(feed)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := x.store.Aside(ctx, func(tx Tx) error { return tx.EndFeedLease(ctx, feed, x.holder) }); err != nil {
		x.o.Log.Debug("ending the lease of a feed", "feed", feed, "error", err)
	}
}

// importing is one import while it runs.
type importing struct {
	x       *Advisories
	feed    string
	to      int64 // the new revision
	seed    maphash.Seed
	mu      sync.RWMutex
	known   map[uint64]uint64 // digests by name and id, with the lowest bit set for those that were seen; mu guards it
	before  int64             // the number of records that count now
	bad     int64             // of them, that are about malicious releases
	lost    int64             // of those, that the source does not have
	kept    map[string]bool   // ids of records that cannot be read
	out     Imported
	newest  time.Time
	rows    []Row
	ended   []Entry
	renewed time.Time
}

func (x *Advisories) run(ctx context.Context, who access.Caller, feed string, from Source,
	o ImportOptions,
) (Imported, error) {
	row, err := x.feed(ctx, feed)
	if err != nil {
		return Imported{}, err
	}
	m := &importing{
		x: x, feed: feed, to: row.Revision + 1, seed: maphash.MakeSeed(), known: map[uint64]uint64{},
		kept: map[string]bool{}, out: Imported{Feed: feed, BrokenNames: []string{}}, renewed: time.Now(),
	}
	if err := m.prepare(ctx); err != nil {
		return Imported{}, err
	}
	err = m.write(ctx, from)
	if err == nil {
		err = m.finish(ctx)
	}
	if err == nil && !o.Force {
		err = m.judge()
	}
	if err == nil {
		err = m.flip(ctx, who, o)
	}
	// What is left over is not visible. If this fails, the next import does it.
	last := context.WithoutCancel(ctx)
	if e := x.tidy(last, feed); e != nil {
		x.o.Log.Warn("removing old records of a feed", "feed", feed, "error", e)
	}
	if err != nil && row.CheckedAt.IsZero() && !row.Declared { // it was created for this import
		_ = x.store.Aside(last, func(tx Tx) error { return tx.DeleteFeed(last, feed) })
	}
	return m.out, err
}

// feed returns the row of a feed.
func (x *Advisories) feed(ctx context.Context, name string) (row FeedRow, err error) {
	err = x.store.View(ctx, func(tx Tx) error {
		row, err = findFeed(ctx, tx, name)
		return err
	})
	return row, err
}

func findFeed(ctx context.Context, tx Rows, name string) (FeedRow, error) {
	all, err := tx.Feeds(ctx)
	if err != nil {
		return FeedRow{}, err
	}
	i := slices.IndexFunc(all, func(f FeedRow) bool { return f.Name == name })
	if i < 0 {
		return FeedRow{}, fault.New(fault.NotFound, "there is no feed %.80q", name)
	}
	return all[i], nil
}

// key returns the key of a project and a record.
func (m *importing) key(name, id string) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	h.WriteString(name)
	h.WriteByte(0)
	h.WriteString(id)
	return h.Sum64()
}

// mark returns a digest as it is kept, without the bit for those that were seen.
func (m *importing) mark(digest string) uint64 { return maphash.String(m.seed, digest) &^ 1 }

// same reports whether the feed has the row already. Several goroutines call it.
func (m *importing) same(r Row) bool {
	key, digest := m.key(r.Name, r.ID), m.mark(r.Digest)
	m.mu.RLock()
	defer m.mu.RUnlock()
	was, known := m.known[key]
	return known && was&^1 == digest
}

// prepare removes what an import that was killed has left, and reads which records there are.
func (m *importing) prepare(ctx context.Context) error {
	if err := m.x.tidy(ctx, m.feed); err != nil {
		return err
	}
	return m.x.entries(ctx, m.feed, func(all []Entry) error {
		for _, e := range all {
			m.known[m.key(e.Name, e.ID)] = m.mark(e.Digest)
			if e.Malware {
				m.bad++
			}
		}
		m.before += int64(len(all))
		return nil
	})
}

// entries calls f for the rows of a feed, in batches.
func (x *Advisories) entries(ctx context.Context, feed string, f func([]Entry) error) error {
	for after := (Entry{}); ; {
		var all []Entry
		if err := x.store.View(ctx, func(tx Tx) (err error) {
			all, err = tx.AdvisoryEntries(ctx, feed, after, readBatch)
			return err
		}); err != nil || len(all) == 0 {
			return err
		}
		if err := f(all); err != nil {
			return err
		}
		after = all[len(all)-1]
	}
}

// tidy removes the rows that do not count in the revision of a feed and are not needed.
func (x *Advisories) tidy(ctx context.Context, feed string) error {
	row, err := x.feed(ctx, feed)
	if err != nil {
		return err
	}
	return x.entries(ctx, feed, func(all []Entry) error {
		for len(all) > 0 {
			some := all[:min(writeBatch, len(all))]
			all = all[len(some):]
			if !slices.ContainsFunc(some, func(e Entry) bool { return e.Since > row.Revision || e.Until > 0 }) {
				continue
			}
			err := x.store.Aside(ctx, func(tx Tx) error {
				if err := x.renew(ctx, tx, feed); err != nil {
					return err
				}
				_, err := tx.TidyAdvisories(ctx, feed, some[0], some[len(some)-1], row.Revision)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// job is a batch of texts that one goroutine parses.
type job struct {
	names []string
	texts [][]byte
	errs  []error
	done  chan []parsed
}

// parsed is a record as it is written.
type parsed struct {
	name    string // of the file
	err     error  // of what cannot be read
	other   bool   // it is about no Python package
	rows    []Row  // without the feed and the revisions
	newest  time.Time
	refused []string // ids of records that cannot be read
}

// write reads the source and writes its records. Parsing is done by several goroutines; the records are written in the
// order of the source.
func (m *importing) write(ctx context.Context, from Source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := min(4, runtime.GOMAXPROCS(0))
	todo, order := make(chan *job, 1), make(chan *job, 2*workers)
	read := make(chan error, 1)
	go func() {
		err := feedJobs(ctx, from, todo, order)
		close(todo)
		close(order)
		read <- err
	}()
	for range workers {
		go func() {
			for j := range todo {
				j.done <- j.parse(m.same)
			}
		}()
	}
	var failed error
	for j := range order {
		all := <-j.done
		if failed != nil {
			continue
		}
		if failed = m.take(ctx, all); failed != nil {
			cancel()
		}
	}
	err := <-read
	if failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	return m.flush(ctx)
}

// feedJobs reads the source into jobs. Each job is sent to the workers and, in order, to the writer.
func feedJobs(ctx context.Context, from Source, todo, order chan<- *job) error {
	now, size := &job{}, 0
	send := func() error {
		if len(now.names) == 0 {
			return nil
		}
		now.done = make(chan []parsed, 1)
		for _, to := range []chan<- *job{order, todo} {
			select {
			case to <- now:
			case <-ctx.Done():
				now.done <- nil // if the writer has it already
				return ctx.Err()
			}
		}
		now, size = &job{}, 0
		return nil
	}
	err := from(ctx, func(name string, text []byte, err error) error {
		now.names, now.texts = append(now.names, name), append(now.texts, bytes.Clone(text))
		now.errs = append(now.errs, err)
		if size += len(text) + 100; size < textBatch {
			return nil
		}
		return send()
	})
	if err != nil {
		return err
	}
	return send()
}

// parse parses the texts. Rows for which same is true are not written, so they have no Record.
func (j *job) parse(same func(Row) bool) []parsed {
	out := make([]parsed, 0, len(j.names))
	for i, text := range j.texts {
		p := parsed{name: j.names[i], err: j.errs[i]}
		if p.err == nil {
			p.read(text, same)
		}
		if p.err != nil {
			p.refused = append(p.refused, idOf(p.name), idIn(text))
		}
		out = append(out, p)
	}
	return out
}

func (p *parsed) read(text []byte, same func(Row) bool) {
	var r *Record
	if r, p.err = Parse(text); r == nil {
		p.other = p.err == nil
		return
	}
	if p.err != nil {
		p.refused = append(p.refused, r.ID)
	}
	p.newest = timeOf(r.Modified)
	for _, name := range r.Names() {
		content, digest, err := r.Of(name).text()
		if err != nil {
			p.err = err
			return
		}
		row := Row{Name: name, ID: r.ID, Digest: digest, Malware: r.Malware}
		if !same(row) { // most records of a feed that is read again are the same
			row.Record = pack(content)
		}
		p.rows = append(p.rows, row)
	}
}

// take writes the records of a job.
func (m *importing) take(ctx context.Context, all []parsed) error {
	for _, p := range all {
		if p.other {
			m.out.Other++
		}
		if p.err != nil {
			if m.out.Broken++; m.out.Broken > maxBroken {
				return fault.New(fault.Invalid, "more than %d records cannot be read, such as %s: nothing was imported",
					maxBroken, strings.Join(m.out.BrokenNames[:3], ", "))
			}
			if len(m.out.BrokenNames) < maxNamed {
				m.out.BrokenNames = append(m.out.BrokenNames, printable(fmt.Sprintf("%s: %v", p.name, p.err)))
			}
			for _, id := range p.refused {
				m.kept[id] = true
			}
		}
		if p.newest.After(m.newest) {
			m.newest = p.newest
		}
		for _, r := range p.rows {
			m.add(r)
			if len(m.rows) < writeBatch {
				continue
			}
			if err := m.flush(ctx); err != nil {
				return err
			}
		}
	}
	if time.Since(m.renewed) > renewEvery {
		return m.flush(ctx)
	}
	return nil
}

// printable returns a text of at most 300 bytes in one line.
func printable(s string) string { return clip(firstLine(s), 300) }

// add notes a row that must be written.
func (m *importing) add(r Row) {
	key, digest := m.key(r.Name, r.ID), m.mark(r.Digest)
	was, known := m.known[key] // nothing else writes it
	if known && was&1 == 1 {
		m.out.Again++
		return
	}
	m.mu.Lock()
	m.known[key] = digest | 1
	m.mu.Unlock()
	m.out.Records++
	if r.Malware {
		m.out.Malware++
	}
	switch {
	case known && was == digest:
		return
	case known:
		m.out.Changed++
		m.ended = append(m.ended, Entry{Name: r.Name, ID: r.ID})
	default:
		m.out.Added++
	}
	r.Feed, r.Since = m.feed, m.to
	m.rows = append(m.rows, r)
}

// flush writes the rows that were noted, and renews the lease.
func (m *importing) flush(ctx context.Context) error {
	err := m.x.store.Aside(ctx, func(tx Tx) error {
		if err := m.x.renew(ctx, tx, m.feed); err != nil {
			return err
		}
		if err := tx.EndAdvisories(ctx, m.feed, m.ended, m.to); err != nil {
			return err
		}
		return tx.InsertAdvisories(ctx, m.rows)
	})
	m.rows, m.ended, m.renewed = m.rows[:0], m.ended[:0], time.Now()
	return err
}

// finish ends the rows of records that the source does not have. Those that cannot be read remain.
func (m *importing) finish(ctx context.Context) error {
	err := m.x.entries(ctx, m.feed, func(all []Entry) error {
		for _, e := range all {
			if e.Since >= m.to || e.Until > 0 || m.known[m.key(e.Name, e.ID)]&1 == 1 {
				continue
			}
			if m.kept[e.ID] {
				m.out.Records++
				if e.Malware {
					m.out.Malware++
				}
				continue
			}
			m.out.Removed++
			if e.Malware {
				m.lost++
			}
			m.ended = append(m.ended, e)
			if len(m.ended) >= writeBatch {
				if err := m.flush(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.flush(ctx)
}

// judge returns fault.Conflict if the feed has lost so much that its source is probably incomplete.
func (m *importing) judge() error {
	switch {
	case m.out.Records == 0:
		return fault.New(fault.Conflict,
			"the source has no record about a Python package that can be read: the feed %s keeps "+
				"the %d records that it has. Import it with --force if it is right", m.feed, m.before)
	case 2*m.out.Removed > m.before:
		return fault.New(fault.Conflict, "the source lacks %d of the %d records of the feed %s, more than half, and may be "+
			"incomplete: nothing was changed. Import it with --force if it is right", m.out.Removed, m.before, m.feed)
	case 2*m.lost > m.bad:
		return fault.New(fault.Conflict, "the source lacks %d of the %d records about malicious releases of the feed %s, more "+
			"than half, and may be incomplete: nothing was changed. Import it with --force if it is right", m.lost, m.bad, m.feed)
	}
	return nil
}

var errMoved = errors.New("the feed was changed by another import")

// flip lets the new records count, if any differs.
func (m *importing) flip(ctx context.Context, who access.Caller, o ImportOptions) error {
	changed := m.out.Added+m.out.Changed+m.out.Removed > 0
	e := m.x.changes.Entry(who, "feed.import", nil)
	e.Subject = m.feed
	return m.x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoAdministrator
		}
		if err := m.x.renew(ctx, tx, m.feed); err != nil {
			return err
		}
		row, err := findFeed(ctx, tx, m.feed)
		if err != nil {
			return err
		}
		if row.Revision != m.to-1 {
			return errMoved
		}
		row.Records, row.Malicious, row.Broken, row.BrokenNames = m.out.Records, m.out.Malware, m.out.Broken,
			m.out.BrokenNames
		row.From, row.ETag, row.LastModified, row.CheckedAt = o.From, o.ETag, o.LastModified, o.At
		row.TriedAt, row.Failures, row.Problem, row.Newest = o.At, 0, "", m.newest
		if changed {
			row.Revision, row.ImportedAt = m.to, m.x.changes.Clock()
		}
		m.out.Revision = row.Revision
		if err := tx.UpdateFeed(ctx, row); err != nil {
			return err
		}
		if changed || row.Closes() {
			if _, err := tx.NextSerial(ctx); err != nil {
				return err
			}
		}
		if !changed && m.out.Broken == 0 {
			return nil
		}
		e.Detail = map[string]any{
			"from": o.From, "records": m.out.Records, "malware": m.out.Malware, "added": m.out.Added,
			"changed": m.out.Changed, "removed": m.out.Removed, "revision": m.out.Revision,
		}
		if m.out.Broken > 0 {
			e.Detail["broken"] = m.out.Broken
		}
		if o.Force {
			e.Detail["force"] = true
		}
		return tx.InsertAudit(ctx, e)
	})
}
