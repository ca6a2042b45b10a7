package config

import (
	"errors"
	"fmt"

	"pyindex/internal/attest"
)

// attestationsConfig says what becomes of the attestations (PEP 740) that come with uploads.
type attestationsConfig struct {
	Policy      string `enum:"ignore,verify-if-present,require" default:"verify-if-present" help:"ignore keeps none; verify-if-present refuses what a trusted publisher sends and cannot be verified; require refuses uploads without."`
	TrustedRoot string `placeholder:"FILE" help:"Sigstore's trusted root as JSON, public or private; without one nothing is verified, and so nothing shown."`
	SCT         string `name:"sct" enum:"require,ignore" default:"require" help:"Whether certificates must prove that they are logged: ignore is for a private Sigstore without a certificate log."`
}

func (c *Config) checkAttestations() error {
	_, err := c.Attester()
	return err
}

// Attester decides about attestations. Its errors name the setting.
func (c *Config) Attester() (*attest.Verifier, error) {
	a := c.Attestations
	if a.Policy == string(attest.Require) && a.TrustedRoot == "" {
		return nil, errors.New("attestations.policy: require needs attestations.trusted_root")
	}
	v, err := attest.New(attest.Options{
		Policy: attest.Policy(a.Policy), TrustedRoot: a.TrustedRoot, WithoutSCT: a.SCT == "ignore", Kind: c.issuerKind,
	})
	if err != nil {
		return nil, fmt.Errorf("attestations.trusted_root: %w", err)
	}
	return v, nil
}

// issuerKind returns what the claims of an issuer look like, and "" for one that is not trusted any more.
func (c *Config) issuerKind(url string) string {
	for _, i := range c.OIDC.Issuers {
		if i.Issuer == url {
			return i.Kind
		}
	}
	return ""
}
