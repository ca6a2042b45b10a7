package db

import (
	"context"
	"fmt"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// pinMargin is how much the clocks of replicas may differ for content of backups to be safe.
const pinMargin = 10 * time.Minute

// blobKept is true for a row of blobs that must not be deleted now: a lease is alive at the time of the parameter, or a
// backup of the rows alone, which was not forgotten, is older than the deletion of the last file with the content.
func blobKept(now string) string {
	return fmt.Sprintf(`(EXISTS (SELECT 1 FROM leases WHERE ends_at > %s)
		OR (blobs.named_until > 0 AND EXISTS (SELECT 1 FROM backups b
			WHERE b.rows_only AND b.forgotten_at = 0 AND b.at - %d <= blobs.named_until)))`, now, pinMargin.Microseconds())
}

// Leased implements custody.Tx.
func (t *Tx) Leased(ctx context.Context) (custody.Lease, bool, error) {
	scan := func(r row) (l custody.Lease, err error) {
		var since, ends int64
		err = r.Scan(&l.Name, &l.Holder, &since, &ends)
		l.Since, l.EndsAt = moment(since), moment(ends)
		return l, err
	}
	out, err := many(ctx, t, scan, `SELECT name, holder, since, ends_at FROM leases WHERE ends_at > $1
		ORDER BY since, name LIMIT 1`, micros(t.db.options.Now()))
	if err != nil || len(out) == 0 {
		return custody.Lease{}, false, err
	}
	return out[0], true, nil
}

// TakeLease records a lease of the given length, and removes dead ones. The lease is effective when TakeLease returns:
// content that was not marked for deletion before remains in the store. It returns fault.Conflict if another holder has
// a live lease of the same name.
func (d *DB) TakeLease(ctx context.Context, name, holder string, length time.Duration) (l custody.Lease, err error) {
	err = d.update(ctx, func(t *Tx) error {
		now := d.options.Now().UTC().Truncate(time.Microsecond)
		l = custody.Lease{Name: name, Holder: holder, Since: now, EndsAt: now.Add(length)}
		if _, err := t.exec(ctx, `DELETE FROM leases WHERE ends_at <= $1`, micros(now)); err != nil {
			return err
		}
		return t.insert(ctx, "lease "+name, `INSERT INTO leases (name, holder, since, ends_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, name, holder, micros(l.Since), micros(l.EndsAt))
	})
	return l, err
}

// RenewLease lets a lease live for the given length from now. It returns fault.Conflict if the lease is dead or was
// ended: content may have been deleted since.
func (d *DB) RenewLease(ctx context.Context, name, holder string, length time.Duration) error {
	return d.update(ctx, func(t *Tx) error {
		now := d.options.Now()
		ok, err := t.did(ctx, `UPDATE leases SET ends_at = $3 WHERE name = $1 AND holder = $2 AND ends_at > $4`, name, holder,
			micros(now.Add(length)), micros(now))
		if err == nil && !ok {
			err = fault.New(fault.Conflict, "the lease %s expired", name)
		}
		return err
	})
}

// EndLease ends a lease. It does nothing if the holder has no such lease.
func (d *DB) EndLease(ctx context.Context, name, holder string) error {
	return d.update(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `DELETE FROM leases WHERE name = $1 AND holder = $2`, name, holder)
		return err
	})
}
