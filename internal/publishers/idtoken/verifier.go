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

// Options are the optional settings of a Verifier.
type Options struct {
	Now func() time.Time // time.Now if nil
	Log *slog.Logger     // slog.Default() if nil
}

// Verifier verifies identity tokens of the configured issuers. It is safe for concurrent use.
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

// New returns a verifier for the issuers. Without issuers, it refuses every token. New fetches nothing. It returns an
// error that names the issuer if a URL or CA file is invalid, a kind or audience is missing, or an issuer is listed
// twice.
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

// Warm fetches the keys of every issuer in the background, so that the first token does not have to wait for them.
func (v *Verifier) Warm() {
	for _, s := range v.from {
		s.keys.warm()
	}
}

// Refresh fetches keys older than refreshAge in the background. If it is called every minute or so, tokens never wait
// for an issuer whose keys were fetched once, and withdrawn keys are dropped even if no token uses them.
func (v *Verifier) Refresh() {
	for _, s := range v.from {
		s.keys.refresh()
	}
}

// Verify verifies a token; see exchange.Verifier. It waits at most waitBudget for an issuer that does not respond.
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
		return "", "", nil, exchange.Refuse(exchange.CodePayload, "unknown trusted publishing issuer "+show(iss)+
			": the index's administrator has to add it to oidc.issuers")
	}
	if err := s.verify(ctx, raw.Reveal(), t, v.now()); err != nil {
		return "", "", nil, err
	}
	return s.Kind, s.URL, t.claims, nil
}

// verify runs the cheap checks first, so that a malformed token never triggers a key fetch.
func (s *source) verify(ctx context.Context, raw string, t token, now time.Time) error {
	kid, err := t.keyID()
	if err != nil {
		return bad(err)
	}
	if err := checkNames(t.claims); err != nil {
		return bad(err)
	}
	audience, err := checkAudience(t.claims, s.Audiences, s.lists())
	if err != nil {
		return bad(err)
	}
	if err := checkTimes(t.claims, now, workload.Of(s.Kind).MaxLifetime()); err != nil {
		return bad(err)
	}
	keys, err := s.keys.find(ctx, kid)
	if fault.Is(err, fault.Unavailable) {
		return err
	}
	if err != nil {
		return bad(err)
	}
	return s.signed(ctx, raw, t, audience, keys, now)
}

// signed has go-oidc verify signature, issuer, audience and expiry independently, and then checks that both parsers
// decoded the same payload.
func (s *source) signed(ctx context.Context, raw string, t token, audience string, keys []crypto.PublicKey,
	now time.Time,
) error {
	config := &oidc.Config{
		ClientID:             audience,
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
		return bad(errors.New("its encoding is ambiguous"))
	}
	return nil
}

func bad(err error) error {
	return exchange.Refuse(exchange.CodeToken, "malformed or invalid token: "+err.Error())
}
