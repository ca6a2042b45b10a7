package db

import (
	"context"

	"pyindex/internal/catalog"
)

func (t *Tx) InsertAttestation(ctx context.Context, fileID string, a catalog.Attestation) error {
	publisher, err := encode(a.Publisher)
	if err != nil {
		return err
	}
	return t.insert(ctx, "an attestation of that type",
		`INSERT INTO attestations (file_id, predicate, document, verified, publisher)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, fileID, a.Predicate, a.Document, a.Verified, publisher)
}

func (t *Tx) Attestations(ctx context.Context, fileID string) ([]catalog.Attestation, error) {
	return many(ctx, t, scanAttestation, `SELECT predicate, document, verified, publisher FROM attestations
		WHERE file_id = $1 ORDER BY predicate`, fileID)
}

func scanAttestation(r row) (a catalog.Attestation, err error) {
	var publisher string
	if err := r.Scan(&a.Predicate, &a.Document, &a.Verified, &publisher); err != nil {
		return a, err
	}
	return a, decode(publisher, &a.Publisher)
}
