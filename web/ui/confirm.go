package ui

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// ErrConfirm makes Fail redirect to the re-authentication page.
var ErrConfirm = fault.New(fault.Denied, "confirm that it is you first")

// Confirmed returns ErrConfirm unless the caller has re-authenticated recently.
func (k *Kit) Confirmed(who access.Caller) error {
	if who.Confirmed(k.Now()) {
		return nil
	}
	return ErrConfirm
}

// Confirming wraps a form handler that requires re-authentication.
func (k *Kit) Confirming(h FormHandler) FormHandler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller, f Form) error {
		if err := k.Confirmed(who); err != nil {
			return err
		}
		return h(w, r, who, f)
	}
}

// ForAdministrators wraps a handler, which then responds with 404 unless the caller is an administrator.
func ForAdministrators(h route.Handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		if !who.Admin() {
			return fault.New(fault.NotFound, "check the address; the page may have been moved or deleted")
		}
		return h(w, r, who)
	}
}

// HeldForm is a posted form that waits until its sender has re-authenticated.
type HeldForm struct {
	ID     string     `json:"id"`   // also in the address of the re-authentication page, so that no other one resumes it
	Path   string     `json:"path"` // to which the form was posted, with its query
	Values url.Values `json:"values"`
}

// SealForm seals a form for the caller's session. It returns fault.Invalid if the form is too large.
type SealForm func(ctx context.Context, who access.Caller, form []byte) (access.Secret, error)

// SetSealForm sets the function that seals forms. Without one, no form is held.
func (k *Kit) SetSealForm(seal SealForm) { k.sealForm = seal }

const (
	// FormCookie names the cookie of a held form, as route.Cookie takes it.
	FormCookie = "form"
	// LostForm stands for the ID of a form that could not be held. The user must send it again.
	LostForm    = "lost"
	formSeconds = 300
)

// secretFields are the names of the fields with passwords and codes. A form with one of them is never held.
var secretFields = []string{"password", "again", "current", "code"}

// ConfirmFirst redirects to re-authentication, which leads to the page next. A posted form is held, so that it can be
// completed afterwards. It is sealed in a cookie, and bound to the session and to this redirect.
func (k *Kit) ConfirmFirst(w http.ResponseWriter, r *http.Request, who access.Caller, next string) {
	path := "/confirm/?next=" + url.QueryEscape(next)
	if r.Method == http.MethodPost {
		path += "&form=" + k.hold(w, r, who)
	}
	k.See(w, r, path)
}

// hold seals the form of r in a cookie and returns its ID, or LostForm.
func (k *Kit) hold(w http.ResponseWriter, r *http.Request, who access.Caller) string {
	values, ok := holdable(w, r)
	if !ok || k.sealForm == nil {
		return LostForm
	}
	held := HeldForm{ID: rand.Text(), Path: posted(r), Values: values}
	b, err := json.Marshal(held)
	if err != nil {
		return LostForm
	}
	sealed, err := k.sealForm(r.Context(), who, b)
	if err != nil {
		if !fault.Is(err, fault.Invalid) {
			k.Log.Error("a form was not held", "error", err)
		}
		return LostForm
	}
	c := route.Cookie(k.BaseURL, FormCookie)
	c.Value, c.MaxAge, c.SameSite = sealed.Reveal(), formSeconds, http.SameSiteStrictMode
	http.SetCookie(w, c)
	return held.ID
}

// posted returns the path and query to which r was posted. Handlers of forms get a request with the path of the page.
func posted(r *http.Request) string {
	if path, ok := r.Context().Value(postedPath{}).(string); ok {
		return path
	}
	return r.URL.RequestURI()
}

// postedPath is the context key of the result of posted.
type postedPath struct{}

// holdable returns the values of a posted form. It reports false for uploads, for requests of scripts, and for forms
// with a password or code.
func holdable(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, false
	}
	if r.PostForm == nil { // a form without fields, which its handler does not read
		if _, err := readForm(w, r); err != nil {
			return nil, false
		}
	}
	for name := range r.PostForm {
		if slices.Contains(secretFields, name) {
			return nil, false
		}
	}
	return r.PostForm, true
}

// OpenForm decodes a held form. It returns fault.Invalid unless the form has the given ID and a path of this server.
func OpenForm(b []byte, id string) (h HeldForm, err error) {
	if err := json.Unmarshal(b, &h); err != nil {
		return HeldForm{}, fault.Wrap(fault.Invalid, err, "the form cannot be read")
	}
	if id == "" || id == LostForm || h.ID != id || !Local(h.Path) {
		return HeldForm{}, errOtherForm
	}
	return h, nil
}

var errOtherForm = fault.New(fault.Invalid, "this is another form")
