package publishers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// remember is how much longer than a token can be used its id is remembered, for clocks of replicas that differ.
const remember = 5 * time.Minute

// maxJTI bounds a token's id, in bytes.
const maxJTI = 255

// Minted is what a workload gets: a token that may upload to some projects until it expires.
type Minted struct {
	Token    access.Secret
	Expires  time.Time // whole seconds
	Projects []string  // normal names, sorted
}

// exchange is an identity token that was verified, on its way to a minted one.
type exchange struct {
	who      access.Caller
	once     bool // for a token that is good for one upload
	at       time.Time
	provider *workload.Kind
	issuer   string
	claims   workload.Claims
	lookup   string
	jti      string
	until    time.Time // to remember jti
}

// Exchange gives an upload token for an identity token. Anybody may ask. A refusal is a *Refusal; an issuer whose keys
// cannot be had is fault.Unavailable. Each outcome is recorded, with the claims once they are verified, never the token.
//
// A token counts once, but only a token that some publisher fits is used up: after a refusal its bearer can have the
// publisher corrected and try again. Every publisher that fits adds the projects that it is attached to, and every
// pending one makes its project first.
func (r *Registry) Exchange(ctx context.Context, who access.Caller, raw access.Secret) (Minted, error) {
	return r.exchange(ctx, exchange{who: who}, raw)
}

// ExchangeOnce is Exchange for a token that is good for one upload (PEP 807, single-use-token). The upload that adds a
// file uses it up: one that is refused, or that finds the identical file there, does not.
func (r *Registry) ExchangeOnce(ctx context.Context, who access.Caller, raw access.Secret) (Minted, error) {
	return r.exchange(ctx, exchange{who: who, once: true}, raw)
}

func (r *Registry) exchange(ctx context.Context, x exchange, raw access.Secret) (Minted, error) {
	x, err := r.identify(ctx, x, raw)
	if err != nil {
		return Minted{}, r.refused(ctx, x, err)
	}
	var m Minted
	var created []Created
	err = r.store.Update(ctx, func(tx Tx) (err error) {
		m, created, err = r.settle(ctx, tx, x)
		return err
	})
	if err != nil {
		return Minted{}, r.refused(ctx, x, err)
	}
	if r.o.Created != nil {
		for _, c := range created {
			r.o.Created(ctx, c)
		}
	}
	return m, nil
}

// identify verifies the token and reads what the exchange itself needs of it.
func (r *Registry) identify(ctx context.Context, x exchange, raw access.Secret) (exchange, error) {
	x.at = r.o.Now()
	if !r.Enabled() {
		return x, Refuse(CodeNotEnabled, "trusted publishing is not enabled on this index: no issuer is configured")
	}
	name, issuer, claims, err := r.verifier.Verify(ctx, raw)
	if err != nil {
		return x, err
	}
	x.issuer, x.claims = issuer, claims
	if x.provider = r.providers[name]; x.provider == nil {
		return x, Refuse(CodeNotEnabled, fmt.Sprintf("trusted publishing is not enabled for issuers of kind %.40q", name))
	}
	if x.lookup, err = x.provider.Lookup(claims); err != nil {
		return x, Refuse(CodePublisher, noPublisher(fault.Message(err)))
	}
	if x.jti, err = x.tokenID(raw); err != nil {
		return x, Refuse(CodeToken, "malformed or invalid token: "+err.Error())
	}
	exp, err := expiry(claims)
	x.until = exp.Add(Leeway + remember)
	return x, err
}

// tokenID is what the token is remembered by.
func (x exchange) tokenID(raw access.Secret) (string, error) {
	v, numbered := x.claims["jti"]
	if !numbered && !x.provider.NeedsTokenID() {
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

// settle is the exchange inside its transaction: match, use up, pin and make projects, mint.
func (r *Registry) settle(ctx context.Context, tx Tx, x exchange) (Minted, []Created, error) {
	f, err := r.match(ctx, tx, x)
	if err != nil {
		return Minted{}, nil, err
	}
	if err := tx.ClaimJTI(ctx, x.issuer, x.jti, x.until); fault.Is(err, fault.Conflict) {
		return Minted{}, nil, Refuse(CodeReuse, "this token was used before: its id (jti) counts once, so ask the issuer for a new one")
	} else if err != nil {
		return Minted{}, nil, err
	}
	if f, err = r.pin(ctx, tx, x, f); err != nil {
		return Minted{}, nil, err
	}
	trusted, created, err := r.reify(ctx, tx, x, f)
	if err != nil {
		return Minted{}, nil, err
	}
	m, err := r.mint(ctx, tx, x, trusted)
	return m, created, err
}

func noPublisher(why string) string {
	return "valid token, but no corresponding publisher (" + why + ")"
}
