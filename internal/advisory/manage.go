package advisory

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Change is a change of a feed that Declare made, for the server's log.
type Change struct {
	Action string // "feed.add", "feed.change" or "feed.undeclare"
	Name   string
}

// Text returns the change as a sentence for the server's log.
func (c Change) Text() string {
	switch c.Action {
	case "feed.add":
		return "the feed " + c.Name + " of the configuration was added"
	case "feed.change":
		return "the feed " + c.Name + " was changed as the configuration states"
	}
	return "the feed " + c.Name + " is no longer in the configuration: it keeps its records and is no longer read"
}

// Declare writes the feeds of the server's configuration into the rows and returns the changes. A feed that was
// declared before and no longer is keeps its records, is no longer fetched, and cannot hold files. It needs an
// administrator.
func (x *Advisories) Declare(ctx context.Context, who access.Caller, declared []Feed) ([]Change, error) {
	if !who.Admin() {
		return nil, errNoAdministrator
	}
	var all []FeedRow
	if err := x.store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.Feeds(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	if len(differences(all, declared)) == 0 {
		return nil, nil
	}
	var out []Change
	err := access.Update(ctx, x.store, who, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoAdministrator
		}
		all, err := tx.Feeds(ctx)
		if err != nil {
			return err
		}
		out = nil
		for _, d := range differences(all, declared) {
			out = append(out, Change{d.action, d.to.Name})
			write := tx.UpdateFeed
			if d.action == "feed.add" {
				d.to.CreatedAt, write = x.changes.Clock(), tx.InsertFeed
			}
			if err := write(ctx, d.to); err != nil {
				return err
			}
			e := x.changes.Entry(who, d.action, d.detail)
			e.Subject = d.to.Name
			if err := tx.InsertAudit(ctx, e); err != nil {
				return err
			}
		}
		if len(out) == 0 {
			return nil
		}
		_, err = tx.NextSerial(ctx)
		return err
	})
	return out, err
}

// difference is a feed of which the row and the configuration differ.
type difference struct {
	action string
	to     FeedRow
	detail map[string]any
}

func differences(all []FeedRow, declared []Feed) (out []difference) {
	for _, to := range declared {
		to.Declared = true
		i := slices.IndexFunc(all, func(f FeedRow) bool { return f.Name == to.Name })
		if i < 0 {
			out = append(out, difference{"feed.add", FeedRow{Feed: to}, settingsOf(to)})
			continue
		}
		row := all[i]
		changed := row.Feed.changed(to)
		if len(changed) == 0 && row.Declared {
			continue
		}
		if row.URL != to.URL || row.Path != to.Path {
			row.ETag, row.LastModified, row.TriedAt = "", "", time.Time{} // of another source
		}
		row.Feed = to
		out = append(out, difference{"feed.change", row, map[string]any{"changed": changed}})
	}
	for _, row := range all {
		if row.Declared && !slices.ContainsFunc(declared, func(d Feed) bool { return d.Name == row.Name }) {
			row.Declared = false
			out = append(out, difference{"feed.undeclare", row, nil})
		}
	}
	return out
}

// settingsOf returns the settings of a feed for an audit entry.
func settingsOf(f Feed) map[string]any {
	out := map[string]any{}
	usual := Default()
	for _, key := range keys {
		if v := f.Shown(key); key != "name" && v != usual.Shown(key) {
			out[key] = v
		}
	}
	return out
}

// Remove deletes a feed with its records. It needs an administrator. It returns fault.NotFound if there is no such
// feed, and fault.Conflict if the configuration file has it or an import runs.
func (x *Advisories) Remove(ctx context.Context, who access.Caller, name string) error {
	e := x.changes.Entry(who, "feed.remove", nil)
	e.Subject = name
	if !who.Admin() {
		return x.changes.Deny(ctx, e, errNoAdministrator)
	}
	err := x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoAdministrator
		}
		row, err := findFeed(ctx, tx, name)
		if err != nil {
			return err
		}
		if row.Declared {
			return fault.New(fault.Conflict,
				"the feed %s is set by the configuration of the server: remove it there and restart"+
					" the server", name)
		}
		if ok, err := tx.LeaseFeed(ctx, name, x.changes.NewID(), x.changes.Clock(), x.changes.Clock()); err != nil {
			return err
		} else if !ok {
			return errRunning(name)
		}
		if err := tx.DeleteFeed(ctx, name); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		e.Detail = map[string]any{"records": row.Records, "malware": row.Malicious}
		return tx.InsertAudit(ctx, e)
	})
	if err != nil {
		return err
	}
	return x.clear(ctx, name)
}

// clear deletes the rows of a feed that was removed, in short steps.
func (x *Advisories) clear(ctx context.Context, name string) error {
	for {
		var n int64
		err := x.store.Aside(ctx, func(tx Tx) (err error) {
			if _, err := findFeed(ctx, tx, name); err == nil {
				return nil // it was created again, and tidies up itself
			}
			n, err = tx.DeleteAdvisories(ctx, name, writeBatch)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// FeedStatus is a feed as administrators see it.
type FeedStatus struct {
	FeedRow
	Old   bool          // older than its maximum age
	Age   time.Duration // since it was last read; -1 if it never was
	Holds bool          // files of upstreams are held because it is too old
	Busy  bool          // an import is running
}

// Status returns the state of every feed, by name. It needs an administrator.
func (x *Advisories) Status(ctx context.Context, who access.Caller) ([]FeedStatus, error) {
	if !who.Admin() {
		return nil, errNoAdministrator
	}
	return x.Measure(ctx)
}

// Measure is Status for the server's own metrics and checks.
func (x *Advisories) Measure(ctx context.Context) (out []FeedStatus, err error) {
	err = x.store.View(ctx, func(tx Tx) error {
		all, err := tx.Feeds(ctx)
		now := x.changes.Clock()
		out = nil
		for _, f := range all {
			s := FeedStatus{FeedRow: f, Age: -1, Old: !now.Before(f.OldAt()), Busy: now.Before(f.HeldUntil)}
			if !f.CheckedAt.IsZero() {
				s.Age = max(0, now.Sub(f.CheckedAt))
			}
			s.Holds = s.Old && f.Closes()
			out = append(out, s)
		}
		return err
	})
	return out, err
}

// AffectedRelease is a release of a project of an upstream that callers asked this index for, with an advisory about
// it.
type AffectedRelease struct {
	Upstream string
	Project  packaging.ProjectName
	Version  string
	Files    []UpstreamFile
	Advisory Advisory
}

// maxAffected is the number of files that Affected considers.
const maxAffected = 200_000

// Affected returns the releases of upstreams that callers asked this index for and that a feed has an advisory about,
// those that are malicious first, then by project. It needs an administrator.
func (x *Advisories) Affected(ctx context.Context, who access.Caller) ([]AffectedRelease, error) {
	if !who.Admin() {
		return nil, errNoAdministrator
	}
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	var all []UpstreamFile
	if err := x.store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.AffectedFiles(ctx, maxAffected)
		return err
	}); err != nil {
		return nil, err
	}
	type release struct {
		upstream string
		project  packaging.ProjectName
		version  string
	}
	var order []release
	files := map[release][]UpstreamFile{}
	for _, f := range all {
		project, err := packaging.ParseProjectName(f.Project)
		if err != nil {
			return nil, err
		}
		name, err := packaging.ParseFilename(f.Filename, project)
		if err != nil {
			continue // it has no version that could be affected
		}
		r := release{f.Upstream, project, name.Version().String()}
		if files[r] == nil {
			order = append(order, r)
		}
		files[r] = append(files[r], f)
	}
	var out []AffectedRelease
	for _, r := range order {
		about, _, err := x.About(ctx, at, r.project)
		if err != nil {
			return nil, err
		}
		if about == nil {
			continue
		}
		for _, a := range about.Of(r.version) {
			out = append(out, AffectedRelease{r.upstream, r.project, r.version, files[r], a})
		}
	}
	slices.SortStableFunc(out, func(a, b AffectedRelease) int {
		return boolInt(b.Advisory.Malware) - boolInt(a.Advisory.Malware)
	})
	return out, nil
}
