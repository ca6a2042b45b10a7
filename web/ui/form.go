package ui

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// maxForm is the largest accepted form, in bytes. Uploads have their own limit.
const maxForm = 256 << 10

// Form holds the values of a form and the errors found in them.
type Form struct {
	Values url.Values
	Errs   map[string]string // by field name; "" is the whole form
	often  *bool             // whether the client must wait before it retries
	focus  *string           // ID of the field with the focus: the first one with an error
}

// FormHandler handles a posted form.
type FormHandler func(w http.ResponseWriter, r *http.Request, who access.Caller, f Form) error

// Posted returns a route handler that reads a posted form and calls h. The URL of the request that h receives is that
// of the form's page, so that h can render the page again or redirect to it. The handler returns fault.Invalid if the
// form is too large or malformed.
func (k *Kit) Posted(h FormHandler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		f, err := readForm(w, r)
		if err != nil {
			return err
		}
		page := *r.URL
		page.Path, page.RawPath = k.page(r.URL.Path), ""
		r = r.WithContext(context.WithValue(r.Context(), postedPath{}, posted(r))) // a copy
		r.URL = &page
		return h(w, r, who, f)
	}
}

// Forms returns one POST route per path. All of them require a signed-in user.
func (k *Kit) Forms(forms map[string]FormHandler) (rows []route.Route) {
	for _, path := range slices.Sorted(maps.Keys(forms)) {
		rows = append(rows,
			route.Route{Method: http.MethodPost, Path: path, Auth: route.Signed, Handle: k.Posted(forms[path])})
	}
	return rows
}

// readForm reads a posted form. It returns fault.Invalid if the form is too large or malformed.
func readForm(w http.ResponseWriter, r *http.Request) (Form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return Form{}, fault.Wrap(fault.Invalid, err, "the form cannot be read")
	}
	return Form{Values: r.PostForm, Errs: map[string]string{}, often: new(bool), focus: new(string)}, nil
}

// Typed returns a form that is prefilled with values, for example from a link or from stored data.
func Typed(values url.Values) Form {
	return Form{Values: values, Errs: map[string]string{}, often: new(bool), focus: new(string)}
}

// Get returns the value of a field without surrounding white space.
func (f Form) Get(name string) string { return strings.TrimSpace(f.Values.Get(name)) }

// Secret returns the value of a field unchanged.
func (f Form) Secret(name string) string { return f.Values.Get(name) }

// On reports whether a checkbox is ticked.
func (f Form) On(name string) bool { return f.Values.Get(name) != "" }

// Wrong sets the error message of a field. It keeps an earlier message of the same field.
func (f Form) Wrong(name, message string) {
	if f.Errs[name] == "" {
		f.Errs[name] = message
	}
}

// Bad reports whether the form has errors.
func (f Form) Bad() bool { return len(f.Errs) > 0 }

// Refused turns an error that the user can correct into the message of a field, or of the whole form if name is "". If
// several faults about fields were joined, each becomes the message of its field. It returns all other errors.
func (f Form) Refused(name string, err error) error {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict, fault.TooLarge, fault.TooMany:
		if all := fault.Fields(err); len(all) > 1 {
			for _, one := range all {
				f.Wrong(one.Field, fault.Sentence(one))
			}
			return nil
		}
		f.Wrong(name, fault.Sentence(err))
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
	Autocomplete          string // "off" if empty, so that browsers do not guess
	Required, Mono, Wide  bool
	Recommended           bool // optional, but labeled as recommended
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

// Field returns x with its value and error from the form, and with defaults for its ID and type. The error of a required
// field that was left empty says so, whatever else is wrong with an empty text.
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
	if x.Error != "" && f.lacks(x) {
		x.Error = x.Label + " is required."
	}
	x.Focus = f.focuses(x)
	return x
}

// lacks reports whether a required field was left empty. A choice has its own message, as does a field for a text that
// confirms an action.
func (f Form) lacks(x Field) bool {
	return x.Required && x.Type != "select" && x.Type != "checkbox" && strings.TrimSpace(f.Values.Get(x.Name)) == "" &&
		!strings.HasPrefix(x.Error, "Type ")
}

// focuses reports whether a field gets the focus. If fields have errors, it is the first of them in the order of calls
// of Field, which is that of the page.
func (f Form) focuses(x Field) bool {
	if x.Error == "" || f.focus == nil {
		return x.Focus && (len(f.Errs) == 0 || len(f.Errs) == 1 && f.Errs[""] != "")
	}
	if *f.focus == "" {
		*f.focus = x.ID
	}
	return *f.focus == x.ID
}

// Late makes Status return 429 and sets Retry-After if err is fault.TooMany.
func (f Form) Late(w http.ResponseWriter, err error) {
	if fault.Is(err, fault.TooMany) {
		*f.often = true
		retryAfter(w, http.StatusTooManyRequests, err)
	}
}

// Status returns the HTTP status of a page with this form: 429 after Late, 422 if the form has errors, otherwise 200.
func (f Form) Status() int {
	if f.often != nil && *f.often {
		return http.StatusTooManyRequests
	}
	if f.Bad() {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// Problem returns the notice to show above the form, or nil if the form has no errors.
func (f Form) Problem() *Notice {
	if m := f.Errs[""]; m != "" {
		return &Notice{"bad", m}
	}
	if f.Bad() {
		return &Notice{"bad", "Nothing was changed. Correct the marked fields and try again."}
	}
	return nil
}
