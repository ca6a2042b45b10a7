package exchange

import (
	"context"
	"slices"

	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// pin ties publishers that have no owner id yet to the account of this token, the first that they accept. Another token
// may have been the first a moment ago: then its account counts, and a publisher that it tied elsewhere is left out.
func (m *Minter) pin(ctx context.Context, tx publishers.Tx, x exchange, f fits) (fits, error) {
	kept := f.publishers[:0:0]
	for _, p := range f.publishers {
		p, ok, err := m.pinOne(ctx, tx, x, f, p)
		if err != nil {
			return f, err
		}
		if ok && !slices.ContainsFunc(kept, func(q publishers.Publisher) bool { return q.ID == p.ID }) {
			kept = append(kept, p)
		}
	}
	f.publishers = kept
	if len(f.publishers)+len(f.pending) == 0 {
		return f, Refuse(CodePublisher, noPublisher("another account was accepted by this publisher first"))
	}
	return f, nil
}

func (m *Minter) pinOne(ctx context.Context, tx publishers.Tx, x exchange, f fits, p publishers.Publisher) (publishers.Publisher, bool, error) {
	id := m.ownerOf(x, p)
	if p.OwnerID != "" || id == "" {
		return p, true, nil
	}
	twin := slices.IndexFunc(f.all, func(q publishers.Publisher) bool { return q.OwnerID == id && publishers.SameRule(p, q) })
	if twin >= 0 {
		return f.all[twin], true, m.merge(ctx, tx, x, p, f.all[twin])
	}
	won, err := tx.PinPublisher(ctx, p.ID, id)
	if err != nil {
		return p, false, err
	}
	if won {
		p.OwnerID = id
		return p, true, m.recordPin(ctx, tx, x, p)
	}
	p, err = tx.PublisherByID(ctx, p.ID)
	if fault.Is(err, fault.NotFound) {
		return p, false, nil
	}
	return p, p.OwnerID == id, err
}

// ownerOf is what a token that p admits would pin p to.
func (m *Minter) ownerOf(x exchange, p publishers.Publisher) string {
	rule, err := m.registry.Rule(p)
	if err != nil {
		return ""
	}
	return x.provider.OwnerID(rule, x.claims)
}

// recordPin tells the owners of the projects whose account a publisher is tied to from now on.
func (m *Minter) recordPin(ctx context.Context, tx publishers.Tx, x exchange, p publishers.Publisher) error {
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
		if err := tx.InsertAudit(ctx, m.registry.Entry("publisher.pin", m.actor(x, p), project, p.ID, x.at, m.registry.Detail(p))); err != nil {
			return err
		}
	}
	return nil
}

// merge gives the projects of a publisher that is being pinned to the one that says the same and is pinned already.
func (m *Minter) merge(ctx context.Context, tx publishers.Tx, x exchange, from, to publishers.Publisher) error {
	links, err := tx.AttachedTo(ctx, from.ID, "")
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := publishers.AttachOnce(ctx, tx, publishers.Attached{Publisher: to, ProjectID: l.ProjectID, Project: l.Project, AddedAt: x.at, AddedBy: l.AddedBy}); err != nil {
			return err
		}
		if _, err := tx.Detach(ctx, from.ID, l.ProjectID); err != nil {
			return err
		}
	}
	return m.recordPin(ctx, tx, x, to)
}
