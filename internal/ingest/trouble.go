package ingest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"pyindex/internal/fault"
)

// trouble knows whether uploads fail for a reason of ours, such as a full disk or a database that only reads: checks
// that read, or that make an empty file, do not find that out.
type trouble struct {
	mu    sync.Mutex
	why   error
	since time.Time
}

// Trouble returns why the newest upload failed and since when uploads do, if the reason was ours and none succeeded
// since; nil otherwise. It takes no caller: fault.Message of it may be shown to everybody.
func (x *Intake) Trouble() (time.Time, error) {
	x.trouble.mu.Lock()
	defer x.trouble.mu.Unlock()
	return x.trouble.since, x.trouble.why
}

// failed notes how a step of an upload ended. What the sender did wrong says nothing, nor does a sender who went away.
func (x *Intake) failed(ctx context.Context, err error) {
	kind := fault.KindOf(err)
	if err == nil || kind != fault.Internal && kind != fault.Unavailable || ctx.Err() != nil ||
		errors.Is(err, context.Canceled) {
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

// worked notes that an upload was stored.
func (x *Intake) worked(ctx context.Context) {
	x.trouble.mu.Lock()
	was, since := x.trouble.why, x.trouble.since
	x.trouble.why, x.trouble.since = nil, time.Time{}
	x.trouble.mu.Unlock()
	if was != nil {
		x.log.LogAttrs(ctx, slog.LevelInfo, "uploads work again", slog.Duration("after", x.changes.Clock().Sub(since)))
	}
}
