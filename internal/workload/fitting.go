package workload

import (
	"encoding/json"
	"slices"
	"strings"
)

// fitting compares a field's value with a claim of any type. It returns false if the claim is missing or has another
// type than the field: nothing is converted.
type fitting func(want string, got any) bool

// asText compares a claim that is a string.
func asText(compare func(want, got string) bool) fitting {
	return func(want string, got any) bool {
		s, ok := got.(string)
		return ok && compare(want, s)
	}
}

// isBool compares a claim that is true or false, not the text of these words.
func isBool(want string, got any) bool {
	v, ok := got.(bool)
	return ok && want == map[bool]string{true: "true", false: "false"}[v]
}

// isNumber compares a claim that is a whole number. Its digits must be the same, so 12 does not fit 12.0 or 1.2e1.
func isNumber(want string, got any) bool {
	n, ok := got.(json.Number)
	return ok && n.String() == want
}

// hasText requires a claim that is a list of strings, one of which is equal.
func hasText(want string, got any) bool {
	all, _ := got.([]any)
	return slices.Contains(all, any(want))
}

// hasPart requires a claim that is one string of several values with commas between them, one of which is equal.
func hasPart(want, got string) bool { return slices.Contains(strings.Split(got, ","), want) }
