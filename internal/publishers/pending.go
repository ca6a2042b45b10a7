package publishers

import (
	"cmp"
	"context"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// addPending adds a pending publisher. It returns fault.Unavailable while the index is in the state recovered: the name
// may be that of a project that was created after the backup.
func (r *Registry) addPending(ctx context.Context, tx Tx, who access.Caller, a addition) (string, time.Time, error) {
	if err := catalog.CheckUploadsIn(ctx, tx); err != nil {
		return "", time.Time{}, err
	}
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
	if err := checkEvenIfPublic(who, a.req); err != nil {
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
	if err := r.reserve(ctx, tx, who, a, p); err != nil {
		return "", time.Time{}, err
	}
	place, detail := catalog.Project{Repository: repo, Name: a.name}, r.Detail(p.Publisher)
	if a.req.EvenIfPublic {
		detail["even_if_public"], detail["reason"] = true, a.req.Reason
	}
	return p.ID, p.ExpiresAt,
		tx.InsertAudit(ctx, r.entry("publisher.add-pending", who.Actor(), place, p.ID, a.at, detail))
}

// reserve makes the name of a pending publisher own, until AfterPending after its end: otherwise an upstream's project
// of that name would be installed until the first upload.
func (r *Registry) reserve(ctx context.Context, tx Tx, who access.Caller, a addition, p Pending) error {
	by := who.Actor()
	reservation := catalog.Reservation{
		Pattern: p.Project, RepositoryID: p.RepositoryID, Why: catalog.ReservedByPending, Subject: p.ID, Since: p.CreatedAt,
		EndsAt: p.ExpiresAt.Add(catalog.AfterPending), By: audit.Actor{Kind: by.Kind, ID: by.ID, Name: by.Name},
	}
	if a.req.EvenIfPublic {
		reservation.Reason = a.req.Reason
	}
	if err := tx.PutReservation(ctx, reservation); err != nil {
		return err
	}
	_, err := tx.NextSerial(ctx) // what was read about the name before no longer holds
	return err
}

// endPending deletes a pending publisher, whose name remains reserved for a while, and reports whether it existed.
func endPending(ctx context.Context, tx Tx, id string, at time.Time) (bool, error) {
	did, err := tx.DeletePending(ctx, id)
	if err == nil {
		err = tx.EndReservations(ctx, id, at.Add(catalog.AfterPending))
	}
	return did, err
}

// checkEvenIfPublic returns an error unless the caller may take a name that belongs to an upstream.
func checkEvenIfPublic(who access.Caller, req AddRequest) error {
	switch {
	case !req.EvenIfPublic:
		return nil
	case !who.Admin():
		return fault.New(fault.Denied, "only an administrator may take a name that belongs to an upstream")
	case strings.TrimSpace(req.Reason) == "":
		return fault.InField("reason", "give a reason for taking a name that belongs to an upstream")
	case len(req.Reason) > catalog.MaxReason:
		return fault.InField("reason", "the reason is too long: it may have %d bytes", catalog.MaxReason)
	}
	return nil
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
	err := r.o.Policy.CheckNewName(ctx, tx, catalog.NewName{
		Repository: repo, Name: a.name, User: owner, At: a.at, Compared: a.compared, EvenIfPublic: a.req.EvenIfPublic,
	})
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
