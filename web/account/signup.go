package account

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

func (s *Section) welcomeRoutes() []route.Route {
	var out []route.Route
	for kind := range welcomeTitles {
		path := ui.LinkPath(kind, ":secret")
		out = append(out,
			route.Route{Method: http.MethodGet, Path: path, Auth: route.Visitor, Handle: s.followed(kind)},
			route.Route{
				Method: http.MethodPost, Path: path, Auth: route.Visitor, Limit: route.LimitSignIn,
				Handle: s.Posted(s.accepted(kind)),
			})
		if kind != onetime.Reset {
			out = append(out,
				route.Route{
					Method: http.MethodPost, Path: path + "passkey/begin/", Auth: route.Visitor, Limit: route.LimitSignIn,
					Handle: s.script(s.beginAccept(kind)),
				},
				route.Route{
					Method: http.MethodPost, Path: path + "passkey/", Auth: route.Visitor, Limit: route.LimitSignIn,
					Handle: s.script(s.acceptByPasskey(kind)),
				})
		}
	}
	return out
}

type welcomeView struct {
	ui.Frame
	Open account.Open
	// path to which the script posts to create the account with a passkey; "" if passkeys are unavailable
	Passkey               string
	User, Password, Again ui.Field
	Revoke                ui.Field // checkbox: a reset also revokes the API tokens
	Waiting               bool     // the invitation is not yet approved
}

// followed shows the page of a one-time link. Opening the page does not use up the link, because mail programs also
// open links.
func (s *Section) followed(kind onetime.Kind) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		return s.welcomePage(w, r, who, kind, ui.Typed(nil))
	}
}

var welcomeTitles = map[onetime.Kind]string{
	onetime.First: "Create the first administrator", onetime.Invite: "You are invited",
	onetime.Reset: "Choose a new password",
}

func (s *Section) welcomePage(w http.ResponseWriter, r *http.Request, who access.Caller, kind onetime.Kind,
	f ui.Form,
) error {
	secret := access.Secret(r.PathValue("secret"))
	open, err := s.o.Accounts.Look(r.Context(), kind, secret)
	if errors.Is(err, account.ErrWaiting) {
		return s.Render(w, http.StatusOK, "welcome",
			&welcomeView{Frame: s.Frame(r, access.Caller{}, welcomeTitles[kind]), Waiting: true})
	} else if errors.Is(err, onetime.ErrLink) {
		return s.endedPage(w, r, who, kind)
	} else if err != nil {
		return err
	}
	v := welcomeView{Frame: s.Frame(r, who, welcomeTitles[kind]), Open: open}
	if kind != onetime.Reset && s.o.SignIn.Passkeyed() {
		v.Passkey, v.Scripts = s.Base+ui.LinkPath(kind, secret)+"passkey/", s.loginScripts()
	}
	v.Who = ui.Person{} // the new account is not the one that is signed in
	if p := f.Problem(); p != nil && f.Errs[""] != "" {
		v.Notice = p
	}
	v.User = f.Field(ui.Field{
		Name: "name", Label: "User name", Required: true, Autocomplete: "username", Mono: true,
		MaxLength: 64, Focus: open.Invitation.Name == "" && open.User == "",
		Help: "Lower-case letters, digits, dots, dashes and underscores.",
	})
	v.Password = f.Field(ui.Field{
		Name: "password", Label: "Password", Type: "password", Required: true, Autocomplete: "new-password",
		Help: "At least 12 characters. Tip: a few unrelated words make a good password.",
	})
	v.Again = f.Field(ui.Field{
		Name: "again", Label: "Password again", Type: "password", Required: true, Autocomplete: "new-password",
	})
	v.Revoke = f.Field(ui.Field{
		Name: "revoke", Label: "Also revoke my API tokens", Type: "checkbox",
		Help: "Choose this if someone else might know the password. Programs that use the tokens stop working.",
	})
	return s.Render(w, f.Status(), "welcome", &v)
}

type endedView struct {
	ui.Frame
	Kind  onetime.Kind
	Mails bool // people can request a password link themselves
}

// endedPage responds to a link that is unknown, used or expired. The response is the same for all three.
func (s *Section) endedPage(w http.ResponseWriter, r *http.Request, who access.Caller, kind onetime.Kind) error {
	return s.Render(w, http.StatusNotFound, "ended",
		&endedView{s.Frame(r, who, "This link no longer works"), kind, s.letters.Enabled()})
}

// checkAccepted records all errors that the form of a link has in itself.
func (s *Section) checkAccepted(r *http.Request, kind onetime.Kind, f ui.Form) error {
	open, err := s.o.Accounts.Look(r.Context(), kind, access.Secret(r.PathValue("secret")))
	if err == nil && kind != onetime.Reset && open.Invitation.Name == "" {
		_, err := access.ParseUserName(f.Get("name"))
		if err := f.Refused("name", err); err != nil {
			return err
		}
	}
	err = signin.CheckPassword(access.Secret(f.Secret("password")), f.Get("name"))
	if err := f.Refused("password", err); err != nil {
		return err
	}
	if f.Secret("password") != f.Secret("again") {
		f.Wrong("again", "The passwords do not match.")
	}
	return nil
}

// accepted uses up the link. It signs the user in, except after a reset.
func (s *Section) accepted(kind onetime.Kind) ui.FormHandler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) (err error) {
		secret, password := access.Secret(r.PathValue("secret")), access.Secret(f.Secret("password"))
		if err := s.checkAccepted(r, kind, f); err != nil {
			return err
		}
		if f.Bad() {
			return s.welcomePage(w, r, who, kind, f)
		}
		var u access.User
		var revoked int64
		if kind == onetime.Reset {
			u, revoked, err = s.o.Accounts.Reset(r.Context(), who, secret, password, f.On("revoke"))
		} else {
			u, err = s.o.Accounts.Accept(r.Context(), who, kind, secret,
				account.Accepted{Name: f.Get("name"), Password: password})
		}
		if errors.Is(err, onetime.ErrLink) {
			return s.endedPage(w, r, who, kind)
		}
		if err := f.Refused(fault.FieldOf(err), err); err != nil {
			return err
		}
		if f.Bad() {
			return s.welcomePage(w, r, who, kind, f)
		}
		if kind == onetime.Reset { // signing in may require a second factor
			said := "Password set. Sign in with it."
			if revoked > 0 {
				said = "Password set, and " + ui.Plural(int(revoked), "API token is", "API tokens are") +
					" revoked. Sign in with the password."
			}
			return s.Done(w, r, "/login/", said)
		}
		if err := s.begin(w, r, who, signin.Signed{UserID: u.ID, Method: "link"}); err != nil {
			return err
		}
		if s.o.SignIn.Passkeyed() {
			return s.Done(w, r, "/manage/account/security/",
				"Welcome, "+u.Name+". You are signed in. Add a passkey to sign in on this device without a password.")
		}
		return s.Done(w, r, "/", "Welcome, "+u.Name+". You are signed in.")
	}
}

// beginAccept returns the passkey challenge for an account that is about to be created.
func (s *Section) beginAccept(kind onetime.Kind) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
		var in struct {
			Name string `json:"name"`
		}
		if err := fromScript(w, r, &in); err != nil {
			return err
		}
		options, secret, err := s.o.Accounts.BeginAccept(r.Context(), kind, access.Secret(r.PathValue("secret")),
			strings.TrimSpace(in.Name))
		if err != nil {
			return err
		}
		s.setCookie(w, passkeyCookie, secret, passkeySeconds)
		return s.JSON(w, http.StatusOK, options)
	}
}

// acceptByPasskey uses up the link, creates the account with a passkey and signs the user in.
func (s *Section) acceptByPasskey(kind onetime.Kind) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		var in struct {
			Response json.RawMessage `json:"response"`
		}
		if err := fromScript(w, r, &in); err != nil {
			return err
		}
		u, err := s.o.Accounts.AcceptByPasskey(r.Context(), who, kind, access.Secret(r.PathValue("secret")),
			s.cookie(r, passkeyCookie), ui.Browser(r.UserAgent()), in.Response)
		if err != nil {
			return err
		}
		s.setCookie(w, passkeyCookie, "", 0)
		if err := s.begin(w, r, who, signin.Signed{UserID: u.ID, Method: access.MethodPasskey}); err != nil {
			return err
		}
		if err := s.Note(w,
			ui.Notice{
				Kind: "good", Text: "Welcome, " + u.Name +
					". You are signed in. Set a password or add a passkey on another device, in case you lose this one.",
			}); err != nil {
			return err
		}
		return s.JSON(w, http.StatusOK, ui.Answer{Next: s.Base + "/manage/account/security/"})
	}
}
