package workload

import (
	"regexp"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// RuleName returns the name under which rules store the field.
func (f Field) RuleName() string {
	if f.Stored != "" {
		return f.Stored
	}
	return f.Name
}

// compile parses a value into a rule. Empty values are stored too, unless the field is an optional restriction.
func (f Field) compile(v string, pin bool, r *Rule) (err error) {
	if v == "" && f.Required {
		return fault.InField(f.Name, "%s is required", f.Name)
	}
	if v != "" {
		if v, err = f.parse(f.Name, v); err != nil {
			return err
		}
	}
	switch {
	case pin:
		r.OwnerID = v
	case v != "" || !f.Stricter:
		r.Fields[f.RuleName()] = v
	}
	return nil
}

// knows returns a fault.Invalid if a rule has a word that the field's claim never has.
func (f Field) knows(r Rule) error {
	v := r.Fields[f.RuleName()]
	if f.known == nil || v == "" {
		return nil
	}
	for word := range strings.SplitSeq(v, ",") {
		if !slices.Contains(f.known, word) {
			last := len(f.known) - 1
			return fault.InField(f.Name, "%s %.60q does not exist: use %s or %s", f.Name, word,
				strings.Join(f.known[:last], ", "), f.known[last])
		}
	}
	return nil
}

// differs compares the field's claim with a rule. A rule without the field always fits. A claim that is missing or has
// another type than the field never fits.
func (f Field) differs(r Rule, c Claims) *Mismatch {
	want := r.Fields[f.RuleName()]
	if want == "" || f.fits == nil {
		return nil
	}
	got := f.of(c)
	if got == nil && f.lacking != "" {
		return wrong(f.Claim, nil, f.lacking)
	}
	if !f.fits(want, got) {
		m := &Mismatch{Claim: f.Claim, Got: Show(got), Want: Show(want)}
		if all, ok := got.([]any); ok && slices.Contains(listClaims, f.Claim) {
			m.Got = showList(all)
		}
		return m
	}
	return nil
}

// of returns the field's claim, or nil if the token has none.
func (f Field) of(c map[string]any) any {
	if f.path == nil {
		return c[f.Claim]
	}
	var v any = c
	for _, name := range f.path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// refField and the next three functions return fields that several forges have.
func refField(claim, where string) Field {
	return Field{
		Name: fieldRef, Label: "Tags or branches", Example: "refs/tags/v*", Stricter: true, Claim: claim, Ref: true,
		Help: "Only runs for these refs of " + where +
			": refs/tags/v* for tags that begin with v, or refs/heads/main for one branch.",
		Pattern: refWords, Tighten: "Only from these refs", parse: parseRef, fits: asText(refFits), say: sayRef,
	}
}

// recommendedRef is refField for a platform without environments, where a rule without refs is loose.
func recommendedRef(claim, where string) Field {
	f := refField(claim, where)
	f.Stricter, f.Recommended = false, true
	f.Help += anyBranch
	return f
}

func protectedField(where string) Field {
	return Field{
		Name: fieldRefProtected, Label: "Protected refs only", Example: "true", Stricter: true, Check: true,
		Claim: "ref_protected",
		Help:  "Only branches and tags that " + where + " protects.", Pattern: "true, or nothing",
		Tighten: "Only from protected refs",
		parse:   parseTrue, fits: asText(equal), say: func(w *Words, _ string) { w.say(", protected refs only") },
	}
}

func eventsField(claim string, parse parser) Field {
	return Field{
		Name: fieldEvents, Label: "Events", Example: "push", Stricter: true, List: true, Claim: claim,
		Help:    "Only runs started by these events (claim " + claim + "), separated by commas.",
		Pattern: "comma-separated words of lower-case letters, '-' and '_'",
		parse:   parse, fits: asText(listed), say: phrase(", started by ", ""), event: true,
	}
}

func runnerField(example string) Field {
	return Field{
		Name: fieldRunner, Label: "Runners", Example: example, Stricter: true, Claim: "runner_environment",
		Help: example +
			" excludes self-hosted runners, where an earlier job may have left something behind; self-hosted allows only those.",
		Pattern: "a word of lower-case letters and '-'", Tighten: "Exclude self-hosted runners", Tickable: true,
		parse: parseWord, fits: asText(equal), say: phrase(", on ", " runners only"),
	}
}

const (
	nameWords = "letters, digits, '-', '_' and '.'"
	refWords  = "a full name that begins with refs/, optionally with one * at the end"
	starWords = "a name, optionally with one * at the end"
	fileWords = "a file name that ends in .yml or .yaml, without '/'"
)

var fieldWord = regexp.MustCompile(`"[^"]*"|(?:--)?[a-z_]+`)

// Rename replaces the names of fields in a message by those that its reader knows: the flags of a command, or the
// labels of a form. Names without "_" are also common words, so they are replaced only if they begin the message.
// Those that are written as a flag, "--tag", are replaced anywhere. Quoted values stay as they are.
func Rename(message string, all []Field, name func(f Field) string) string {
	fields := map[string]Field{}
	for _, f := range all {
		fields[f.Name], fields[f.RuleName()] = f, f
	}
	var b strings.Builder
	last := 0
	for _, at := range fieldWord.FindAllStringIndex(message, -1) {
		word, flag := strings.CutPrefix(message[at[0]:at[1]], "--")
		if f, ok := fields[word]; ok && (flag || at[0] == 0 || strings.Contains(word, "_")) {
			b.WriteString(message[last:at[0]] + name(f))
			last = at[1]
		}
	}
	return b.String() + message[last:]
}

var flagWord = regexp.MustCompile(`--[a-z_]+`)

// labelled replaces the fields of a form that a message writes as flags by their labels.
func (f Form) labelled(message string) string {
	return flagWord.ReplaceAllStringFunc(message, func(flag string) string {
		field, ok := f.Field(flag[len("--"):])
		if !ok {
			return flag
		}
		return field.Label
	})
}
