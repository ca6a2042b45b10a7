package catalog

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/packaging"
)

// MaxAttestations bounds what an upload may say in its field of attestations, in bytes. Two real ones have about 20,000.
const MaxAttestations = 64 << 10

// Attestation is a signed statement about a file (PEP 740).
type Attestation struct {
	Predicate string         // type of what is stated
	Document  string         // the attestation object, JSON
	Verified  bool           // signature, statement and identity were checked when it came; only such are ever shown
	Publisher map[string]any // the identity that was verified, as a provenance object names it; nil where nothing was
}

// AttestationRows keeps attestations. They go with their file.
type AttestationRows interface {
	// InsertAttestation adds a to a file; fault.Conflict where the file has one with that predicate.
	InsertAttestation(ctx context.Context, fileID string, a Attestation) error
	// Attestations returns a file's attestations by predicate, verified or not.
	Attestations(ctx context.Context, fileID string) ([]Attestation, error)
}

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
	Attest(a Attested) ([]Attestation, []string, error)
}

// notVerified is the warning for attestations where nobody decides about them: uv sends those that it finds to every index.
const notVerified = "the attestations were not kept: this index does not verify them, so it does not show them"

// ignorant is the Attester of an index that has none.
type ignorant struct{}

// Attest keeps nothing.
func (ignorant) Attest(a Attested) ([]Attestation, []string, error) {
	if len(a.Sent) == 0 {
		return nil, nil, nil
	}
	return nil, []string{notVerified}, nil
}

// attest asks what becomes of the attestations that came with the file.
func (a *addition) attest() error {
	keep, warnings, err := a.index.attester.Attest(Attested{
		Sent: a.Attestations, Filename: a.filename, SHA256: a.digests.SHA256, Uploader: a.who.Kind(), Claims: a.who.Claims(),
	})
	a.attested = keep
	a.contents.Warnings = append(a.contents.Warnings, warnings...)
	return err
}

// provable reports whether something about the file was verified.
func (a *addition) provable() bool {
	return slices.ContainsFunc(a.attested, func(t Attestation) bool { return t.Verified })
}

// insertAttestations adds the rows beside the file's.
func (a *addition) insertAttestations(ctx context.Context, tx Tx, f File) error {
	for _, t := range a.attested {
		if err := tx.InsertAttestation(ctx, f.ID, t); err != nil {
			return err
		}
	}
	return nil
}

// unread is the warning for attestations of a file that was there already.
func unread(sent []string) []string {
	if len(sent) == 0 {
		return nil
	}
	return []string{"the attestations were not looked at: this file is here already, and what is stated about it stays as it is"}
}

// Provenance returns the verified attestations of a file that the caller may read, by project, any spelling of the
// version, and exact file name. fault.NotFound where there are none, as for a file that is not there.
func (x *Index) Provenance(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName, version, filename string) ([]Attestation, error) {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	l, err := x.fileAt(ctx, who, at, repo, filename)
	if err != nil {
		return nil, err
	}
	if !l.file.Attested || l.project.Name != name || !sameVersion(l.file.Version, version) {
		return nil, missing("provenance of that file")
	}
	var all []Attestation
	err = x.store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.Attestations(ctx, l.file.ID)
		return err
	})
	all = slices.DeleteFunc(all, func(t Attestation) bool { return !t.Verified })
	if err == nil && len(all) == 0 {
		return nil, missing("provenance of that file") // it went a moment ago
	}
	return all, err
}

func sameVersion(a, b string) bool {
	v, err := packaging.ParseVersion(a)
	w, err2 := packaging.ParseVersion(b)
	return err == nil && err2 == nil && v.Key() == w.Key()
}
