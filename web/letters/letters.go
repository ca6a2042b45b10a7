// Package letters sends messages to people about their account.
//
// A page never depends on a letter: an error is logged, or shown beside the link that the letter would have carried.
package letters

import (
	"context"
	"errors"
	"net/http"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/fault"
	"pyindex/web/ui"
)

// Mailer sends e-mails, each to one address. It is implemented by *mail.Sender.
type Mailer interface {
	// Send returns after a mail server has accepted the e-mail. The message of its error can be shown to users.
	Send(ctx context.Context, to string, l outbox.Letter) error
}

// Sender sends the e-mails of the pages. It is safe for concurrent use.
type Sender struct {
	*ui.Kit
	accounts *account.Accounts
	outbox   *outbox.Outbox
	mail     Mailer        // nil if this index sends no e-mail
	mailing  chan struct{} // limits concurrent background sends
}

// New returns a sender. If mail is nil, the sender sends nothing.
func New(kit *ui.Kit, accounts *account.Accounts, box *outbox.Outbox, mail Mailer) *Sender {
	return &Sender{Kit: kit, accounts: accounts, outbox: box, mail: mail, mailing: make(chan struct{}, mailsAtOnce)}
}

const (
	mailPatience = 10 * time.Second // timeout of a send that the user waits for
	mailsAtOnce  = 8
)

// Enabled reports whether the index sends e-mail.
func (s *Sender) Enabled() bool { return s.mail != nil }

// Send returns after a mail server has accepted the e-mail.
func (s *Sender) Send(ctx context.Context, to string, l outbox.Letter) error {
	return s.mail.Send(ctx, to, l)
}

// SendLink sends a link that the page also shows, and returns a notice about the result. It returns nil if nothing is
// sent.
func (s *Sender) SendLink(ctx context.Context, to string, l outbox.Letter) *ui.Notice {
	if s.mail == nil || to == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	if err := s.mail.Send(ctx, to, l); err != nil {
		s.Log.Warn("mail was not sent", "error", err)
		return &ui.Notice{
			Kind: "warn", Text: "The link could not be sent to " + to + ". Send it yourself. Reason: " + fault.Sentence(err),
		}
	}
	return &ui.Notice{Kind: "good", Text: "The link was sent to " + to + "."}
}

// ToUser queues an e-mail to a user, if the user has an address. The queue is a database table, and its e-mails contain
// no secrets. ToUser logs errors.
func (s *Sender) ToUser(r *http.Request, name string, l outbox.Letter) {
	if s.mail == nil || name == "" {
		return
	}
	to, err := s.accounts.AddressOf(r.Context(), name)
	s.warn(r, l, err, to)
}

// ToAdmins queues an e-mail to each administrator with an address.
func (s *Sender) ToAdmins(r *http.Request, l outbox.Letter) {
	if s.mail == nil {
		return
	}
	all, err := s.accounts.AdminAddresses(r.Context())
	s.warn(r, l, err, all...)
}

// warn queues an e-mail to each address and logs errors, including err.
func (s *Sender) warn(r *http.Request, l outbox.Letter, err error, addresses ...string) {
	for _, to := range addresses {
		err = errors.Join(err, s.outbox.Warn(context.WithoutCancel(r.Context()), to, l))
	}
	if err != nil {
		s.Log.Error("an e-mail was not queued", "error", err)
	}
}

// Later calls send in the background. It reports false if too many sends are already running. Errors are logged without
// the user name from the request, because people sometimes type their password into that field.
func (s *Sender) Later(r *http.Request, send func(context.Context) error) bool {
	ctx := context.WithoutCancel(r.Context())
	select {
	case s.mailing <- struct{}{}:
		go func() {
			defer func() { <-s.mailing }()
			if err := send(ctx); err != nil {
				s.Log.Error("mail was not sent", "error", err)
			}
		}()
		return true
	default:
		return false
	}
}

// Alert queues an e-mail to the caller about a change to the account, so that the owner notices changes made by others.
func (s *Sender) Alert(r *http.Request, who access.Caller, happened string) {
	if s.mail == nil {
		return
	}
	p, err := s.accounts.ProfileOf(r.Context(), who)
	if err != nil {
		s.Log.Error("an account's address cannot be read", "error", err)
		return
	}
	s.AlertAt(r, who, p.Email, happened)
}

// AlertAt queues the e-mail of Alert to a given address. It is stored before the page responds, and retried until a
// mail server accepts it.
func (s *Sender) AlertAt(r *http.Request, who access.Caller, to, happened string) {
	if s.mail == nil || to == "" {
		return
	}
	l := outbox.AlertLetter(s.Name, who.Name(), happened,
		outbox.Seen{At: s.Now(), Address: who.Address(), Browser: ui.Browser(r.UserAgent())},
		s.Absolute("/manage/account/security/"))
	s.warn(r, l, nil, to)
}
