package exchange

import (
	"context"
	"fmt"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// remember is how much longer than a token can be used its id is remembered, for clocks of replicas that differ.
const remember = 5 * time.Minute

// Exchange gives a token for an identity token. Anybody may ask. A refusal is a *Refusal; if an issuer's keys cannot be
// fetched, the error is fault.Unavailable. Each outcome is recorded, with the claims once they are verified, never the
// token.
//
// A token counts once, but only a token that some rule fits is used up: after a refusal its bearer can have the rule
// corrected and try again. For uploads every publisher that fits adds the projects that it is attached to, and every
// pending one creates its project first. For reading every reader that fits adds what it names. A single-use token is
// used up by the upload that adds a file: one that is refused, or that finds the identical file there, does not.
func (m *Minter) Exchange(ctx context.Context, who access.Caller, raw access.Secret, want Want) (Minted, error) {
	if err := want.check(); err != nil {
		return Minted{}, err
	}
	a, err := m.identify(ctx, attempt{who: who, want: want, at: m.rules.Now()}, raw)
	if err != nil {
		return Minted{}, m.refused(ctx, a, err)
	}
	var out Minted
	var created []Created
	err = m.store.Update(ctx, func(tx publishers.Tx) (err error) {
		out, created, err = m.settle(ctx, tx, a)
		return err
	})
	if err != nil {
		return Minted{}, m.refused(ctx, a, err)
	}
	if m.o.Created != nil {
		for _, c := range created {
			m.o.Created(ctx, c)
		}
	}
	return out, nil
}

// identify verifies the token and reads what the exchange itself needs of it.
func (m *Minter) identify(ctx context.Context, a attempt, raw access.Secret) (attempt, error) {
	if !m.Enabled() {
		return a, Refuse(CodeNotEnabled, "trusted publishing is not enabled on this index: no issuer is configured")
	}
	name, issuer, claims, err := m.verifier.Verify(ctx, raw)
	if err != nil {
		return a, err
	}
	a.issuer, a.claims = issuer, claims
	if a.provider = m.registry.Provider(name); a.provider == nil {
		return a, Refuse(CodeNotEnabled, fmt.Sprintf("trusted publishing is not enabled for issuers of kind %.40q", name))
	}
	if a.lookup, err = a.provider.Lookup(claims); err != nil {
		return a, noRule(access.ScopeUpload, fault.Message(err))
	}
	if a.jti, err = a.tokenID(raw); err != nil {
		return a, Refuse(CodeToken, "malformed or invalid token: "+err.Error())
	}
	exp, err := expiry(claims)
	a.until = exp.Add(Leeway + remember)
	return a, err
}

// settle is the exchange inside its transaction: match, use up, pin and create projects, mint.
func (m *Minter) settle(ctx context.Context, tx publishers.Tx, a attempt) (Minted, []Created, error) {
	f, err := m.match(ctx, tx, a)
	if err != nil {
		return Minted{}, nil, err
	}
	if err := tx.ClaimJTI(ctx, a.issuer, a.jti, a.until); fault.Is(err, fault.Conflict) {
		return Minted{}, nil,
			Refuse(CodeReuse, "this token was used before: its id (jti) counts once, so ask the issuer for a new one")
	} else if err != nil {
		return Minted{}, nil, err
	}
	if f, err = m.pin(ctx, tx, a, f); err != nil {
		return Minted{}, nil, err
	}
	trusted, created, err := m.createPending(ctx, tx, a, f)
	if err != nil {
		return Minted{}, nil, err
	}
	out, err := m.mint(ctx, tx, a, trusted)
	return out, created, err
}
