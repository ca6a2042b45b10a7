package upkeep

import (
	"fmt"
	"strings"

	"pyindex/internal/account/outbox"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/terminal"
)

// Mail has the commands about e-mail.
type Mail struct {
	Test mailTestCmd `cmd:"" help:"Send a test message and report the result."`
}

type mailTestCmd struct {
	To string `required:"" placeholder:"ADDRESS" help:"Recipient of the message."`
	terminal.Listing
}

// base returns the URL at which clients reach the index, without a trailing slash. A message can be sent without the
// database too, so base then relies on the settings.
func base(s *cli.Session) string {
	at := s.Config.OwnBase()
	if !s.Config.Addressed() && s.Config.Exists() == nil {
		_ = s.With(func(a *app.App) error {
			at = a.Base
			return nil
		})
	}
	return strings.TrimSuffix(at.String(), "/")
}

// Run sends the message immediately.
func (c *mailTestCmd) Run(s *cli.Session) error {
	sender, err := s.Config.Mail.Sender()
	if err != nil {
		return err
	}
	if sender == nil {
		return fault.New(fault.Invalid, "this index sends no e-mail: set mail.server and mail.from")
	}
	name := s.Config.Name()
	err = sender.Send(s.Ctx, c.To, outbox.Letter{
		Subject: "Test message of " + name,
		Text: "This is a test message of " + name + ", the package index at " + base(s) +
			"/.\n\nIt was sent by index mail test. Nothing needs to be done.\n",
	})
	if err != nil {
		return err
	}
	return c.Report(s.Out, map[string]any{"server": s.Config.Mail.Server, "to": c.To},
		fmt.Sprintf("%s accepted the message to %s", s.Config.Mail.Server, c.To))
}
