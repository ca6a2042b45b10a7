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

// Mailer sends letters, each to one address. *mail.Sender is one.
type Mailer interface {
	// Send returns once a server took the letter. An error says in words why none did.
	Send(ctx context.Context, to string, l outbox.Letter) error
}

// Sender sends letters. It is safe for concurrent use.
type Sender struct {
	*ui.Kit
	accounts *account.Accounts
	outbox   *outbox.Outbox
	mail     Mailer        // nil if this index sends no mail
	mailing  chan struct{} // bounds the messages that nobody waits for
}

// New returns a sender. mail is nil if the index sends no mail: then nothing is sent.
func New(kit *ui.Kit, accounts *account.Accounts, box *outbox.Outbox, mail Mailer) *Sender {
	return &Sender{Kit: kit, accounts: accounts, outbox: box, mail: mail, mailing: make(chan struct{}, mailsAtOnce)}
}

const (
	mailPatience = 10 * time.Second // what somebody who sees the link anyway waits for the mail server
	mailsAtOnce  = 8
)

// Enabled reports whether the index sends any.
func (s *Sender) Enabled() bool { return s.mail != nil }

// Send returns once a mail server took a letter.
func (s *Sender) Send(ctx context.Context, to string, l outbox.Letter) error {
	return s.mail.Send(ctx, to, l)
}

// SendLink sends what carries a link that the page shows anyway, and says what became of it; nil where nothing is sent.
func (s *Sender) SendLink(ctx context.Context, to string, l outbox.Letter) *ui.Notice {
	if s.mail == nil || to == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	if err := s.mail.Send(ctx, to, l); err != nil {
		s.Log.Warn("mail was not sent", "error", err)
		return &ui.Notice{
			Kind: "warn", Text: "The link could not be sent to " + to + ", so send it yourself: " + fault.Message(err),
		}
	}
	return &ui.Notice{Kind: "good", Text: "The link was sent to " + to + "."}
}

// ToUser writes a letter to a user who gave an address. Like all letters without a secret it waits as a row until the
// mail server takes it, and nothing depends on it.
func (s *Sender) ToUser(r *http.Request, name string, l outbox.Letter) {
	if s.mail == nil || name == "" {
		return
	}
	to, err := s.accounts.AddressOf(r.Context(), name)
	s.warn(r, l, err, to)
}

// ToAdmins writes a letter to each administrator who gave an address, as letterTo does.
func (s *Sender) ToAdmins(r *http.Request, l outbox.Letter) {
	if s.mail == nil {
		return
	}
	all, err := s.accounts.AdminAddresses(r.Context())
	s.warn(r, l, err, all...)
}

// warn writes a letter to each address, unless err says that they are not known.
func (s *Sender) warn(r *http.Request, l outbox.Letter, err error, addresses ...string) {
	for _, to := range addresses {
		err = errors.Join(err, s.outbox.Warn(context.WithoutCancel(r.Context()), to, l))
	}
	if err != nil {
		s.Log.Error("a letter was not written", "error", err)
	}
}

// Later sends what nobody waits for, and reports whether there was room. What fails is for the operator: who asked may
// be anybody, and a name that was typed may be a password, so neither is in the log.
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

// Alert writes to the caller's own address that something about the account changed, so that who did not do it learns
// of it. Nothing depends on it.
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

// AlertAt is alert with an address. The letter is a row before the page is answered, and is sent again if the mail
// server does not take it.
func (s *Sender) AlertAt(r *http.Request, who access.Caller, to, happened string) {
	if s.mail == nil || to == "" {
		return
	}
	l := outbox.AlertLetter(s.Name, who.Name(), happened,
		outbox.Seen{At: s.Now(), Address: who.Address(), Browser: ui.Browser(r.UserAgent())},
		s.Absolute("/manage/account/security/"))
	s.warn(r, l, nil, to)
}
