package route_test

import (
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
