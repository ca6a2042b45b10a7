package publishers

import (
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/access"
)

// mint makes the upload token for the projects that the publishers are attached to now, and an audit entry for each.
func (r *Registry) mint(ctx context.Context, tx Tx, x exchange, trusted []Publisher) (Minted, error) {
	secret := access.NewToken()
	t := access.Token{
		ID: r.o.NewID(), Kind: access.TokenMinted, Hash: access.HashToken(secret), Scope: access.ScopeUpload,
		Description: "minted for " + r.Sentence(trusted[0]), Limited: true,
		CreatedAt: x.at, ExpiresAt: x.at.Add(r.o.Lifetime).Truncate(time.Second),
		Publisher: r.Sentence(trusted[0]), Claims: bounded(x.claims), SingleUse: x.once,
	}
	if err := tx.InsertToken(ctx, t); err != nil {
		return Minted{}, err
	}
	names := map[string]string{} // by project id
	for _, p := range trusted {
		if err := r.bind(ctx, tx, x, t.ID, p, names); err != nil {
			return Minted{}, err
		}
	}
	if len(names) == 0 {
		return Minted{}, Refuse(CodePublisher, noPublisher("its publisher is attached to no project any more"))
	}
	return Minted{Token: secret, Expires: t.ExpiresAt, Projects: slices.Sorted(maps.Values(names))}, nil
}

// bind makes the token good for a publisher's projects. A project that several publishers share is recorded once, for
// the first of them, and keeps the token until the last of them is gone.
func (r *Registry) bind(ctx context.Context, tx Tx, x exchange, tokenID string, p Publisher, names map[string]string) error {
	links, err := tx.AttachedTo(ctx, p.ID, "")
	if err != nil {
		return err
	}
	for _, l := range links {
		b := access.TokenProject{TokenID: tokenID, ProjectID: l.ProjectID, PublisherID: p.ID}
		if err := tx.InsertTokenProject(ctx, b); err != nil {
			return err
		}
		if _, known := names[l.ProjectID]; known {
			continue
		}
		names[l.ProjectID] = l.Project
		if err := r.recordMint(ctx, tx, x, p, l, tokenID); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) recordMint(ctx context.Context, tx Tx, x exchange, p Publisher, l Attached, tokenID string) error {
	project, err := tx.ProjectByID(ctx, l.ProjectID)
	if err != nil {
		return err
	}
	return tx.InsertAudit(ctx, r.minted(x, p, project, tokenID))
}
