package publishers

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/workload"
)

// Verifier checks an identity token and returns its claims.
type Verifier interface {
	// Enabled reports whether any issuer is trusted.
	Enabled() bool
	// Verify returns the provider's name, the issuer's exact "iss" and the claims of a token that one of the configured
	// issuers signed for this index. A refusal is a *Refusal with code invalid-payload, invalid-token or not-enabled; an
	// issuer that cannot be reached is fault.Unavailable.
	Verify(ctx context.Context, raw access.Secret) (provider, issuer string, c workload.Claims, err error)
}

// Leeway is how much the clocks of issuers and of this index may differ: times in tokens are read with it.
const Leeway = 30 * time.Second
