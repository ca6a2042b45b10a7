package attest

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// maxRoot limits the trusted root file, in bytes. Sigstore's own has 7,000.
const maxRoot = 1 << 20

// publicGood is the organization in the certificates of Sigstore's public instance, and its domain.
const publicGood = "sigstore.dev"

// load reads a trusted root, a JSON document of type application/vnd.dev.sigstore.trustedroot+json, and returns a
// verifier for it. If sct is true, certificates must prove that they are logged. sct must be true for the public
// instance: anyone can get certificates from it, so every issuance must be publicly visible.
func load(path string, sct bool) (*verify.Verifier, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	trusted, err := root.NewTrustedRootFromJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a trusted root of Sigstore: %w", path, err)
	}
	if err := complete(trusted, sct); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	options := []verify.VerifierOption{
		verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1), verify.WithoutStatementPredicate(),
	}
	if sct {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	return verify.NewVerifier(trusted, options...)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRoot+1))
	if err == nil && len(text) > maxRoot {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxRoot)
	}
	return text, err
}

// complete refuses a root that could verify nothing, or that would accept too much.
func complete(trusted *root.TrustedRoot, sct bool) error {
	switch {
	case len(trusted.FulcioCertificateAuthorities()) == 0:
		return errors.New("it has no certificate authority")
	case len(trusted.RekorLogs()) == 0:
		return errors.New("it has no transparency log")
	case sct && len(trusted.CTLogs()) == 0:
		return errors.New(
			`it has no certificate transparency log: for a private Sigstore without one, set attestations.sct = "ignore"`,
		)
	}
	for _, ca := range trusted.FulcioCertificateAuthorities() {
		if f, ok := ca.(*root.FulcioCertificateAuthority); ok && !sct && public(f) {
			return errors.New(
				`it trusts the public Sigstore, whose certificates must prove that they are logged: leave attestations.sct at "require"`,
			)
		}
	}
	return nil
}

func public(ca *root.FulcioCertificateAuthority) bool {
	u, err := url.Parse(ca.URI)
	return err == nil && strings.HasSuffix("."+u.Hostname(), "."+publicGood) ||
		ca.Root != nil && slices.Contains(ca.Root.Subject.Organization, publicGood)
}
