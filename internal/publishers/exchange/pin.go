package exchange

import (
	"context"
	"slices"

	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// pin pins rules that have no owner id yet to the account of this token. If a concurrent token pinned a rule to another
// account first, pin omits the rule.
func (m *Minter) pin(ctx context.Context, tx publishers.Tx, a attempt, f fits) (fits, error) {
	kept := f.rules[:0:0]
	for _, r := range f.rules {
		r, ok, err := m.pinOne(ctx, tx, a, f, r)
		if err != nil {
			return f, err
		}
		if ok && !slices.ContainsFunc(kept, func(q rule) bool { return q.ID == r.ID }) {
			kept = append(kept, r)
		}
	}
	f.rules = kept
	if len(f.rules)+len(f.pending) == 0 {
		return f, noRule(a.want.Scope, "another account was accepted by this "+terms[a.want.Scope].rule+" first")
	}
	return f, nil
}

func (m *Minter) pinOne(ctx context.Context, tx publishers.Tx, a attempt, f fits, r rule) (rule, bool, error) {
	id := m.ownerOf(a, r.Publisher)
	if r.OwnerID != "" || id == "" {
		return r, true, nil
	}
	for _, twin := range f.all {
		if r.reader == nil && twin.OwnerID == id && publishers.SameRule(r.Publisher, twin.Publisher) {
			return twin, true, m.merge(ctx, tx, a, r, twin)
		}
	}
	pinRow := tx.PinPublisher
	if r.reader != nil {
		pinRow = tx.PinReader
	}
	won, err := pinRow(ctx, r.ID, id)
	if err != nil {
		return r, false, err
	}
	r, err = again(ctx, tx, r)
	if fault.Is(err, fault.NotFound) {
		return r, false, nil
	}
	if err == nil && won {
		err = m.recordPin(ctx, tx, a, r)
	}
	return r, r.OwnerID == id, err
}

// again reloads the row of a publisher or reader.
func again(ctx context.Context, tx publishers.Tx, r rule) (rule, error) {
	if r.reader != nil {
		rd, err := tx.ReaderByID(ctx, r.ID)
		return readerRule(rd), err
	}
	p, err := tx.PublisherByID(ctx, r.ID)
	return publisherRule(p), err
}

// ownerOf returns the id that a token would pin p to.
func (m *Minter) ownerOf(a attempt, p publishers.Publisher) string {
	rule, err := m.registry.Rule(p)
	if err != nil {
		return ""
	}
	return m.kindOf(p).OwnerID(rule, a.claims)
}

// recordPin records the account that a rule is pinned to, for the owners of the rule's places.
func (m *Minter) recordPin(ctx context.Context, tx publishers.Tx, a attempt, r rule) error {
	if _, err := tx.NextSerial(ctx); err != nil {
		return err
	}
	all, err := targets(ctx, tx, r)
	if err != nil {
		return err
	}
	for _, t := range r.recorded(all) {
		if err := m.insert(ctx, tx, m.granted(a, terms[r.scope()].rule+".pin", r, r.ID), t); err != nil {
			return err
		}
	}
	return nil
}

// merge moves the projects of a publisher that is being pinned to the pinned publisher with the same rule.
func (m *Minter) merge(ctx context.Context, tx publishers.Tx, a attempt, from, to rule) error {
	links, err := tx.AttachedTo(ctx, from.ID, "")
	if err != nil {
		return err
	}
	for _, l := range links {
		link := l
		link.Publisher, link.AddedAt = to.Publisher, a.at
		if err := publishers.AttachOnce(ctx, tx, link); err != nil {
			return err
		}
		if _, err := tx.Detach(ctx, from.ID, l.ProjectID); err != nil {
			return err
		}
	}
	if err := m.mergeWide(ctx, tx, a, from, to); err != nil {
		return err
	}
	return m.recordPin(ctx, tx, a, to)
}

// mergeWide moves the names of repositories as merge moves projects.
func (m *Minter) mergeWide(ctx context.Context, tx publishers.Tx, a attempt, from, to rule) error {
	all, err := tx.RepositoryPublishers(ctx, from.ID, "")
	if err != nil {
		return err
	}
	has, err := tx.RepositoryPublishers(ctx, to.ID, "")
	if err != nil {
		return err
	}
	for _, l := range all {
		link := l
		link.ID, link.Publisher, link.AddedAt = m.rules.NewID(), to.Publisher, a.at
		there := slices.ContainsFunc(has, func(h publishers.RepositoryPublisher) bool {
			return h.RepositoryID == l.RepositoryID && h.Prefix == l.Prefix
		})
		if !there {
			if err := tx.InsertRepositoryPublisher(ctx, link); err != nil {
				return err
			}
		}
		if _, err := tx.DeleteRepositoryPublisher(ctx, l.ID); err != nil {
			return err
		}
	}
	return nil
}
