package main

import (
	"fmt"

	"pyindex/internal/account"
	"pyindex/internal/fault"
)

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
