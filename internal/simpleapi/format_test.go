package simpleapi

import (
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/fault"
)

const none = format(99) // 406

const (
	acceptPip    = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
	acceptUV     = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
	acceptPoetry = "application/vnd.pypi.simple.v1+json, */*;q=0.1"
)

var negotiations = []struct {
	name   string
	accept []string // nil for no header
	want   format
}{
	{"no header", nil, textHTML},
	{"empty", []string{""}, textHTML},
	{"anything", []string{"*/*"}, textHTML},
	{"any text", []string{"text/*"}, textHTML},
	{"text/html", []string{"text/html"}, textHTML},
	{"any application", []string{"application/*"}, v1JSON},
	{"JSON", []string{mediaV1JSON}, v1JSON},
	{"pip", []string{acceptPip}, v1JSON},
	{"uv", []string{acceptUV}, v1JSON},
	{"poetry", []string{acceptPoetry}, v1JSON},
	{"v1 HTML", []string{mediaV1HTML}, v1HTML},
	{"latest JSON", []string{"application/vnd.pypi.simple.latest+json"}, v1JSON},
	{"latest HTML", []string{"application/vnd.pypi.simple.latest+html"}, v1HTML},
	{"latest JSON, then all", []string{"application/vnd.pypi.simple.latest+json, */*;q=0.5"}, v1JSON},
	{"JSON refused", []string{mediaV1JSON + ";q=0, text/html"}, textHTML},
	{"JSON refused, all else", []string{mediaV1JSON + ";q=0, */*"}, textHTML},
	{"JSON liked less", []string{mediaV1JSON + ";q=0.1, text/html;q=0.9"}, textHTML},
	{"JSON liked less, other order", []string{"text/html;q=0.9, " + mediaV1JSON + ";q=0.1"}, textHTML},
	{"HTML refused, all else", []string{"text/html;q=0, */*"}, v1JSON},
	{"all text refused, all else", []string{"text/*;q=0, */*;q=0.1"}, v1JSON},
	{"JSON and HTML refused, all else", []string{"text/html;q=0, " + mediaV1JSON + ";q=0, */*"}, v1HTML},
	{"little HTML", []string{"text/html;q=0.1"}, textHTML},
	{"least weight", []string{mediaV1HTML + ";q=0.001"}, v1HTML},
	{"three decimals decide", []string{mediaV1HTML + ";q=0.501, text/html;q=0.5"}, v1HTML},
	{"browser", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, textHTML},
	{"equal, both named", []string{mediaV1JSON + ", text/html"}, textHTML},
	{"equal, one named", []string{mediaV1JSON + ", */*"}, v1JSON},
	{"equal, v1 forms", []string{mediaV1HTML + ", " + mediaV1JSON}, v1JSON},
	{"equal, v1 HTML and any application", []string{mediaV1HTML + ", application/*"}, v1HTML},
	{"upper case", []string{"APPLICATION/VND.PYPI.SIMPLE.V1+JSON; Q=0.9, TEXT/HTML; Q=0.1"}, v1JSON},
	{"parameters", []string{"text/html; charset=utf-8"}, textHTML},
	{"many lines", []string{"text/html;q=0.1", mediaV1JSON}, v1JSON},
	{"blanks and tabs", []string{"\t" + mediaV1JSON + "\t;\tq=0.3 ,  text/html ; q=0.2"}, v1JSON},
	{"empty elements", []string{", ,text/html,,"}, textHTML},
	{"old Java's star", []string{"text/gif, *; q=.2, */*; q=0.2"}, textHTML},
	{"said twice", []string{mediaV1JSON + ";q=0.1, " + mediaV1JSON + ";q=0.8, text/html;q=0.5"}, v1JSON},
	{"one broken weight", []string{"text/html;q=broken, " + mediaV1JSON + ";q=0.5"}, v1JSON},
	{"image", []string{"image/png"}, none},
	{"plain JSON", []string{"application/json"}, none},
	{"plain JSON and all", []string{"application/json, */*;q=0.1"}, textHTML},
	{"plain text", []string{"text/plain"}, none},
	{"XHTML", []string{"application/xhtml+xml"}, none},
	{"v2", []string{"application/vnd.pypi.simple.v2+json"}, none},
	{"everything refused", []string{"*/*;q=0"}, none},
	{"all refused by name", []string{"text/html;q=0, application/*;q=0"}, none},
	{"HTML refused alone", []string{"text/html;q=0"}, none},
	{"image and garbage", []string{"image/png, ;;;"}, none},
	{"garbage", []string{"garbage"}, textHTML},
	{"garbage with weights", []string{";q=1,=;;,///,*/html,/,text/,/html"}, textHTML},
	{"broken weights only", []string{mediaV1JSON + ";q=2, text/html;q=-1"}, textHTML},
	{"control characters", []string{"\x00\x01\x7f"}, textHTML},
	{"64 kB of junk", []string{strings.Repeat("x,;=\"", 13_000)}, textHTML},
	{"64 kB of images, then JSON", []string{strings.Repeat("image/png;q=0.5,", 4_000) + mediaV1JSON}, v1JSON},
}

func TestNegotiate(t *testing.T) {
	for _, tt := range negotiations {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := negotiate(tt.accept)
			if !ok {
				got = none
			}
			if got != tt.want {
				t.Errorf("negotiate(%.200q) = %d, want %d", tt.accept, got, tt.want)
			}
		})
	}
}

func TestChooseByQuery(t *testing.T) {
	for _, tt := range []struct {
		query, accept string
		want          format
	}{
		{"format=application/vnd.pypi.simple.v1%2Bjson", "text/html", v1JSON},
		{"format=application/vnd.pypi.simple.v1+json", "text/html", v1JSON}, // "+" is a blank in a query
		{"format=application%2Fvnd.pypi.simple.latest%2Bjson", "", v1JSON},
		{"format=application/vnd.pypi.simple.v1%2Bhtml", mediaV1JSON, v1HTML},
		{"format=text/html", mediaV1JSON, textHTML},
		{"format=text/html", "image/png", textHTML},
		{"x=1", mediaV1JSON, v1JSON},
		{"format=", mediaV1JSON, v1JSON},
		{"format=json", "text/html", none},
		{"format=application/json", "text/html", none},
		{"format=*/*", "text/html", none},
		{"format=text/html,text/html", "text/html", none},
		{"format=text/html;q=1", "text/html", textHTML}, // net/url drops a pair with a semicolon
		{"format=%zz", "text/html", textHTML},
	} {
		r := httptest.NewRequest("GET", "/simple/demo/?"+tt.query, nil)
		r.Header.Set("Accept", tt.accept)
		got, err := choose(r)
		if err != nil {
			got = none
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("choose(%s) fails with %v, want an invalid fault", tt.query, err)
			}
		}
		if got != tt.want {
			t.Errorf("choose(?%s, Accept %q) = %d, want %d", tt.query, tt.accept, got, tt.want)
		}
	}
}

// FuzzAccept checks that every header yields an existing type or none, and always the same one, and that a client that
// accepts only JSON gets JSON.
func FuzzAccept(f *testing.F) {
	for _, n := range negotiations {
		f.Add(strings.Join(n.accept, ","))
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, ok := negotiate([]string{header})
		if again, okAgain := negotiate([]string{header}); again != got || okAgain != ok {
			t.Errorf("negotiate(%q) = %d, %v, then %d, %v", header, got, ok, again, okAgain)
		}
		if int(got) >= formats || got.media() == "" || strings.Contains(got.media(), "latest") {
			t.Errorf("negotiate(%q) = %d, which is no representation", header, got)
		}
		if !ok && got != textHTML {
			t.Errorf("negotiate(%q) refuses and yet gives %d", header, got)
		}
		if f, ok := negotiate([]string{header, mediaV1JSON}); !ok {
			t.Errorf("negotiate(%q and JSON) = %d, refused", header, f)
		}
	})
}

func TestChooseProvenance(t *testing.T) {
	for accept, want := range map[string]bool{
		"": true, "*/*": true, "application/*": true, "application/json": true, "APPLICATION/JSON": true,
		mediaProvenance: true, "text/html, */*;q=0.1": true, "garbage": true,
		"text/html": false, "image/png": false, "application/json;q=0": false,
		"application/vnd.pypi.integrity.v2+json": false,
	} {
		if got := chooseProvenance([]string{accept}) != ""; got != want {
			t.Errorf("chooseProvenance(%q) accepts: %v, want %v", accept, got, want)
		}
	}
}

func TestPrefersJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"application/json": true, "application/json, text/plain;q=0.5": true,
		"": false, "*/*": false, acceptPip: false, acceptPoetry: false, "text/html, application/json": false,
		"application/json;q=0": false,
	} {
		if got := prefersJSON([]string{accept}); got != want {
			t.Errorf("prefersJSON(%q) = %v, want %v", accept, got, want)
		}
	}
}
