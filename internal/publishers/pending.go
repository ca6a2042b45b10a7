package publishers

import (
	"cmp"
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

func (r *Registry) addPending(ctx context.Context, tx Tx, who access.Caller, a addition) (string, time.Time, error) {
	repo, err := repositoryFor(ctx, tx, who, a.req.Repository)
	if err != nil {
		return "", time.Time{}, err
	}
	switch _, err := tx.ProjectByName(ctx, repo.ID, a.name); {
	case err == nil:
		return "", time.Time{},
			fault.New(fault.Conflict, "project %s exists already: its owner can add the publisher without pending", a.name)
	case !fault.Is(err, fault.NotFound):
		return "", time.Time{}, err
	}
	owner, err := registrant(ctx, tx, who, a.req.User)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := r.mayRegister(ctx, tx, who, repo, a, owner); err != nil {
		return "", time.Time{}, err
	}
	p := Pending{
		ID: r.o.NewID(), RepositoryID: repo.ID, Project: a.name.String(), Display: a.req.Project, Publisher: a.publisher,
		Registrant: owner, CreatedAt: a.at, ExpiresAt: a.at.Add(r.o.PendingLifetime),
	}
	if err := tx.InsertPending(ctx, p); fault.Is(err, fault.Conflict) {
		return "", time.Time{}, fault.Wrap(fault.Conflict, err, "this publisher is already pending for project %s", a.name)
	} else if err != nil {
		return "", time.Time{}, err
	}
	place := catalog.Project{Repository: repo, Name: a.name}
	return p.ID, p.ExpiresAt,
		tx.InsertAudit(ctx, r.entry("publisher.add-pending", who.Actor(), place, p.ID, a.at, r.Detail(p.Publisher)))
}

func (r *Registry) mayRegister(ctx context.Context, tx Tx, who access.Caller, repo catalog.Repository, a addition,
	owner string,
) error {
	if owner != who.ID() {
		may, err := access.HoldsCreation(ctx, tx, owner, repo.Object())
		if err != nil || !may {
			return cmp.Or(err,
				fault.New(fault.Invalid, "%.80s may not create projects in repository %s", a.req.User, repo.Name))
		}
	}
	err := r.o.Policy.CheckNewName(ctx, tx, repo, a.name, owner, a.at)
	if fault.Is(err, fault.Denied) {
		// the caller has the right, but the name is taken: forms show a conflict beside their fields
		return fault.Wrap(fault.Conflict, err, "%s", fault.Message(err))
	}
	if err != nil || owner == "" {
		return err
	}
	all, err := tx.PendingAll(ctx)
	if err != nil {
		return err
	}
	open, most := 0, MaxPending
	if who.Admin() {
		most = MaxPendingAdmin
	}
	for _, p := range all {
		if p.Registrant == owner && a.at.Before(p.ExpiresAt) {
			open++
		}
	}
	if open >= most {
		return fault.New(fault.Conflict,
			"%d pending publishers are waiting for their first upload, and at most %d are allowed: remove one, or upload to create its project", open, most)
	}
	return nil
}

func registrant(ctx context.Context, tx Tx, who access.Caller, name string) (string, error) {
	if name == "" || name == who.Name() && who.Kind() == access.KindUser {
		return who.ID(), nil
	}
	if !who.Admin() {
		return "", fault.New(fault.Denied, "only an administrator may register a pending publisher for another user")
	}
	u, err := tx.UserByName(ctx, name)
	if fault.Is(err, fault.NotFound) || err == nil && !u.Active() {
		return "", fault.New(fault.Invalid, "there is no active user %.80q", name)
	}
	if u.Service {
		return "", fault.New(fault.Invalid, "%s is a service account: it cannot own a project", name)
	}
	return u.ID, err
}

func (r *Registry) pendingEntry(action string, by audit.Actor, p Pending) audit.Entry {
	return audit.Entry{
		ID: r.o.NewID(), At: r.o.Now(), Action: action, Outcome: audit.Granted, Actor: by,
		Repository: p.RepositoryID, Project: p.Project, Subject: p.ID, Detail: r.Detail(p.Publisher),
	}
}
