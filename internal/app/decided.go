package app

import (
	"context"
	"log/slog"

	"pyindex/internal/access"
	"pyindex/internal/account/outbox"
	"pyindex/internal/holds"
)

// tellDecided returns a function that writes to the person whose request for an exemption was decided. The letter is
// stored as a row, which a server of the index sends: also that of a command, if its settings name the mail server.
func (a *App) tellDecided(log *slog.Logger) func(context.Context, holds.Request) {
	return func(ctx context.Context, r holds.Request) {
		if err := a.writeDecided(ctx, r); err != nil {
			log.Error("a letter was not written", "error", err, "request", r.ID)
		}
	}
}

// writeDecided stores the letter about a request, if a user with an address made it and another one decided.
func (a *App) writeDecided(ctx context.Context, r holds.Request) error {
	if r.By.Kind != string(access.KindUser) || r.By.ID == r.DecidedBy.ID {
		return nil
	}
	user, to, err := a.recipient(ctx, r.By.ID)
	if err != nil || to == "" {
		return err
	}
	return a.Outbox.Warn(ctx, to, outbox.DecidedLetter(a.Config.Name(), outbox.Decided{
		User: user, Target: r.Target(), Repository: r.Repository, Granted: r.State == holds.Granted,
		By: r.DecidedBy.Name, Answer: r.Answer, At: r.DecidedAt,
		Page: treeOf(a.Base, r.Repository).JoinPath("project", r.Project, "/").String(),
	}))
}
