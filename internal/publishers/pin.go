package publishers

import (
	"context"
	"slices"

	"pyindex/internal/fault"
)

// pin ties publishers that have no owner id yet to the account of this token, the first that they accept. Another token
// may have been the first a moment ago: then its account counts, and a publisher that it tied elsewhere is left out.
func (r *Registry) pin(ctx context.Context, tx Tx, x exchange, f fits) (fits, error) {
	kept := f.publishers[:0:0]
	for _, p := range f.publishers {
		p, ok, err := r.pinOne(ctx, tx, x, f, p)
		if err != nil {
			return f, err
		}
		if ok && !slices.ContainsFunc(kept, func(q Publisher) bool { return q.ID == p.ID }) {
			kept = append(kept, p)
		}
	}
	f.publishers = kept
	if len(f.publishers)+len(f.pending) == 0 {
		return f, Refuse(CodePublisher, noPublisher("another account was accepted by this publisher first"))
	}
	return f, nil
}

func (r *Registry) pinOne(ctx context.Context, tx Tx, x exchange, f fits, p Publisher) (Publisher, bool, error) {
	id := r.ownerOf(x, p)
	if p.OwnerID != "" || id == "" {
		return p, true, nil
	}
	twin := slices.IndexFunc(f.all, func(q Publisher) bool { return q.OwnerID == id && equalRules(p, q) })
	if twin >= 0 {
		return f.all[twin], true, r.merge(ctx, tx, x, p, f.all[twin])
	}
	won, err := tx.PinPublisher(ctx, p.ID, id)
	if err != nil {
		return p, false, err
	}
	if won {
		p.OwnerID = id
		return p, true, r.recordPin(ctx, tx, x, p)
	}
	p, err = tx.PublisherByID(ctx, p.ID)
	if fault.Is(err, fault.NotFound) {
		return p, false, nil
	}
	return p, p.OwnerID == id, err
}

// ownerOf is what a token that p admits would pin p to.
func (r *Registry) ownerOf(x exchange, p Publisher) string {
	rule, err := r.Rule(p)
	if err != nil {
		return ""
	}
	return x.provider.OwnerID(rule, x.claims)
}

// recordPin tells the owners of the projects whose account a publisher is tied to from now on.
func (r *Registry) recordPin(ctx context.Context, tx Tx, x exchange, p Publisher) error {
	if _, err := tx.NextSerial(ctx); err != nil {
		return err
	}
	links, err := tx.AttachedTo(ctx, p.ID, "")
	if err != nil {
		return err
	}
	for _, l := range links {
		project, err := tx.ProjectByID(ctx, l.ProjectID)
		if err != nil {
			return err
		}
		if err := tx.InsertAudit(ctx, r.entry("publisher.pin", r.actor(x, p), project, p.ID, x.at, r.describe(p))); err != nil {
			return err
		}
	}
	return nil
}

// merge gives the projects of a publisher that is being pinned to the one that says the same and is pinned already.
func (r *Registry) merge(ctx context.Context, tx Tx, x exchange, from, to Publisher) error {
	links, err := tx.AttachedTo(ctx, from.ID, "")
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := attachOnce(ctx, tx, Attached{Publisher: to, ProjectID: l.ProjectID, Project: l.Project, AddedAt: x.at, AddedBy: l.AddedBy}); err != nil {
			return err
		}
		if _, err := tx.Detach(ctx, from.ID, l.ProjectID); err != nil {
			return err
		}
	}
	return r.recordPin(ctx, tx, x, to)
}

// attachOnce is Attach where a link that exists is fine. It looks first, because after a conflict a transaction of some
// databases is over.
func attachOnce(ctx context.Context, tx Tx, a Attached) error {
	links, err := tx.AttachedTo(ctx, a.Publisher.ID, a.ProjectID)
	if err != nil || len(links) > 0 {
		return err
	}
	return tx.Attach(ctx, a)
}
