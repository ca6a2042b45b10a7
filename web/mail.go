package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// Mailer sends letters, each to one address. *mail.Sender is one.
type Mailer interface {
	// Send returns once a server took the letter. An error says in words why none did.
	Send(ctx context.Context, to string, l outbox.Letter) error
}

const (
	mailPatience = 10 * time.Second // what somebody who sees the link anyway waits for the mail server
	mailsAtOnce  = 8
)

// mailed sends what carries a link that the page shows anyway, and says what became of it; nil where nothing is sent.
func (s *Site) mailed(ctx context.Context, to string, l outbox.Letter) *Notice {
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

type forgottenView struct {
	Frame
	Mails bool
	Asked bool
	User  Field
}

func (s *Site) mailRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/login/forgotten/", Auth: route.Visitor, Handle: s.forgotten},
		{Method: http.MethodPost, Path: "/login/forgotten/", Auth: route.Visitor, Limit: route.LimitSignIn, Handle: s.askForLink},
	}
}

func (s *Site) forgotten(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.forgottenPage(w, r, who, typed(nil), false)
}

func (s *Site) forgottenPage(w http.ResponseWriter, r *http.Request, who access.Caller, f form, asked bool) error {
	v := forgottenView{Frame: s.frame(r, who, "Password forgotten"), Mails: s.o.Mail != nil, Asked: asked}
	if p := f.problem(); p != nil {
		v.Notice = p
	}
	v.User = f.field(Field{Name: "user", Label: "User name", Required: true, Autocomplete: "username", Mono: true, MaxLength: 64})
	return s.render(w, f.status(), "forgotten", &v)
}

// askForLink answers before it looks whether there is such an account, so that neither words nor time tell.
func (s *Site) askForLink(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	if s.o.Mail == nil {
		return fault.New(fault.NotFound, "this index sends no mail: an administrator can give you a link")
	}
	err = s.o.Accounts.AskForLink(r.Context(), who)
	if fault.Is(err, fault.TooMany) {
		f.wrong("", fault.Message(err))
		return s.forgottenPage(w, r, who, f, false)
	} else if err != nil {
		return err
	}
	name := f.get("user")
	if !s.later(r, func(ctx context.Context) error { return s.sendLink(ctx, who, name) }) {
		return fault.New(fault.Unavailable, "many messages are being sent just now: try again in a minute")
	}
	return s.forgottenPage(w, r, who, typed(nil), true)
}

// sendLink makes the link that was asked for and sends it.
func (s *Site) sendLink(ctx context.Context, who access.Caller, name string) error {
	to, secret, err := s.o.Accounts.ForgottenLink(ctx, who, name)
	if err != nil || to == "" {
		return err
	}
	return s.o.Mail.Send(ctx, to, outbox.ResetLetter(s.o.Name, name, s.absolute(LinkPath(onetime.Reset, secret)), "an hour"))
}

// letterTo writes a letter to a user who gave an address. Like all letters without a secret it waits as a row until the mail
// server takes it, and nothing depends on it.
func (s *Site) letterTo(r *http.Request, name string, l outbox.Letter) {
	if s.o.Mail == nil || name == "" {
		return
	}
	to, err := s.o.Accounts.AddressOf(r.Context(), name)
	s.warn(r, l, err, to)
}

// letterToAdmins writes a letter to each administrator who gave an address, as letterTo does.
func (s *Site) letterToAdmins(r *http.Request, l outbox.Letter) {
	if s.o.Mail == nil {
		return
	}
	all, err := s.o.Accounts.AdminAddresses(r.Context())
	s.warn(r, l, err, all...)
}

// warn writes a letter to each address, unless err says that they are not known.
func (s *Site) warn(r *http.Request, l outbox.Letter, err error, addresses ...string) {
	for _, to := range addresses {
		err = errors.Join(err, s.o.Outbox.Warn(context.WithoutCancel(r.Context()), to, l))
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
	l := outbox.AlertLetter(s.o.Name, who.Name(), happened, outbox.Seen{At: s.o.Now(), Address: who.Address(), Browser: browser(r.UserAgent())}, s.absolute("/manage/account/security/"))
	s.warn(r, l, nil, to)
}
