package ready_test

import (
	"testing"

	"pyindex/internal/simpleapi/ready"
)

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
