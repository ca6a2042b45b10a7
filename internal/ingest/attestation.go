package ingest

import (
	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// MaxAttestations bounds what an upload may say in its field of attestations, in bytes. Two real ones have about
// 20,000.
const MaxAttestations = 64 << 10

// Attested is what an Attester is told of an upload.
type Attested struct {
	Sent     []string // the field, each time that it was sent, cut off a byte beyond MaxAttestations
	Filename packaging.Filename
	SHA256   string // of the bytes that came, lower-case hex
	Uploader access.Kind
	Claims   map[string]any // verified, of a trusted publisher's upload
}

// Attester decides about the attestations of an upload.
type Attester interface {
	// Attest returns what to keep, at most one for a predicate, and sentences for the sender. It is asked about every
	// upload, also those without any. fault.Invalid refuses the upload.
	Attest(a Attested) ([]catalog.Attestation, []string, error)
}

// notVerified is the warning for attestations where nobody decides about them: uv sends those that it finds to every
// index.
const notVerified = "the attestations were not kept: this index does not verify them, so it does not show them"

// ignorant is the Attester of an index that has none.
type ignorant struct{}

// Attest keeps nothing.
func (ignorant) Attest(a Attested) ([]catalog.Attestation, []string, error) {
	if len(a.Sent) == 0 {
		return nil, nil, nil
	}
	return nil, []string{notVerified}, nil
}
