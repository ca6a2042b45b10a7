package workload

import (
	"cmp"
	"strings"
)

// Form is what is asked of somebody who trusts a workload of one kind of issuer. Its fields, without Lines, are those
// that the kind's Compile takes.
type Form struct {
	Provider string
	Preset   string // of kind generic: "" for rules on claims
	Title    string // whose workloads: "GitHub Actions"
	Fields   []Field
}

// Field returns the field of a name.
func (f Form) Field(name string) (Field, bool) {
	for _, field := range f.Fields {
		if field.Name == name {
			return field, true
		}
	}
	return Field{}, false
}

// Read makes the fields of a rule of what was typed, by the names of the form's fields: blanks at the ends and empty
// values go. What the form does not ask for is left out. fault.Invalid is about claims alone.
func (f Form) Read(typed func(name string) string) (map[string]string, error) {
	out := map[string]string{}
	for _, field := range f.Fields {
		v := strings.TrimSpace(typed(field.Name))
		if v == "" {
			continue
		}
		if field.Lines {
			return ParseClaims(v)
		}
		out[field.Name] = v
	}
	if f.Preset != "" {
		out[fieldPreset] = f.Preset
	}
	return out, nil
}

// Typed is the reverse of Read: the values of the form's fields that say what a rule's fields say. Fields that a form
// calls otherwise have its name.
func (f Form) Typed(fields map[string]string) map[string]string {
	out := map[string]string{}
	for _, field := range f.Fields {
		switch v := cmp.Or(fields[field.Name], fields[field.RuleName()]); {
		case field.Lines:
			out[field.Name] = ClaimsText(fields)
		case v != "":
			out[field.Name] = v
		}
	}
	return out
}
