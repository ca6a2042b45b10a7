package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// remember is how much longer than a token can be used its id is remembered, for clocks of replicas that differ.
const remember = 5 * time.Minute

// maxJTI bounds a token's id, in bytes.
const maxJTI = 255

// Want is the token that a workload asks for.
type Want struct {
	Scope  access.Scope // ScopeUpload or ScopeRead
	Single bool         // good for one upload (PEP 807, single-use-token)
}

// check returns a refusal unless such a token can be minted. It is an allow list.
func (w Want) check() error {
	if _, ok := terms[w.Scope]; !ok {
		return Refuse(CodePayload, `the request's "scope" has to be "upload" or "read"`)
	}
	if w.Single && w.Scope != access.ScopeUpload {
		return Refuse(CodePayload, "a token for one upload does not read: leave out the feature single-use-token")
	}
	return nil
}

// Minted is what a workload gets: a token and what it is good for until it expires.
type Minted struct {
	Token        access.Secret
	Expires      time.Time // whole seconds
	Projects     []string  // normal names, sorted: to upload to, or to read
	Repositories []string  // names of those that it reads as a whole, sorted
}

// attempt is an identity token on its way to a minted one.
type attempt struct {
	who      access.Caller
	want     Want
	at       time.Time
	provider workload.Provider
	issuer   string
	claims   workload.Claims // nil until the token is verified
	lookup   string
	jti      string
	until    time.Time // to remember jti
}

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

// tokenID returns what the token is remembered by.
func (a attempt) tokenID(raw access.Secret) (string, error) {
	v, numbered := a.claims["jti"]
	if !numbered && !a.provider.NeedsTokenID() {
		return digestID(raw), nil
	}
	jti, ok := v.(string)
	if !ok || jti == "" {
		return "", fmt.Errorf("its id (jti) is %s, and without one it could be used twice", workload.Show(v))
	}
	if len(jti) > maxJTI {
		return "", fmt.Errorf("its id (jti) is longer than %d bytes", maxJTI)
	}
	if workload.HasControl(jti) {
		return "", fmt.Errorf("its id (jti) %s holds control characters", workload.Show(jti))
	}
	return jti, nil
}

// digestID numbers a token that its issuer did not number. The signature is left out: only what it covers says which
// token this is.
func digestID(raw access.Secret) string {
	signed := raw.Reveal()
	signed = signed[:max(0, strings.LastIndexByte(signed, '.'))]
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(signed)))
}

func expiry(c workload.Claims) (time.Time, error) {
	n, _ := c["exp"].(json.Number)
	s, err := n.Int64()
	if err != nil {
		return time.Time{}, fmt.Errorf("the verifier let a token pass whose expiry cannot be read: %w", err)
	}
	return time.Unix(s, 0), nil
}

// settle is the exchange inside its transaction: match, use up, pin and create projects, mint.
func (m *Minter) settle(ctx context.Context, tx publishers.Tx, a attempt) (Minted, []Created, error) {
	f, err := m.match(ctx, tx, a)
	if err != nil {
		return Minted{}, nil, err
	}
	if err := tx.ClaimJTI(ctx, a.issuer, a.jti, a.until); fault.Is(err, fault.Conflict) {
		return Minted{}, nil, Refuse(CodeReuse, "this token was used before: its id (jti) counts once, so ask the issuer for a new one")
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
