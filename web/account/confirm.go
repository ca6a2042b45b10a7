package account

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
	"pyindex/web/ui"
)

type confirmView struct {
	ui.Frame
	Security       signin.Security
	Password, Code ui.Field
	Passkeys       bool
	Resume         string // path that completes the last step, for the script; "" if there is none to complete
	Held           bool   // the form of the last step is held
}

// confirm shows the re-authentication page, which precedes sensitive actions.
func (s *Section) confirm(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.confirmPage(w, r, who, ui.Typed(nil))
}

func (s *Section) confirmPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	security, err := s.o.SignIn.SecurityOf(r.Context(), who)
	if err != nil {
		return err
	}
	keys, err := s.passkeysOf(r, who)
	if err != nil {
		return err
	}
	v := confirmView{
		Frame: s.Frame(r, who, "Confirm your identity"), Security: security,
		Passkeys: len(keys) > 0 && s.o.SignIn.Passkeyed(),
	}
	if form := r.URL.Query().Get("form"); form != "" {
		v.Held = form != ui.LostForm
		v.Resume = s.Base + "/confirm/resume/?" + url.Values{"next": {next(r)}, "form": {form}}.Encode()
	}
	if p := f.Problem(); p != nil && f.Errs[""] != "" {
		v.Notice = p
	}
	v.Scripts = s.loginScripts()
	v.Password = f.Field(ui.Field{
		Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Focus: true,
		Required: true,
	})
	v.Code = f.Field(ui.Field{
		Name: "code", Label: "Authenticator code", Autocomplete: "one-time-code", InputMode: "numeric", Mono: true,
		MaxLength: 10, Required: true,
	})
	return s.Render(w, f.Status(), "confirm", &v)
}

// reconfirm checks the proof, and completes the held form or redirects back to the page that required it.
func (s *Section) reconfirm(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	err := s.o.SignIn.Confirm(r.Context(), who,
		signin.Proof{
			Password: access.Secret(f.Secret("password")), Code: f.Get("code"), Device: s.cookie(r, deviceCookie),
			Browser: ui.Browser(r.UserAgent()),
		})
	f.Late(w, err)
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.confirmPage(w, r, who, f)
	}
	if err := s.o.Directory.ConfirmSession(r.Context(), who); err != nil {
		return err
	}
	if r.URL.Query().Get("form") == "" {
		s.See(w, r, next(r))
		return nil
	}
	return s.completePage(w, r, who)
}

// resume completes the held form after the script confirmed with a passkey.
func (s *Section) resume(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if s.Confirmed(who) != nil {
		s.See(w, r, "/confirm/?"+r.URL.RawQuery)
		return nil
	}
	return s.completePage(w, r, who)
}

type resumeView struct {
	ui.Frame
	Action string // path to which the form is sent
	Fields []heldField
	Next   string // page to go back to
}

type heldField struct{ Name, Value string }

// completePage uses up the held form that the query names, and responds with a page that sends it again, now from a
// confirmed session. If there is no such form, it redirects to the form's page and asks to repeat the step.
func (s *Section) completePage(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	form, err := s.held(r, who)
	s.setCookie(w, ui.FormCookie, "", 0)
	if fault.Is(err, fault.Invalid) {
		return s.Tell(w, r, next(r), ui.Notice{Kind: "info", Text: "Confirmed. Please repeat the last step."})
	} else if err != nil {
		return err
	}
	v := resumeView{Frame: s.Frame(r, who, "Confirmed"), Action: form.Path, Next: s.Base + next(r)}
	for _, name := range slices.Sorted(maps.Keys(form.Values)) {
		for _, value := range form.Values[name] {
			v.Fields = append(v.Fields, heldField{name, value})
		}
	}
	return s.Render(w, http.StatusOK, "resume", &v)
}

// held takes the form that the query names out of its cookie. It returns fault.Invalid if the form is missing, expired,
// already taken or of another session.
func (s *Section) held(r *http.Request, who access.Caller) (ui.HeldForm, error) {
	id := r.URL.Query().Get("form")
	sealed := s.cookie(r, ui.FormCookie)
	if id == ui.LostForm || sealed == "" {
		return ui.HeldForm{}, errNotHeld
	}
	b, err := s.o.SignIn.TakeForm(r.Context(), who, sealed)
	if err != nil {
		return ui.HeldForm{}, err
	}
	return ui.OpenForm(b, id)
}

var errNotHeld = fault.New(fault.Invalid, "no form is waiting")
