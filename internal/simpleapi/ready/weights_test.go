package ready_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/simpleapi/ready"
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
			for it := (ready.Weights{Lines: tt.lines}); it.Next(); {
				got = append(got, w{it.Value, it.Weight})
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("Weights(%q) (-want +got):\n%s", tt.lines, d)
			}
		})
	}
}

func TestChooseEncoding(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   ready.Encoding
	}{
		{"", ready.Identity},
		{"identity", ready.Identity},
		{"gzip, deflate", ready.Gzip},
		{"gzip, deflate, zstd", ready.Zstd},
		{"zstd, gzip, deflate", ready.Zstd},
		{"gzip, deflate, br, zstd", ready.Zstd},
		{"x-gzip", ready.Gzip},
		{"GZIP", ready.Gzip},
		{"gzip;q=1.0, zstd;q=0.5", ready.Gzip},
		{"gzip;q=0", ready.Identity},
		{"zstd;q=0, gzip;q=0.1", ready.Gzip},
		{"identity;q=1, gzip;q=0.5", ready.Identity},
		{"gzip, identity;q=0", ready.Gzip},
		{"*", ready.Zstd},
		{"*;q=0", ready.Identity},
		{"zstd;q=0, *", ready.Gzip},
		{"gzip;q=0.5, *;q=0", ready.Gzip},
		{"br, deflate", ready.Identity},
		{"gzip;q=nonsense", ready.Identity},
		{"identity;q=0", ready.Identity},
	} {
		if got := ready.ChooseEncoding([]string{tt.header}); got != tt.want {
			t.Errorf("ChooseEncoding(%q) = %v, want %v", tt.header, got, tt.want)
		}
	}
	if got := ready.ChooseEncoding(nil); got != ready.Identity {
		t.Errorf("ChooseEncoding(nil) = %v, want identity", got)
	}
}

func TestMatches(t *testing.T) {
	const etag = `"abc"`
	for _, tt := range []struct {
		lines []string
		want  bool
	}{
		{[]string{`"abc"`}, true},
		{[]string{`W/"abc"`}, true},
		{[]string{`*`}, true},
		{[]string{` * `}, true},
		{[]string{`"x", "abc"`}, true},
		{[]string{`"x"`, `"abc"`}, true},
		{[]string{`"a,b" , W/"abc"`}, true},
		{[]string{`,,"abc"`}, true},
		{nil, false},
		{[]string{``}, false},
		{[]string{`abc`}, false},
		{[]string{`"abc`}, false},
		{[]string{`"abcd"`}, false},
		{[]string{`"ABC"`}, false},
		{[]string{`w/"abc"`}, false},
		{[]string{`junk "abc"`}, false},
		{[]string{`"x" junk, "abc"`}, false},
	} {
		if got := ready.Matches(tt.lines, etag); got != tt.want {
			t.Errorf("Matches(%q, %s) = %v, want %v", tt.lines, etag, got, tt.want)
		}
	}
}
