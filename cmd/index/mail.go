package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/mail"
	"pyindex/internal/publishers/exchange"
)

type mailConfig struct {
	Server       string `placeholder:"HOST:PORT" help:"Server of SMTP that takes this index's mail (default: no mail is sent)."`
	From         string `placeholder:"ADDRESS" help:"Who the messages are from: an address, or a name and an address in angle brackets."`
	User         string `placeholder:"NAME" help:"User name at the server (default: none)."`
	PasswordFile string `placeholder:"FILE" help:"File with the password at the server."`
	TLS          string `name:"tls" enum:"starttls,tls,none" default:"starttls" help:"How the server is spoken to: starttls, tls from the first byte, or none, to this machine only."`
}

func (c *Config) checkMail() error {
	_, err := c.Mail.sender()
	return err
}

// sender is what sends mail, nil where none is sent.
func (c mailConfig) sender() (*mail.Sender, error) {
	if c.Server == "" {
		if c.From != "" || c.User != "" || c.PasswordFile != "" {
			return nil, errors.New("mail.server: the server is missing")
		}
		return nil, nil
	}
	o := mail.Options{Server: c.Server, From: c.From, User: c.User, TLS: c.TLS}
	if c.PasswordFile != "" {
		password, err := readSecret("mail.password_file", c.PasswordFile)
		if err != nil {
			return nil, err
		}
		if o.Password = access.Secret(password); password == "" {
			return nil, errors.New("mail.password_file: the file is empty")
		}
	}
	s, err := mail.New(o)
	if err != nil {
		return nil, fmt.Errorf("mail.%w", err)
	}
	return s, nil
}

// postEvery is how often letters of warning that wait are looked for; those that this process writes go at once.
const postEvery = 30 * time.Second

// post sends letters of warning until ctx ends. It returns at once for an index that sends no mail.
func (a *app) post(ctx context.Context, log *slog.Logger) {
	sender, err := a.config.Mail.sender()
	if err != nil || sender == nil {
		return // checked at start
	}
	tick := time.NewTicker(postEvery)
	defer tick.Stop()
	for {
		if err := a.accounts.Deliver(ctx, log, sender.Send); err != nil && ctx.Err() == nil {
			log.Error("sending letters of warning", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.accounts.Letters():
		case <-tick.C:
		}
	}
}

// mail sends what carries a link that was printed already, and says on standard error what became of it.
func (s *session) mail(to string, l account.Letter) {
	sender, err := s.config.Mail.sender()
	if err == nil && sender != nil && to != "" {
		if err = sender.Send(s.ctx, to, l); err == nil {
			fmt.Fprintf(s.errs, "the link was sent to %s\n", to)
		}
	}
	if err != nil {
		fmt.Fprintf(s.errs, "the link was not sent to %s: %s\n", to, fault.Message(err))
	}
}

// tellCreated returns what writes to the owner of a project that a pending publisher created; nil if no mail is sent. The
// letter waits as a row until the mail server takes it, so that an exchange does not.
func (a *app) tellCreated(base *url.URL, log *slog.Logger) (func(context.Context, exchange.Created), error) {
	sender, err := a.config.Mail.sender()
	if err != nil || sender == nil || base == nil {
		return nil, err
	}
	return func(ctx context.Context, c exchange.Created) {
		if err := a.writeCreated(context.WithoutCancel(ctx), base, c); err != nil {
			log.Error("a letter was not written", "error", err, "project", c.Project)
		}
	}, nil
}

// writeCreated writes the letter about a project that was created, if its owner has an address.
func (a *app) writeCreated(ctx context.Context, base *url.URL, c exchange.Created) error {
	var user access.User
	err := a.db.Accounts().View(ctx, func(tx account.Tx) (err error) {
		user, err = tx.UserByID(ctx, c.Owner)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	to, err := a.accounts.AddressOf(ctx, user.Name)
	if err != nil {
		return err
	}
	tree := ""
	if c.Repository != catalog.MainRepository {
		tree = "r/" + c.Repository + "/"
	}
	link := base.JoinPath(tree, "manage/project", c.Project, "settings/publishing/").String()
	return a.accounts.Warn(ctx, to, account.CreatedLetter(a.config.name(), user.Name, c.Project, c.Publisher, account.Seen{At: c.At, Address: c.Address}, link))
}

type mailCmd struct {
	Test mailTestCmd `cmd:"" help:"Send a test message and say what the server answered."`
}

type mailTestCmd struct {
	To string `required:"" placeholder:"ADDRESS" help:"Who gets it."`
}

// Run sends the message at once.
func (c *mailTestCmd) Run(s *session) error {
	sender, err := s.config.Mail.sender()
	if err != nil {
		return err
	}
	if sender == nil {
		return fault.New(fault.Invalid, "this index sends no mail: set mail.server and mail.from")
	}
	name := s.config.name()
	err = sender.Send(s.ctx, c.To, account.Letter{
		Subject: "Test message of " + name,
		Text:    "This is a test message of " + name + ", the package index at " + s.config.linkTo("/") + ".\n\nIt was sent by index mail test. Nothing needs to be done.\n",
	})
	if err == nil {
		fmt.Fprintf(s.out, "%s took the message to %s\n", s.config.Mail.Server, c.To)
	}
	return err
}
