package storagetest

import (
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// checkAttestations checks that a file has at most one attestation of each type, which is deleted with the file.
func checkAttestations(w *world) {
	r := w.release(w.project("p"), "1.0")
	f, bare := w.newFile(r, "p-1.0.tar.gz"), w.file(r, "p-1.0-py3-none-any.whl")
	f.Attested = true
	proven := catalog.Attestation{
		Predicate: "b", Document: `{"a":"ü"}`, Verified: true,
		Publisher: map[string]any{"kind": "GitHub", "environment": nil},
	}
	said := catalog.Attestation{Predicate: "a", Document: "{}"}
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertFile(w.ctx, f, packaging.Metadata{}))
		w.must(tx.(ingest.Tx).InsertAttestation(w.ctx, f.ID, proven))
		w.must(tx.(ingest.Tx).InsertAttestation(w.ctx, f.ID, said))
		w.want("InsertAttestation(same type)",
			tx.(ingest.Tx).InsertAttestation(w.ctx, f.ID, catalog.Attestation{Predicate: "a", Document: "[]"}), fault.Conflict)
		return nil
	})
	w.view(func(tx catalog.Tx) error {
		got, err := tx.Attestations(w.ctx, f.ID)
		w.must(err)
		w.same("Attestations()", got, []catalog.Attestation{said, proven})
		got, err = tx.Attestations(w.ctx, bare.ID)
		w.must(err)
		w.same("Attestations(of another file)", got, []catalog.Attestation(nil))
		listed, err := tx.Files(w.ctx, r.ProjectID)
		for _, l := range listed {
			w.same("Attested of "+l.Filename, l.Attested, l.ID == f.ID)
		}
		return err
	})
	w.update(func(tx publishers.Tx) error { return tx.DeleteFile(w.ctx, f.ID) })
	w.view(func(tx catalog.Tx) error {
		got, err := tx.Attestations(w.ctx, f.ID)
		w.same("Attestations(of a deleted file)", got, []catalog.Attestation(nil))
		return err
	})
}
