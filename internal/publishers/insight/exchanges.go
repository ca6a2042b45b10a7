package insight

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
)

// MaxExchanges limits how many exchanges can be listed at once.
const MaxExchanges = 1000

// Exchanges returns at most limit recorded exchanges, newest first: those of the caller's projects and pending
// publishers, and all of them for an administrator. If a project is named, in any spelling, it returns only those of
// that name, and fault.NotFound if the caller neither owns such a project nor has a pending publisher for it. It
// returns fault.Unauthenticated for an anonymous caller, and fault.Invalid if limit is not from 1 to MaxExchanges.
//
// A project that is recreated under the name of a deleted one starts with an empty history.
func (v *View) Exchanges(ctx context.Context, who access.Caller, project string, limit int) ([]Exchange, error) {
	if err := publishers.CheckKnown(who); err != nil {
		return nil, err
	}
	if limit < 1 || limit > MaxExchanges {
		return nil, fault.New(fault.Invalid, "from 1 to %d exchanges can be listed, not %d", MaxExchanges, limit)
	}
	l := explaining{who: who, limit: limit, repositories: map[string]string{}, redact: v.Redact}
	if project != "" {
		name, err := packaging.ParseProjectName(project)
		if err != nil {
			return nil, err
		}
		l.only = name
	}
	if err := v.registry.Store().View(ctx, func(tx publishers.Tx) error { return l.fill(ctx, tx) }); err != nil {
		return nil, err
	}
	if project != "" && !l.found {
		return nil, fault.New(fault.NotFound, "there is no project %s here whose publishers you may see", l.only)
	}
	var out []Exchange
	for _, e := range l.newest() {
		out = append(out, v.exchangeOf(e, l.repositories))
	}
	return out, nil
}

// explaining accumulates a listing of exchanges.
type explaining struct {
	who          access.Caller
	only         packaging.ProjectName // the zero name for all
	limit        int
	repositories map[string]string // names by id
	found        bool              // whether the caller may see anything of that name
	entries      []audit.Entry
	redact       func(ctx context.Context, tx catalog.Tx, who access.Caller, projectID string, entries []audit.Entry) error
}

func (l *explaining) named() bool { return !l.only.IsZero() }

func (l *explaining) fill(ctx context.Context, tx publishers.Tx) error {
	all, err := tx.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, repo := range all {
		l.repositories[repo.ID] = repo.Name
	}
	if l.who.Admin() {
		err := l.read(ctx, tx, "", publishers.ExchangeFilter{Project: l.only.String()})
		if err == nil && l.named() {
			err = l.names(ctx, tx, all)
		}
		if l.found = len(l.entries) > 0; err != nil || !l.named() {
			return err
		}
	}
	if err := l.projects(ctx, tx, all); err != nil {
		return err
	}
	return l.pending(ctx, tx)
}

// names reads the exchanges of the publishers of repositories that cover the name, for an administrator. Owners do not
// see them: they are about all names of a publisher.
func (l *explaining) names(ctx context.Context, tx publishers.Tx, all []catalog.Repository) error {
	for _, repo := range all {
		got, err := tx.Exchanges(ctx, publishers.ExchangeFilter{RepositoryID: repo.ID, Whole: true, Limit: MaxExchanges})
		if err != nil {
			return err
		}
		for _, e := range got {
			p, err := packaging.ParseNamePrefix(detail(e.Detail).text(exchange.DetailNames))
			if err == nil && p.Covers(l.only) {
				l.entries = append(l.entries, e)
			}
		}
	}
	return nil
}

// projects reads the histories of the projects that the caller owns.
func (l *explaining) projects(ctx context.Context, tx publishers.Tx, all []catalog.Repository) error {
	if !l.named() {
		return l.granted(ctx, tx, all)
	}
	for _, repo := range all {
		p, err := tx.ProjectByName(ctx, repo.ID, l.only)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err == nil {
			err = l.project(ctx, tx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// granted reads the histories of the repositories and projects that the caller owns.
func (l *explaining) granted(ctx context.Context, tx publishers.Tx, all []catalog.Repository) error {
	for _, repo := range all {
		if !l.who.May(access.Owner, repo.Object()) {
			continue
		}
		if err := l.readAll(ctx, tx, repo); err != nil {
			return err
		}
	}
	// Only registrants may see their pending publishers; even repository owners may not.
	l.entries = slices.DeleteFunc(l.entries, func(e audit.Entry) bool { return waitedFor(e.Detail) })
	for _, id := range l.who.ProjectIDs() {
		p, err := tx.ProjectByID(ctx, id)
		if fault.Is(err, fault.NotFound) {
			continue // the id of a repository
		}
		if err == nil {
			err = l.project(ctx, tx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// project reads the history of a project since its creation, if the caller may see it.
func (l *explaining) project(ctx context.Context, tx publishers.Tx, p catalog.Project) error {
	if !publishers.MayManage(l.who, p) {
		return nil
	}
	l.found = true
	return l.read(ctx, tx, p.ID,
		publishers.ExchangeFilter{RepositoryID: p.Repository.ID, Project: p.Name.String(), Since: p.CreatedAt})
}

// pending reads the exchanges that came near the caller's pending publishers.
func (l *explaining) pending(ctx context.Context, tx publishers.Tx) error {
	all, err := tx.PendingAll(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if !publishers.MayManagePending(l.who, p) || l.named() && p.Project != l.only.String() {
			continue
		}
		l.found = true
		if err := l.read(ctx, tx, "", publishers.ExchangeFilter{Subject: p.ID}); err != nil {
			return err
		}
	}
	return nil
}

// read reads the exchanges of a project, redacted for the caller. projectID is "" for exchanges of no single project.
func (l *explaining) read(ctx context.Context, tx publishers.Tx, projectID string, f publishers.ExchangeFilter) error {
	f.Limit = l.limit
	got, err := tx.Exchanges(ctx, f)
	if err == nil {
		err = l.redact(ctx, tx, l.who, projectID, got)
	}
	l.entries = append(l.entries, got...)
	return err
}

// readAll reads the exchanges of all projects of a repository.
func (l *explaining) readAll(ctx context.Context, tx publishers.Tx, repo catalog.Repository) error {
	got, err := tx.Exchanges(ctx, publishers.ExchangeFilter{RepositoryID: repo.ID, Limit: l.limit})
	if err != nil {
		return err
	}
	// Group the exchanges by project, so that the files of each project are read once. newest sorts them again.
	slices.SortStableFunc(got, func(a, b audit.Entry) int { return strings.Compare(a.Project, b.Project) })
	for from := 0; from < len(got); {
		to := from + 1
		for to < len(got) && got[to].Project == got[from].Project {
			to++
		}
		id := ""
		if name, err := packaging.ParseProjectName(got[from].Project); err == nil {
			p, err := tx.ProjectByName(ctx, repo.ID, name)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			id = p.ID
		}
		if err := l.redact(ctx, tx, l.who, id, got[from:to]); err != nil {
			return err
		}
		from = to
	}
	l.entries = append(l.entries, got...)
	return nil
}

// newest returns the newest entries, without duplicates.
func (l *explaining) newest() []audit.Entry {
	slices.SortFunc(l.entries, func(a, b audit.Entry) int {
		// an exchange that concerned a project and names of its repository is listed for the project first
		wide := cmp.Compare(detail(a.Detail).text(exchange.DetailNames), detail(b.Detail).text(exchange.DetailNames))
		return cmp.Or(b.At.Compare(a.At), wide, strings.Compare(b.ID, a.ID))
	})
	all := slices.CompactFunc(l.entries, func(a, b audit.Entry) bool { return a.ID == b.ID })
	return all[:min(len(all), l.limit)]
}
