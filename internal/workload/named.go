package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// maxNamed is the largest number of values of a field with names.
const maxNamed = 20

var propertyName = newPattern(`\A[A-Za-z0-9_$#-]{1,75}\z`)

// propertyField is the field for the custom properties of GitHub's repositories. A claim has all values of a property,
// with commas between them.
var propertyField = Field{
	Name: strings.TrimSuffix(propertyClaim, "_"), Label: "Custom property", Example: "team=packaging", Stricter: true,
	Named: true, Lines: true,
	Help: "Only repositories with these custom properties, one NAME=VALUE on each line. Of a property with several values, " +
		"one must be equal. The organization or enterprise chooses on GitHub which properties its tokens contain.",
	Pattern: "NAME=VALUE, one on each line", Tighten: "Require this property",
	parse: parseProperty, fits: asText(hasPart),
}

// parseProperty parses one value of a property. field is the field of a rule, which ends in the property's name.
func parseProperty(field, s string) (string, error) {
	name, short := strings.TrimPrefix(field, propertyClaim), strings.TrimSuffix(propertyClaim, "_")
	switch {
	case !propertyName.MatchString(name):
		return "", fault.InField(short, "%.80q is not the name of a property: use letters, digits, '_', '-', '$' and '#'", name)
	case strings.Contains(s, ","):
		return "", fault.InField(short, "property %s %.100q is not one value: write one of them, without a comma", name, s)
	case s == "" || len(s) > maxRuleValue || strings.TrimSpace(s) != s || HasControl(s):
		return "", fault.InField(short,
			"property %s cannot be %.100q: write at most %d bytes, without blanks at either end or control characters", name, s,
			maxRuleValue)
	}
	return s, nil
}

// names returns the fields of a rule that belong to a field with names, sorted.
func (f Field) names(fields map[string]string) []string {
	if !f.Named {
		return nil
	}
	var out []string
	for name := range fields {
		if strings.HasPrefix(name, f.Name+"_") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// compileNamed parses the values of a field with names: one NAME=VALUE on each line of text, and those in given.
func (f Field) compileNamed(text string, given map[string]string, r *Rule) error {
	all := map[string]string{}
	for _, name := range f.names(given) {
		all[name] = given[name]
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, v, ok := strings.Cut(line, "=")
		name, v = f.Name+"_"+strings.TrimSpace(name), strings.TrimSpace(v)
		if !ok || v == "" {
			return fault.InField(f.Name, "%.100q is not NAME=VALUE", line)
		}
		if old, again := all[name]; again && old != v {
			return fault.InField(f.Name, "%s has two values for %.80s; write only one", f.Name,
				strings.TrimPrefix(name, f.Name+"_"))
		}
		all[name] = v
	}
	if len(all) > maxNamed {
		return fault.InField(f.Name, "%s has %d names; at most %d are allowed", f.Name, len(all), maxNamed)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v, err := f.parse(name, all[name])
		if err != nil {
			return err
		}
		r.Fields[name] = v
	}
	return nil
}

// lines returns the values of a field with names, one NAME=VALUE on each line.
func (f Field) lines(fields map[string]string) string {
	var b strings.Builder
	for _, name := range f.names(fields) {
		b.WriteString(strings.TrimPrefix(name, f.Name+"_") + "=" + fields[name] + "\n")
	}
	return b.String()
}

// Pairs returns the values of a field with names as NAME=VALUE, sorted by name.
func (f Field) Pairs(fields map[string]string) []string {
	return strings.FieldsFunc(f.lines(fields), func(r rune) bool { return r == '\n' })
}
