package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/packaging"
)

// Attestation is a signed statement about a file (PEP 740).
type Attestation struct {
	Predicate string         // type of the statement
	Document  string         // the attestation object, JSON
	Verified  bool           // checked on upload: signature, statement and identity; only verified ones are ever shown
	Publisher map[string]any // the verified identity, as in a provenance object; nil if unverified
}

// Provenance returns the verified attestations of a file that the caller may read, by project, any spelling of the
// version, and exact file name. It returns fault.NotFound if the file has none, or does not exist.
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
	if !l.file.Attested || l.project.Name != name || !SameVersion(l.file.Version, version) {
		return nil, Missing("provenance of that file")
	}
	var all []Attestation
	err = x.store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.Attestations(ctx, l.file.ID)
		return err
	})
	all = slices.DeleteFunc(all, func(t Attestation) bool { return !t.Verified })
	if err == nil && len(all) == 0 {
		return nil, Missing("provenance of that file") // it was deleted a moment ago
	}
	return all, err
}

// SameVersion reports whether two texts are spellings of one version (PEP 440).
func SameVersion(a, b string) bool {
	v, err := packaging.ParseVersion(a)
	w, err2 := packaging.ParseVersion(b)
	return err == nil && err2 == nil && v.Key() == w.Key()
}

// ProvenanceDocument returns the document about verified attestations of a file (PEP 740): bundles of those with the
// same publisher, in their order, as compact JSON.
func ProvenanceDocument(all []Attestation) ([]byte, error) {
	type bundle struct {
		Publisher    json.RawMessage   `json:"publisher"`
		Attestations []json.RawMessage `json:"attestations"`
	}
	var bundles []bundle
	for _, a := range all {
		publisher, err := compact(a.Publisher)
		if err != nil {
			return nil, err
		}
		if n := len(bundles); n == 0 || !bytes.Equal(bundles[n-1].Publisher, publisher) {
			bundles = append(bundles, bundle{Publisher: publisher})
		}
		last := &bundles[len(bundles)-1]
		last.Attestations = append(last.Attestations, json.RawMessage(a.Document))
	}
	return compact(map[string]any{"version": 1, "attestation_bundles": bundles})
}

func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
