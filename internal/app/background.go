package app

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/outbox"
	"pyindex/internal/audit"
	"pyindex/internal/mail"
)

// postEvery is how often waiting letters of warning are looked for. Those that this process writes are sent at once.
const postEvery = 30 * time.Second

// Post sends letters of warning until ctx ends. It returns at once if the index sends no mail.
func (a *App) Post(ctx context.Context, log *slog.Logger) {
	sender, err := a.Config.Mail.Sender()
	if err != nil || sender == nil {
		return // checked at start
	}
	tick := time.NewTicker(postEvery)
	defer tick.Stop()
	for {
		if err := a.Outbox.Deliver(ctx, log, sender.Send); err != nil && ctx.Err() == nil {
			log.Error("sending letters of warning", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.Outbox.Letters():
		case <-tick.C:
		}
	}
}

// Intervals of the work beside requests.
const (
	flushEvery = time.Second     // writing the last uses of tokens
	sweepEvery = 5 * time.Minute // removing blobs without a file, expired tokens and old audit entries
	// looking whether the daily check of the stored bytes, one for all replicas, is due
	checkEvery   = time.Hour
	refreshEvery = time.Minute // refreshing the keys of issuers
	remindEvery  = time.Hour   // looking for tokens that expire soon
	// from the start until memory that only starting needed is returned to the system
	tidyAfter = 500 * time.Millisecond
)

// Background starts the work beside requests, and each of also. It returns a function that ends it all, waits for the
// end and writes the last uses of tokens.
func (a *App) Background(ctx context.Context, keyring *access.Keyring, log *slog.Logger,
	also ...func(ctx context.Context),
) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var loops group
	loops.every(ctx, flushEvery, func() error { return errors.Join(keyring.Flush(ctx), a.Index.FlushDownloads(ctx)) },
		log, "writing last uses")
	tidy := time.AfterFunc(tidyAfter, debug.FreeOSMemory)
	loops.Go(func() {
		a.DB.Attend(ctx, func(ctx context.Context) {
			if err := errors.Join(a.Index.Refresh(ctx), keyring.Refresh(ctx)); err != nil && ctx.Err() == nil {
				log.Debug("reading again what was in use", "error", err)
			}
		})
	})
	a.verifier.Warm()
	loops.every(ctx, refreshEvery, func() error { a.verifier.Refresh(); return nil }, log, "refreshing keys")
	loops.every(ctx, sweepEvery, func() error { return a.sweep(ctx) }, log, "sweeping")
	loops.every(ctx, checkEvery, func() error { return a.Index.Custody.CheckDaily(ctx, a.Operator) }, log,
		"checking the stored bytes")
	loops.Go(func() { // what the last process was about to remove when it was killed
		if err := a.sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("sweeping", "error", err)
		}
	})
	loops.Go(func() { // projects of before there was a search
		if err := a.Index.Backfill(ctx); err != nil && ctx.Err() == nil {
			log.Error("filling the search", "error", err)
		}
	})
	if sender, err := a.Config.Mail.Sender(); err == nil && sender != nil {
		loops.every(ctx, remindEvery, func() error { return a.remind(ctx, sender) }, log, "reminding of tokens that end")
	}
	loops.Go(func() { a.Post(ctx, log) })
	for _, f := range also {
		loops.Go(func() { f(ctx) })
	}
	return func() {
		tidy.Stop()
		cancel()
		loops.Wait()
		last := context.WithoutCancel(ctx)
		if err := errors.Join(keyring.Flush(last), a.Index.FlushDownloads(last)); err != nil {
			log.Error("writing last uses", "error", err)
		}
	}
}

// remind writes to users whose API tokens expire soon.
func (a *App) remind(ctx context.Context, sender *mail.Sender) error {
	return a.Outbox.RemindOfTokens(ctx, func(ctx context.Context, r outbox.Reminder) error {
		return sender.Send(ctx, r.Email, outbox.ReminderLetter(a.Config.Name(), r, a.Config.LinkTo("/manage/account/token/")))
	})
}

// sweep removes what is no longer needed: unreferenced blobs, expired tokens and sessions, old audit entries.
func (a *App) sweep(ctx context.Context) error {
	_, err := a.Index.Custody.Sweep(ctx, a.Operator)
	forgotten, e := audit.Sweep(ctx, a.DB.Record(), a.Config.Audit.Retention(), time.Now())
	if forgotten > 0 {
		slog.InfoContext(ctx, "entries of the record were kept long enough", "removed", forgotten)
	}
	a.Minter.LogUnverified()
	return errors.Join(err, e, a.Registry.Sweep(ctx), a.Directory.SweepSessions(ctx), a.Accounts.Sweep(ctx),
		a.SignIn.Sweep(ctx), a.Outbox.Sweep(ctx), a.Index.SweepDownloads(ctx))
}

// group is loops that run beside the requests.
type group struct{ sync.WaitGroup }

// every runs f each d until ctx ends; a failure is logged and tried again next time.
func (g *group) every(ctx context.Context, d time.Duration, f func() error, log *slog.Logger, what string) {
	g.Go(func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := f(); err != nil && ctx.Err() == nil {
				log.Error(what, "error", err)
			}
		}
	})
}
