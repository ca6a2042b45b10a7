package people

import (
	"fmt"

	"pyindex/internal/account/outbox"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
)

// sendLetter sends a letter with a link that was already printed, and reports on standard error whether it was sent.
func sendLetter(s *cli.Session, to string, l outbox.Letter) {
	sender, err := s.Config.Mail.Sender()
	if err == nil && sender != nil && to != "" {
		if err = sender.Send(s.Ctx, to, l); err == nil {
			fmt.Fprintf(s.Errs, "the link was sent to %s\n", to)
		}
	}
	if err != nil {
		fmt.Fprintf(s.Errs, "the link was not sent to %s: %s\n", to, fault.Message(err))
	}
}
