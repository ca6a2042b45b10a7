package upkeep

import (
	"time"

	"pyindex/internal/alias"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
)

// recovered warns while the index waits for the end of a restore.
func (d *localDoctor) recovered(rows *db.DB) {
	const check = "restore"
	var since time.Time
	err := rows.Catalog().View(d.Ctx, func(tx catalog.Tx) (err error) {
		since, err = tx.RecoveredSince(d.Ctx)
		return err
	})
	switch {
	case err != nil:
		d.found.Fail(check, "", "%s", said(err))
	case !since.IsZero():
		d.found.Warn(check, "Check what is missing, then: index restore finish",
			"this index was restored from a backup (%s), and takes no uploads until the restore is finished",
			since.UTC().Format(time.RFC3339))
	}
}

// aliases warns of aliases whose repository does not exist: their requests are answered as not found.
func (d *localDoctor) aliases(rows *db.DB) {
	const check = "aliases"
	all := d.Config.AliasList()
	if len(all) == 0 {
		return
	}
	var missing []alias.Alias
	err := rows.Catalog().View(d.Ctx, func(tx catalog.Tx) error {
		missing = nil
		for _, a := range all {
			_, err := tx.RepositoryByName(d.Ctx, a.Repository)
			if fault.Is(err, fault.NotFound) {
				missing = append(missing, a)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	for _, a := range missing {
		d.found.Warn(check, "Add the repository, or correct the setting.",
			"the alias %s is of the repository %s, which does not exist", a.Path, a.Repository)
	}
	switch {
	case err != nil:
		d.found.Fail(check, "", "%s", said(err))
	case len(missing) == 0:
		d.found.OK(check, "the repositories of all aliases exist")
	}
}
