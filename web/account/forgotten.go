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
			Method: http.MethodPost, Path: "/login/forgotten/", Auth: route.Visitor, Limit: route.LimitSignIn,
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
	v := forgottenView{Frame: s.Frame(r, who, "Forgot your password?"), Mails: s.letters.Enabled(), Asked: asked}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.User = f.Field(ui.Field{
		Name: "user", Label: "User name", Required: true, Autocomplete: "username", Mono: true, MaxLength: 64,
	})
	return s.Render(w, f.Status(), "forgotten", &v)
}

// askForLink responds before it looks up the account, so that neither the text nor the timing of the response reveals
// whether the account exists.
func (s *Section) askForLink(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if !s.letters.Enabled() {
		return fault.New(fault.NotFound, "this index does not send e-mail; ask an administrator for a password link")
	}
	err := s.o.Accounts.AskForLink(r.Context(), who)
	if fault.Is(err, fault.TooMany) {
		f.Wrong("", fault.Sentence(err))
		return s.forgottenPage(w, r, who, f, false)
	} else if err != nil {
		return err
	}
	name := f.Get("user")
	if !s.letters.Later(r, func(ctx context.Context) error { return s.sendLink(ctx, who, name) }) {
		return fault.New(fault.Unavailable, "too many e-mails are being sent; try again in a minute")
	}
	return s.forgottenPage(w, r, who, ui.Typed(nil), true)
}

// sendLink creates a password link and sends it. It does nothing if the account has no address.
func (s *Section) sendLink(ctx context.Context, who access.Caller, name string) error {
	to, secret, err := s.o.Accounts.ForgottenLink(ctx, who, name)
	if err != nil || to == "" {
		return err
	}
	return s.letters.Send(ctx, to,
		outbox.ResetLetter(s.Name, name, s.Absolute(ui.LinkPath(onetime.Reset, secret)), "an hour"))
}
