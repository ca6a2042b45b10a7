package app

import (
	"context"
	"fmt"
	"log/slog"

	"pyindex/internal/fault"
)

// Declare writes the upstreams and repositories of the configuration into the rows, and logs each change. If the
// database accepts no changes, the rows of an earlier start remain, which is logged too.
func (a *App) Declare(ctx context.Context, log *slog.Logger) error {
	said, err := a.Index.Declare(ctx, a.Operator, a.Config.Declared())
	if fault.Is(err, fault.Unavailable) {
		log.Warn("cannot write the upstreams and repositories of the configuration; those of an earlier start remain",
			"error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("the upstreams and repositories of the configuration: %w", err)
	}
	for _, text := range said {
		log.Info(text)
	}
	a.warnOfBucket(ctx, log)
	return a.declareFeeds(ctx, log)
}

// declareFeeds writes the feeds of advisories of the configuration into the rows, and logs each change.
func (a *App) declareFeeds(ctx context.Context, log *slog.Logger) error {
	changes, err := a.Advisories.Declare(ctx, a.Operator, a.Config.FeedList())
	if fault.Is(err, fault.Unavailable) {
		log.Warn("cannot write the feeds of the configuration; those of an earlier start remain", "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("the feeds of the configuration: %w", err)
	}
	for _, c := range changes {
		log.Info(c.Text())
	}
	return nil
}
