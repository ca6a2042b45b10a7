package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/fault"
)

// Mailer sends letters, each to one address. *mail.Sender is one.
type Mailer interface {
	// Send returns once a server took the letter. An error says in words why none did.
	Send(ctx context.Context, to string, l account.Letter) error
}

const (
	mailPatience = 10 * time.Second // what somebody who sees the link anyway waits for the mail server
	mailsAtOnce  = 8
)

// mails reports whether the index sends any.
func (s *Site) mails() bool { return s.o.Mail != nil }

// sendLetter returns once a mail server took a letter.
func (s *Site) sendLetter(ctx context.Context, to string, l account.Letter) error {
	return s.o.Mail.Send(ctx, to, l)
}

// mailed sends what carries a link that the page shows anyway, and says what became of it; nil where nothing is sent.
func (s *Site) mailed(ctx context.Context, to string, l account.Letter) *Notice {
	if s.o.Mail == nil || to == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	if err := s.o.Mail.Send(ctx, to, l); err != nil {
		s.o.Log.Warn("mail was not sent", "error", err)
		return &Notice{"warn", "The link could not be sent to " + to + ", so send it yourself: " + fault.Message(err)}
	}
	return &Notice{"good", "The link was sent to " + to + "."}
}

// letterTo writes a letter to a user who gave an address. Like all letters without a secret it waits as a row until the mail
// server takes it, and nothing depends on it.
func (s *Site) letterTo(r *http.Request, name string, l account.Letter) {
	if s.o.Mail == nil || name == "" {
		return
	}
	to, err := s.o.Accounts.AddressOf(r.Context(), name)
	s.warn(r, l, err, to)
}

// letterToAdmins writes a letter to each administrator who gave an address, as letterTo does.
func (s *Site) letterToAdmins(r *http.Request, l account.Letter) {
	if s.o.Mail == nil {
		return
	}
	all, err := s.o.Accounts.AdminAddresses(r.Context())
	s.warn(r, l, err, all...)
}

// warn writes a letter to each address, unless err says that they are not known.
func (s *Site) warn(r *http.Request, l account.Letter, err error, addresses ...string) {
	for _, to := range addresses {
		err = errors.Join(err, s.o.Accounts.Warn(context.WithoutCancel(r.Context()), to, l))
	}
	if err != nil {
		s.o.Log.Error("a letter was not written", "error", err)
	}
}

// later sends what nobody waits for, and reports whether there was room. What fails is for the operator: who asked may be
// anybody, and a name that was typed may be a password, so neither is in the log.
func (s *Site) later(r *http.Request, send func(context.Context) error) bool {
	ctx := context.WithoutCancel(r.Context())
	select {
	case s.mailing <- struct{}{}:
		go func() {
			defer func() { <-s.mailing }()
			if err := send(ctx); err != nil {
				s.o.Log.Error("mail was not sent", "error", err)
			}
		}()
		return true
	default:
		return false
	}
}

// alert writes to the caller's own address that something about the account changed, so that who did not do it learns of it.
// Nothing depends on it.
func (s *Site) alert(r *http.Request, who access.Caller, happened string) {
	if s.o.Mail == nil {
		return
	}
	p, err := s.o.Accounts.ProfileOf(r.Context(), who)
	if err != nil {
		s.o.Log.Error("an account's address cannot be read", "error", err)
		return
	}
	s.alertAt(r, who, p.Email, happened)
}

// alertAt is alert with an address. The letter is a row before the page is answered, and is sent again if the mail server does
// not take it.
func (s *Site) alertAt(r *http.Request, who access.Caller, to, happened string) {
	if s.o.Mail == nil || to == "" {
		return
	}
	l := account.AlertLetter(s.o.Name, who.Name(), happened, account.Seen{At: s.o.Now(), Address: who.Address(), Browser: browser(r.UserAgent())}, s.absolute("/manage/account/security/"))
	s.warn(r, l, nil, to)
}
