package workload

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// Name returns the kind's name in the configuration and on the command line: "github".
func (k *Kind) Name() string { return k.name }

// Issuer returns the default issuer, or "" if a rule has to name one.
func (k *Kind) Issuer() string { return k.issuer }

// PinField returns the name of the field with the id that rules are pinned to: "owner_id". It returns "" if rules of
// this kind are not pinned.
func (k *Kind) PinField() string { return k.pin }

// Pins reports whether a rule with these fields is pinned by its first token.
func (k *Kind) Pins(fields map[string]string) bool {
	return k.pin != "" && (k.withoutID == nil || !k.withoutID(fields))
}

// PinsAll reports whether the id that rules are pinned to identifies the whole workload, not only its account.
func (k *Kind) PinsAll() bool { return k.pinsAll }

// NeedsTokenID reports whether tokens of this kind must have an id ("jti"). For other kinds, the signed content
// replaces a missing id. Either way a token can be used once.
func (k *Kind) NeedsTokenID() bool { return k.numbered }

// MaxLifetime returns the longest remaining lifetime of an acceptable token. Jobs end within it.
func (k *Kind) MaxLifetime() time.Duration { return cmp.Or(k.life, 24*time.Hour) }

// Field returns the field with a name. The name under which rules store the field works too.
func (k *Kind) Field(name string) (Field, bool) {
	i := slices.IndexFunc(k.Fields, func(f Field) bool { return f.Name == name || f.RuleName() == name })
	if i >= 0 {
		return k.Fields[i], true
	}
	for _, f := range k.Fields {
		if f.Named && strings.HasPrefix(name, f.Name+"_") {
			f.Claim, f.Name = name, name
			return f, true
		}
	}
	return Field{}, false
}

// Flag returns the name of a field's command-line flag. The flag of a field "project" is prefixed with the kind's name,
// because --project is the index's project. The flag of a list is singular.
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

// Compile validates the fields that a person typed and returns their rule. It returns a fault.Invalid that names the
// field and the allowed values.
func (k *Kind) Compile(fields map[string]string) (Rule, error) {
	if k.open != nil {
		if name, ok := fields[fieldPreset]; ok {
			return Rule{}, fault.InField(fieldPreset, "there is no preset %.40q: choose %s", name,
				strings.Join(Presets(), ", "))
		}
		return k.open.compile(fields)
	}
	given := map[string]string{}
	for name, v := range fields {
		f, ok := k.Field(name)
		if !ok {
			return Rule{}, fault.New(fault.Invalid, "%.40q is not a field of %s publisher: use %s", name, withArticle(k.name),
				k.fieldNames())
		}
		given[f.Name] = v
	}
	r := Rule{Fields: map[string]string{}, Server: k.server}
	for _, f := range k.Fields {
		compile := f.compile
		if f.Named {
			compile = func(v string, _ bool, r *Rule) error { return f.compileNamed(v, given, r) }
		}
		if err := compile(given[f.Name], f.Name == k.pin, &r); err != nil {
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
		return Rule{}, fault.InField(k.pin, "%s %s takes the %s's id from the first token too: omit %s, or set both",
			id.Name, firstToken, k.key[0], k.pin)
	}
	r.Lookup = joined(r, k.key...)
	return r, nil
}

// CompileNew is Compile for a rule that is written now. It also returns a fault.Invalid for rules that are accepted
// only if they are stored already, because later versions found them too loose.
func (k *Kind) CompileNew(fields map[string]string) (Rule, error) {
	r, err := k.Compile(fields)
	for _, f := range k.Fields {
		if err == nil {
			err = f.knows(r)
		}
	}
	if err == nil && k.strict != nil {
		err = k.strict(r)
	}
	if err == nil {
		err = k.Possible(r)
	}
	return r, err
}

// Possible returns a fault.Invalid that explains why no token can fit a rule, or nil if one may.
func (k *Kind) Possible(r Rule) error {
	if k.open != nil {
		if err := foreignRef(r); err != nil {
			return err
		}
	}
	if k.possible == nil {
		return nil
	}
	return k.possible(r)
}

// fieldNames lists the fields, optional restrictions last.
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
	return strings.Join(usual, ", ") + " and, for more restrictions, " + strings.Join(stricter, ", ")
}

// Forms returns the forms of a kind. That of Generic is for rules on claims.
func (k *Kind) Forms() []Form {
	if k.open != nil {
		return k.open.forms
	}
	return []Form{{Provider: k.name, Title: k.Title, Fields: k.Fields}}
}

// Problems returns CompileNew's error messages for the fields of a form, by field name. An error about several fields
// has the key "". To find all errors, Problems replaces each invalid field with its example and compiles again.
func (k *Kind) Problems(f Form, fields map[string]string) map[string]string {
	out := map[string]string{}
	tried := maps.Clone(fields)
	for range len(f.Fields) + 1 {
		_, err := k.CompileNew(tried)
		if err == nil {
			break
		}
		name := fault.FieldOf(err)
		field, known := f.Field(name)
		if _, again := out[name]; again {
			break // the error concerns two fields, and changing this one did not help
		}
		if !known {
			out[formPlace(f)] = f.labelled(fault.Message(err))
			break
		}
		out[name] = f.labelled(fault.Message(err))
		if field.Required && fields[name] == "" {
			out[name] = field.Label + " is required"
		}
		tried[name] = field.Example
	}
	return out
}

// formPlace returns the key of an error that names no field of the form: its only field, or "".
func formPlace(f Form) string {
	if len(f.Fields) == 1 {
		return f.Fields[0].Name
	}
	return ""
}

// withArticle returns the name of a kind after "a" or "an".
func withArticle(name string) string {
	if strings.ContainsRune("aeiou", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}
