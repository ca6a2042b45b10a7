package upkeep

import (
	"time"

	"pyindex/internal/advisory"
	"pyindex/internal/storage/db"
)

// feeds checks the age of the feeds of advisories.
func (d *localDoctor) feeds(rows *db.DB) {
	const check = "feeds"
	all, err := advisory.New(rows.Advisories(), advisory.Options{Now: d.now}).Measure(d.Ctx)
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	if len(all) == 0 {
		d.found.Skip(check, "no feed of advisories is configured: malicious releases of upstreams are not recognized")
	}
	for _, f := range all {
		last := "was never read"
		if f.Age >= 0 {
			last = "was last read " + f.Age.Truncate(time.Minute).String() + " ago"
		}
		if f.Problem != "" {
			last += ": " + f.Problem
		}
		switch {
		case f.Holds:
			d.found.Fail(check, "Read it now:\nindex feed fetch "+f.Name,
				"feed %s is too old, so files of upstreams are held: it %s", f.Name, last)
		case f.Old:
			d.found.Warn(check, "Read it now, or import a newer file: index feed fetch "+f.Name+", index feed import",
				"feed %s is too old to know of new malicious releases: it %s", f.Name, last)
		case f.Problem != "":
			d.found.Warn(check, "The server tries again by itself.", "feed %s %s", f.Name, last)
		case f.Broken > 0:
			d.found.Warn(check, "See them with: index feed status --json",
				"%d records of feed %s cannot be read", f.Broken, f.Name)
		default:
			d.found.OK(check, "feed %s with %d records %s", f.Name, f.Records, last)
		}
	}
}
