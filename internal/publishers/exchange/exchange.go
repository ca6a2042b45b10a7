package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// remember is how long a token id is kept after the token expires, to allow for clock differences between replicas.
const remember = 5 * time.Minute

// Exchange mints a token in exchange for an identity token. Any caller may use it. It returns a *Refusal if the token
// is not accepted, and fault.Unavailable if the issuer's keys cannot be fetched, or for uploads while the index is in
// the state recovered. The audit log records each result and any verified claims, but never the token.
//
// A token can be used once, but a refused token is not used up: its bearer can have the rule corrected and try again.
// For uploads, the minted token covers the projects of every matching publisher, and every matching pending publisher
// creates its project first. For reading, it covers the places of every matching reader. A single-use token is used up
// by the upload that adds a file, and not by one that is refused or that repeats an identical file.
func (m *Minter) Exchange(ctx context.Context, who access.Caller, raw access.Secret, want Want) (Minted, error) {
	a := attempt{who: who, want: want, at: m.rules.Now()}
	err := want.check()
	if err == nil {
		a, err = m.identify(ctx, a, raw)
		if err != nil {
			err = m.refused(ctx, a, err)
		}
	}
	if err != nil {
		m.count(a, err)
		return Minted{}, err
	}
	out, err := m.exchange(ctx, a)
	m.count(a, err)
	return out, err
}

// exchange mints a token for the verified token of an attempt.
func (m *Minter) exchange(ctx context.Context, a attempt) (Minted, error) {
	var err error
	var out Minted
	var created []Created
	if a.compared, err = m.comparePending(ctx, a); err != nil {
		return Minted{}, m.refused(ctx, a, err)
	}
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

// identify verifies the token and extracts the values that the exchange needs.
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
	if err := a.among(a.provider.For(issuer, claims)); err != nil {
		return a, noRule(access.ScopeUpload, fault.Message(err))
	}
	if a.jti, err = a.tokenID(raw); err != nil {
		return a, Refuse(CodeToken, "malformed or invalid token: "+err.Error())
	}
	exp, err := expiry(claims)
	a.until = exp.Add(Leeway + remember)
	return a, err
}

// settle runs the exchange inside its transaction: match, mark as used, pin, create projects, mint.
func (m *Minter) settle(ctx context.Context, tx publishers.Tx, a attempt) (Minted, []Created, error) {
	if a.want.Scope == access.ScopeUpload {
		if err := catalog.CheckUploadsIn(ctx, tx); err != nil {
			return Minted{}, nil, err
		}
	}
	f, err := m.match(ctx, tx, a)
	if err != nil {
		return Minted{}, nil, err
	}
	if err := a.checkRestored(ctx, tx); err != nil {
		return Minted{}, nil, err
	}
	if err := tx.ClaimJTI(ctx, a.issuer, a.jti, a.until); fault.Is(err, fault.Conflict) {
		return Minted{}, nil, Refuse(CodeReuse, a.reused())
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

// checkRestored refuses a token that was issued before a backup was restored: it may have been used after the backup,
// and the index does not know it. A restore in the future, by a clock that was wrong, is ignored.
func (a attempt) checkRestored(ctx context.Context, tx publishers.Tx) error {
	at, err := tx.LastRestore(ctx)
	if err != nil || at.IsZero() || at.After(a.at.Add(Leeway)) {
		return err
	}
	n, _ := a.claims["iat"].(json.Number)
	issued, err := n.Int64()
	if err != nil {
		return fmt.Errorf("the verifier let a token pass whose time of issue cannot be read: %w", err)
	}
	if issued > at.Unix() {
		return nil
	}
	return Refuse(CodeReuse, fmt.Sprintf("this token was issued before this index was restored from a backup, on %s, "+
		"and may have been used already: ask the issuer for a new one", at.UTC().Format(time.RFC3339)))
}
