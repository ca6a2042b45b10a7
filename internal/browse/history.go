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

// HistoryFilter selects entries of the audit log. A zero field does not restrict the result.
type HistoryFilter struct {
	Actions      []string // any of these, for example "file.add"
	Outcome      audit.Outcome
	Actor        string // exact name
	Version      string // any spelling, only for History
	Address      string // only for Record
	Repository   string // name, only for Record
	Project      string // any spelling, only for Record
	Text         string
	Since, Until time.Time
	After        audit.Cursor // the end of the previous page
	Limit        int          // from 1 to audit.MaxEntries
}

// History is a page of the audit log, newest first.
type History struct {
	Entries      []audit.Entry
	Next         audit.Cursor      // for the next page; zero if there is none
	Repositories map[string]string // names of existing repositories by id
}

// exchanges are the actions that only owners may read, as in insight.View.Exchanges.
var exchanges = []string{"publisher.exchange"}

// History returns the audit log of a project since its creation, without entries of an earlier, deleted project of the
// same name. It needs a maintainer. Exchanges of identity tokens are shown only to owners; addresses of other people
// and the reason of a quarantine only to administrators. It returns fault.NotFound if the caller may not see the
// project, fault.Denied if the role is missing, and fault.Invalid if the limit is out of range.
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

// withoutClaims is the default of Options.Redact.
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

// withoutReason removes the reason and the lockout of a file's quarantine, which only administrators may read.
func withoutReason(e *audit.Entry) {
	if e.Action == "file.quarantine" {
		e.Detail = maps.Clone(e.Detail)
		delete(e.Detail, "reason")
		delete(e.Detail, "lockout")
	}
}

// discreet removes the address and request id of other people.
func discreet(who access.Caller, a *audit.Actor) {
	if a.ID == "" || a.ID != who.ID() {
		a.Address, a.RequestID = "", ""
	}
}

// spelled returns a version as the audit log has it: in the release's spelling, or in normal form if the release was
// deleted.
func (x *Browser) spelled(ctx context.Context, p catalog.Project, version string) (string, error) {
	v, err := packaging.ParseVersion(version)
	if err != nil {
		return version, nil // the audit log has no such version
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

// Record returns a page of the audit log of the whole index. It returns fault.Denied unless the caller is an
// administrator, fault.Invalid if the limit or the project name is invalid, and fault.NotFound if the repository does
// not exist.
func (x *Browser) Record(ctx context.Context, who access.Caller, f HistoryFilter) (History, error) {
	q, err := x.recordQuery(ctx, who, f)
	if err != nil {
		return History{}, err
	}
	return x.entries(ctx, q)
}

// WalkRecord calls each with every page of the audit log that f selects, f.Limit entries at a time. It keeps only one
// page in memory, and no transaction open between pages. It stops at the first error of each, and returns the same
// errors as Record.
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
		return audit.Filter{}, fault.New(fault.Denied, "only an administrator may read the whole audit log")
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

func (f HistoryFilter) query() audit.Filter {
	return audit.Filter{
		Actions: f.Actions, Outcome: f.Outcome, Actor: f.Actor, Address: f.Address, Text: f.Text,
		Since: f.Since, Until: f.Until, After: f.After, Limit: f.Limit,
	}
}

// entries reads a page, and one more entry to determine whether there is another page.
func (x *Browser) entries(ctx context.Context, q audit.Filter) (h History, err error) {
	limit := q.Limit
	if limit < 1 || limit > audit.MaxEntries {
		return History{}, fault.New(fault.Invalid, "the limit must be from 1 to %d entries, not %d", audit.MaxEntries,
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
