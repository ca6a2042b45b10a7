package workload

import (
	"cmp"
	"strings"
)

// Form is the input form for a publisher of one kind. Its fields are those of the kind's Compile, except for fields
// with Lines.
type Form struct {
	Provider string
	Title    string // the platform: "GitHub Actions"
	Fields   []Field
}

// Field returns the field with a name.
func (f Form) Field(name string) (Field, bool) {
	for _, field := range f.Fields {
		if field.Name == name {
			return field, true
		}
	}
	return Field{}, false
}

// Read returns the fields of a rule from the form's values. It trims values, and omits empty ones and those that the
// form does not have. It returns fault.Invalid only if FieldClaims is malformed.
func (f Form) Read(typed func(name string) string) (map[string]string, error) {
	out := map[string]string{}
	for _, field := range f.Fields {
		v := strings.TrimSpace(typed(field.Name))
		if v == "" {
			continue
		}
		if field.Lines && !field.Named {
			return ParseClaims(v)
		}
		out[field.Name] = v
	}
	return out, nil
}

// Typed is the reverse of Read: it returns the form's values for the fields of a rule, by the form's names.
func (f Form) Typed(fields map[string]string) map[string]string {
	out := map[string]string{}
	for _, field := range f.Fields {
		switch v := cmp.Or(fields[field.Name], fields[field.RuleName()]); {
		case field.Named:
			if lines := field.lines(fields); lines != "" {
				out[field.Name] = lines
			}
		case field.Lines:
			out[field.Name] = ClaimsText(fields)
		case v != "":
			out[field.Name] = v
		}
	}
	return out
}
