package db

import (
	"context"
	"time"
)

// recoveredMark is the mark of an index in the state recovered. Its value is the time of the restore, and its epoch is
// the id of the restored snapshot.
const recoveredMark = "recovered"

// RecoveredSince implements catalog.RecoveredRows.
func (t *Tx) RecoveredSince(ctx context.Context) (time.Time, error) {
	us, err := t.mark(ctx, recoveredMark)
	return moment(us), err
}

// LastRestore implements publishers.Tx. It still returns the time after the state recovered has ended.
func (t *Tx) LastRestore(ctx context.Context) (time.Time, error) {
	us, err := one(ctx, t, "restore", scanNumber, `SELECT COALESCE(MAX(ended_at), 0) FROM instances`)
	return moment(us), err
}
