package exchange

import (
	"context"
	"log/slog"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
	"pyindex/internal/tally"
	"pyindex/internal/workload"
)

// The lifetime of minted tokens.
const (
	defaultLifetime = 900 * time.Second
	maxLifetime     = 6 * time.Hour
	// singleLifetime is the longest lifetime of a token for one upload. Clients that renew tokens, as the authenticator of
	// twine 7 does, renew those that expire within 5 minutes before each request, so each of their uploads gets a token of
	// its own. The difference allows for the client's clock.
	singleLifetime = 4 * time.Minute
)

// Leeway is the tolerated difference between the clocks of issuers and of this index, for the times in tokens.
const Leeway = 30 * time.Second

// Verifier verifies identity tokens.
type Verifier interface {
	// Enabled reports whether any issuer is trusted.
	Enabled() bool
	// Verify returns the provider's name, the issuer's exact "iss" and the claims of a token that a configured issuer
	// signed for this index. It returns a *Refusal with code invalid-payload, invalid-token or not-enabled if the token
	// is not acceptable, and fault.Unavailable if the issuer cannot be reached.
	Verify(ctx context.Context, raw access.Secret) (provider, issuer string, c workload.Claims, err error)
}

// Options are the settings of a Minter; the zero value works.
type Options struct {
	Lifetime time.Duration // of a minted token: 15 minutes unless positive, at most 6 hours
	Log      *slog.Logger  // slog.Default() if nil
	// Created is called after the transaction for each project that a pending publisher created. The exchange waits for
	// it.
	Created func(ctx context.Context, c Created)
}

// Created is a project that a pending publisher created.
type Created struct {
	Repository, Project string // names
	Owner               string // id of the user who registered the pending publisher; "" for the operator
	Publisher           string // the sentence
	At                  time.Time
	Address             string // of the workload
}

// Minter exchanges identity tokens. It is safe for concurrent use, and by several processes on one store.
type Minter struct {
	registry   *publishers.Registry
	store      publishers.Store
	rules      publishers.Options // of the registry
	verifier   Verifier
	o          Options
	unverified unverified
	counts     tally.Counts[Counted]
}

// New returns a Minter for the rules of a registry. If the verifier is nil, no issuer is trusted.
func New(r *publishers.Registry, v Verifier, o Options) *Minter {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Lifetime <= 0 {
		o.Lifetime = defaultLifetime
	}
	o.Lifetime = min(o.Lifetime, maxLifetime)
	return &Minter{registry: r, store: r.Store(), rules: r.Options(), verifier: v, o: o}
}

// Enabled reports whether any issuer is trusted.
func (m *Minter) Enabled() bool { return m.verifier != nil && m.verifier.Enabled() }
