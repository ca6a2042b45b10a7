package workload

import (
	"cmp"
	"maps"
	"strings"
	"unicode"

	"pyindex/internal/fault"
)

// Suggest returns the fields of the narrowest rule for the workload of these claims, in the form that Compile accepts.
// Callers must escape the values when displaying them. If Compile or Admits would reject the fields, Suggest returns a
// fault.Invalid that explains why.
func (k *Kind) Suggest(c Claims) (map[string]string, error) {
	fields := k.Recognize(c)
	if fields == nil {
		return nil, fault.New(fault.Invalid,
			"a publisher of kind %s cannot accept a workload with these claims", k.name)
	}
	for name, v := range fields {
		if strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return nil, fault.New(fault.Invalid, "%s %.100q cannot be shown safely", name, v)
		}
	}
	rule, err := k.Compile(fields)
	if err != nil {
		return nil, err
	}
	if lookup, err := k.Lookup(c); err != nil || lookup != rule.Lookup {
		return nil, fault.New(fault.Invalid, "the claims do not clearly identify the workload")
	}
	if err := k.Admits(rule, c); err != nil {
		return nil, fault.New(fault.Invalid, "no publisher of kind %s can accept it: %v", k.name, AsMismatch(err))
	}
	return fields, nil
}

// Recognize returns the fields that the claims of a workload of this kind contain, without validation. It returns nil
// if the claims are not those of such a workload.
func (k *Kind) Recognize(c Claims) map[string]string {
	out := map[string]string{}
	if k.suggest != nil {
		if out = k.suggest(c); out == nil {
			return nil
		}
	}
	for _, f := range k.Fields {
		if f.fits == nil && (!f.Stricter || f.Name == k.pin) {
			out[f.Name] = cmp.Or(out[f.Name], text(c, f.Claim))
		}
		if f.Required && out[f.Name] == "" {
			return nil
		}
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// Seen returns a value for a field that accepts jobs like the one with these claims, or "" if the claims have none.
func (k *Kind) Seen(field string, claims map[string]any) string {
	f, ok := k.Field(field)
	v := text(claims, f.Claim)
	switch {
	case !ok || f.fits == nil:
		return v
	case strings.HasPrefix(v, "refs/tags/"):
		return "refs/tags/*"
	case strings.HasPrefix(v, "refs/heads/"):
		return v
	}
	return ""
}
