package route_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/route"
)

func TestWeights(t *testing.T) {
	type w = struct {
		Value  string
		Weight int
	}
	for _, tt := range []struct {
		name  string
		lines []string
		want  []w
	}{
		{"none", nil, nil},
		{"empty line", []string{""}, nil},
		{"commas alone", []string{" , ,,"}, nil},
		{"one", []string{"gzip"}, []w{{"gzip", 1000}}},
		{"weights", []string{"a;q=0.5, b; q=0.25,c ;q=0"}, []w{{"a", 500}, {"b", 250}, {"c", 0}}},
		{"three decimals", []string{"a;q=0.001,b;q=1.000"}, []w{{"a", 1}, {"b", 1000}}},
		{"lines", []string{"a", "b;q=0.1"}, []w{{"a", 1000}, {"b", 100}}},
		{"other parameters", []string{"text/html;level=1;Q=0.3;x"}, []w{{"text/html", 300}}},
		{"weight above one", []string{"a;q=1.001, b;q=2"}, nil},
		{"four decimals", []string{"a;q=0.0001"}, nil},
		{"negative", []string{"a;q=-1"}, nil},
		{"no number", []string{"a;q=high, b;q=, c;q"}, nil},
		{"blank inside", []string{"a b, c"}, []w{{"c", 1000}}},
		{"only parameters", []string{";q=1"}, nil},
		{"signs and exponents", []string{"a;q=0.+1, b;q=1e0, c;q=0x1"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []w
			for it := (route.Weights{Lines: tt.lines}); it.Next(); {
				got = append(got, w{it.Value, it.Weight})
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("Weights(%q) (-want +got):\n%s", tt.lines, d)
			}
		})
	}
}

func TestQuality(t *testing.T) {
	for _, c := range []struct {
		accept, kind string
		want         int
	}{
		{"application/json", "application/json", 1000},
		{"application/json;q=0.5, */*;q=0.1", "application/json", 500},
		{"application/*;q=0.4, */*;q=0.1", "application/json", 400},
		{"*/*;q=0.1", "text/plain", 100},
		{"application/json;q=0, */*", "application/json", 0},
		{"application/json; q=0.2", "application/json", 200},
		{"application/json;q=7", "application/json", 0},
		{"application/json;q=x", "application/json", 0},
		{"text/html", "application/json", 0},
		{";;;, ,application/json", "application/json", 1000},
		{"", "application/json", 0},
		{strings.Repeat("application/json,", 400), "application/json", 0},
		{"Application/JSON;q=0.3, text/*", "application/json", 300},
	} {
		if got := route.Quality([]string{c.accept}, c.kind); got != c.want {
			t.Errorf("Quality(%.60q, %q) = %v, want %v", c.accept, c.kind, got, c.want)
		}
	}
}

// TestAcceptOfClients checks the weights that existing clients give to the types among which the edges choose.
func TestAcceptOfClients(t *testing.T) {
	const v1JSON, v1HTML = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"
	kinds := []string{"text/plain", "text/html", "application/json", v1JSON, v1HTML}
	for _, c := range []struct {
		client, accept string
		want           [5]int // in the order of kinds
	}{
		{"pip 9 to 18", "text/html", [5]int{0, 1000}},
		{"pip 19 to 22.1", "text/html", [5]int{0, 1000}},
		{"pip 22.2 to 26", v1JSON + ", " + v1HTML + "; q=0.1, text/html; q=0.01", [5]int{0, 10, 0, 1000, 100}},
		{"uv", v1JSON + ", " + v1HTML + ";q=0.2, text/html;q=0.01", [5]int{0, 10, 0, 1000, 200}},
		{"uv publish", "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7", [5]int{800, 700, 900}},
		{"poetry", v1JSON, [5]int{0, 0, 0, 1000}},
		{"requests, curl", "*/*", [5]int{1000, 1000, 1000, 1000, 1000}},
		{"twine", "application/json;q=1, */*;q=0.5", [5]int{500, 500, 1000, 500, 500}},
		{"Chrome", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8," +
			"application/signed-exchange;v=b3;q=0.7", [5]int{800, 1000, 800, 800, 800}},
		{"Firefox", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", [5]int{800, 1000, 800, 800, 800}},
		{"the page's script", "application/json", [5]int{0, 0, 1000}},
	} {
		for i, kind := range kinds {
			if got := route.Quality([]string{c.accept}, kind); got != c.want[i] {
				t.Errorf("%s: Quality(%q, %q) = %d, want %d", c.client, c.accept, kind, got, c.want[i])
			}
		}
	}
}
