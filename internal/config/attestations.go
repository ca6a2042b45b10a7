package config

import (
	"errors"
	"fmt"

	"pyindex/internal/attest"
)

// attestationsConfig specifies how the attestations (PEP 740) of uploads are handled.
type attestationsConfig struct {
	Policy      string `enum:"ignore,verify-if-present,require" default:"verify-if-present" help:"Handling of attestations: ignore discards them; verify-if-present refuses an upload of a trusted publisher if its attestations cannot be verified; require also refuses uploads without attestations."`
	TrustedRoot string `placeholder:"FILE" help:"Trusted root of a public or private Sigstore, as JSON. Without it, attestations are neither verified nor shown."`
	SCT         string `name:"sct" enum:"require,ignore" default:"require" help:"Whether certificates must prove that they were logged. Use ignore for a private Sigstore without a certificate log."`
}

func (c *Config) checkAttestations() error {
	if a := c.Attestations; a.Policy == string(attest.Require) && a.TrustedRoot == "" {
		return errors.New("attestations.policy: require needs attestations.trusted_root")
	}
	return nil
}

// CheckServed checks the files that only a server reads. Errors name the setting as Check does.
func (c *Config) CheckServed() error {
	_, err := c.Attester(false)
	return c.Located(errors.Join(err, c.checkUpstreamFiles(), c.checkFeedFiles()))
}

// Attester returns the verifier of attestations. Its errors name the setting. If operator is set, all uploads are the
// operator's, and the trusted root is not read.
func (c *Config) Attester(operator bool) (*attest.Verifier, error) {
	a := c.Attestations
	v, err := attest.New(attest.Options{
		Policy: attest.Policy(a.Policy), TrustedRoot: a.TrustedRoot, WithoutSCT: a.SCT == "ignore", Kind: c.issuerKind,
		Server: c.issuerServer, Operator: operator,
	})
	if err != nil {
		return nil, fmt.Errorf("attestations.trusted_root: %w", err)
	}
	return v, nil
}

// issuerKind returns the kind of a configured issuer. It returns "" if the issuer is no longer trusted.
func (c *Config) issuerKind(url string) string {
	for _, i := range c.OIDC.Issuers {
		if i.Issuer == url {
			return i.Kind
		}
	}
	return ""
}

// issuerServer returns the base URL of the platform of a configured issuer if it is not the issuer's own address.
func (c *Config) issuerServer(url string) string {
	for _, i := range c.OIDC.Issuers {
		if i.Issuer == url {
			return i.Server
		}
	}
	return ""
}
