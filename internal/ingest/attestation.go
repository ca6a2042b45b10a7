package ingest

import (
	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// MaxAttestations limits the attestations field of an upload, in bytes. Two typical attestations have about 20,000.
const MaxAttestations = 64 << 10

// Attested is the input of an Attester: an upload and its attestations.
type Attested struct {
	Sent     []string // all values of the field, truncated to one byte more than MaxAttestations
	Filename packaging.Filename
	SHA256   string // of the received content, lower-case hex
	Uploader access.Kind
	Claims   map[string]any // verified claims, if a trusted publisher uploads
}

// Attester decides how to handle the attestations of an upload.
type Attester interface {
	// Attest returns the attestations to store, at most one for each predicate, and warnings for the sender. It is called
	// for every upload, even without attestations. It returns fault.Invalid to refuse the upload.
	Attest(a Attested) ([]catalog.Attestation, []string, error)
}

// notVerified is the warning of an index without an Attester. uv sends the attestations that it finds to every index.
const notVerified = "the attestations were not kept: this index does not verify them, so it does not show them"

// ignorant is the default Attester.
type ignorant struct{}

// Attest discards all attestations.
func (ignorant) Attest(a Attested) ([]catalog.Attestation, []string, error) {
	if len(a.Sent) == 0 {
		return nil, nil, nil
	}
	return nil, []string{notVerified}, nil
}

// Reverifier verifies the provenance of imported files. An Attester may implement it.
type Reverifier interface {
	// Reverify returns the attestations of a provenance document (PEP 740) that are valid for a file, with the identity
	// that their certificates prove, and sentences about those that are not.
	Reverify(document []byte, filename packaging.Filename, sha256 string) ([]catalog.Attestation, []string)
}

// reverify verifies the provenance of an imported file. Attestations that are not valid are left out.
func (a *imported) reverify() error {
	if len(a.from.Provenance) == 0 {
		return nil
	}
	v, ok := a.intake.attester.(Reverifier)
	if !ok {
		a.contents.Warnings = append(a.contents.Warnings, notVerified)
		return nil
	}
	var warnings []string
	a.attested, warnings = v.Reverify(a.from.Provenance, a.filename, a.measured.SHA256)
	a.contents.Warnings = append(a.contents.Warnings, warnings...)
	return nil
}
