package app

import (
	"context"
	"log/slog"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
)

// tellCreated returns a function that writes to the owner of a project that a pending publisher created. It returns nil
// if the index sends no e-mail. The function stores the letter as a row, so that an exchange does not wait for the mail
// server.
func (a *App) tellCreated(base *url.URL, log *slog.Logger) (func(context.Context, exchange.Created), error) {
	sender, err := a.Config.Mail.Sender()
	if err != nil || sender == nil || base == nil {
		return nil, err
	}
	return func(ctx context.Context, c exchange.Created) {
		if err := a.writeCreated(context.WithoutCancel(ctx), base, c); err != nil {
			log.Error("a letter was not written", "error", err, "project", c.Project)
		}
	}, nil
}

// writeCreated stores the letter about a new project, if the project's owner has an address.
func (a *App) writeCreated(ctx context.Context, base *url.URL, c exchange.Created) error {
	var user access.User
	err := a.DB.Accounts().View(ctx, func(tx account.Tx) (err error) {
		user, err = tx.UserByID(ctx, c.Owner)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	to, err := a.Accounts.AddressOf(ctx, user.Name)
	if err != nil {
		return err
	}
	tree := ""
	if c.Repository != catalog.MainRepository {
		tree = "r/" + c.Repository + "/"
	}
	link := base.JoinPath(tree, "manage/project", c.Project, "settings/publishing/").String()
	return a.Outbox.Warn(ctx, to,
		outbox.CreatedLetter(a.Config.Name(), user.Name, c.Project, c.Publisher, outbox.Seen{At: c.At, Address: c.Address},
			link))
}
