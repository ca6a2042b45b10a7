package exchange

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// Burn revokes a minted token before it expires. Anyone who has the token may call it. Burn returns nil for unknown,
// expired and personal tokens too, so that callers cannot probe for tokens.
func (m *Minter) Burn(ctx context.Context, who access.Caller, raw access.Secret) error {
	if !access.WellFormed(raw) {
		return nil
	}
	var t access.Token
	err := m.store.View(ctx, func(tx publishers.Tx) (err error) { // without the write lock, because anyone may call this
		t, err = tx.TokenByHash(ctx, access.HashToken(raw))
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && t.Kind != access.TokenMinted {
		return nil
	} else if err != nil {
		return err
	}
	at := m.rules.Now()
	return m.store.Update(ctx, func(tx publishers.Tx) error { return m.burn(ctx, tx, who, t, at) })
}

func (m *Minter) burn(ctx context.Context, tx publishers.Tx, who access.Caller, t access.Token, at time.Time) error {
	ended, err := tx.RevokeToken(ctx, t.ID, at)
	if err != nil || !ended {
		return err
	}
	if _, err := tx.NextSerial(ctx); err != nil {
		return err
	}
	return tx.InsertAudit(ctx, audit.Entry{
		ID: m.rules.NewID(), At: at, Action: "token.burn", Outcome: audit.Granted, Actor: who.Actor(), Subject: t.ID,
		Detail: map[string]any{"publisher": t.Publisher},
	})
}
