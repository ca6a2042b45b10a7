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
	user, to, err := a.recipient(ctx, c.Owner)
	if err != nil || to == "" {
		return err
	}
	link := treeOf(base, c.Repository).JoinPath("manage/project", c.Project, "settings/publishing/").String()
	return a.Outbox.Warn(ctx, to,
		outbox.CreatedLetter(a.Config.Name(), user, c.Project, c.Publisher, outbox.Seen{At: c.At, Address: c.Address},
			link))
}

// recipient returns the name of a user and the address for letters to them, "" if there is none.
func (a *App) recipient(ctx context.Context, id string) (name, to string, err error) {
	var user access.User
	err = a.DB.Accounts().View(ctx, func(tx account.Tx) (err error) {
		user, err = tx.UserByID(ctx, id)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return "", "", nil
	} else if err != nil {
		return "", "", err
	}
	to, err = a.Accounts.AddressOf(ctx, user.Name)
	return user.Name, to, err
}

// treeOf returns the URL below which a repository has its paths.
func treeOf(base *url.URL, repository string) *url.URL {
	if repository == catalog.MainRepository {
		return base.JoinPath()
	}
	return base.JoinPath("r", repository)
}
