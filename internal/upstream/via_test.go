package upstream_test

import (
	"slices"
	"strings"
	"testing"

	"pyindex/internal/upstream"
)

func TestParseVia(t *testing.T) {
	for value, want := range map[string][]string{
		"":                                  nil,
		"1.1 index-a":                       {"a"},
		"HTTP/1.1 index-a, 1.0 INDEX-B":     {"a", "b"},
		"1.1 varnish, 1.1 index-a, 2 envoy": {"a"},
		"1.1 index-a (1.1 index-b, (nested \\) ) 1.1 index-c), 1.1 index-d": {"a", "d"},
		"1.1 index-": nil, "1.1 index": nil, "index-a": nil, "1.1": nil, ",,,": nil, "(((": nil, ")": nil,
		"1.1 gateway (index-a)": nil, "1.1 my-index-a": nil,
		"1.1\tindex-a\t": {"a"},
		// What a caller makes up does not go to an upstream.
		"1.1 index-" + strings.Repeat("a", 65): nil, "1.1 index-" + strings.Repeat("a", 64): {strings.Repeat("a", 64)},
		"1.1 index-\u00e4": nil, "1.1 index-a\x00b": nil, "1.1 index-a:8080": nil, "1.1 index-\xff": nil, "1.1 index-\"": nil,
	} {
		if got := upstream.ParseVia([]string{value}); !slices.Equal(got, want) {
			t.Errorf("ParseVia(%q) = %q, want %q", value, got, want)
		}
	}
	if got := upstream.ParseVia([]string{"1.1 index-a", "1.1 index-b"}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("two headers: %q", got)
	}
}

// FuzzVia: whatever a caller sends, what goes on to an upstream is a short header that is valid.
func FuzzVia(f *testing.F) {
	f.Add("1.1 index-a, 1.1 index-b (c, (d)), 2 e", "1.1 INDEX-me")
	f.Fuzz(func(t *testing.T, first, second string) {
		v := upstream.ParseVia([]string{first, second})
		if !v.MayAsk("me") {
			return
		}
		via := v.Via("me")
		if len(via) > 400 || strings.ContainsFunc(via, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", via)
		}
		again := upstream.ParseVia([]string{via})
		if !slices.Equal(again, append(slices.Clone(v), "me")) || again.MayAsk("me") {
			t.Errorf("%q is read as %q", via, again)
		}
	})
}

// TestVisitedMayAsk: a request that comes back, or that comes from a long chain of index servers, asks no upstream.
func TestVisitedMayAsk(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "1.1 varnish, 1.1 a, 1.1 b, 1.1 c, 1.1 d, 1.1 e": true, "1.1 index-a": true,
		"1.1 index-a, 1.1 index-b, 1.1 index-c": true, "1.1 index-a, 1.1 index-b, 1.1 index-c, 1.1 index-d": false,
		"1.1 index-me": false, "1.1 INDEX-ME": false, "1.1 index-a, 1.1 index-me, 1.1 index-b": false,
		"1.1 index-me (comment)": false, "1.1 index-mee": true, "1.1 index-m": true,
		strings.Repeat("1.1 index-a, ", 1000): false,
	} {
		if got := upstream.ParseVia([]string{value}).MayAsk("Me"); got != want {
			t.Errorf("%.60q may ask: %v, want %v", value, got, want)
		}
	}
}

// TestParseLimited: an index reads who limited an answer, without itself, and takes only ids from the header.
func TestParseLimited(t *testing.T) {
	for value, want := range map[string][]string{
		"": nil, "a": {"a"}, "a, B ,c": {"a", "b", "c"}, "me": nil, "ME, a": {"a"}, "a,a": {"a"}, ", ,": nil, "a b": nil,
		"\u00e4": nil, strings.Repeat("x", 65): nil,
	} {
		if got := upstream.ParseLimited([]string{value}, "Me"); !slices.Equal(got, want) {
			t.Errorf("ParseLimited(%q) = %q, want %q", value, got, want)
		}
	}
	many := strings.Split(strings.Repeat("a,", 50), ",")
	for i := range many {
		many[i] += strings.Repeat("b", i)
	}
	if got := upstream.ParseLimited(many, "me"); len(got) != 10 || len(got.Limited()) > 700 {
		t.Errorf("%d servers, %d bytes", len(got), len(got.Limited()))
	}
	v := upstream.Visited{"a", "b"}
	if !v.Within(upstream.Visited{"c", "b", "a"}) || v.Within(upstream.Visited{"a"}) ||
		!upstream.Visited(nil).Within(nil) {
		t.Error("Within")
	}
}

func TestVia(t *testing.T) {
	if got := upstream.Visited(nil).Via("ME"); got != "1.1 index-me" {
		t.Errorf("first: %q", got)
	}
	v := upstream.Visited{"a", "b"}
	if got := upstream.ParseVia([]string{v.Via("me")}); !slices.Equal(got, []string{"a", "b", "me"}) {
		t.Errorf("third: %q", got)
	}
	if len(v) != 2 {
		t.Errorf("Via changed the list: %q", v)
	}
	ctx := upstream.WithVisited(t.Context(), v)
	if got := upstream.VisitedOf(ctx); !slices.Equal(got, v) || upstream.VisitedOf(t.Context()) != nil {
		t.Errorf("VisitedOf = %q", got)
	}
}
