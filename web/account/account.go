package account

import (
	"cmp"
	"net/http"
	"strings"

	"rsc.io/qr"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
	"pyindex/internal/follow"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

func (s *Section) accountRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/manage/account/", Auth: route.Signed, Handle: s.profile},
		{Method: http.MethodPost, Path: "/manage/account/", Auth: route.Signed, Handle: s.Posted(s.setProfile)},
		{
			Method: http.MethodPost, Path: "/manage/account/unfollow/", Auth: route.Signed, Handle: s.Posted(s.unfollow),
		},
		{Method: http.MethodGet, Path: "/manage/account/security/", Auth: route.Signed, Handle: s.security},
		{
			Method: http.MethodPost, Path: "/manage/account/security/password/", Auth: route.Signed,
			Handle: s.Posted(s.setPassword),
		},
		{Method: http.MethodGet, Path: "/manage/account/security/totp/", Auth: route.Signed, Handle: s.totp},
		{Method: http.MethodPost, Path: "/manage/account/security/totp/", Auth: route.Signed, Handle: s.Posted(s.setTOTP)},
		{Method: http.MethodPost, Path: "/manage/account/security/totp/begin/", Auth: route.Signed, Handle: s.beginTOTP},
		{Method: http.MethodPost, Path: "/manage/account/security/totp/remove/", Auth: route.Signed, Handle: s.removeTOTP},
		{Method: http.MethodPost, Path: "/manage/account/security/recovery/", Auth: route.Signed, Handle: s.newRecovery},
		{Method: http.MethodGet, Path: "/manage/account/sessions/", Auth: route.Signed, Handle: s.sessions},
		{Method: http.MethodPost, Path: "/manage/account/sessions/", Auth: route.Signed, Handle: s.Posted(s.endSession)},
	}
}

// accountFrame returns the frame of an account page.
func (s *Section) accountFrame(r *http.Request, who access.Caller, tab, title string) ui.Frame {
	f := s.Frame(r, who, title)
	f.Section, f.Tab = "account", tab
	return f
}

type profileView struct {
	ui.Frame
	FullName, Email ui.Field
	Following       []follow.Followed
}

func (s *Section) profile(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	p, err := s.o.Accounts.ProfileOf(r.Context(), who)
	if err != nil {
		return err
	}
	return s.profilePage(w, r, who, ui.Typed(map[string][]string{"full_name": {p.FullName}, "email": {p.Email}}))
}

func (s *Section) profilePage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	tokens, err := s.o.Directory.OwnTokens(r.Context(), who)
	if err != nil {
		return err
	}
	v := profileView{Frame: s.accountFrame(r, who, "profile", "Account of "+who.Name())}
	v.Notice = cmp.Or(f.Problem(), v.Notice, ending(tokens, s.Now()))
	v.FullName = f.Field(ui.Field{
		Name: "full_name", Label: "Name", Autocomplete: "name", MaxLength: 100, Help: "Your full name.",
	})
	v.Email = f.Field(ui.Field{
		Name: "email", Label: "E-mail", Type: "email", Autocomplete: "email", MaxLength: 254,
		Help: "For invitations, subscriptions and security notices, if this index sends e-mail. Only you and administrators can see it.",
	})
	if v.Following, err = s.o.Followers.Following(r.Context(), who); err != nil {
		return err
	}
	return s.Render(w, f.Status(), "account", &v)
}

// unfollow ends a subscription, also to a project that the caller can no longer see.
func (s *Section) unfollow(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.o.Followers.Unfollow(r.Context(), who, f.Get("project")); err != nil {
		return err
	}
	return s.Done(w, r, "/manage/account/", "The subscription was removed.")
}

func (s *Section) setProfile(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	old, err := s.o.Accounts.ProfileOf(r.Context(), who)
	moved := old.Email != f.Get("email")
	if err == nil && moved && s.letters.Enabled() {
		err = s.Confirmed(who) // password links are sent there
	}
	if err != nil {
		return err
	}
	err = s.o.Accounts.SetProfile(r.Context(), who, access.Profile{FullName: f.Get("full_name"), Email: f.Get("email")})
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.profilePage(w, r, who, f)
	}
	if moved {
		s.letters.AlertAt(r, who, old.Email,
			"The e-mail address of your account was changed. This is the last message to the old address.")
	}
	return s.Done(w, r, "/manage/account/", "Profile saved.")
}

type securityView struct {
	ui.Frame
	Security                 signin.Security
	Current, Password, Again ui.Field
	Codes                    []access.Secret // shown only once
	Fresh                    bool            // the user has re-authenticated recently
	Passkeys                 []signin.Passkey
	Passkeyed                bool
	Device                   string // suggested name of a new passkey
	SignOn                   string // name of the single sign-on provider, "" if there is none
	Identities               []account.LinkedIdentity
	Next                     string // path of the next page after the recovery codes
	Enrol                    bool   // the user must set up a second factor first
}

func (s *Section) security(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.securityPage(w, r, who, ui.Typed(nil), nil)
}

func (s *Section) securityPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form,
	codes []access.Secret,
) error {
	security, err := s.o.SignIn.SecurityOf(r.Context(), who)
	if err != nil {
		return err
	}
	v := securityView{
		Frame: s.accountFrame(r, who, "security", "Security"), Security: security, Codes: codes,
		Fresh: s.Confirmed(who) == nil,
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	if v.Passkeys, err = s.passkeysOf(r, who); err != nil {
		return err
	}
	if v.Next = "/manage/account/security/"; who.MustEnrol() {
		v.Next = "/"
	}
	v.Enrol = who.MustEnrol() && !security.TOTP && len(v.Passkeys) == 0
	if s.o.SignOn != nil {
		v.SignOn = s.o.SignOnName
		if v.Identities, err = s.o.Accounts.Identities(r.Context(), who); err != nil {
			return err
		}
	}
	v.Passkeyed, v.Device = s.o.SignIn.Passkeyed(), ui.Browser(r.UserAgent())
	v.Scripts = s.loginScripts()
	v.Current = f.Field(ui.Field{
		Name: "current", Label: "Current password", Type: "password", Required: true, Autocomplete: "current-password",
	})
	v.Password = f.Field(ui.Field{
		Name: "password", Label: "New password", Type: "password", Required: true, Autocomplete: "new-password",
		Help: "At least 12 characters. Your other sessions are signed out.",
	})
	v.Again = f.Field(ui.Field{
		Name: "again", Label: "New password again", Type: "password", Required: true, Autocomplete: "new-password",
	})
	return s.Render(w, f.Status(), "security", &v)
}

func (s *Section) setPassword(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	err := f.Refused("password", signin.CheckPassword(access.Secret(f.Secret("password")), who.Name()))
	if f.Secret("password") != f.Secret("again") {
		f.Wrong("again", "The passwords do not match.")
	}
	if err != nil {
		return err
	}
	if f.Bad() {
		return s.securityPage(w, r, who, f, nil)
	}
	err = s.o.SignIn.SetPassword(r.Context(), who, access.Secret(f.Secret("current")),
		access.Secret(f.Secret("password")))
	f.Late(w, err)
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.securityPage(w, r, who, f, nil)
	}
	s.letters.Alert(r, who, "Your password was changed.")
	return s.Done(w, r, "/manage/account/security/", "Password changed. Your other sessions are signed out.")
}

type totpView struct {
	ui.Frame
	Enrolment signin.Enrolment
	Spaced    string // the key in groups of four, for typing
	QR        *qrCode
	Code      ui.Field
}

func (s *Section) beginTOTP(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	if _, err := s.o.SignIn.BeginTOTP(r.Context(), who); err != nil {
		return err
	}
	s.See(w, r, "/manage/account/security/totp/")
	return nil
}

func (s *Section) totp(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.totpPage(w, r, who, ui.Typed(nil))
}

func (s *Section) totpPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil { // the key is a secret
		return err
	}
	e, err := s.o.SignIn.PendingTOTP(r.Context(), who)
	if fault.Is(err, fault.NotFound) {
		s.See(w, r, "/manage/account/security/")
		return nil
	} else if err != nil {
		return err
	}
	v := totpView{Frame: s.accountFrame(r, who, "security", "Set up an authenticator"), Enrolment: e}
	for i := 0; i < len(e.Secret); i += 4 {
		v.Spaced += e.Secret[i:min(i+4, len(e.Secret))] + " "
	}
	v.Spaced = strings.TrimSpace(v.Spaced)
	if v.QR, err = newQR(e.URI); err != nil {
		return err
	}
	v.Code = f.Field(ui.Field{
		Name: "code", Label: "Code", Required: true, Autocomplete: "one-time-code", InputMode: "numeric", Mono: true,
		MaxLength: 10, Help: "The six-digit code that the app shows now.",
	})
	return s.Render(w, f.Status(), "totp", &v)
}

// qrCode is a QR code as an SVG path.
type qrCode struct {
	Size int
	Path string
}

func newQR(text string) (*qrCode, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, err
	}
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				path.WriteString("M" + ui.Count(x+4) + " " + ui.Count(y+4) + "h1v1h-1z")
			}
		}
	}
	return &qrCode{code.Size + 8, path.String()}, nil
}

func (s *Section) setTOTP(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	codes, err := s.o.SignIn.ConfirmTOTP(r.Context(), who, f.Get("code"))
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.totpPage(w, r, who, f)
	}
	s.letters.Alert(r, who,
		"An authenticator and new recovery codes were set up for your account. Your other sessions were signed out.")
	return s.securityPage(w, r, who, ui.Typed(nil), codes)
}

func (s *Section) removeTOTP(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	if err := s.o.SignIn.RemoveTOTP(r.Context(), who); err != nil {
		return err
	}
	s.letters.Alert(r, who, "The authenticator of your account was removed. You now sign in with only your password.")
	return s.Done(w, r, "/manage/account/security/", "Authenticator and recovery codes removed.")
}

func (s *Section) newRecovery(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	codes, err := s.o.SignIn.NewRecovery(r.Context(), who)
	if fault.Is(err, fault.Conflict) {
		return s.Tell(w, r, "/manage/account/security/", ui.Notice{Kind: "bad", Text: fault.Sentence(err)})
	} else if err != nil {
		return err
	}
	s.letters.Alert(r, who, "New recovery codes were created for your account. The old codes no longer work.")
	return s.securityPage(w, r, who, ui.Typed(nil), codes)
}

type sessionsView struct {
	ui.Frame
	Sessions []ui.SessionView
}

func (s *Section) sessions(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	all, err := s.o.Directory.Sessions(r.Context(), who)
	if err != nil {
		return err
	}
	v := sessionsView{Frame: s.accountFrame(r, who, "sessions", "Sessions")}
	for _, x := range all {
		v.Sessions = append(v.Sessions, ui.NewSessionView(x, who))
	}
	return s.Render(w, http.StatusOK, "sessions", &v)
}

func (s *Section) endSession(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if f.On("others") {
		if err := s.o.Directory.EndOtherSessions(r.Context(), who); err != nil {
			return err
		}
		return s.Done(w, r, "/manage/account/sessions/", "Your other sessions are signed out.")
	}
	if err := s.o.Directory.EndSession(r.Context(), who, f.Get("session")); err != nil {
		return err
	}
	return s.Done(w, r, "/manage/account/sessions/", "Session ended.")
}
