package app

import (
	"context"
	"log/slog"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
)

// tellDecided returns a function that writes to the person whose request for an exemption was decided. The letter is
// stored as a row. Commands send none.
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
	var user access.User
	err := a.DB.Accounts().View(ctx, func(tx account.Tx) (err error) {
		user, err = tx.UserByID(ctx, r.By.ID)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && !user.Active() {
		return nil
	} else if err != nil {
		return err
	}
	to, err := a.Accounts.AddressOf(ctx, user.Name)
	if err != nil {
		return err
	}
	tree := ""
	if r.Repository != catalog.MainRepository {
		tree = "r/" + r.Repository + "/"
	}
	return a.Outbox.Warn(ctx, to, outbox.DecidedLetter(a.Config.Name(), outbox.Decided{
		User: user.Name, Target: r.Target(), Repository: r.Repository, Granted: r.State == holds.Granted,
		By: r.DecidedBy.Name, Answer: r.Answer, At: r.DecidedAt,
		Page: a.Base.JoinPath(tree, "project", r.Project, "/").String(),
	}))
}
