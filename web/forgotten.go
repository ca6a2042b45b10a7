package web

import (
	"context"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

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
	v := forgottenView{Frame: s.frame(r, who, "Password forgotten"), Mails: s.mails(), Asked: asked}
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
	if !s.mails() {
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
	return s.sendLetter(ctx, to, account.ResetLetter(s.o.Name, name, s.absolute(LinkPath(account.LinkReset, secret)), "an hour"))
}
