package route_test

import (
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

func TestStatus(t *testing.T) {
	for kind, want := range map[fault.Kind]int{
		fault.Internal: 500, fault.NotFound: 404, fault.Conflict: 409, fault.Invalid: 400, fault.Denied: 403,
		fault.Unauthenticated: 401, fault.TooLarge: 413, fault.TooMany: 429, fault.Unavailable: 503, fault.Kind(99): 500,
	} {
		if got := route.Status(kind); got != want {
			t.Errorf("Status(%v) = %d, want %d", kind, got, want)
		}
	}
}

func TestReasonPhrase(t *testing.T) {
	tests := map[string]struct{ message, want string }{
		"whole":       {"File already exists", "File already exists"},
		"sentences":   {"one thing. Another", "one thing. Another"},
		"version":     {"foo 1.0.2 is there", "foo 1.0.2 is there"},
		"line end":    {"a\r\nSet-Cookie: b", "a  Set-Cookie: b"},
		"separators":  {"a\u2028b\u2029c\u0085d", "a b c d"},
		"Latin-1":     {"Käse", "K\xe4se"},
		"not Latin-1": {"日本 \u202e x", "?? ? x"},
		"not UTF-8":   {"a\xffb", "a?b"},
		"long":        {strings.Repeat("a", 500), strings.Repeat("a", 397) + "..."},
		"exactly":     {strings.Repeat("a", 400), strings.Repeat("a", 400)},
		"line":        {strings.Repeat("ä", 400), strings.Repeat("\xe4", 400)},
		"long second": {"Do this. " + strings.Repeat("a", 500), "Do this."},
		"long third":  {"Do this. Or that. " + strings.Repeat("a", 500), "Do this. Or that."},
		"empty":       {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := string(route.ReasonPhrase(tt.message)); got != tt.want {
				t.Errorf("ReasonPhrase(%q) = %q, want %q", tt.message, got, tt.want)
			}
		})
	}
}
