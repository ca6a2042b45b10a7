package idtoken_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
)

func TestNewRefuses(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := idtoken.Issuer{Kind: "github", URL: "https://token.example", Audiences: []string{audience}}
	for _, c := range []struct {
		name   string
		change func(i *idtoken.Issuer)
		word   string
	}{
		{"no kind", func(i *idtoken.Issuer) { i.Kind = "" }, "kind"},
		{"no audience", func(i *idtoken.Issuer) { i.Audiences = nil }, "audience"},
		{"no URL", func(i *idtoken.Issuer) { i.URL = "" }, "absolute URL"},
		{"a host alone", func(i *idtoken.Issuer) { i.URL = "token.example" }, "absolute URL"},
		{"http", func(i *idtoken.Issuer) { i.URL = "http://token.example" }, "https"},
		{
			"http on a host that begins like this machine", func(i *idtoken.Issuer) { i.URL = "http://localhost.evil.example" },
			"https",
		},
		{"a file", func(i *idtoken.Issuer) { i.URL = "file:///etc/passwd" }, "absolute URL"},
		{"a user", func(i *idtoken.Issuer) { i.URL = "https://me@token.example" }, "user"},
		{"a query", func(i *idtoken.Issuer) { i.URL = "https://token.example?x" }, "query"},
		{"an empty query", func(i *idtoken.Issuer) { i.URL = "https://token.example?" }, "query"},
		{"a fragment", func(i *idtoken.Issuer) { i.URL = "https://token.example#x" }, "fragment"},
		{"a CA file that is not there", func(i *idtoken.Issuer) { i.CAFile = junk + "x" }, "CA file"},
		{"a CA file that is none", func(i *idtoken.Issuer) { i.CAFile = junk }, "no certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := good
			c.change(&i)
			if _, err := idtoken.New([]idtoken.Issuer{i}, idtoken.Options{}); err == nil ||
				!strings.Contains(err.Error(), c.word) {
				t.Errorf("%s: New(%+v) = %v, want an error with %q", c.name, i, err, c.word)
			}
		})
	}
	if _, err := idtoken.New([]idtoken.Issuer{good, good}, idtoken.Options{}); err == nil ||
		!strings.Contains(err.Error(), "twice") {
		t.Errorf("New(the same twice) = %v, want an error", err)
	}
	for _, url := range []string{"http://127.0.0.1:8080", "http://[::1]", "http://localhost:1", "https://a.example/path"} {
		i := good
		i.URL = url
		if _, err := idtoken.New([]idtoken.Issuer{i}, idtoken.Options{}); err != nil {
			t.Errorf("New(%s) = %v", url, err)
		}
	}
}

// TestAudiences checks that an issuer's tokens may have each of its audiences and no other.
func TestAudiences(t *testing.T) {
	b := newBench(t)
	var err error
	b.verifier, err = idtoken.New([]idtoken.Issuer{{
		Kind: "github", URL: b.issuer.URL, Audiences: []string{audience, "index.team.example"}, CAFile: b.issuer.CAFile(t),
	}}, idtoken.Options{Now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	for _, aud := range []string{audience, "index.team.example"} {
		if err := b.verify(b.issuer.Sign(b.issuer.Claims(aud, b.now(), nil))); err != nil {
			t.Errorf("a token for %s: %v", aud, err)
		}
	}
	for name, aud := range map[string]any{
		"another": "pypi", "both": []any{audience, "index.team.example"}, "joined": audience + " index.team.example",
		"none": "", "a list": []any{audience}, "case": "INDEX.TEAM.EXAMPLE", "missing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			refuse(t, name, b.verify(b.issuer.Sign(b.issuer.Claims("", b.now(), map[string]any{"aud": aud}))),
				exchange.CodeToken, `"`+audience+`" or "index.team.example"`)
		})
	}
}

// TestAudienceLists checks which kinds may write the audience as a list of one: Kubernetes, Bitbucket for an audience
// of the step's own, and unknown platforms. Nobody may name two recipients.
func TestAudienceLists(t *testing.T) {
	for kind, want := range map[string]bool{
		"kubernetes": true, "bitbucket": true, "generic": true, "github": false, "gitlab": false, "google": false,
		"activestate": false, "circleci": false, "buildkite": false, "semaphore": false, "forgejo": false,
		"azure-devops": false, "jenkins": false,
	} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			var err error
			b.verifier, err = idtoken.New([]idtoken.Issuer{{
				Kind: kind, URL: b.issuer.URL, Audiences: []string{audience}, CAFile: b.issuer.CAFile(t),
			}}, idtoken.Options{Now: b.now})
			if err != nil {
				t.Fatal(err)
			}
			sent := func(aud ...any) error {
				return b.verify(b.issuer.Sign(b.issuer.Claims("", b.now(), map[string]any{"aud": aud})))
			}
			if err := sent(audience); (err == nil) != want {
				t.Errorf("a list of one: %v, want it accepted: %v", err, want)
			}
			for _, aud := range [][]any{{audience, "other"}, {audience, audience}, {}, {"other"}, {[]any{audience}}, {1}} {
				if err := sent(aud...); err == nil {
					t.Errorf("the audience %v is accepted", aud)
				}
			}
		})
	}
}

// TestUntrustedTLS: keys of an issuer whose certificate nobody vouches for are not had.
func TestUntrustedTLS(t *testing.T) {
	b := newBench(t)
	var err error
	b.verifier, err = idtoken.New([]idtoken.Issuer{{Kind: "github", URL: b.issuer.URL, Audiences: []string{audience}}},
		idtoken.Options{Now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	b.unavailable("without its CA")
}

// TestUnknownIssuerIsNotAsked: a token cannot make us visit a place of its choice.
func TestUnknownIssuerIsNotAsked(t *testing.T) {
	b := newBench(t)
	evil := issuertest.New(t, issuertest.Options{Plain: true})
	refuse(t, "unknown issuer", b.verify(evil.Sign(evil.Claims(audience, b.now(), nil))), exchange.CodePayload,
		": the index's administrator has to add it to oidc.issuers")
	claimsB := evil.Sign(b.issuer.Claims(audience, b.now(), nil))
	if err := b.verify(claimsB); err == nil {
		t.Error("a token of one issuer passes as another's")
	}
	if n := evil.Counts(); n != (issuertest.Counts{}) {
		t.Errorf("the unknown issuer was asked: %+v", n)
	}
	if n := b.issuer.Counts(); n.Keys != 1 {
		t.Errorf("the configured issuer was asked %+v times, want once", n)
	}
}

// TestRubbishFetchesNothing: what is refused without keys never makes us ask for any.
func TestRubbishFetchesNothing(t *testing.T) {
	b := newBench(t)
	for name, over := range map[string]map[string]any{
		"audience": {"aud": "pypi"}, "expiry": {"exp": 1}, "issue": {"iat": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			refuse(t, name, b.verify(b.issuer.Sign(b.issuer.Claims(audience, b.now(), over))), exchange.CodeToken,
				"malformed or invalid")
		})
	}
	refuse(t, "algorithm",
		b.verify(b.issuer.SignAs(b.issuer.Header(map[string]any{"alg": "none"}), b.issuer.Claims(audience, b.now(), nil))),
		exchange.CodeToken, "alg")
	if n := b.issuer.Counts(); n != (issuertest.Counts{}) {
		t.Errorf("rubbish made us ask: %+v", n)
	}
}
