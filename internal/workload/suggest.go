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

// Recognize returns the fields that the claims of a workload of this kind contain, without validation: those that every
// rule has, the ids, and those that exclude other runs of the workload. It returns nil if the claims are not those of
// such a workload.
func (k *Kind) Recognize(c Claims) map[string]string {
	out := map[string]string{}
	if k.suggest != nil {
		if out = k.suggest(c); out == nil {
			return nil
		}
	}
	for _, f := range k.Fields {
		if f.narrows() || f.Name == k.pin {
			out[f.Name] = cmp.Or(out[f.Name], f.seen(c))
		}
		if f.Required && out[f.Name] == "" {
			return nil
		}
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// narrows reports whether a suggested rule has the field.
func (f Field) narrows() bool {
	return f.Required || f.Recommended || f.ID || f.Ref || f.Name == fieldEvents
}

// seen returns a value for the field that accepts jobs like the one with these claims, or "" if the claims have none.
func (f Field) seen(c Claims) string {
	v := text(c, f.Claim)
	if f.Ref {
		v = refLike(v)
	}
	return v
}

// refLike returns a pattern for refs like one: a branch itself, or the tags that begin alike. It returns "" for other
// refs.
func refLike(ref string) string {
	switch tag, isTag := strings.CutPrefix(ref, "refs/tags/"); {
	case isTag && len(tag) > 1 && tag[0] == 'v' && '0' <= tag[1] && tag[1] <= '9':
		return "refs/tags/v*"
	case isTag:
		return "refs/tags/*"
	case strings.HasPrefix(ref, "refs/heads/"):
		return ref
	}
	return ""
}

// Seen returns a value for a field that accepts jobs like the one with these claims, or "" if the claims have none.
func (k *Kind) Seen(field string, claims map[string]any) string {
	f, ok := k.Field(field)
	if !ok {
		return ""
	}
	return f.seen(claims)
}
