package main

import (
	"fmt"

	"pyindex/internal/account"
	"pyindex/internal/fault"
)

// sendLetter sends a letter with a link that was printed already, and reports on standard error whether it was sent.
func sendLetter(s *session, to string, l account.Letter) {
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
