package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// FormField describes a field of a rule for whoever fills it in. Pattern is in words.
type FormField struct {
	Name, Label, Help, Pattern, Example string

	Required    bool
	Recommended bool // a rule without it is loose
	Stricter    bool // for those who want to be stricter than most
	Check       bool // a box to tick: "true" or nothing
	Lines       bool // several lines, for fieldClaims alone
}

// Form is what is asked of somebody who trusts a workload of one kind of issuer. Its fields, without Lines, are those
// that the kind's Compile takes.
type Form struct {
	Provider string
	Preset   string // of kind generic: "" for rules on claims
	Title    string // whose workloads: "GitHub Actions"
	Fields   []FormField
}

// FieldClaims is the field of the form for rules on claims: NAME=VALUE, a line each. ParseClaims makes rules of it.
const FieldClaims = "claims"

// Forms returns the forms of a kind: one for most, and for generic one for each preset and then that for rules on claims.
func Forms(provider string) []Form {
	var out []Form
	for _, f := range forms {
		if f.Provider == provider {
			out = append(out, f)
		}
	}
	return out
}

// FormFor returns the form of a kind and preset; false where there is none.
func FormFor(provider, preset string) (Form, bool) {
	for _, f := range forms {
		if f.Provider == provider && f.Preset == preset {
			return f, true
		}
	}
	return Form{}, false
}

// Field returns the field of a name.
func (f Form) Field(name string) (FormField, bool) {
	for _, field := range f.Fields {
		if field.Name == name {
			return field, true
		}
	}
	return FormField{}, false
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
		switch v := fields[field.Name]; {
		case field.Lines:
			out[field.Name] = ClaimsText(fields)
		case v != "":
			out[field.Name] = v
		case f.Provider == "gitlab" && field.Name == FieldProjectID:
			out[field.Name] = fields[FieldRepositoryID]
		}
	}
	return out
}

// ParseClaims reads rules on claims, a line each: NAME=VALUE for exactly a text, the same name again for one of several,
// and NAME=BEGINNING* for claims that hold refs. fault.Invalid is about the line that cannot be read.
func ParseClaims(text string) (map[string]string, error) {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || value == "" {
			return nil, fault.InField(FieldClaims, "%.100q is not a rule: write NAME=VALUE, one on each line", line)
		}
		if err := addClaimRule(out, name, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func addClaimRule(out map[string]string, name, value string) error {
	if strings.HasSuffix(value, "*") {
		if _, err := parseClaimPrefix(name, value); err != nil {
			return fault.InField(FieldClaims, "%s", fault.Message(err))
		}
		if out[prefixRule+name] != "" {
			return fault.InField(FieldClaims, "claim %.40q has two beginnings, which cannot both be meant", name)
		}
		out[prefixRule+name] = value
		return nil
	}
	if old := out[oneofRule+name]; old != "" {
		value = old + "\n" + value
	}
	out[oneofRule+name] = value
	return nil
}

// ClaimsText writes rules on claims as ParseClaims reads them.
func ClaimsText(fields map[string]string) string {
	var b strings.Builder
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		kind, claim, ok := strings.Cut(field, ":")
		if !ok || !slices.Contains([]string{exactRule, oneofRule, prefixRule}, kind+":") {
			continue
		}
		for v := range strings.SplitSeq(fields[field], "\n") {
			b.WriteString(claim + "=" + v + "\n")
		}
	}
	return b.String()
}

// Problems returns what is wrong with the fields of a rule of this form, by field, in the words of Compile; what is about
// no one field is under "". A field that is wrong is taken for its example while the others are looked at.
func Problems(provider Provider, f Form, fields map[string]string) map[string]string {
	out := map[string]string{}
	tried := maps.Clone(fields)
	for range len(f.Fields) + 1 {
		_, err := provider.Compile(tried)
		if err == nil {
			break
		}
		name := fault.FieldOf(err)
		field, known := f.Field(name)
		if _, again := out[name]; again {
			break // it is about two fields, and changing this one did not help
		}
		if !known {
			out[formPlace(f)] = fault.Message(err)
			break
		}
		out[name] = fault.Message(err)
		if field.Required && fields[name] == "" {
			out[name] = field.Label + " is needed"
		}
		tried[name] = field.Example
	}
	return out
}

// formPlace is where a message stands that is about no field of the form: beside the one that there is, or above all.
func formPlace(f Form) string {
	if len(f.Fields) == 1 {
		return f.Fields[0].Name
	}
	return ""
}
