package pages

import (
	"context"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Export returns the row of a page that is held, with its record. It asks nobody. It returns fault.NotFound if there is
// no page, or if the upstream has no such project.
func (p *Pages) Export(ctx context.Context, u upstream.Upstream, name packaging.ProjectName) (Row, error) {
	k := Key{u.Name, name}
	e := p.lookup(k).of(&u)
	if e == nil {
		var err error
		if e, err = p.load(ctx, k); err != nil {
			return Row{}, err
		}
		e = e.of(&u)
	}
	if e == nil || e.Absent {
		return Row{}, fault.New(fault.NotFound, "no page of %s is held", name)
	}
	row := e.Row
	if e.page != nil {
		row.Record = e.page.Encode()
	}
	return row, nil
}

// Remembered returns the page of a project that is stored, however old it is, with the files that left it, or what is
// remembered of those alone. It is empty if nothing is. It asks nobody.
func (p *Pages) Remembered(ctx context.Context, u upstream.Upstream,
	name packaging.ProjectName,
) (out page.Page, err error) {
	k := Key{u.Name, name}
	err = p.o.Store.View(ctx, func(tx Tx) error {
		row, err := tx.UpstreamPage(ctx, k, time.Time{})
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return err
		case row.OfURL >= u.CreatedAt.UnixMicro():
			if out, err = page.Decode(row.Record); err == nil {
				return nil
			}
		}
		out, err = leftBefore(ctx, tx, u, k)
		return err
	})
	return out, err
}

// headsRead is the number of heads that are read at once.
const headsRead = 1000

// Heads returns the stored pages of an upstream by the names of their projects, without their content, and at most
// limit of them. What was read in the last second may be missing. It asks nobody.
func (p *Pages) Heads(ctx context.Context, u upstream.Upstream, limit int) (map[packaging.ProjectName]Head, error) {
	out := map[packaging.ProjectName]Head{}
	for after := ""; ; {
		var some []Head
		n := min(headsRead, limit-len(out))
		err := p.o.Store.View(ctx, func(tx Tx) (err error) {
			some, err = tx.UpstreamPageHeads(ctx, u.Name, after, n)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, h := range some {
			after = h.Name.String()
			if h.OfURL >= u.CreatedAt.UnixMicro() { // else it is of another upstream of that name, which was removed
				out[h.Name] = h
			}
		}
		if len(some) < n || len(out) >= limit {
			return out, nil
		}
	}
}

// Stored returns the page of a project that is stored, however old it is, and whether there is one. It asks nobody.
func (p *Pages) Stored(ctx context.Context, u upstream.Upstream, name packaging.ProjectName) (Held, bool, error) {
	row, ok, err := p.read(ctx, Key{u.Name, name}, time.Time{})
	if err != nil || !ok || row.OfURL < u.CreatedAt.UnixMicro() {
		return Held{}, false, err
	}
	e := &entry{Row: row}
	return Held{Absent: row.Absent, Revision: row.Revision, FetchedAt: row.FetchedAt, entry: e, pages: p}, true, nil
}

// Import stores a page that another index read from an upstream, unless the one that is held was checked later. It
// reports whether it did. The caller has checked the content. The digests that are held for files stay, as when the
// upstream answers.
func (p *Pages) Import(ctx context.Context, u upstream.Upstream, row Row, content page.Page) (added bool, err error) {
	now := p.now().UTC().Truncate(time.Microsecond)
	// Rows have microseconds, so that a page which is imported again is not newer.
	row.FetchedAt = earlier(row.FetchedAt, now).Truncate(time.Microsecond)
	row.CheckedAt = earlier(row.CheckedAt, now).Truncate(time.Microsecond)
	row.Upstream, row.OfURL, row.Absent, row.LowerSince = u.Name, u.Revision, false, time.Time{}
	err = p.o.Store.Update(ctx, func(tx Tx) error {
		added = false
		held, err := tx.UpstreamPage(ctx, row.Key, time.Time{})
		var old page.Page
		switch {
		case fault.Is(err, fault.NotFound):
			if old, err = leftBefore(ctx, tx, u, row.Key); err != nil {
				return err
			}
		case err == nil && held.OfURL < u.CreatedAt.UnixMicro():
		case err != nil:
			return err
		case !held.CheckedAt.Before(row.CheckedAt):
			return nil
		default:
			if old, err = page.Decode(held.Record); err != nil { // damaged, or empty because the project was never there
				if old, err = leftBefore(ctx, tx, u, row.Key); err != nil {
					return err
				}
			}
			old = absentSince(held, old)
		}
		merged := content
		if remembered, any := old.Left(); any || len(old.Files) > 0 {
			if replaced(&u, &content, &old) {
				old.Away = held.CheckedAt
			}
			merged = page.Merge(old, content, now)
			old = remembered
		}
		merged.Files = firstSeen(merged.Files, content.Files, now)
		row.Revision, row.Record = digest(&merged), merged.Encode()
		if !merged.SameLeft(old) {
			if err := tx.PutUpstreamLeft(ctx, leftOf(row, &merged)); err != nil {
				return err
			}
		}
		added = true
		return tx.PutUpstreamPage(ctx, row)
	})
	if err == nil && added {
		p.adopt(row)
	}
	return added && err == nil, err
}

// leftBefore returns what is remembered of files that left a page, as a page.
func leftBefore(ctx context.Context, tx Tx, u upstream.Upstream, k Key) (page.Page, error) {
	l, err := tx.UpstreamLeft(ctx, k)
	if fault.Is(err, fault.NotFound) || err == nil && l.OfURL < u.CreatedAt.UnixMicro() {
		return page.Page{}, nil
	}
	if err != nil {
		return page.Page{}, err
	}
	p, err := page.Decode(l.Record)
	if err != nil {
		return page.Page{}, nil
	}
	return p, nil
}

// firstSeen returns files with the times at which they were seen first, here or by the other index, none of which is
// later than now.
func firstSeen(files, there []page.File, now time.Time) []page.File {
	seen := make(map[string]page.File, len(there))
	for _, f := range there {
		seen[f.Filename] = f
	}
	out := make([]page.File, len(files))
	for i, f := range files {
		was, ok := seen[f.Filename]
		if ok && was.SHA256 == f.SHA256 && !was.FirstSeen.IsZero() {
			f.FirstSeen = earlier(f.FirstSeen, was.FirstSeen)
		}
		f.FirstSeen = earlier(f.FirstSeen, now)
		out[i] = f
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}
