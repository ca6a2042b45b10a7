package idtoken_test

import (
	"strings"
	"testing"

	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
)

func TestProbe(t *testing.T) {
	secure, plain := issuertest.New(t, issuertest.Options{}), issuertest.New(t, issuertest.Options{Plain: true})
	broken := issuertest.New(t, issuertest.Options{Plain: true})
	broken.Fail(issuertest.Keys, issuertest.Down)
	for _, c := range []struct {
		name string
		i    idtoken.Issuer
		keys int
		word string // of the error
	}{
		{"plain on this machine", idtoken.Issuer{Kind: "github", URL: plain.URL, Audiences: []string{"a"}}, 1, ""},
		{
			"its authority is named",
			idtoken.Issuer{Kind: "github", URL: secure.URL, Audiences: []string{"a"}, CAFile: secure.CAFile(t)},
			1, "",
		},
		{
			"its authority is unknown",
			idtoken.Issuer{Kind: "github", URL: secure.URL, Audiences: []string{"a"}},
			0,
			"certificate",
		},
		{
			"the file of its authority is not there",
			idtoken.Issuer{Kind: "github", URL: secure.URL, Audiences: []string{"a"}, CAFile: "/no/such"},
			0, "CA file",
		},
		{"no audience", idtoken.Issuer{Kind: "github", URL: plain.URL}, 0, "audience"},
		{"the keys fail", idtoken.Issuer{Kind: "github", URL: broken.URL, Audiences: []string{"a"}}, 0, "503"},
		{
			"another issuer's name", idtoken.Issuer{Kind: "github", URL: plain.URL + "/", Audiences: []string{"a"}}, 0, "issuer",
		},
		{"nobody there", idtoken.Issuer{Kind: "github", URL: "http://127.0.0.1:1", Audiences: []string{"a"}}, 0, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := idtoken.Probe(t.Context(), c.i)
			if n != c.keys || (err == nil) != (c.word == "") || err != nil && !strings.Contains(err.Error(), c.word) {
				t.Errorf("%s: Probe = %d, %v; want %d and %q", c.name, n, err, c.keys, c.word)
			}
		})
	}
}
