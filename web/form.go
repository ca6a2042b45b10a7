package web

import (
	"net/http"
	"net/url"
	"strings"

	"pyindex/internal/fault"
)

// maxForm bounds a form that is no upload, in bytes.
const maxForm = 256 << 10

// form is what somebody typed, and what is wrong with it.
type form struct {
	values url.Values
	errs   map[string]string // by field; "" for the form as a whole
	often  *bool             // whether it was sent too often
}

// readForm reads a posted form; fault.Invalid for one that is too large or broken.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return form{}, fault.Wrap(fault.Invalid, err, "the form cannot be read")
	}
	return form{values: r.PostForm, errs: map[string]string{}, often: new(bool)}, nil
}

// typed is a form with values that nobody has posted yet: from a link that prefills it, or what is there today.
func typed(values url.Values) form {
	return form{values: values, errs: map[string]string{}, often: new(bool)}
}

// get returns a field's value without blanks around it.
func (f form) get(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// secret returns a field's value as it was typed.
func (f form) secret(name string) string { return f.values.Get(name) }

// on reports whether a box is ticked.
func (f form) on(name string) bool { return f.values.Get(name) != "" }

// wrong notes a message beside a field; the first one stays.
func (f form) wrong(name, message string) {
	if f.errs[name] == "" {
		f.errs[name] = message
	}
}

// bad reports whether anything is wrong.
func (f form) bad() bool { return len(f.errs) > 0 }

// refused takes a fault that the reader can mend as a message beside a field, "" for the form as a whole, and returns
// every other error.
func (f form) refused(name string, err error) error {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict, fault.TooLarge, fault.TooMany:
		f.wrong(name, fault.Message(err))
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

// field completes a field with what was typed and what is wrong with it.
func (f form) field(x Field) Field {
	if x.ID == "" {
		x.ID = "f-" + x.Name
	}
	if x.Type == "" {
		x.Type = "text"
	}
	if x.Autocomplete == "" {
		x.Autocomplete = "off"
	}
	if v, ok := f.values[x.Name]; ok && len(v) > 0 && x.Type != "password" {
		x.Value = v[0]
	}
	if x.Type == "checkbox" {
		x.Checked = x.Checked || f.values.Has(x.Name)
	}
	for i := range x.Options {
		x.Options[i].Selected = x.Options[i].Value == x.Value
	}
	x.Error = f.errs[x.Name]
	x.Focus = x.Focus || x.Error != "" && !f.focused(x.Name)
	return x
}

// focused reports whether another field's error comes before this one's, so that one field alone takes the focus. Maps
// have no order, so the first by name does.
func (f form) focused(name string) bool {
	for other, message := range f.errs {
		if other != "" && message != "" && other < name {
			return true
		}
	}
	return false
}

// late notes that err says to wait: the page is answered with 429 then, and names the seconds to wait.
func (f form) late(w http.ResponseWriter, err error) {
	if fault.Is(err, fault.TooMany) {
		*f.often = true
		retryAfter(w, http.StatusTooManyRequests, err)
	}
}

// status is what a page with this form answers: 422 where something is wrong with what was typed, 429 after late.
func (f form) status() int {
	if f.often != nil && *f.often {
		return http.StatusTooManyRequests
	}
	if f.bad() {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// problem is what is wrong with the form as a whole, for the notice above it.
func (f form) problem() *Notice {
	if m := f.errs[""]; m != "" {
		return &Notice{"bad", m}
	}
	if f.bad() {
		return &Notice{"bad", "Nothing was changed: see the message beside the field."}
	}
	return nil
}
