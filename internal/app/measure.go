package app

import (
	"context"
	"time"

	"pyindex/internal/metrics"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
)

// Sources returns where the metrics of the index are read. Those of requests and of the certificate belong to the
// server, which adds them.
func (a *App) Sources() metrics.Sources {
	return metrics.Sources{
		Aliases:   a.Aliases.Requests,
		Uploads:   a.Index.Counts,
		Failing:   func() time.Time { since, _ := a.Index.Trouble(); return since },
		Mints:     a.Minter.Counts,
		Issuers:   a.IssuerHealth,
		Decisions: a.Reader.Decisions,
		Files:     a.Files.Counters,
		Tasks:     a.tasks.runs,
		Space:     a.Blobs.Space,
		DataSpace: func() (free, total int64, ok bool) { return blobs.DiskSpace(a.Config.DataDir) },
		State:     a.state,
		Totals:    a.totals,
	}
}

// IssuerHealth returns what this process knows of the keys of each issuer.
func (a *App) IssuerHealth() []exchange.IssuerHealth { return a.verifier.Health() }

// state reads the state of the index. Without the database it returns an error.
func (a *App) state(ctx context.Context) (s metrics.State, err error) {
	if err = a.DB.Ping(ctx); err != nil {
		return s, err
	}
	s.Away, _ = a.DB.Away()
	s.Outages = a.DB.Outages()
	read, write := a.DB.Pools()
	s.Connections = map[string]metrics.Connections{"read": metrics.Connections(read), "write": metrics.Connections(write)}
	at, err := a.DB.Catalog().Stamp(ctx)
	if err != nil {
		return s, err
	}
	s.Serial = at.Value
	all, err := a.Upstreams.All(ctx, at)
	if err != nil {
		return s, err
	}
	for _, u := range all {
		h, _, err := a.Pages.Health(ctx, u)
		if err != nil {
			return s, err
		}
		s.Upstreams = append(s.Upstreams, metrics.Upstream{Name: u.Name, Health: h, Errors: a.Pages.Errors(u)})
	}
	if s.Feeds, err = a.Advisories.Measure(ctx); err != nil {
		return s, err
	}
	if _, s.Recovered, err = a.Index.Recovered(ctx, at); err != nil {
		return s, err
	}
	var o db.Operations
	if o, err = a.DB.Operations(ctx, time.Now()); err != nil {
		return s, err
	}
	s.Backups, s.LastBackup, s.Leases, s.Imports, s.Checks = o.Backups, o.LastBackup, o.Leases, o.Imports, o.Checks
	return s, nil
}

// totals sums the rows of the index.
func (a *App) totals(ctx context.Context) (metrics.Totals, error) {
	t, err := a.DB.Totals(ctx, a.Config.Limits.Catalog())
	if err != nil {
		return metrics.Totals{}, err
	}
	kept, err := a.Files.Usage(ctx)
	return metrics.Totals{
		Repositories: t.Repositories, Projects: t.Projects, Files: t.Files, Bytes: t.Bytes, Database: t.Database,
		Waiting: t.Waiting, Kept: kept, KeptLimit: a.Files.Limit(),
		Full: metrics.Full{Projects: t.NearProjects, Repositories: t.NearRepositories},
	}, err
}
