package publishers

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
)

// mint makes the upload token for the projects that the publishers are attached to now, and an audit entry for each.
func (r *Registry) mint(ctx context.Context, tx Tx, x exchange, trusted []Publisher) (Minted, error) {
	secret := access.NewToken()
	t := access.Token{
		ID: r.o.NewID(), Kind: access.TokenMinted, Hash: access.HashToken(secret), Scope: access.ScopeUpload,
		Description: "minted for " + r.sentence(trusted[0]), Limited: true,
		CreatedAt: x.at, ExpiresAt: x.at.Add(r.o.Lifetime).Truncate(time.Second),
		Publisher: r.sentence(trusted[0]), Claims: bounded(x.claims),
	}
	if err := tx.InsertToken(ctx, t); err != nil {
		return Minted{}, err
	}
	m := Minted{Token: secret, Expires: t.ExpiresAt}
	for _, p := range trusted {
		links, err := tx.AttachedTo(ctx, p.ID, "")
		if err != nil {
			return Minted{}, err
		}
		for _, l := range links {
			if err := tx.InsertTokenProject(ctx, access.TokenProject{TokenID: t.ID, ProjectID: l.ProjectID, PublisherID: p.ID}); err != nil {
				return Minted{}, err
			}
			if err := r.recordMint(ctx, tx, x, p, l, t.ID); err != nil {
				return Minted{}, err
			}
			m.Projects = append(m.Projects, l.Project)
		}
	}
	if len(m.Projects) == 0 {
		return Minted{}, Refuse(CodePublisher, noPublisher("it is attached to no project any more"))
	}
	slices.Sort(m.Projects)
	m.Projects = slices.Compact(m.Projects)
	return m, nil
}

func (r *Registry) recordMint(ctx context.Context, tx Tx, x exchange, p Publisher, l Attached, tokenID string) error {
	project, err := tx.ProjectByID(ctx, l.ProjectID)
	if err != nil {
		return err
	}
	return tx.InsertAudit(ctx, r.minted(x, p, project, tokenID))
}
