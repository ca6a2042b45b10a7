package browse

import (
	"context"
	"maps"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// HistoryFilter says which entries of the record are wanted; a field that is zero asks for nothing.
type HistoryFilter struct {
	Actions      []string // any of these, "file.add" for instance
	Outcome      audit.Outcome
	Actor        string // name, exactly
	Version      string // any spelling; only of a project's history
	Address      string // only of the whole record
	Repository   string // name; only of the whole record
	Project      string // any spelling; only of the whole record
	Text         string
	Since, Until time.Time
	After        audit.Cursor // where the page before ended
	Limit        int          // from 1 to audit.MaxEntries
}

// History is a page of the record, newest first.
type History struct {
	Entries      []audit.Entry
	Next         audit.Cursor      // for the next page; zero where there is none
	Repositories map[string]string // names by id, of the repositories that there are
}

// exchanges are what owners alone may read of a project's history, as in insight.View.Exchanges.
var exchanges = []string{"publisher.exchange"}

// History returns what happened to a project since it was made; what was recorded under its name before, of a project
// that was deleted, is not part of it. It needs a maintainer; exchanges of identity tokens are left out for who is no
// owner, and the addresses of other people and the reasons of a file's quarantine for who is no administrator.
// fault.NotFound where there is no such project for the caller, fault.Denied without the right, fault.Invalid for a bad
// limit.
func (x *Browser) History(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	f HistoryFilter,
) (History, error) {
	p, err := x.index.Project(ctx, who, repo, name)
	if err != nil {
		return History{}, err
	}
	if err := catalog.Permit(who, access.Maintainer, p); err != nil {
		return History{}, err
	}
	q := f.query()
	q.RepositoryID, q.Project, q.Address, q.Discreet = p.Repository.ID, p.Name.String(), "", !who.Admin()
	if q.Version, err = x.spelled(ctx, p, f.Version); err != nil {
		return History{}, err
	}
	if q.Since.Before(p.CreatedAt) {
		q.Since = p.CreatedAt
	}
	if !who.May(access.Owner, p.Object()) {
		q.Without = exchanges
	}
	h, err := x.entries(ctx, q)
	if !who.Admin() && err == nil {
		if err := x.store.View(ctx, func(tx Tx) error { return x.redact(ctx, tx, who, p.ID, h.Entries) }); err != nil {
			return History{}, err
		}
		for i := range h.Entries {
			discreet(who, &h.Entries[i].Actor)
			withoutReason(&h.Entries[i])
		}
	}
	return h, err
}

// withoutClaims is Options.Redact of an index that knows no publishers.
func withoutClaims(_ context.Context, _ catalog.Tx, who access.Caller, _ string, entries []audit.Entry) error {
	if who.Admin() {
		return nil
	}
	for i := range entries {
		e := &entries[i]
		e.Detail = maps.Clone(e.Detail)
		delete(e.Detail, "claims")
		delete(e.Detail, catalog.DetailPendingRemoved)
		if u, ok := e.Detail["uploader"].(map[string]any); ok {
			u = maps.Clone(u)
			delete(u, "claims")
			e.Detail["uploader"] = u
		}
	}
	return nil
}

// withoutReason leaves out why a file was put into quarantine, and in which lockout: administrators alone read that.
func withoutReason(e *audit.Entry) {
	if e.Action == "file.quarantine" {
		e.Detail = maps.Clone(e.Detail)
		delete(e.Detail, "reason")
		delete(e.Detail, "lockout")
	}
}

// discreet leaves out from where somebody else called.
func discreet(who access.Caller, a *audit.Actor) {
	if a.ID == "" || a.ID != who.ID() {
		a.Address, a.RequestID = "", ""
	}
}

// spelled is a version as the record has it: as the release spells it, or in its normal form where the release is gone.
func (x *Browser) spelled(ctx context.Context, p catalog.Project, version string) (string, error) {
	v, err := packaging.ParseVersion(version)
	if err != nil {
		return version, nil // the record has none such
	}
	r := catalog.Release{Version: v.String()}
	err = x.store.View(ctx, func(tx Tx) error {
		found, err := tx.ReleaseByKey(ctx, p.ID, v.Key())
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		r = found
		return err
	})
	return r.Version, err
}

// Record returns a page of the whole record. fault.Denied for who is no administrator, fault.Invalid for a bad limit or
// a project's name that is none, fault.NotFound for an unknown repository.
func (x *Browser) Record(ctx context.Context, who access.Caller, f HistoryFilter) (History, error) {
	q, err := x.recordQuery(ctx, who, f)
	if err != nil {
		return History{}, err
	}
	return x.entries(ctx, q)
}

// WalkRecord gives the whole record, as far as f asks for it, to each, page by page: memory does not depend on how much
// it is, and no transaction is open meanwhile. f.Limit is the size of a page. It ends with the first error of each, and
// returns what Record does.
func (x *Browser) WalkRecord(ctx context.Context, who access.Caller, f HistoryFilter, each func(History) error) error {
	for {
		h, err := x.Record(ctx, who, f)
		if err != nil {
			return err
		}
		if err := each(h); err != nil || h.Next.IsZero() {
			return err
		}
		f.After = h.Next
	}
}

func (x *Browser) recordQuery(ctx context.Context, who access.Caller, f HistoryFilter) (audit.Filter, error) {
	if !who.Admin() {
		return audit.Filter{}, fault.New(fault.Denied, "only an administrator may read the whole record")
	}
	q := f.query()
	q.Version = f.Version
	if f.Project != "" {
		name, err := packaging.ParseProjectName(f.Project)
		if err != nil {
			return q, err
		}
		q.Project = name.String()
	}
	if f.Repository != "" {
		r, err := x.index.Repository(ctx, who, f.Repository)
		if err != nil {
			return q, err
		}
		q.RepositoryID = r.ID
	}
	return q, nil
}

// query is what a filter asks of the rows, wherever it is asked.
func (f HistoryFilter) query() audit.Filter {
	return audit.Filter{
		Actions: f.Actions, Outcome: f.Outcome, Actor: f.Actor, Address: f.Address, Text: f.Text,
		Since: f.Since, Until: f.Until, After: f.After, Limit: f.Limit,
	}
}

// entries reads a page, and one entry more to know whether there is another.
func (x *Browser) entries(ctx context.Context, q audit.Filter) (h History, err error) {
	limit := q.Limit
	if limit < 1 || limit > audit.MaxEntries {
		return History{}, fault.New(fault.Invalid, "from 1 to %d entries can be read at once, not %d", audit.MaxEntries,
			limit)
	}
	q.Limit++
	err = x.store.View(ctx, func(tx Tx) error {
		all, err := tx.Repositories(ctx)
		if err != nil {
			return err
		}
		h.Repositories = make(map[string]string, len(all))
		for _, r := range all {
			h.Repositories[r.ID] = r.Name
		}
		h.Entries, err = tx.Entries(ctx, q)
		return err
	})
	if len(h.Entries) > limit {
		h.Entries = h.Entries[:limit]
		h.Next = h.Entries[limit-1].Place()
	}
	return h, err
}
