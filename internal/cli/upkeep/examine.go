package upkeep

import (
	"context"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/doctor"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/terminal"
)

// Examiner returns the checks of a running server, for its pages. They are those of index doctor, with the database and
// the storage that the server has opened, and with its knowledge of issuers instead of new questions to them.
func Examiner(a *app.App) *doctor.Examiner {
	check := func(name string, run func(d *localDoctor)) doctor.Check {
		return doctor.Check{Name: name, Run: func(ctx context.Context, found *doctor.Findings) {
			d := &localDoctor{Session: &cli.Session{Config: a.Config}, now: time.Now}
			d.Ctx = ctx
			run(d)
			*found = append(*found, d.found...)
		}}
	}
	return doctor.NewExaminer(
		check("data folder", func(d *localDoctor) { d.folder() }),
		check("database", func(d *localDoctor) { d.answers(a.DB) }),
		check("database settings", func(d *localDoctor) { d.settings(a.DB) }),
		check("clock", func(d *localDoctor) { d.clock(a.DB) }),
		check("backup", func(d *localDoctor) { d.backups(a.DB) }),
		check("clients", func(d *localDoctor) { d.clients(a.DB) }),
		check("stored bytes", func(d *localDoctor) { d.lastChecks(a.DB) }),
		check("limits", func(d *localDoctor) { d.limits(a.DB) }),
		check("publishers", func(d *localDoctor) { d.publishers(a.DB) }),
		check("feeds", func(d *localDoctor) { d.feeds(a.DB) }),
		check("storage", func(d *localDoctor) { d.reaches(a.Blobs) }),
		check("bucket rights", func(d *localDoctor) { d.bucket(a.Blobs) }),
		check("disk", (*localDoctor).disks),
		check("address", (*localDoctor).address),
		check("certificate", (*localDoctor).certificate),
		check("issuer", func(d *localDoctor) { d.known(a.IssuerHealth()) }),
		check("attestations", (*localDoctor).attestations),
		check("metrics", (*localDoctor).metrics),
	)
}

// known reports what the server knows of the keys of its issuers.
func (d *localDoctor) known(all []exchange.IssuerHealth) {
	const check = "issuer"
	if len(all) == 0 {
		d.found.Skip(check, "none is configured: trusted publishing is off")
	}
	for _, i := range all {
		switch {
		case i.Failure != "" && i.Asked:
			d.found.Warn(check,
				"Jobs of this issuer cannot publish, or not for long. On the server, run:\nindex doctor --strict",
				"the keys of %s cannot be fetched: %s", i.URL, i.Failure)
		case i.Fetched.IsZero():
			d.found.Skip(check, "no job has shown a token of %s since the start, so its keys were not needed", i.URL)
		default:
			d.found.OK(check, "%s of %s, fetched at %s UTC", terminal.Plural(int64(i.Keys), "key"), i.URL,
				i.Fetched.UTC().Format(time.DateTime))
		}
	}
}
