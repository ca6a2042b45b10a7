package publishers

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Remove detaches a publisher from every project that the caller owns and, if the caller is an administrator, from
// every repository, or removes a pending one that the caller registered. Its minted tokens stop working for those
// projects on their next request. Remove returns the same
// fault.NotFound if the id does not exist and if the caller may not remove the publisher, and fault.Unauthenticated for
// an anonymous caller.
func (r *Registry) Remove(ctx context.Context, who access.Caller, id string) error {
	return r.remove(ctx, who, id, nil)
}

// RemoveFrom is like Remove for one project only. Repository "" is main. It returns fault.Denied if the publisher
// covers the project from the repository instead: RemoveFromRepository removes those.
func (r *Registry) RemoveFrom(ctx context.Context, who access.Caller, id, repository, project string) error {
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return err
	}
	return r.remove(ctx, who, id, &from{repositoryName(repository), name})
}

// from is the only project that a publisher is removed from.
type from struct {
	repository string
	name       packaging.ProjectName
}

// remove removes a publisher from everything, or from one project only.
func (r *Registry) remove(ctx context.Context, who access.Caller, id string, only *from) error {
	if err := CheckKnown(who); err != nil {
		return err
	}
	return access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) error {
		// Incrementing the serial first serializes concurrent changes, as in attach. It also invalidates cached callers.
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		n, err := r.detach(ctx, tx, who, id, func(p catalog.Project) bool {
			return only == nil || p.Repository.Name == only.repository && p.Name == only.name
		})
		if err == nil && only == nil {
			more := 0
			more, err = r.detachAllWide(ctx, tx, who, id)
			n += more
		}
		if err != nil || n > 0 {
			return err
		}
		if only != nil {
			if err := r.denyWide(ctx, tx, who, id, *only); err != nil {
				return err
			}
		}
		return r.removePending(ctx, tx, who, id)
	})
}

// denyWide returns fault.Denied if a publisher covers the project from its repository, and the caller may see that.
func (r *Registry) denyWide(ctx context.Context, tx Tx, who access.Caller, id string, of from) error {
	p, err := ProjectFor(ctx, tx, who, of.repository, of.name)
	if fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return keepsWide(ctx, tx, who, id, p)
}

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
			if _, err := endPending(ctx, tx, p.ID, r.o.Now()); err != nil {
				return err
			}
			if _, err := tx.NextSerial(ctx); err != nil {
				return err
			}
			return tx.InsertAudit(ctx, r.pendingEntry("publisher.remove-pending", who.Actor(), p))
		}
	}
	return fault.New(fault.NotFound, "there is no publisher %.80q that you may remove", id)
}
