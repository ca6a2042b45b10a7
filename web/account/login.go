package account

import (
	"cmp"
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

type loginView struct {
	ui.Frame
	User, Password ui.Field
	Ways           []Way // other than a password
	Passkeyed      bool
	Mails          bool // links to new passwords
}

// Way is a link to sign in with a single sign-on provider.
type Way struct{ Label, URL string }

type codeView struct {
	ui.Frame
	Code      ui.Field
	Passkeyed bool
}

func (s *Section) loginRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/login/", Auth: route.Visitor, Handle: s.login},
		{Method: http.MethodPost, Path: "/login/", Auth: route.Visitor, Limit: route.LimitSignIn, Handle: s.Posted(s.signIn)},
		{Method: http.MethodGet, Path: "/login/code/", Auth: route.Visitor, Handle: s.code},
		{
			Method: http.MethodPost, Path: "/login/code/", Auth: route.Visitor, Limit: route.LimitSignIn,
			Handle: s.Posted(s.signInByCode),
		},
		{Method: http.MethodPost, Path: "/logout/", Auth: route.Visitor, Limit: route.LimitSignIn, Handle: s.signOut},
		{Method: http.MethodGet, Path: "/confirm/", Auth: route.Signed, Handle: s.confirm},
		{Method: http.MethodPost, Path: "/confirm/", Auth: route.Signed, Handle: s.Posted(s.reconfirm)},
		{Method: http.MethodPost, Path: "/confirm/resume/", Auth: route.Signed, Handle: s.resume},
	}
}

func (s *Section) login(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if who.SessionID() != "" {
		s.See(w, r, next(r))
		return nil
	}
	return s.loginPage(w, r, who, ui.Typed(nil))
}

func (s *Section) loginPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	v := loginView{
		Frame: s.Frame(r, who, "Sign in"), Ways: s.ways(r), Passkeyed: s.o.SignIn.Passkeyed(), Mails: s.letters.Enabled(),
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.Scripts = s.loginScripts()
	v.User = f.Field(ui.Field{
		Name: "user", Label: "User name", Required: true, Autocomplete: "username webauthn", Focus: true,
	})
	v.Password = f.Field(ui.Field{
		Name: "password", Label: "Password", Type: "password", Required: true, Autocomplete: "current-password",
	})
	return s.Render(w, f.Status(), "login", &v)
}

// maxNext is the largest accepted "next" path in bytes. Single sign-on keeps the path in a cookie.
const maxNext = 1000

// next returns the path to continue at after signing in: the "next" parameter if it is a local path, otherwise "/".
func next(r *http.Request) string {
	if n := r.URL.Query().Get("next"); len(n) <= maxNext && ui.Local(n) {
		return n
	}
	return "/"
}

func nextQuery(r *http.Request) string {
	if n := next(r); n != "/" {
		return "?next=" + url.QueryEscape(n)
	}
	return ""
}

// Cookie names. stepCookie holds the state between the first and second factor. deviceCookie identifies a browser that
// was used to sign in before.
const (
	stepCookie   = "step"
	deviceCookie = "device"
)

// maxCookie is the largest accepted cookie value in bytes. Browsers have about the same limit.
const maxCookie = 4000

func (s *Section) cookie(r *http.Request, name string) access.Secret {
	c, err := r.Cookie(route.Cookie(s.BaseURL, name).Name)
	if err != nil || len(c.Value) > maxCookie {
		return ""
	}
	return access.Secret(c.Value)
}

// Known returns an identifier of the browser that sent r if the browser was used to sign in before, and "" otherwise.
func (s *Section) Known(r *http.Request) string {
	return s.o.SignIn.Browser(r.Context(), s.cookie(r, deviceCookie))
}

// setCookie sets a cookie that expires after a number of seconds. 0 deletes the cookie.
func (s *Section) setCookie(w http.ResponseWriter, name string, value access.Secret, seconds int) {
	c := route.Cookie(s.BaseURL, name)
	c.Value, c.MaxAge = value.Reveal(), seconds
	if seconds == 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func (s *Section) signIn(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	signed, err := s.o.SignIn.SignIn(r.Context(), who, signin.Login{
		Name: f.Get("user"), Password: access.Secret(f.Secret("password")), Device: s.cookie(r, deviceCookie),
	})
	if fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.TooMany) {
		f.Late(w, err)
		f.Wrong("", fault.Sentence(err))
		return s.loginPage(w, r, who, f)
	} else if err != nil {
		return err
	}
	if signed.Factor != "" {
		s.setCookie(w, stepCookie, signed.Factor, 600)
		s.See(w, r, "/login/code/"+nextQuery(r))
		return nil
	}
	return s.enter(w, r, who, signed)
}

// enter begins a session for an authenticated user and redirects to the next page.
func (s *Section) enter(w http.ResponseWriter, r *http.Request, who access.Caller, signed signin.Signed) error {
	if err := s.begin(w, r, who, signed); err != nil {
		return err
	}
	s.See(w, r, next(r))
	return nil
}

// begin begins a session in this browser. The caller must have authenticated the user.
func (s *Section) begin(w http.ResponseWriter, r *http.Request, who access.Caller, signed signin.Signed) error {
	n := access.NewSession{
		UserID: signed.UserID, Method: signed.Method, Credentials: signed.Credentials, Agent: r.UserAgent(),
	}
	session, secret, err := s.o.Directory.BeginSession(r.Context(), who, n)
	if err != nil {
		return err
	}
	c := route.Cookie(s.BaseURL, route.SessionCookie)
	c.Value, c.Expires = secret.Reveal(), session.ExpiresAt
	http.SetCookie(w, c)
	device, err := s.o.SignIn.Remember(r.Context(), n.UserID)
	if err == nil {
		s.setCookie(w, deviceCookie, device, 365*24*3600)
	}
	return err
}

func (s *Section) code(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if s.cookie(r, stepCookie) == "" {
		s.See(w, r, "/login/"+nextQuery(r))
		return nil
	}
	return s.codePage(w, r, who, ui.Typed(nil))
}

func (s *Section) codePage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	v := codeView{Frame: s.Frame(r, who, "Enter a code"), Passkeyed: s.o.SignIn.Passkeyed()}
	v.Scripts = s.loginScripts()
	if p := f.Problem(); p != nil && f.Errs[""] != "" {
		v.Notice = p
	}
	v.Code = f.Field(ui.Field{
		Name: "code", Label: "Code", Required: true, Autocomplete: "one-time-code",
		InputMode: "text", Focus: true, Mono: true, MaxLength: 40,
		Help: "The six-digit code from your authenticator, or a recovery code.",
	})
	return s.Render(w, f.Status(), "code", &v)
}

func (s *Section) signInByCode(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	signed, err := s.o.SignIn.SecondFactor(r.Context(), who,
		signin.Code{
			Step: s.cookie(r, stepCookie), Typed: f.Get("code"), Device: s.cookie(r, deviceCookie),
			Browser: ui.Browser(r.UserAgent()),
		})
	switch {
	case fault.Is(err, fault.NotFound):
		s.setCookie(w, stepCookie, "", 0)
		return s.Tell(w, r, "/login/"+nextQuery(r),
			ui.Notice{Kind: "bad", Text: "The sign-in timed out, or there were too many wrong codes. Start again."})
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.TooMany):
		f.Late(w, err)
		f.Wrong(fault.FieldOf(err), fault.Sentence(err))
		return s.codePage(w, r, who, f)
	case err != nil:
		return err
	}
	s.setCookie(w, stepCookie, "", 0)
	return s.enter(w, r, who, signed)
}

func (s *Section) signOut(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if id := who.SessionID(); id != "" {
		if err := s.o.Directory.EndSession(r.Context(), who, id); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	s.setCookie(w, route.SessionCookie, "", 0)
	return s.Done(w, r, "/login/", "You are signed out.")
}
