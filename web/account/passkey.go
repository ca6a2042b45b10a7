package account

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// passkeyRoutes returns the JSON endpoints of the passkey script, and the form that removes a passkey.
func (s *Section) passkeyRoutes() []route.Route {
	return []route.Route{
		{
			Method: http.MethodPost, Path: "/login/passkey/begin/", Auth: route.Visitor, Limit: route.LimitSignIn,
			Handle: s.script(s.beginPasskeySignIn),
		},
		{
			Method: http.MethodPost, Path: "/login/passkey/", Auth: route.Visitor, Limit: route.LimitSignIn,
			Handle: s.script(s.passkeySignIn),
		},
		{
			Method: http.MethodPost, Path: "/manage/account/security/passkeys/begin/", Auth: route.Signed,
			Handle: s.script(s.beginPasskey),
		},
		{
			Method: http.MethodPost, Path: "/manage/account/security/passkeys/", Auth: route.Signed,
			Handle: s.script(s.addPasskey),
		},
		{
			Method: http.MethodPost, Path: "/manage/account/security/passkeys/remove/", Auth: route.Signed,
			Handle: s.Posted(s.removePasskey),
		},
	}
}

// passkeyCookie binds a response to the browser that received the challenge.
const (
	passkeyCookie  = "passkey"
	passkeySeconds = 300
	maxAnswer      = 64 << 10
)

// script wraps a handler for scripts: errors that the user can correct are returned as JSON.
func (s *Section) script(h route.Handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		err := h(w, r, who)
		if errors.Is(err, ui.ErrConfirm) {
			return s.JSON(w, http.StatusForbidden, ui.Answer{
				Next:  s.Base + "/confirm/?next=/manage/account/security/&form=" + ui.LostForm,
				Error: fault.Sentence(err),
			})
		}
		switch fault.KindOf(err) {
		case fault.Invalid, fault.NotFound, fault.Conflict, fault.Unauthenticated, fault.TooMany:
			return s.JSON(w, http.StatusUnprocessableEntity, ui.Answer{Error: fault.Sentence(err)})
		}
		return err
	}
}

// fromScript decodes the JSON body of a script, up to maxAnswer bytes.
func fromScript(w http.ResponseWriter, r *http.Request, into any) error {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAnswer)).Decode(into); err != nil {
		return fault.Wrap(fault.Invalid, err, "the passkey response cannot be read")
	}
	return nil
}

func (s *Section) beginPasskeySignIn(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	options, secret, err := s.o.SignIn.BeginPasskeySignIn(r.Context(), who)
	if err != nil {
		return err
	}
	s.setCookie(w, passkeyCookie, secret, passkeySeconds)
	return s.JSON(w, http.StatusOK, options)
}

// passkeySignIn signs in, or re-authenticates a user who is already signed in.
func (s *Section) passkeySignIn(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	response, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "the passkey response cannot be read")
	}
	signed, err := s.o.SignIn.SignInByPasskey(r.Context(), who, s.cookie(r, passkeyCookie), response)
	if err != nil {
		return err
	}
	s.setCookie(w, passkeyCookie, "", 0)
	if who.SessionID() != "" {
		err = s.o.Directory.ConfirmSession(r.Context(), who)
	} else {
		err = s.begin(w, r, who, signed)
	}
	if err != nil {
		return err
	}
	return s.JSON(w, http.StatusOK, ui.Answer{Next: s.Base + next(r)})
}

func (s *Section) beginPasskey(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	options, secret, err := s.o.SignIn.BeginPasskey(r.Context(), who)
	if err != nil {
		return err
	}
	s.setCookie(w, passkeyCookie, secret, passkeySeconds)
	return s.JSON(w, http.StatusOK, options)
}

func (s *Section) addPasskey(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	var in struct {
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
	}
	if err := fromScript(w, r, &in); err != nil {
		return err
	}
	if err := s.o.SignIn.AddPasskey(r.Context(), who, s.cookie(r, passkeyCookie), in.Name, in.Response); err != nil {
		return err
	}
	s.setCookie(w, passkeyCookie, "", 0)
	s.letters.Alert(r, who, "A passkey was added to your account.")
	return s.JSON(w, http.StatusOK, ui.Answer{Next: s.Base + "/manage/account/security/"})
}

func (s *Section) removePasskey(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	err := s.o.SignIn.RemovePasskey(r.Context(), who, f.Get("passkey"))
	if fault.Is(err, fault.Conflict) {
		return s.Tell(w, r, "/manage/account/security/", ui.Notice{Kind: "bad", Text: fault.Sentence(err)})
	} else if err != nil {
		return err
	}
	s.letters.Alert(r, who, "A passkey of your account was removed.")
	return s.Done(w, r, "/manage/account/security/", "Passkey removed.")
}

func (s *Section) passkeysOf(r *http.Request, who access.Caller) ([]signin.Passkey, error) {
	return s.o.SignIn.Passkeys(r.Context(), who)
}
