package catalog

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/packaging"
)

// Attestation is a signed statement about a file (PEP 740).
type Attestation struct {
	Predicate string         // type of what is stated
	Document  string         // the attestation object, JSON
	Verified  bool           // signature, statement and identity were checked when it came; only such are ever shown
	Publisher map[string]any // the identity that was verified, as a provenance object names it; nil where nothing was
}

// Provenance returns the verified attestations of a file that the caller may read, by project, any spelling of the
// version, and exact file name. fault.NotFound where there are none, as for a file that is not there.
func (x *Index) Provenance(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version, filename string,
) ([]Attestation, error) {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	l, err := x.fileAt(ctx, who, at, repo, filename)
	if err != nil {
		return nil, err
	}
	if !l.file.Attested || l.project.Name != name || !sameVersion(l.file.Version, version) {
		return nil, Missing("provenance of that file")
	}
	var all []Attestation
	err = x.store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.Attestations(ctx, l.file.ID)
		return err
	})
	all = slices.DeleteFunc(all, func(t Attestation) bool { return !t.Verified })
	if err == nil && len(all) == 0 {
		return nil, Missing("provenance of that file") // it went a moment ago
	}
	return all, err
}

func sameVersion(a, b string) bool {
	v, err := packaging.ParseVersion(a)
	w, err2 := packaging.ParseVersion(b)
	return err == nil && err2 == nil && v.Key() == w.Key()
}
