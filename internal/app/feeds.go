package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"pyindex/internal/advisory"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/client"
)

// feedsEvery is how often the server looks which feeds of advisories are due.
const feedsEvery = 30 * time.Second

// openAdvisories opens the feeds of advisories. The client of upstreams must be open.
func (a *App) openAdvisories(log *slog.Logger) {
	a.Advisories = advisory.New(a.DB.Advisories(), advisory.Options{
		Log: log, Fetcher: feedFetcher{a.Client}, Dir: a.Config.DataDir,
	})
}

// tendFeeds reads the feeds that are due.
func (a *App) tendFeeds(ctx context.Context) error {
	if a.Config.Offline {
		return nil
	}
	return a.Advisories.Tend(ctx, a.Operator)
}

// feedFetcher fetches feeds by the client of upstreams, with its bounds.
type feedFetcher struct{ client *client.Client }

// Fetch implements advisory.Fetcher.
func (f feedFetcher) Fetch(ctx context.Context, feed advisory.Feed, etag, modified string,
	limit int64,
) (advisory.Fetched, error) {
	u := upstream.Default()
	u.Name, u.URL, u.AllowPrivate = "feed "+feed.Name, feed.URL, feed.AllowPrivate
	u.CAFile, u.Proxy = feed.CAFile, feed.Proxy
	got, err := f.client.Document(ctx, u, upstream.Validators{ETag: etag, LastModified: modified}, limit)
	if failure, ok := errors.AsType[*upstream.Failure](err); ok {
		return advisory.Fetched{}, fault.Wrap(fault.Unavailable, err, "%v", failure.Err)
	}
	if err != nil || got.NotModified {
		return advisory.Fetched{NotModified: got.NotModified}, err
	}
	return advisory.Fetched{
		Body: got.Body, ETag: got.Validators.ETag, LastModified: got.Validators.LastModified,
	}, nil
}

// advisories are the advisories as package resolve reads them.
type advisories struct{ *advisory.Advisories }

// About implements resolve.Advisories.
func (a advisories) About(ctx context.Context, at memo.Stamp, name packaging.ProjectName) (
	resolve.Affecting, string, error,
) {
	about, text, err := a.Advisories.About(ctx, at, name)
	if about == nil || err != nil {
		return nil, "", err
	}
	return about, text, nil
}
