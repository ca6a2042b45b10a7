package publishers

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Remove detaches a publisher from every project that the caller owns, or removes a pending one that the caller
// registered. Its minted tokens stop working for those projects on their next request. Remove returns the same
// fault.NotFound if the id does not exist and if the caller may not remove the publisher, and fault.Unauthenticated for
// an anonymous caller.
func (r *Registry) Remove(ctx context.Context, who access.Caller, id string) error {
	return r.remove(ctx, who, id, func(catalog.Project) bool { return true })
}

// RemoveFrom is like Remove for one project only. Repository "" is main.
func (r *Registry) RemoveFrom(ctx context.Context, who access.Caller, id, repository, project string) error {
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return err
	}
	return r.remove(ctx, who, id, func(p catalog.Project) bool {
		return p.Repository.Name == repositoryName(repository) && p.Name == name
	})
}

func (r *Registry) remove(ctx context.Context, who access.Caller, id string, from func(catalog.Project) bool) error {
	if err := CheckKnown(who); err != nil {
		return err
	}
	return access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) error {
		n, err := r.detach(ctx, tx, who, id, from)
		if err != nil {
			return err
		}
		if n == 0 {
			return r.removePending(ctx, tx, who, id)
		}
		// The serial invalidates cached callers.
		_, err = tx.NextSerial(ctx)
		return err
	})
}

// detach detaches a publisher from the caller's projects and returns their number.
func (r *Registry) detach(ctx context.Context, tx Tx, who access.Caller, id string,
	from func(catalog.Project) bool,
) (int, error) {
	if id == "" {
		return 0, nil // AttachedTo would return all for ""
	}
	links, err := tx.AttachedTo(ctx, id, "")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, l := range links {
		p, err := tx.ProjectByID(ctx, l.ProjectID)
		if err != nil {
			return 0, err
		}
		if !MayManage(who, p) || !from(p) {
			continue
		}
		if _, err := tx.Detach(ctx, id, p.ID); err != nil {
			return 0, err
		}
		n++
		if err := tx.InsertAudit(ctx,
			r.entry("publisher.remove", who.Actor(), p, id, r.o.Now(), r.Detail(l.Publisher))); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// RemovePending removes a pending publisher. It returns fault.NotFound unless the caller registered the publisher or is
// an administrator, also for the id of a publisher that is not pending, and fault.Unauthenticated for an anonymous
// caller.
func (r *Registry) RemovePending(ctx context.Context, who access.Caller, id string) error {
	if err := CheckKnown(who); err != nil {
		return err
	}
	return access.Update(ctx, r.store, who,
		func(tx Tx, who access.Caller) error { return r.removePending(ctx, tx, who, id) })
}

func (r *Registry) removePending(ctx context.Context, tx Tx, who access.Caller, id string) error {
	all, err := tx.PendingAll(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.ID == id && MayManagePending(who, p) {
			return r.dropPending(ctx, tx, p, r.pendingEntry("publisher.remove-pending", who.Actor(), p))
		}
	}
	return fault.New(fault.NotFound, "there is no publisher %.80q that you may remove", id)
}
