package publishers

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/workload"
)

// Lineage is a publisher of a project, together with the looser ones that it replaced there. A removed publisher has a
// lineage as long as the audit log has an entry with its rule.
type Lineage struct {
	Publisher
	Attached  bool      // false for a removed publisher
	Wide      bool      // it covers the project from its repository
	AddedAt   time.Time // of the oldest one that is recorded; may be zero for a removed publisher
	Recorded  bool      // whether the audit log has the addition of each of them
	AddedBy   string    // user id; "" for the command line or a removed publisher
	RemovedAt time.Time // zero if it is attached or no longer recorded
	IDs       []string  // of the publisher, and of those that it replaced

	matches []match
}

// match tells whether a file came through one publisher of a lineage.
type match struct {
	issuer, sentence string
	kind             *workload.Kind // nil if the rule is no longer valid
	rule             workload.Rule
	since, until     time.Time // when it was added and removed; zero if it was not, or that is no longer recorded
}

const (
	maxReplaced = 10 // publishers of a lineage
	maxChanges  = 20 // entries about one of them
)

// LineageOf returns the lineage of a publisher of a project, or fault.NotFound if the project has and had no such
// publisher. The caller checks the permission.
func (r *Registry) LineageOf(ctx context.Context, tx Tx, p catalog.Project, id string) (Lineage, error) {
	none := fault.New(fault.NotFound, "project %s has no publisher %.80q", p.Name, id)
	if id == "" {
		return Lineage{}, none // AttachedTo would return all for ""
	}
	links, err := tx.AttachedTo(ctx, id, p.ID)
	if err != nil {
		return Lineage{}, err
	}
	var l Lineage
	if len(links) > 0 {
		l = Lineage{Publisher: links[0].Publisher, Attached: true, AddedAt: links[0].AddedAt, AddedBy: links[0].AddedBy}
	}
	if !l.Attached {
		all, err := tx.RepositoryPublishers(ctx, id, p.Repository.ID)
		if err != nil {
			return Lineage{}, err
		}
		if i := slices.IndexFunc(all, func(w RepositoryPublisher) bool { return w.Covers(p) }); i >= 0 {
			w := all[i]
			l = Lineage{Publisher: w.Publisher, Attached: true, Wide: true, AddedAt: w.AddedAt, AddedBy: w.AddedBy}
		}
	}
	for next := id; next != "" && len(l.IDs) < maxReplaced && !slices.Contains(l.IDs, next); {
		if next, err = r.follow(ctx, tx, p, next, &l); err != nil {
			return Lineage{}, err
		}
	}
	if l.ID == "" {
		return Lineage{}, none
	}
	return l, nil
}

// follow adds the publisher with an id to the lineage, and returns the id of the publisher that it replaced.
func (r *Registry) follow(ctx context.Context, tx Tx, p catalog.Project, id string, l *Lineage) (string, error) {
	changes, err := tx.PublisherChanges(ctx, p.Repository.ID, p.Name.String(), id, maxChanges)
	if err != nil {
		return "", err
	}
	// A project that was recreated under the name of a deleted one has a history of its own.
	changes = slices.DeleteFunc(changes, func(e audit.Entry) bool { return e.At.Before(p.CreatedAt) })
	q, first := l.Publisher, len(l.IDs) == 0
	if !first || !l.Attached {
		granted, err := tx.Exchanges(ctx, ExchangeFilter{
			RepositoryID: p.Repository.ID, Project: p.Name.String(), Rule: id, Since: p.CreatedAt, Limit: 1,
		})
		if err != nil {
			return "", err
		}
		if q = recordedPublisher(id, append(slices.Clone(changes), granted...)); q.ID == "" {
			return "", nil
		}
	}
	replaced, added, removed := "", time.Time{}, time.Time{}
	if len(changes) > 0 && changes[0].Action == "publisher.remove" && (!first || !l.Attached) {
		removed = changes[0].At
	}
	for _, e := range changes { // newest first
		if e.Action == "publisher.add" {
			added = e.At
			replaced, _ = e.Detail["constrains"].(string)
		}
	}
	if l.Recorded = !added.IsZero() && (first || l.Recorded); !added.IsZero() {
		l.AddedAt = added
	}
	if first {
		l.Publisher, l.RemovedAt = q, removed
	}
	l.IDs = append(l.IDs, id)
	l.matches = append(l.matches, r.matchOf(q, cmp.Or(added, l.AddedAt), removed))
	return replaced, nil
}

// recordedPublisher returns the publisher that entries of the audit log describe, or the zero Publisher.
func recordedPublisher(id string, entries []audit.Entry) Publisher {
	for _, e := range entries {
		fields, ok := e.Detail["fields"].(map[string]any)
		if !ok { // a lockout does not record the rule
			continue
		}
		p := Publisher{ID: id, Fields: map[string]string{}}
		for name, v := range fields {
			p.Fields[name], _ = v.(string)
		}
		p.Provider, _ = e.Detail["provider"].(string)
		p.Issuer, _ = e.Detail["issuer"].(string)
		p.OwnerID, _ = e.Detail["owner_id"].(string)
		if kind := workload.Find(p.Provider); kind != nil {
			if rule, err := kind.Compile(p.Fields); err == nil {
				p.Lookup = rule.Lookup
			}
		}
		return p
	}
	return Publisher{}
}

func (r *Registry) matchOf(p Publisher, since, until time.Time) match {
	m := match{issuer: p.Issuer, sentence: r.Sentence(p), since: since, until: until}
	if rule, err := r.Rule(p); err == nil {
		m.kind, m.rule = r.providers[p.Provider], rule
	}
	return m
}

// LetIn reports whether a file came through one of the publishers: it was stored under the publisher's sentence, or it
// was uploaded after the publisher was added, and the publisher's rule accepts its claims.
func (l Lineage) LetIn(f catalog.File) bool {
	if f.Uploader.Kind != "publisher" {
		return false
	}
	return slices.ContainsFunc(l.matches, func(m match) bool { return m.letIn(f) })
}

func (m match) letIn(f catalog.File) bool {
	if !m.until.IsZero() && f.UploadedAt.After(m.until) {
		return false
	}
	if f.Uploader.Name == m.sentence {
		return true
	}
	if m.kind == nil || m.since.IsZero() || f.UploadedAt.Before(m.since) || len(f.Uploader.Claims) == 0 {
		return false
	}
	iss, _ := f.Uploader.Claims["iss"].(string)
	if iss != m.issuer {
		return false
	}
	claims := workload.Restored(f.Uploader.Claims)
	lookup, err := m.kind.Lookup(claims)
	return err == nil && lookup == m.rule.Lookup && m.kind.Admits(m.rule, claims) == nil
}

// Held is a project that a publisher is or was attached to.
type Held struct {
	Project  catalog.Project
	Attached bool // to the project itself, not to its repository
}

// Projects returns the projects that a publisher is attached to and that the caller owns, those from which it was
// removed as far as the audit log has it, and those that it covers from their repository, at most maxProjects. It
// returns fault.NotFound if there are none, unless the publisher is one of a repository and the caller an
// administrator, and fault.Unauthenticated for an anonymous caller.
func (r *Registry) Projects(ctx context.Context, who access.Caller, id string) ([]Held, error) {
	if err := CheckKnown(who); err != nil {
		return nil, err
	}
	var out []Held
	err := r.store.View(ctx, func(tx Tx) (err error) {
		if out, err = heldBy(ctx, tx, who, id); err != nil {
			return err
		}
		out, err = withCovered(ctx, tx, who, id, out)
		return err
	})
	if err == nil && out == nil {
		err = fault.New(fault.NotFound, "there is no publisher %.80q here whose projects you own", id)
	}
	return out, err
}

// withCovered adds to the projects of a publisher those that it covers from their repository and that the caller owns.
// The result is not nil if the caller is an administrator and the publisher is one of a repository.
func withCovered(ctx context.Context, tx Tx, who access.Caller, id string, out []Held) ([]Held, error) {
	if strings.TrimSpace(id) == "" {
		return out, nil
	}
	rows, err := tx.RepositoryPublishers(ctx, id, "")
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, h := range out {
		known[h.Project.ID] = true
	}
	if len(rows) > 0 && who.Admin() && out == nil {
		out = []Held{}
	}
	for _, row := range rows {
		all, err := tx.Projects(ctx, row.RepositoryID)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			if len(out) >= maxProjects {
				return out, nil
			}
			if row.Covers(p) && !known[p.ID] && MayManage(who, p) {
				known[p.ID] = true
				out = append(out, Held{Project: p})
			}
		}
	}
	return out, nil
}

func heldBy(ctx context.Context, tx Tx, who access.Caller, id string) ([]Held, error) {
	if strings.TrimSpace(id) == "" {
		return nil, nil
	}
	links, err := tx.AttachedTo(ctx, id, "")
	if err != nil {
		return nil, err
	}
	var out []Held
	add := func(p catalog.Project, attached bool) {
		known := slices.ContainsFunc(out, func(h Held) bool { return h.Project.ID == p.ID })
		if !known && MayManage(who, p) {
			out = append(out, Held{p, attached})
		}
	}
	for _, l := range links {
		p, err := tx.ProjectByID(ctx, l.ProjectID)
		if err != nil {
			return nil, err
		}
		add(p, true)
	}
	changes, err := tx.PublisherChanges(ctx, "", "", id, maxProjects)
	if err != nil {
		return nil, err
	}
	for _, e := range changes {
		name, err := packaging.ParseProjectName(e.Project)
		if err != nil {
			continue
		}
		p, err := tx.ProjectByName(ctx, e.Repository, name)
		if fault.Is(err, fault.NotFound) || err == nil && e.At.Before(p.CreatedAt) {
			continue
		} else if err != nil {
			return nil, err
		}
		add(p, false)
	}
	return out, nil
}

// maxProjects limits the entries of the audit log that are searched for the projects of a publisher, and the covered
// projects that are listed.
const maxProjects = 1000
