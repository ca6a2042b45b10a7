package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// Name returns the word of the configuration and command line: "github".
func (k *Kind) Name() string { return k.name }

// Issuer returns the issuer that is meant if none is named; "" if a rule has to name one.
func (k *Kind) Issuer() string { return k.issuer }

// PinField returns the name of the field that holds the id which rules are pinned to: "owner_id"; "" if they are not.
func (k *Kind) PinField() string { return k.pin }

// NeedsTokenID reports whether the issuers always number their tokens ("jti"), so that one without is refused. For
// other kinds, what was signed stands in for the number: either way a token can be used once.
func (k *Kind) NeedsTokenID() bool { return k.numbered }

// Field returns the field of a name, or of the name under which rules store it.
func (k *Kind) Field(name string) (Field, bool) {
	i := slices.IndexFunc(k.Fields, func(f Field) bool { return f.Name == name || f.RuleName() == name })
	if i < 0 {
		return Field{}, false
	}
	return k.Fields[i], true
}

// Flag returns the name of a field's flag on the command line. A field "project" is called by the kind there, and a
// list by one of its words.
func (k *Kind) Flag(field string) string {
	f, _ := k.Field(field)
	switch name := strings.ReplaceAll(field, "_", "-"); {
	case name == "project":
		return k.name + "-project"
	case f.List:
		return strings.TrimSuffix(name, "s")
	default:
		return name
	}
}

// Compile checks what a person typed. It returns fault.Invalid, which names the field and says what is allowed.
func (k *Kind) Compile(fields map[string]string) (Rule, error) {
	if k.open != nil {
		return k.open.compile(fields)
	}
	given := map[string]string{}
	for name, v := range fields {
		f, ok := k.Field(name)
		if !ok {
			return Rule{}, fault.New(fault.Invalid, "%.40q is not a field of a %s publisher: use %s", name, k.name,
				k.fieldNames())
		}
		given[f.Name] = v
	}
	r := Rule{Fields: map[string]string{}}
	for _, f := range k.Fields {
		if err := f.compile(given[f.Name], f.Name == k.pin, &r); err != nil {
			return Rule{}, err
		}
	}
	if k.validate != nil {
		if err := k.validate(r); err != nil {
			return Rule{}, err
		}
	}
	if r.OwnerID != "" && LeavesIDs(r.Fields) {
		id, _ := k.Field(fieldRepositoryID)
		return Rule{}, fault.InField(k.pin, "%s %s takes the %s's id from the first token too: leave %s out, or type both",
			id.Name, firstToken, k.key[0], k.pin)
	}
	r.Lookup = joined(r, k.key...)
	return r, nil
}

// fieldNames lists the fields, those that only make a rule stricter last.
func (k *Kind) fieldNames() string {
	var usual, stricter []string
	for _, f := range k.Fields {
		if f.Stricter {
			stricter = append(stricter, f.Name)
		} else {
			usual = append(usual, f.Name)
		}
	}
	if len(stricter) == 0 {
		return strings.Join(usual, ", ")
	}
	return strings.Join(usual, ", ") + " and, to be stricter, " + strings.Join(stricter, ", ")
}

// Forms returns the forms of a kind: one for most, and for generic one for each preset and then the one for rules on
// claims.
func (k *Kind) Forms() []Form {
	if k.open != nil {
		return k.open.forms
	}
	return []Form{{Provider: k.name, Title: k.Title, Fields: k.Fields}}
}

// Problems returns what is wrong with the fields of a rule of a form of this kind, by field, in the words of Compile;
// what is about no one field is under "". A wrong field is replaced by its example while the others are looked at.
func (k *Kind) Problems(f Form, fields map[string]string) map[string]string {
	out := map[string]string{}
	tried := maps.Clone(fields)
	for range len(f.Fields) + 1 {
		_, err := k.Compile(tried)
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
