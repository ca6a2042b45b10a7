package account

import (
	"context"
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// SignOn is a single sign-on provider. It is implemented by *signon.Provider.
type SignOn interface {
	Issuer() string
	Begin(ctx context.Context, next string) (url string, kept []byte, err error)
	Finish(ctx context.Context, kept []byte, state, code string) (id account.Identity, next string, err error)
}

// ssoRoutes returns the redirect to the provider, its callback and the forms that link identities. The redirect is a
// GET because the content policy does not let forms lead to other hosts.
func (s *Section) ssoRoutes() []route.Route {
	if s.o.SignOn == nil {
		return nil
	}
	return []route.Route{
		{Method: http.MethodGet, Path: "/login/sso/", Auth: route.Visitor, Limit: route.LimitSignIn, Handle: s.beginSignOn},
		{
			Method: http.MethodGet, Path: "/login/sso/callback", Auth: route.Visitor, Limit: route.LimitSignIn, Writes: true,
			Handle: s.finishSignOn,
		},
		{Method: http.MethodPost, Path: "/manage/account/security/identity/", Auth: route.Signed, Handle: s.linkIdentity},
		{
			Method: http.MethodPost, Path: "/manage/account/security/identity/remove/", Auth: route.Signed,
			Handle: s.Posted(s.unlinkIdentity),
		},
	}
}

const ssoCookie = "sso"

// ways returns the single sign-on links of the sign-in page.
func (s *Section) ways(r *http.Request) []Way {
	if s.o.SignOn == nil {
		return nil
	}
	return []Way{{Label: "Sign in with " + s.o.SignOnName, URL: s.Base + "/login/sso/" + nextQuery(r)}}
}

func (s *Section) beginSignOn(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if who.SessionID() != "" { // linkIdentity links identities
		s.See(w, r, next(r))
		return nil
	}
	to, kept, err := s.o.SignOn.Begin(r.Context(), next(r))
	if err != nil {
		return err
	}
	secret, err := s.o.Accounts.BeginSignOn(r.Context(), who, kept)
	if err != nil {
		return err
	}
	s.setCookie(w, ssoCookie, secret, 300)
	s.PageHeaders(w)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// finishSignOn handles the callback of the provider. If the sign-on fails, it redirects to the sign-in page with the
// reason.
func (s *Section) finishSignOn(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	signed, next, err := s.signedOn(r, who)
	s.setCookie(w, ssoCookie, "", 0)
	switch {
	case fault.Is(err, fault.Denied) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.Unavailable):
		s.Log.WarnContext(r.Context(), "single sign-on failed", "provider", s.o.SignOn.Issuer(), "error", err, "request",
			w.Header().Get("X-Request-Id"))
		path := "/login/"
		if who.SessionID() != "" {
			path = "/manage/account/security/"
		}
		return s.Tell(w, r, path, ui.Notice{Kind: "bad", Text: fault.Message(err)})
	case err != nil:
		return err
	}
	if who.SessionID() != "" { // the identity is linked
		s.letters.Alert(r, who,
			"An identity at "+s.o.SignOnName+" was linked to your account. It can now be used to sign in.")
		return s.Done(w, r, "/manage/account/security/", "You can now sign in with "+s.o.SignOnName+".")
	}
	if !ui.Local(next) {
		next = "/"
	}
	if signed.Factor != "" {
		s.setCookie(w, stepCookie, signed.Factor, 600)
		s.See(w, r, "/login/code/?next="+url.QueryEscape(next))
		return nil
	}
	if err := s.begin(w, r, who, signed); err != nil {
		return err
	}
	s.See(w, r, next)
	return nil
}

func (s *Section) signedOn(r *http.Request, who access.Caller) (signin.Signed, string, error) {
	kept, err := s.o.Accounts.TakeSignOn(r.Context(), who, s.cookie(r, ssoCookie))
	if err != nil {
		return signin.Signed{}, "", err
	}
	in := r.URL.Query()
	if said := in.Get("error"); said != "" {
		return signin.Signed{}, "",
			fault.New(fault.Denied, "%s did not sign you in: %.100s", s.o.SignOnName, url.QueryEscape(said))
	}
	id, next, err := s.o.SignOn.Finish(r.Context(), kept, in.Get("state"), in.Get("code"))
	if fault.Is(err, fault.Denied) && id.Subject != "" { // authenticated by the provider, but not admitted here
		if e := s.o.Accounts.RefuseIdentity(r.Context(), who, id, err); e != nil {
			return signin.Signed{}, "", e
		}
	}
	if err != nil {
		return signin.Signed{}, "", err
	}
	signed, err := s.o.Accounts.SignInByIdentity(r.Context(), who, id, s.o.SignOnCreates)
	return signed, next, err
}

type linkView struct {
	ui.Frame
	SignOn string // display name of the provider
	To     string // URL at the provider
}

// linkIdentity begins to link a single sign-on identity to the caller's account. It responds with a page that links to
// the provider, because the content policy does not let forms lead to other hosts.
func (s *Section) linkIdentity(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	to, kept, err := s.o.SignOn.Begin(r.Context(), "/manage/account/security/")
	if err != nil {
		return err
	}
	secret, err := s.o.Accounts.BeginSignOn(r.Context(), who, kept)
	if err != nil {
		return err
	}
	s.setCookie(w, ssoCookie, secret, 300)
	return s.Render(w, http.StatusOK, "identity",
		&linkView{s.accountFrame(r, who, "security", "Link "+s.o.SignOnName), s.o.SignOnName, to})
}

func (s *Section) unlinkIdentity(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	err := s.o.Accounts.Unlink(r.Context(), who, f.Get("issuer"), f.Get("subject"))
	if fault.Is(err, fault.Conflict) {
		return s.Tell(w, r, "/manage/account/security/", ui.Notice{Kind: "bad", Text: fault.Message(err)})
	} else if err != nil {
		return err
	}
	s.letters.Alert(r, who, "A single sign-on identity was unlinked from your account.")
	return s.Done(w, r, "/manage/account/security/", "Identity unlinked. You can no longer sign in with it.")
}
