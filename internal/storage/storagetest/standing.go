package storagetest

import (
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// checkStanding checks the data of a credential that is read again in the transaction that it authorizes.
func checkStanding(w *world) {
	amy := w.user("amy")
	own := w.token(access.Token{
		Kind:      access.TokenAPI,
		UserID:    amy.ID,
		Scope:     access.ScopeUpload,
		Limited:   true,
		Claims:    map[string]any{"left": "out"},
		ExpiresAt: at.Add(time.Hour),
	})
	minted := w.token(access.Token{
		Kind:      access.TokenMinted,
		Scope:     access.ScopeRead,
		Limited:   true,
		SingleUse: true,
		RevokedAt: at,
		SpentAt:   at,
	})
	s := access.Session{
		ID:          w.id("session"),
		UserID:      amy.ID,
		CreatedAt:   at,
		SeenAt:      at,
		ConfirmedAt: at,
		ExpiresAt:   at.Add(time.Hour),
	}
	s.Hash = digest(s.ID)
	w.updateAccess(func(tx access.Tx) error {
		w.must(tx.InsertSession(w.ctx, s))
		_, err := tx.EndSession(w.ctx, amy.ID, s.ID, at.Add(time.Minute))
		w.must(err)
		amy.Admin, amy.DisabledAt = true, at.Add(time.Second)
		return tx.UpdateUser(w.ctx, amy)
	})
	w.must(w.b.Access.View(w.ctx, func(tx access.Tx) error {
		t, u, err := tx.TokenStanding(w.ctx, own.ID)
		w.must(err)
		w.same("TokenStanding()", t, access.Token{
			ID: own.ID, Kind: own.Kind, UserID: amy.ID, Scope: own.Scope, Limited: true, ExpiresAt: own.ExpiresAt,
		})
		w.same("TokenStanding(): the account", u, amy)
		t, u, err = tx.TokenStanding(w.ctx, minted.ID)
		w.must(err)
		w.same("TokenStanding(minted)", t,
			access.Token{
				ID:        minted.ID,
				Kind:      minted.Kind,
				Scope:     minted.Scope,
				Limited:   true,
				SingleUse: true,
				RevokedAt: at,
				SpentAt:   at,
			})
		w.same("TokenStanding(minted): the account", u, access.User{})
		_, _, err = tx.TokenStanding(w.ctx, "nothing")
		w.want("TokenStanding(nothing)", err, fault.NotFound)

		got, u, err := tx.SessionStanding(w.ctx, s.ID)
		w.must(err)
		w.same("SessionStanding()", got, access.Session{
			ID: s.ID, UserID: amy.ID, CreatedAt: at, SeenAt: at, ConfirmedAt: at, ExpiresAt: s.ExpiresAt,
			EndedAt: at.Add(time.Minute),
		})
		w.same("SessionStanding(): the account", u, amy)
		_, _, err = tx.SessionStanding(w.ctx, "nothing")
		w.want("SessionStanding(nothing)", err, fault.NotFound)
		return nil
	}))
}
