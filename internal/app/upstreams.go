package app

import (
	"context"
	"log/slog"

	"pyindex/internal/resolve"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/client"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/pages"
	"pyindex/internal/version"
)

// openUpstreams opens what reads through upstreams.
func (a *App) openUpstreams(ctx context.Context, log *slog.Logger) error {
	instance, err := a.DB.Instance(ctx)
	if err != nil {
		return err
	}
	a.Instance = instance
	a.Upstreams = upstream.NewRegistry(a.DB.Upstreams(), upstream.Options{})
	a.Client = client.New(client.Options{Version: version.Read().Version, Instance: instance})
	a.Pages = pages.New(pages.Options{
		Store: a.DB.Pages(), Fetcher: a.Client, Upstreams: a.allUpstreams, Log: log, Offline: a.Config.Offline,
	})
	limit, err := a.upstreamLimit(log)
	if err != nil {
		return err
	}
	a.Files = files.New(a.DB.UpstreamFiles(), a.Index.Custody, a.Client, files.Options{
		Limit: limit, Space: a.Blobs.Space, Log: log,
	})
	a.Reader = resolve.New(a.Index.Index, resolve.Options{
		Upstreams: a.Upstreams, Pages: a.Pages, Files: a.Files, Offline: a.Config.Offline,
	})
	return nil
}

// allUpstreams returns the upstreams that are configured now.
func (a *App) allUpstreams(ctx context.Context) ([]upstream.Upstream, error) {
	at, err := a.Index.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	return a.Upstreams.All(ctx, at)
}

// upstreamLimit returns the limit on kept files of upstreams, in bytes. It is 0 for an object store without a setting:
// nobody knows how much room there is.
func (a *App) upstreamLimit(log *slog.Logger) (int64, error) {
	if n := a.Config.UpstreamCacheSize(); n > 0 {
		return n, nil
	}
	_, total, ok := a.Blobs.Space()
	if !ok {
		log.Debug("upstream_cache.size is not set, and the size of the store is unknown: files of upstreams are not kept")
		return 0, nil
	}
	return files.DefaultLimit(total), nil
}
