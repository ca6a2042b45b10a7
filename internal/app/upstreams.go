package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/downloads"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/client"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
	"pyindex/internal/version"
)

// openPages opens the upstreams and the cache of their pages, which the comparison of new names needs.
func (a *App) openPages(ctx context.Context, log *slog.Logger) (err error) {
	if a.Instance, err = a.DB.Instance(ctx); err != nil {
		return err
	}
	a.Upstreams = upstream.NewRegistry(a.DB.Upstreams(), upstream.Options{})
	timeout := time.Duration(a.Config.UpstreamTimeout)
	a.Client = client.New(client.Options{
		Version: version.Read().Version, Instance: a.Instance, FirstByte: timeout, Stall: timeout,
	})
	database, err := a.Config.DatabaseURL()
	if err != nil {
		return err
	}
	a.Pages = pages.New(pages.Options{
		Store: a.DB.Pages(), Fetcher: a.Client, Upstreams: a.allUpstreams, Log: log, Offline: a.Config.Offline,
		Rest:  time.Duration(a.Config.UpstreamRest),
		Alone: strings.HasPrefix(database, "sqlite:"), // replicas need PostgreSQL
	})
	return nil
}

// openReader opens the cache of upstreams' files, and what reads through everything.
func (a *App) openReader(log *slog.Logger) {
	a.openAdvisories(log)
	a.Files = files.New(a.DB.UpstreamFiles(), a.Index.Custody, a.Client, files.Options{
		Limit: a.upstreamLimit(), Space: a.Blobs.Space, Log: log, Page: a.heldPage, Offline: a.Config.Offline,
		MayServe: func(ctx context.Context, u upstream.Upstream, project packaging.ProjectName, file page.File,
			found files.Startup,
		) error {
			return a.Reader.MayServe(ctx, u, project, file, found)
		},
	})
	a.Holds = holds.New(a.Index.Index, a.DB.Holds(), holds.Options{Files: a, Decided: a.tellDecided(log)})
	a.Downloads = downloads.New(a.DB.FileReaders(), nil)
	a.Reader = resolve.New(a.Index.Index, resolve.Options{
		Downloads: a.Downloads,
		Upstreams: a.Upstreams, Pages: a.Pages, Files: a.Files, Rulings: a.Holds, Advisories: advisories{a.Advisories},
		Offline: a.Config.Offline, Log: log, Address: a.heldAddress, Surveyor: a.Operator,
	})
}

// FilesOf implements holds.Files by the reader, which is opened after it.
func (a *App) FilesOf(ctx context.Context, who access.Caller, repository string,
	name packaging.ProjectName,
) ([]holds.File, error) {
	return a.Reader.FilesOf(ctx, who, repository, name)
}

// HeldNow implements holds.Files by the reader.
func (a *App) HeldNow(ctx context.Context, who access.Caller, repositories []catalog.Repository,
	q holds.Query,
) (holds.Now, error) {
	return a.Reader.HeldNow(ctx, who, repositories, q)
}

// ReturnOf implements holds.Files by the reader.
func (a *App) ReturnOf(ctx context.Context, upstream string,
	name packaging.ProjectName,
) (gone, returned time.Time, err error) {
	return a.Reader.ReturnOf(ctx, upstream, name)
}

// heldPage returns the page of a project that is held, without asking the upstream. It is empty if none is.
func (a *App) heldPage(ctx context.Context, u upstream.Upstream, project packaging.ProjectName) (page.Page, error) {
	held, err := a.Pages.Get(ctx, u, project, pages.Normal, false)
	if fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Denied) { // none is held
		return page.Page{}, nil
	}
	if err != nil {
		return page.Page{}, err
	}
	return held.Page()
}

// heldAddress returns the URL of the page that says why a version is held, or a project if version is "".
func (a *App) heldAddress(repository string, name packaging.ProjectName, version string) string {
	if a.Base == nil {
		return ""
	}
	page := treeOf(a.Base, repository).JoinPath("held", name.String())
	if version != "" {
		page = page.JoinPath(version)
	}
	return page.String() + "/"
}

// UpstreamVersions implements ingest.UpstreamVersions by the reader, which is opened after the intake.
func (a *App) UpstreamVersions(ctx context.Context, r catalog.Repository,
	name packaging.ProjectName,
) ([]string, error) {
	return a.Reader.UpstreamVersions(ctx, r, name)
}

// policy returns the rules for uploads, with the comparison of names.
func (a *App) policy() ingest.Policy {
	p := a.Config.Upload.Rules()
	p.Public = a.Pages
	return p
}

// Measured returns what this process knows about the health of upstreams.
func (a *App) Measured() upstream.Monitor { return files.Measured{Of: a.Pages, Files: a.Files} }

// allUpstreams returns the upstreams that are configured now.
func (a *App) allUpstreams(ctx context.Context) ([]upstream.Upstream, error) {
	at, err := a.DB.Catalog().Stamp(ctx)
	if err != nil {
		return nil, err
	}
	return a.Upstreams.All(ctx, at)
}

// upstreamLimit returns the limit on kept files of upstreams, in bytes. It is 0 for an object store without a setting:
// nobody knows how much room there is.
func (a *App) upstreamLimit() int64 {
	if n := a.Config.UpstreamCacheSize(); n > 0 {
		return n
	}
	_, total, ok := a.Blobs.Space()
	if !ok {
		return 0
	}
	return files.DefaultLimit(total)
}

// warnOfBucket logs a warning if repositories draw on upstreams whose files cannot be kept.
func (a *App) warnOfBucket(ctx context.Context, log *slog.Logger) {
	all, err := a.allUpstreams(ctx)
	if err == nil && len(all) > 0 && a.Files.Limit() == 0 {
		log.Warn(
			"upstream_cache.size is not set, and the size of an object store is unknown: files of upstreams are not kept, so each download asks the upstream",
		)
	}
}
