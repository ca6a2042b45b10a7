package route_test

import (
	"strings"
	"testing"

	"pyindex/internal/route"
)

func TestQuality(t *testing.T) {
	for _, c := range []struct {
		accept, kind string
		want         float64
	}{
		{"application/json", "application/json", 1},
		{"application/json;q=0.5, */*;q=0.1", "application/json", 0.5},
		{"application/*;q=0.4, */*;q=0.1", "application/json", 0.4},
		{"*/*;q=0.1", "text/plain", 0.1},
		{"application/json;q=0, */*", "application/json", 0},
		{"application/json; q=0.2", "application/json", 0.2},
		{"application/json;q=7", "application/json", 1},
		{"application/json;q=x", "application/json", 1},
		{"text/html", "application/json", 0},
		{";;;, ,application/json", "application/json", 1},
		{"", "application/json", 0},
		{strings.Repeat("application/json,", 400), "application/json", 0},
	} {
		if got := route.ParseAccept([]string{c.accept}).Quality(c.kind); got != c.want {
			t.Errorf("ParseAccept(%.60q).Quality(%q) = %v, want %v", c.accept, c.kind, got, c.want)
		}
	}
	if route.ParseAccept(nil) != nil || route.ParseAccept([]string{"nonsense;;"}) == nil {
		t.Error("ParseAccept is nil without a header, and only then")
	}
}
