package ui

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// maxForm bounds a form that is no upload, in bytes.
const maxForm = 256 << 10

// Form is what somebody typed, and what is wrong with it.
type Form struct {
	Values url.Values
	Errs   map[string]string // by field; "" for the form as a whole
	often  *bool             // whether it was sent too often
}

// FormHandler does what a posted form asks for.
type FormHandler func(w http.ResponseWriter, r *http.Request, who access.Caller, f Form) error

// Posted returns the route's handler of a form. The form's handler sees a request for the page that the form is on,
// which it can show again or lead back to. Posted returns fault.Invalid for a form that is too large or broken.
func (k *Kit) Posted(h FormHandler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		f, err := readForm(w, r)
		if err != nil {
			return err
		}
		page := *r.URL
		page.Path, page.RawPath = k.page(r.URL.Path), ""
		r = r.WithContext(r.Context()) // a copy
		r.URL = &page
		return h(w, r, who, f)
	}
}

// Forms returns a route for each form of people who are signed in, by its path.
func (k *Kit) Forms(forms map[string]FormHandler) (rows []route.Route) {
	for _, path := range slices.Sorted(maps.Keys(forms)) {
		rows = append(rows,
			route.Route{Method: http.MethodPost, Path: path, Auth: route.Signed, Handle: k.Posted(forms[path])})
	}
	return rows
}

// readForm reads a posted form. It returns fault.Invalid if the form is too large or broken.
func readForm(w http.ResponseWriter, r *http.Request) (Form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return Form{}, fault.Wrap(fault.Invalid, err, "the form cannot be read")
	}
	return Form{Values: r.PostForm, Errs: map[string]string{}, often: new(bool)}, nil
}

// Typed is a form with values that nobody has posted yet: from a link that prefills it, or what is there today.
func Typed(values url.Values) Form {
	return Form{Values: values, Errs: map[string]string{}, often: new(bool)}
}

// Get returns a field's value without blanks around it.
func (f Form) Get(name string) string { return strings.TrimSpace(f.Values.Get(name)) }

// Secret returns a field's value as it was typed.
func (f Form) Secret(name string) string { return f.Values.Get(name) }

// On reports whether a box is ticked.
func (f Form) On(name string) bool { return f.Values.Get(name) != "" }

// Wrong notes a message beside a field; the first one stays.
func (f Form) Wrong(name, message string) {
	if f.Errs[name] == "" {
		f.Errs[name] = message
	}
}

// Bad reports whether anything is wrong.
func (f Form) Bad() bool { return len(f.Errs) > 0 }

// Refused takes a fault that the reader can mend as a message beside a field, "" for the form as a whole, and returns
// every other error.
func (f Form) Refused(name string, err error) error {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict, fault.TooLarge, fault.TooMany:
		f.Wrong(name, fault.Message(err))
		return nil
	}
	return err
}

// Field is an input with its label, help and error. Type is an <input> type, or "textarea", "select", "checkbox".
type Field struct {
	ID, Name, Label, Type string
	Value                 string
	Help, Error           string
	Placeholder           string
	Autocomplete          string // "off" where empty, so that browsers do not guess
	Required, Mono, Wide  bool
	Recommended           bool // not needed, but better said
	Checked               bool
	Focus                 bool
	Options               []Option // of a select
	List                  []string // suggestions
	MaxLength             int
	InputMode             string
}

// Option is one choice of a select.
type Option struct {
	Value, Label string
	Selected     bool
}

// Field completes a field with what was typed and what is wrong with it.
func (f Form) Field(x Field) Field {
	if x.ID == "" {
		x.ID = "f-" + x.Name
	}
	if x.Type == "" {
		x.Type = "text"
	}
	if x.Autocomplete == "" {
		x.Autocomplete = "off"
	}
	if v, ok := f.Values[x.Name]; ok && len(v) > 0 && x.Type != "password" {
		x.Value = v[0]
	}
	if x.Type == "checkbox" {
		x.Checked = x.Checked || f.Values.Has(x.Name)
	}
	for i := range x.Options {
		x.Options[i].Selected = x.Options[i].Value == x.Value
	}
	x.Error = f.Errs[x.Name]
	x.Focus = x.Focus || x.Error != "" && !f.focused(x.Name)
	return x
}

// focused reports whether another field's error comes before this one's, so that one field alone takes the focus. Maps
// have no order, so the first by name does.
func (f Form) focused(name string) bool {
	for other, message := range f.Errs {
		if other != "" && message != "" && other < name {
			return true
		}
	}
	return false
}

// Late notes that err says to wait: the page is answered with 429 then, and names the seconds to wait.
func (f Form) Late(w http.ResponseWriter, err error) {
	if fault.Is(err, fault.TooMany) {
		*f.often = true
		retryAfter(w, http.StatusTooManyRequests, err)
	}
}

// Status is what a page with this form answers: 422 where something is wrong with what was typed, 429 after late.
func (f Form) Status() int {
	if f.often != nil && *f.often {
		return http.StatusTooManyRequests
	}
	if f.Bad() {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// Problem is what is wrong with the form as a whole, for the notice above it.
func (f Form) Problem() *Notice {
	if m := f.Errs[""]; m != "" {
		return &Notice{"bad", m}
	}
	if f.Bad() {
		return &Notice{"bad", "Nothing was changed: see the message beside the field."}
	}
	return nil
}
