package ingest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// trouble records whether uploads fail because of the server, for example a full disk or a read-only database. Health
// checks that only read, or create an empty file, do not detect that.
type trouble struct {
	mu    sync.Mutex
	why   error
	since time.Time
}

// Trouble returns the error of the newest upload and the start of the failures, if the server is the cause and no
// upload has succeeded since. Otherwise the error is nil. It takes no caller: fault.Message of the error may be shown
// to everyone.
func (x *Intake) Trouble() (time.Time, error) {
	x.trouble.mu.Lock()
	defer x.trouble.mu.Unlock()
	return x.trouble.since, x.trouble.why
}

// failed records the failure of an upload step. Errors of the sender and disconnected clients are ignored.
func (x *Intake) failed(ctx context.Context, err error) {
	kind := fault.KindOf(err)
	if err == nil || kind != fault.Internal && kind != fault.Unavailable || ctx.Err() != nil ||
		errors.Is(err, context.Canceled) || errors.Is(err, catalog.ErrRecovered) {
		return
	}
	x.trouble.mu.Lock()
	first := x.trouble.why == nil
	if first {
		x.trouble.since = x.changes.Clock()
	}
	x.trouble.why = err
	x.trouble.mu.Unlock()
	if first {
		x.log.LogAttrs(ctx, slog.LevelError, "uploads fail", slog.Any("error", err))
	}
}

func (x *Intake) worked(ctx context.Context) {
	x.trouble.mu.Lock()
	was, since := x.trouble.why, x.trouble.since
	x.trouble.why, x.trouble.since = nil, time.Time{}
	x.trouble.mu.Unlock()
	if was != nil {
		x.log.LogAttrs(ctx, slog.LevelInfo, "uploads work again", slog.Duration("after", x.changes.Clock().Sub(since)))
	}
}
