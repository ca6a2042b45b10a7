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
	"pyindex/internal/catalog"
	"pyindex/internal/follow"
	"pyindex/internal/mail"
	"pyindex/internal/metrics"
	"pyindex/internal/namelog"
)

// postEvery is the interval for sending warning letters that wait. Letters from this process are sent immediately.
const postEvery = 30 * time.Second

// post sends warning letters until ctx ends. It returns immediately if the index sends no e-mail.
func (a *App) post(ctx context.Context, log *slog.Logger) {
	sender, err := a.Config.Mail.Sender()
	if err != nil || sender == nil {
		return // Open has checked the settings
	}
	tick := time.NewTicker(postEvery)
	defer tick.Stop()
	for {
		if err := a.Outbox.Deliver(ctx, log, sender.Send); err != nil && ctx.Err() == nil {
			log.Error("sending warning letters", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.Outbox.Letters():
		case <-tick.C:
		}
	}
}

// Intervals of background work.
const (
	flushEvery = time.Second     // writing the last uses of tokens
	sweepEvery = 5 * time.Minute // removing blobs without a file, expired tokens and old audit entries
	// checking whether the daily check of the stored objects, one for all replicas, is due
	checkEvery   = time.Hour
	refreshEvery = time.Minute // refreshing the keys of issuers
	notifyEvery  = time.Minute // writing to subscribers of new releases
	tendEvery    = time.Minute // writing uses of upstreams' files, and removing what nobody uses
	remindEvery  = time.Hour   // finding tokens that expire soon
	// timeout of writing the copy of names when the server stops
	lastWrite = 5 * time.Second
	// time after the start at which memory needed only for the start is returned to the system
	tidyAfter = 500 * time.Millisecond
)

// Background starts the background work and each function in also. It returns a function that stops all of them, waits
// until they have returned, and writes the last uses of tokens.
func (a *App) Background(ctx context.Context, keyring *access.Keyring, log *slog.Logger,
	also ...func(ctx context.Context),
) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	loops := group{tasks: &a.tasks, log: log}
	loops.every(ctx, flushEvery, "last_uses", func() error { return a.flush(ctx, keyring) }, log, "writing last uses")
	tidy := time.AfterFunc(tidyAfter, debug.FreeOSMemory)
	loops.Go(func() {
		a.DB.Attend(ctx, func(ctx context.Context) {
			if err := errors.Join(a.Index.Refresh(ctx), keyring.Refresh(ctx)); err != nil && ctx.Err() == nil {
				log.Debug("refreshing caches", "error", err)
			}
		})
	})
	a.verifier.Warm()
	loops.every(ctx, refreshEvery, "issuer_keys", func() error { a.verifier.Refresh(); return nil }, log,
		"refreshing keys")
	loops.every(ctx, sweepEvery, "sweep", func() error { return a.sweep(ctx) }, log, "sweeping")
	loops.every(ctx, checkEvery, "storage_check", func() error { return a.Index.Custody.CheckDaily(ctx, a.Operator) }, log,
		"checking the stored bytes")
	loops.Go(func() { // removes what a killed process was about to remove
		if err := a.sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("sweeping", "error", err)
		}
	})
	loops.Go(func() { // indexes projects that another version indexed, or none
		if err := a.Index.Backfill(ctx); err != nil && ctx.Err() == nil {
			log.Error("filling the search", "error", err)
		}
	})
	loops.Go(func() { // documents of files that an older version added take less room
		if err := a.DB.CompactMetadata(ctx, nil); err != nil && ctx.Err() == nil {
			log.Error("compacting metadata", "error", err)
		}
	})
	loops.every(ctx, checkEvery, "search", func() error { return a.Index.Backfill(ctx) }, log, "filling the search")
	if sender, err := a.Config.Mail.Sender(); err == nil && sender != nil {
		loops.every(ctx, remindEvery, "token_reminders", func() error { return a.remind(ctx, sender) }, log,
			"reminding of tokens that expire")
		loops.every(ctx, notifyEvery, "release_letters", func() error { return a.notify(ctx, sender) }, log,
			"writing of new releases")
	}
	loops.Go(func() { a.post(ctx, log) })
	loops.Go(func() { a.Pages.Run(ctx) })
	loops.every(ctx, namelog.TendEvery, "name_copy", func() error { return a.Names.Tend(ctx) }, log,
		"writing the copy of names")
	loops.every(ctx, tendEvery, "upstream_files", func() error { return a.Files.Tend(ctx) }, log,
		"tending the files of upstreams")
	loops.Go(func() { // feeds that became due while no server ran
		if err := a.tasks.run("feeds", func() error { return a.tendFeeds(ctx) }); err != nil && ctx.Err() == nil {
			log.Error("reading feeds of advisories", "error", err)
		}
	})
	loops.every(ctx, feedsEvery, "feeds", func() error { return a.tendFeeds(ctx) }, log, "reading feeds of advisories")
	for _, f := range also {
		loops.Go(func() { f(ctx) })
	}
	return func() {
		tidy.Stop()
		cancel()
		loops.Wait()
		last := context.WithoutCancel(ctx)
		if err := a.flush(last, keyring); err != nil {
			log.Error("writing last uses", "error", err)
		}
		last, end := context.WithTimeout(last, lastWrite)
		defer end()
		if err := a.Names.Tend(last); err != nil {
			log.Error("writing the copy of names", "error", err)
		}
	}
}

// flush writes what is counted in memory.
func (a *App) flush(ctx context.Context, keyring *access.Keyring) error {
	return errors.Join(keyring.Flush(ctx), a.Index.FlushDownloads(ctx), a.Downloads.Flush(ctx), a.Aliases.Flush(ctx))
}

// remind sends a letter to users whose API tokens expire soon.
func (a *App) remind(ctx context.Context, sender *mail.Sender) error {
	return a.Outbox.RemindOfTokens(ctx, func(ctx context.Context, r outbox.Reminder) error {
		return sender.Send(ctx, r.Email, outbox.ReminderLetter(a.Config.Name(), r, a.LinkTo("/manage/account/token/")))
	})
}

// notify sends a letter to the subscribers of projects with new releases.
func (a *App) notify(ctx context.Context, sender *mail.Sender) error {
	return a.Followers.Notify(ctx, func(ctx context.Context, n follow.News) error {
		var all []outbox.Releases
		for _, p := range n.Projects {
			root := ""
			if repo := p.Project.Repository.Name; repo != catalog.MainRepository {
				root = "/r/" + repo
			}
			page := a.LinkTo(root + "/project/" + p.Project.Name.String() + "/")
			all = append(all, outbox.Releases{Project: p.Project.Display, Versions: p.Versions, Total: p.Total, Page: page})
		}
		account := a.LinkTo("/manage/account/") + "#subscriptions"
		return sender.Send(ctx, n.Email, outbox.ReleaseLetter(a.Config.Name(), n.User, all, account))
	})
}

// sweep removes unreferenced blobs, expired tokens and sessions, and old audit entries.
func (a *App) sweep(ctx context.Context) error {
	err := a.tasks.remove(metrics.Sweep, func() (int, error) { return a.Index.Custody.Sweep(ctx, a.Operator) })
	forgotten, e := audit.Sweep(ctx, a.DB.Record(), a.Config.Audit.Retention(), time.Now())
	if forgotten > 0 {
		slog.InfoContext(ctx, "removed old entries of the audit log", "removed", forgotten)
	}
	a.Minter.LogUnverified()
	return errors.Join(err, e, a.Registry.Sweep(ctx), a.Directory.SweepSessions(ctx), a.Accounts.Sweep(ctx),
		a.SignIn.Sweep(ctx), a.Outbox.Sweep(ctx), a.Index.SweepDownloads(ctx), a.Downloads.Sweep(ctx))
}

// group is a set of loops that run in the background.
type group struct {
	sync.WaitGroup
	tasks *tasks
	log   *slog.Logger
}

// Go runs f in the background. If f panics, which ends the process, the lines of the log are written first.
func (g *group) Go(f func()) {
	g.WaitGroup.Go(func() {
		if lines, ok := g.log.Handler().(interface{ Flush() }); ok {
			defer lines.Flush()
		}
		f()
	})
}

// every runs f at every interval d until ctx ends, and counts the runs as those of a task. It logs an error of f and
// continues.
func (g *group) every(ctx context.Context, d time.Duration, task metrics.Task, f func() error, log *slog.Logger,
	what string,
) {
	g.Go(func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := g.tasks.run(task, f); err != nil && ctx.Err() == nil {
				log.Error(what, "error", err)
			}
		}
	})
}
