package publishers

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/workload"
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
	Loose      string            `json:"loose,omitempty"`      // the most severe warning, if it lets in more than most expect
	Registrant string            `json:"registrant,omitempty"` // if pending: user id
	AddedAt    time.Time         `json:"added_at"`
	ExpiresAt  time.Time         `json:"expires_at,omitzero"` // if pending

	// if it is for the names of a repository; Project is empty then
	Names   string `json:"names,omitempty"`   // normal prefix
	Creates bool   `json:"creates,omitempty"` // an upload may create the project
	Owner   string `json:"owner,omitempty"`   // name of the user who will own such a project
}

// What describes the projects that the publisher may upload to.
func (l Listed) What() string {
	if l.Names == "" {
		return l.Project
	}
	return Names(l.Names, l.Repository, l.Creates)
}

// List returns the publishers of the projects that the caller owns, by project and time, followed by the pending ones
// that the caller registered, and by the publishers of repositories that cover these projects, those with the longest
// prefix first. An administrator gets all of them. If a project is named, in any spelling, List returns only its
// publishers, and fault.NotFound if the caller neither owns such a project nor has a pending publisher for it. It
// returns fault.Unauthenticated for an anonymous caller.
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
	owns         []catalog.Project // projects whose publishers from repositories are listed
	owned        bool              // whether the caller owns a project with this name
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
	if err := l.pending(ctx, tx); err != nil {
		return err
	}
	return l.wide(ctx, tx)
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
	if err == nil && MayManage(l.who, p) {
		l.owned, l.owns = true, append(l.owns, p)
	}
	return err
}

// wide lists the publishers of repositories: for an administrator all of them, or those that cover the name, whether or
// not there is such a project; for any other caller those that cover a project of theirs.
func (l *listing) wide(ctx context.Context, tx Tx) error {
	all, err := tx.RepositoryPublishers(ctx, "", "")
	if err != nil || len(all) == 0 {
		return err
	}
	if l.only == "" && !l.who.Admin() {
		for _, id := range l.who.ProjectIDs() {
			p, err := tx.ProjectByID(ctx, id)
			if err == nil && MayManage(l.who, p) {
				l.owns = append(l.owns, p)
			} else if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
	}
	name, _ := packaging.ParseProjectName(l.only)
	slices.SortStableFunc(all, func(a, b RepositoryPublisher) int {
		return cmp.Compare(len(b.Prefix.String()), len(a.Prefix.String()))
	})
	for _, w := range all {
		seen := slices.ContainsFunc(l.owns, w.Covers) ||
			l.who.Admin() && (l.only == "" || w.Prefix.Covers(name))
		if !seen {
			continue
		}
		row := Listed{
			ID: w.Publisher.ID, Repository: l.repositories[w.RepositoryID], AddedAt: w.AddedAt, Names: w.Prefix.String(),
			Creates: w.Creates,
		}
		if row.Owner, err = UserName(ctx, tx, w.OwnerUser); err != nil {
			return err
		}
		l.add(row, w.Publisher)
	}
	return nil
}

// UserName returns the name of an account, or "" if the account was deleted or the id is "".
func UserName(ctx context.Context, tx Tx, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	u, err := tx.UserByID(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return u.Name, err
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
	w, _ := workload.Of(p.Provider).Severest(p.Fields, p.OwnerID)
	row.Loose = w.Text
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
