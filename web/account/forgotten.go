package account

import (
	"cmp"
	"context"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

type forgottenView struct {
	ui.Frame
	Mails bool
	Asked bool
	User  ui.Field
}

func (s *Section) mailRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/login/forgotten/", Auth: route.Visitor, Handle: s.forgotten},
		{
			Method: http.MethodPost,
			Path:   "/login/forgotten/",
			Auth:   route.Visitor,
			Limit:  route.LimitSignIn,
			Handle: s.Posted(s.askForLink),
		},
	}
}

func (s *Section) forgotten(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.forgottenPage(w, r, who, ui.Typed(nil), false)
}

func (s *Section) forgottenPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form,
	asked bool,
) error {
	v := forgottenView{Frame: s.Frame(r, who, "Password forgotten"), Mails: s.letters.Enabled(), Asked: asked}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.User = f.Field(ui.Field{
		Name:         "user",
		Label:        "User name",
		Required:     true,
		Autocomplete: "username",
		Mono:         true,
		MaxLength:    64,
	})
	return s.Render(w, f.Status(), "forgotten", &v)
}

// askForLink answers before it looks whether there is such an account, so that neither words nor time tell.
func (s *Section) askForLink(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if !s.letters.Enabled() {
		return fault.New(fault.NotFound, "this index sends no mail: an administrator can give you a link")
	}
	err := s.o.Accounts.AskForLink(r.Context(), who)
	if fault.Is(err, fault.TooMany) {
		f.Wrong("", fault.Message(err))
		return s.forgottenPage(w, r, who, f, false)
	} else if err != nil {
		return err
	}
	name := f.Get("user")
	if !s.letters.Later(r, func(ctx context.Context) error { return s.sendLink(ctx, who, name) }) {
		return fault.New(fault.Unavailable, "many messages are being sent just now: try again in a minute")
	}
	return s.forgottenPage(w, r, who, ui.Typed(nil), true)
}

// sendLink makes the link that was asked for and sends it.
func (s *Section) sendLink(ctx context.Context, who access.Caller, name string) error {
	to, secret, err := s.o.Accounts.ForgottenLink(ctx, who, name)
	if err != nil || to == "" {
		return err
	}
	return s.letters.Send(ctx, to,
		outbox.ResetLetter(s.Name, name, s.Absolute(ui.LinkPath(onetime.Reset, secret)), "an hour"))
}
