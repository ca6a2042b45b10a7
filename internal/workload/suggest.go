package workload

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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
		if _, err := k.Lookup(c); err != nil || k.Never(c) == nil {
			return nil, k.foreign()
		}
	}
	if m := k.Never(c); m != nil {
		return nil, k.refusal(Rule{}, c, m, fmt.Sprintf("no publisher of kind %s can accept it: %v", k.name, m))
	}
	if err := k.unusable(c); err != nil {
		return nil, err
	}
	for name, v := range fields {
		if strings.ContainsRune(v, '\n') || !printable(v) {
			return nil, fault.New(fault.Invalid, "%s %.100q cannot be shown safely", name, v)
		}
	}
	err := k.takes(fields, c)
	if m, ok := errors.AsType[*Mismatch](err); ok {
		return nil, fault.New(fault.Invalid, "no publisher of kind %s can accept it: %v", k.name, m)
	}
	if err != nil {
		return nil, err
	}
	return fields, nil
}

// foreign is the error of claims that are not those of a workload of this kind.
func (k *Kind) foreign() error {
	return fault.New(fault.Invalid, "a publisher of kind %s cannot accept a workload with these claims", k.name)
}

// Amend returns the fields of the rule that admits these claims and differs least from r, in the form that Compile
// accepts: only fields whose claims differ are changed, and no restriction is dropped. It returns a fault.Invalid that
// explains why if there is none.
func (k *Kind) Amend(r Rule, c Claims) (map[string]string, error) {
	if m := cmp.Or(firstOf(k.shape, r, c), firstOf(k.nevers(), r, c)); m != nil {
		return nil, k.refusal(r, c, m, fmt.Sprintf("no publisher of kind %s can accept it: %v", k.name, m))
	}
	typed := k.Typed(r)
	if k.open != nil && bySubject(typed, c) == otherThing {
		return nil, fault.New(fault.Invalid, "the subject has the same name, but is that of another repository")
	}
	out := k.amended(typed, c)
	if out == nil {
		return nil, k.foreign()
	}
	for name, v := range out {
		if !printable(v) || k.open == nil && strings.Contains(v, "\n") {
			return nil, fault.New(fault.Invalid, "%s %.100q cannot be shown safely", name, v)
		}
	}
	if err := k.takes(out, c); err != nil {
		return nil, k.refusal(r, c, AsMismatch(err),
			fault.Message(err)+"; a publisher without that restriction would be looser than the nearest one")
	}
	for _, name := range slices.Sorted(maps.Keys(typed)) {
		try := maps.Clone(out)
		delete(try, amendedName(name))
		try[name] = typed[name]
		if k.takes(try, c) == nil {
			out = try
		}
	}
	return out, nil
}

// AmendClaims is Amend for a rule on claims, which it replaces by one of the platform's own kind with the same
// restrictions.
func (k *Kind) AmendClaims(rules map[string]string, c Claims) (map[string]string, error) {
	fields, err := k.OfClaims(rules)
	if err != nil {
		return nil, err
	}
	for name, v := range k.Recognize(c) {
		if fields[name] == "" {
			fields[name] = v
		}
	}
	return k.Amend(Rule{Fields: fields}, c)
}

// Typed returns the fields of a rule in the form that Compile accepts, with the id that it is pinned to.
func (k *Kind) Typed(r Rule) map[string]string {
	out := map[string]string{}
	for name, v := range r.Fields {
		if f, ok := k.Field(name); ok {
			name = f.Name
		}
		if v != "" {
			out[name] = v
		}
	}
	if k.pin != "" && r.OwnerID != "" && !LeavesIDs(r.Fields) {
		out[k.pin] = r.OwnerID
	}
	return out
}

// amended replaces the values of all fields by those of the claims, as far as the claims have them, and adds those that
// the claims need together. It returns nil if the claims are not those of a workload of this kind.
func (k *Kind) amended(typed map[string]string, c Claims) map[string]string {
	known := map[string]string{}
	if k.suggest != nil && k.open == nil {
		if known = k.suggest(c); known == nil {
			return nil
		}
	}
	out := maps.Clone(known)
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	ids := idsForSubject(typed, c)
	maps.Copy(out, ids)
	for name, old := range typed {
		if ids != nil && strings.HasSuffix(name, ":sub") {
			continue
		}
		v := known[name]
		if f, ok := k.Field(name); ok {
			v = cmp.Or(v, f.exact(c))
		} else if k.open != nil {
			name, v = amendedClaim(name, c)
		}
		out[name] = cmp.Or(v, old)
	}
	return out
}

// amendedName returns the name under which amended stores the field of a rule on claims.
func amendedName(field string) string {
	kind, claim, ok := strings.Cut(field, ":")
	if ok && (kind+":" == oneofRule || kind+":" == prefixRule) {
		return exactRule + claim
	}
	return field
}

// amendedClaim returns a rule for the claim of a rule that has the token's value, or "" if the token has none.
func amendedClaim(field string, c Claims) (name, v string) {
	kind, claim, _ := strings.Cut(field, ":")
	if kind+":" == hasRule {
		return field, ""
	}
	switch v := c[claim].(type) {
	case bool, json.Number:
		return amendedName(field), fmt.Sprint(v)
	}
	return amendedName(field), text(c, claim)
}

// takes returns nil if fields make a new rule that admits the claims.
func (k *Kind) takes(fields map[string]string, c Claims) error {
	rule, err := k.CompileNew(fields)
	if err != nil {
		return err
	}
	if lookup, err := k.Lookup(c); err != nil || lookup != rule.Lookup {
		return fault.New(fault.Invalid, "the claims do not clearly identify the workload")
	}
	if err := k.Admits(rule, c); err != nil {
		return fault.Wrap(fault.Invalid, err, "%v", AsMismatch(err))
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
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
	return f.Required || f.Recommended || f.ID || f.Ref || f.event || f.like != nil
}

// seen returns a value for the field that accepts jobs like the one with these claims, or "" if the claims have none.
func (f Field) seen(c Claims) string {
	if f.Named {
		return ""
	}
	if f.like != nil {
		return f.like(c)
	}
	v, _ := f.of(c).(string)
	switch {
	case f.Ref:
		return refLike(v)
	case f.Pattern == starWords && strings.Contains(v, "*"): // it would be a pattern
		return ""
	}
	return v
}

// exact returns the field's value for the claims alone, or "" if the claims have none.
func (f Field) exact(c Claims) string {
	like := f.seen(c)
	if v, _ := f.of(c).(string); strings.HasSuffix(like, "*") {
		return v
	}
	return like
}

// unusable returns the error of claims with a ref that a rule cannot be restricted to, although without a ref it admits
// all of them.
func (k *Kind) unusable(c Claims) error {
	for _, f := range k.Fields {
		v, _ := f.of(c).(string)
		if (f.Recommended || f.Pattern == starWords) && v != "" &&
			(f.Ref && refLike(v) == "" || f.Pattern == starWords && strings.Contains(v, "*")) {
			return fault.New(fault.Invalid,
				"claim %s %.100q is neither a branch nor a tag, so a publisher cannot be restricted to it",
				f.Claim, v)
		}
	}
	return nil
}

// refLike returns a value for refs like one: a branch or tag itself, or v* for the tag of a version, because the next
// release has another one. It returns "" for other refs.
func refLike(ref string) string {
	switch tag, isTag := strings.CutPrefix(ref, "refs/tags/"); {
	case strings.Contains(ref, "*"):
		return ""
	case isTag && len(tag) > 1 && tag[0] == 'v' && '0' <= tag[1] && tag[1] <= '9':
		return "refs/tags/v*"
	case isTag && tag != "", strings.HasPrefix(ref, "refs/heads/"):
		return ref
	}
	return ""
}

// Seen returns a value for a field that accepts jobs like the one with these claims, or "" if the claims have none.
func (k *Kind) Seen(field string, claims map[string]any) string {
	f, ok := k.Field(field)
	if !ok || !f.narrows() {
		return ""
	}
	switch v := f.seen(claims); {
	case f.Ref && strings.HasPrefix(v, "refs/tags/") && !strings.HasSuffix(v, "*"):
		return "refs/tags/*" // it restricts a rule that exists, whose next release has another tag
	case f.Claim == "build_tag" && v != "" && !strings.HasSuffix(v, "*"):
		return "*"
	default:
		return v
	}
}
