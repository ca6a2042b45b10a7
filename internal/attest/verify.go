package attest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/hex"
	"errors"
	"fmt"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

func (a attestation) bundle() (*bundle.Bundle, error) {
	return bundle.NewBundle(&protobundle.Bundle{
		MediaType: bundleType,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_Certificate{
				Certificate: &protocommon.X509Certificate{RawBytes: a.certificate.Raw},
			},
			TlogEntries: a.entries,
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: a.payload, PayloadType: payloadType, Signatures: []*protodsse.Signature{{Sig: a.signature}},
		}},
	})
}

// signer verifies certificate, log entry, time and signature, and returns the identity in the certificate. The caller
// must compare that with the expected identity. If the library panics on untrusted input, the attestation counts as not
// verified.
func (a attestation) signer(v *verify.Verifier, sha256 string) (s certificate.Summary, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = certificate.Summary{}, fmt.Errorf("it cannot be verified: %v", r)
		}
	}()
	if key, ok := a.certificate.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		return s, errors.New("its certificate is not for a P-256 key")
	}
	digest, err := hex.DecodeString(sha256)
	if err != nil {
		return s, err
	}
	b, err := a.bundle()
	if err != nil {
		return s, fmt.Errorf("it cannot be verified: %w", err)
	}
	// The caller compares the identity, with more fields than the library's matcher supports.
	result, err := v.Verify(b,
		verify.NewPolicy(verify.WithArtifactDigest("sha256", digest), verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		return s, fmt.Errorf("it cannot be verified: %w", err)
	}
	if result.Signature == nil || result.Signature.Certificate == nil {
		return s, errors.New("it is not signed with a certificate")
	}
	return *result.Signature.Certificate, nil
}
