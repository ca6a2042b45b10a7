package idtoken

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

// Options are what a Verifier needs besides its issuers. The zero value is usable.
type Options struct {
	Now func() time.Time // time.Now where nil
	Log *slog.Logger     // slog.Default() where nil
}

// Verifier checks identity tokens of the configured issuers. It is safe for concurrent use.
type Verifier struct {
	now  func() time.Time
	from map[string]*source // by exact "iss"
}

// source is an issuer with its keys.
type source struct {
	Issuer
	keys *keySet
}

var _ exchange.Verifier = (*Verifier)(nil)

// New returns a verifier for the issuers; none is fine and refuses every token. Nothing is fetched yet. The error names
// the issuer that is impossible: its URL, a missing kind or audience, its CA file, or one that is there twice.
func New(issuers []Issuer, o Options) (*Verifier, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	v := &Verifier{now: o.Now, from: map[string]*source{}}
	for _, i := range issuers {
		if err := i.check(); err != nil {
			return nil, err
		}
		if v.from[i.URL] != nil {
			return nil, fmt.Errorf("issuer %q is configured twice", i.URL)
		}
		t, err := i.tls()
		if err != nil {
			return nil, err
		}
		v.from[i.URL] = &source{i, newKeySet(i.URL, newClient(t), o)}
	}
	return v, nil
}

// Enabled reports whether any issuer is trusted.
func (v *Verifier) Enabled() bool { return len(v.from) > 0 }

// Warm fetches the keys of every issuer that has none yet, without waiting for them, so that the first token of the day
// finds them.
func (v *Verifier) Warm() {
	for _, s := range v.from {
		s.keys.warm()
	}
}

// Refresh fetches keys that are getting old, without waiting for them. Called every minute or so, it keeps tokens from
// ever waiting for an issuer whose keys were had once, and drops a key that the issuer withdrew although nobody uses
// it.
func (v *Verifier) Refresh() {
	for _, s := range v.from {
		s.keys.refresh()
	}
}

// Verify implements exchange.Verifier. It answers within waitBudget and a little also when the issuer does not.
func (v *Verifier) Verify(ctx context.Context,
	raw access.Secret,
) (provider, issuer string, c workload.Claims, err error) {
	if !v.Enabled() {
		return "", "", nil,
			exchange.Refuse(exchange.CodeNotEnabled, "trusted publishing is not enabled on this index: no issuer is configured")
	}
	t, err := parse(raw.Reveal())
	if err != nil {
		return "", "", nil, exchange.Refuse(exchange.CodePayload, "malformed JWT: "+err.Error())
	}
	iss, ok := t.claims["iss"].(string)
	if !ok {
		return "", "", nil,
			exchange.Refuse(exchange.CodePayload, "malformed JWT: its issuer (iss) is "+show(t.claims["iss"])+", not a string")
	}
	s := v.from[iss]
	if s == nil {
		return "", "", nil, exchange.Refuse(exchange.CodePayload, "unknown trusted publishing issuer "+show(iss))
	}
	if err := s.verify(ctx, raw.Reveal(), t, v.now()); err != nil {
		return "", "", nil, err
	}
	return s.Kind, s.URL, t.claims, nil
}

// verify checks what costs nothing first, so that rubbish never makes us ask for keys.
func (s *source) verify(ctx context.Context, raw string, t token, now time.Time) error {
	kid, err := t.keyID()
	if err != nil {
		return bad(err)
	}
	if err := checkNames(t.claims); err != nil {
		return bad(err)
	}
	if err := checkAudience(t.claims, s.Audience, s.lists()); err != nil {
		return bad(err)
	}
	if err := checkTimes(t.claims, now); err != nil {
		return bad(err)
	}
	keys, err := s.keys.find(ctx, kid)
	if fault.Is(err, fault.Unavailable) {
		return err
	}
	if err != nil {
		return bad(err)
	}
	return s.signed(ctx, raw, t, keys, now)
}

// signed asks go-oidc, which checks signature, issuer, audience and expiry by its own lights, and then that it read the
// same payload as we did.
func (s *source) signed(ctx context.Context, raw string, t token, keys []crypto.PublicKey, now time.Time) error {
	config := &oidc.Config{
		ClientID:             s.Audience,
		SupportedSigningAlgs: []string{oidc.RS256},
		Now:                  func() time.Time { return now.Add(-exchange.Leeway) },
	}
	checked, err := oidc.NewVerifier(s.URL, &oidc.StaticKeySet{PublicKeys: keys}, config).Verify(ctx, raw)
	if err != nil {
		return bad(fmt.Errorf("the signature or a standard claim did not verify (%.200s)", err.Error()))
	}
	var payload json.RawMessage
	if err := checked.Claims(&payload); err != nil || checked.Issuer != s.URL ||
		!bytes.Equal(payload, bytes.TrimSpace(t.payload)) {
		return bad(errors.New("it reads differently to two readers"))
	}
	return nil
}

func bad(err error) error {
	return exchange.Refuse(exchange.CodeToken, "malformed or invalid token: "+err.Error())
}
