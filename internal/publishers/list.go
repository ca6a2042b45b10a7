package publishers

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Listed is a publisher of a project, or a pending one, in a listing.
type Listed struct {
	ID         string            `json:"id"`
	Pending    bool              `json:"pending"`
	Repository string            `json:"repository"` // of this index
	Project    string            `json:"project"`    // normal name
	Provider   string            `json:"provider"`
	Issuer     string            `json:"issuer"`
	Fields     map[string]string `json:"fields"`
	OwnerID    string            `json:"owner_id,omitempty"`
	Pinned     bool              `json:"pinned"` // whether no id is taken from the first token
	Sentence   string            `json:"publisher"`
	Unserved   string            `json:"warning,omitempty"`    // if the server does not have the issuer
	Registrant string            `json:"registrant,omitempty"` // if pending: user id
	AddedAt    time.Time         `json:"added_at"`
	ExpiresAt  time.Time         `json:"expires_at,omitzero"` // if pending
}

// List returns the publishers of the projects that the caller owns, by project and time, followed by the pending ones
// that the caller registered. An administrator gets all of them. If a project is named, in any spelling, List returns
// only its publishers, and fault.NotFound if the caller neither owns such a project nor has a pending publisher for it.
// It returns fault.Unauthenticated for an anonymous caller.
func (r *Registry) List(ctx context.Context, who access.Caller, project string) ([]Listed, error) {
	if err := CheckKnown(who); err != nil {
		return nil, err
	}
	name, err := packaging.ParseProjectName(project)
	if err != nil && project != "" {
		return nil, err
	}
	var l listing
	err = r.store.View(ctx, func(tx Tx) error {
		l = listing{registry: r, who: who, only: name.String(), repositories: map[string]string{}}
		return l.fill(ctx, tx)
	})
	if err == nil && project != "" && !l.owned && len(l.out) == 0 {
		err = fault.New(fault.NotFound, "there is no project %s here whose publishers you may see", name)
	}
	return l.out, err
}

type listing struct {
	registry     *Registry
	who          access.Caller
	only         string // normal name; "" for all
	repositories map[string]string
	owned        bool // whether the caller owns a project with this name
	out          []Listed
}

func (l *listing) fill(ctx context.Context, tx Tx) error {
	all, err := tx.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, repo := range all {
		l.repositories[repo.ID] = repo.Name
		if err := l.look(ctx, tx, repo); err != nil {
			return err
		}
	}
	if err := l.attached(ctx, tx); err != nil {
		return err
	}
	return l.pending(ctx, tx)
}

func (l *listing) look(ctx context.Context, tx Tx, repo catalog.Repository) error {
	name, err := packaging.ParseProjectName(l.only)
	if err != nil {
		return nil // no project requested
	}
	p, err := tx.ProjectByName(ctx, repo.ID, name)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	l.owned = l.owned || err == nil && MayManage(l.who, p)
	return err
}

func (l *listing) attached(ctx context.Context, tx Tx) error {
	links, err := tx.AttachedTo(ctx, "", "")
	if err != nil {
		return err
	}
	for _, a := range links {
		if l.only != "" && a.Project != l.only {
			continue
		}
		p, err := tx.ProjectByID(ctx, a.ProjectID)
		if err != nil {
			return err
		}
		if MayManage(l.who, p) {
			l.add(Listed{ID: a.Publisher.ID, Repository: p.Repository.Name, Project: a.Project, AddedAt: a.AddedAt}, a.Publisher)
		}
	}
	return nil
}

func (l *listing) pending(ctx context.Context, tx Tx) error {
	all, err := tx.PendingAll(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if l.only != "" && p.Project != l.only || !MayManagePending(l.who, p) {
			continue
		}
		l.add(Listed{
			ID: p.ID, Pending: true, Repository: l.repositories[p.RepositoryID], Project: p.Project,
			Registrant: p.Registrant, AddedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt,
		}, p.Publisher)
	}
	return nil
}

func (l *listing) add(row Listed, p Publisher) { l.out = append(l.out, l.registry.Listed(row, p)) }

// Listed fills in the fields of a row that come from p.
func (r *Registry) Listed(row Listed, p Publisher) Listed {
	row.Provider, row.Issuer, row.Fields, row.OwnerID = p.Provider, p.Issuer, p.Fields, p.OwnerID
	row.Pinned, row.Sentence, row.Unserved = r.pinned(p), r.Sentence(p), r.unserved(p)
	return row
}

func (r *Registry) pinned(p Publisher) bool {
	provider := r.providers[p.Provider]
	return p.OwnerID != "" || provider != nil && provider.PinField() == ""
}

// MayManagePending reports whether the caller may see and remove a pending publisher.
func MayManagePending(who access.Caller, p Pending) bool {
	return who.Admin() || who.Kind() == access.KindUser && who.ID() != "" && who.ID() == p.Registrant
}
