package exchange

import (
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
)

// mint makes the upload token for the projects that the publishers are attached to now, and an audit entry for each.
func (m *Minter) mint(ctx context.Context, tx publishers.Tx, x exchange, trusted []publishers.Publisher) (Minted, error) {
	secret := access.NewToken()
	t := access.Token{
		ID: m.rules.NewID(), Kind: access.TokenMinted, Hash: access.HashToken(secret), Scope: access.ScopeUpload,
		Description: "minted for " + m.registry.Sentence(trusted[0]), Limited: true,
		CreatedAt: x.at, ExpiresAt: x.at.Add(m.o.Lifetime).Truncate(time.Second),
		Publisher: m.registry.Sentence(trusted[0]), Claims: bounded(x.claims), SingleUse: x.once,
	}
	if err := tx.InsertToken(ctx, t); err != nil {
		return Minted{}, err
	}
	names := map[string]string{} // by project id
	for _, p := range trusted {
		if err := m.bind(ctx, tx, x, t.ID, p, names); err != nil {
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
func (m *Minter) bind(ctx context.Context, tx publishers.Tx, x exchange, tokenID string, p publishers.Publisher, names map[string]string) error {
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
		if err := m.recordMint(ctx, tx, x, p, l, tokenID); err != nil {
			return err
		}
	}
	return nil
}

func (m *Minter) recordMint(ctx context.Context, tx publishers.Tx, x exchange, p publishers.Publisher, l publishers.Attached, tokenID string) error {
	project, err := tx.ProjectByID(ctx, l.ProjectID)
	if err != nil {
		return err
	}
	return tx.InsertAudit(ctx, m.minted(x, p, project, tokenID))
}
