package mintapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
)

const (
	typeDiscovery = "application/vnd.pypi.pytp.v1+json"
	typeProblem   = "application/problem+json"
)

// send sends a request with some Accept headers and returns what came, whatever its type.
func (s *site) send(method, path, body string, accept ...string) reply {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	s.must(err)
	r.Header["Accept"] = accept
	resp, err := http.DefaultTransport.RoundTrip(r)
	s.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	s.must(err)
	out := reply{status: resp.StatusCode, header: resp.Header, body: string(b)}
	if err := json.Unmarshal(b, &out.json); err != nil {
		s.Errorf("%s %s as %q = %d %q, want JSON", method, path, accept, out.status, b)
	}
	return out
}

// problem wants a failure that is a problem (RFC 9457) and says the same to clients of today.
func (s *site) problem(what string, r reply, status int, code, word string) {
	s.Helper()
	s.refused(what, r, status, code, word)
	first, _ := r.json["errors"].([]any)[0].(map[string]any)
	if r.header.Get("Content-Type") != typeProblem || r.json["status"] != float64(status) ||
		r.json["type"] != "about:blank" ||
		r.json["title"] != http.StatusText(status) || r.json["detail"] != first["description"] {
		s.Errorf("%s: %s %s, want a problem", what, r.header.Get("Content-Type"), r.body)
	}
}

// TestDiscover: each spelling of an upload path below the base URL, at both places, with each Accept that fits.
func TestDiscover(t *testing.T) {
	s := newSite(t, settings{audience: audience, issuers: true})
	want := map[string]any{
		"audience-endpoint":   "https://pypi.acme.example/team/_/oidc/audience",
		"token-mint-endpoint": "https://pypi.acme.example/team/_/oidc/mint-token",
		"features":            []any{"multi-use-token", "single-use-token"}, "default-features": []any{"multi-use-token"},
	}
	for _, at := range []string{"/.well-known/pytp", "/team/.well-known/pytp"} {
		for _, key := range []string{
			"/team/legacy/", "/team/legacy", "/team/r/main/legacy/", "/team/r/no-such-repository/legacy/",
			"/team/r/internal/legacy",
		} {
			for _, accept := range [][]string{
				nil,
				{""},
				{typeDiscovery},
				{"*/*"},
				{"application/*"},
				{"text/html, " + typeDiscovery + ";q=0.1"},
				{"text/html", typeDiscovery},
				{strings.ToUpper(typeDiscovery)},
			} {
				r := s.send("GET", at+"?discover="+url.QueryEscape(key), "", accept...)
				if diff := cmp.Diff(want, r.json); r.status != 200 || diff != "" ||
					r.header.Get("Content-Type") != typeDiscovery || r.header.Get("Vary") != "Accept" {
					t.Errorf("GET %s for %s as %q = %d %v: %s", at, key, accept, r.status, r.header, diff)
				}
			}
		}
	}
}

// TestDiscoverRefuses: what is no upload path is 404, also where it nearly is one.
func TestDiscoverRefuses(t *testing.T) {
	s := newSite(t, settings{audience: audience, issuers: true})
	for _, query := range []string{
		"", "?discover", "?discover=", "?discover=/", "?discover=/legacy/", "?discover=/legacy", "?discover=/team",
		"?discover=/team/",
		"?discover=/team/legacy//", "?discover=//team/legacy/", "?discover=/team/legacy/x", "?discover=/teamx/legacy/",
		"?discover=/TEAM/legacy/",
		"?discover=/team/Legacy/", "?discover=team/legacy/", "?discover=https://pypi.acme.example/team/legacy/",
		"?discover=/team/simple/",
		"?discover=/team/r/legacy/", "?discover=/team/r//legacy/", "?discover=/team/r/a/b/legacy/",
		"?discover=/team/r/../legacy/", "?discover=/team/r/A/legacy/",
		"?discover=/team/r/-/legacy/", "?discover=/team/r/main", "?discover=/r/main/legacy/",
		"?discover=%252Fteam%252Flegacy%252F", "?discover=/team/legacy/%00", "?discover=/team/legacy/%0a",
		"?Discover=/team/legacy/", "?discover=/team/legacy/&discover=/team/legacy/", "?discover=/team/legacy/;x",
		"?discover=%zz", "?discover=" + strings.Repeat("/team/legacy/", 500),
	} {
		s.problem(query, s.send("GET", "/.well-known/pytp"+query, "", typeDiscovery), 404, "unknown-upload-path", "discover")
	}
	good := "/.well-known/pytp?discover=/team/legacy/"
	for _, accept := range []string{
		"text/html", "application/json", typeProblem, "application/vnd.pypi.pytp.v2+json",
		"application/vnd.pypi.simple.v1+json", typeDiscovery + ";q=0", "*/*;q=0",
		"*/*, " + typeDiscovery + ";q=0", "nonsense", "text/*", strings.Repeat("a/b,", 2000) + typeDiscovery,
	} {
		r := s.send("GET", good, "", accept)
		s.problem("Accept "+accept[:min(len(accept), 60)], r, 406, "not-acceptable", typeDiscovery)
		if r.header.Get("Vary") != "Accept" {
			t.Errorf("406 without Vary: %v", r.header)
		}
	}
	for name, o := range map[string]settings{"no issuer": {audience: audience}, "no audience": {issuers: true}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, o)
			s.problem(name, s.send("GET", good, "", typeDiscovery), 404, exchange.CodeNotEnabled, "not enabled")
		})
	}
}

// TestFeatures: a token is for one upload where that is asked for, and not otherwise.
func TestFeatures(t *testing.T) {
	s := trusting(t)
	for features, once := range map[string]bool{
		``: false, `, "features": []`: false, `, "features": null`: false, `, "features": ["multi-use-token"]`: false,
		`, "features": ["single-use-token"]`: true, `, "features": ["single-use-token", "single-use-token"]`: true,
	} {
		for _, accept := range []string{"*/*", typeDiscovery} {
			r := s.send("POST", mintPath, `{"token": "`+s.token(nil)+`"`+features+`}`, accept)
			token, _ := r.json["token"].(string)
			who, err := s.keyring.Identify(t.Context(), "__token__", access.Secret(token))
			if r.status != 200 || err != nil || who.SingleUse() != once || !who.Uploads() ||
				r.header.Get("Content-Type") != "application/json" {
				t.Errorf("mint with %s = %d %s, single use %v, %v; want %v", features, r.status, r.body, who.SingleUse(), err, once)
			}
		}
	}
}

// TestFeaturesRefused: what is not known is refused before the identity token is used up.
func TestFeaturesRefused(t *testing.T) {
	s := trusting(t)
	token := s.token(nil)
	for features, word := range map[string]string{
		`"single-use-token"`: "not a list", `{}`: "not a list", `7`: "not a list", `true`: "not a list", `""`: "not a list",
		`["x"]`: "not known", `["single-use-token", "x"]`: "not known", `["Single-Use-Token"]`: "not known",
		`[null]`: "not known", `[7]`: "not known",
		`[["single-use-token"]]`: "not known", `[{}]`: "not known", `[""]`: "not known", `["` + token + `"]`: "not known",
		`["single-use-token", "multi-use-token"]`: "cannot be both",
	} {
		for _, path := range []string{mintPath, "/_/oidc/github/mint-token"} {
			r := s.ask("POST", path, "", `{"token": "`+token+`", "features": `+features+`}`)
			s.refused(features, r, 422, exchange.CodePayload, word)
			if strings.Contains(r.body, token) {
				t.Errorf("the answer repeats the token: %s", r.body)
			}
		}
	}
	if r := s.mint(token); r.status != 200 {
		t.Errorf("the token after refused features = %d %s", r.status, r.body)
	}
}

// TestBurnIgnoresFeatures: whatever else is in the body, a token that is burnt is burnt.
func TestBurnIgnoresFeatures(t *testing.T) {
	s := trusting(t)
	token, _ := s.mint(s.token(nil)).json["token"].(string)
	s.ask("POST", "/_/oidc/burn-token", "", `{"token": "`+token+`", "features": ["x"]}`)
	if _, err := s.keyring.Identify(t.Context(), "__token__", access.Secret(token)); err == nil {
		t.Error("the token works on")
	}
}

// TestProblems: one object for both readers, as a problem where Accept asks for one.
func TestProblems(t *testing.T) {
	s := trusting(t)
	s.mint(s.token(nil))
	plain := s.ask("POST", mintPath, "", "{}")
	if want := `{"message":"Token request failed","errors":[{"code":"invalid-payload","description":"the request's body has no \"token\" that is a string"}]}` + "\n"; plain.body != want {
		t.Errorf("what clients of today read = %s, want %s", plain.body, want)
	}
	for _, accept := range []string{
		typeProblem, "application/json, " + typeProblem, typeProblem + ", */*", typeDiscovery, "APPLICATION/PROBLEM+JSON",
		"application/json;q=0.5," + typeProblem + ";q=0.6",
	} {
		s.problem(accept, s.send("POST", mintPath, "{}", accept), 422, exchange.CodePayload, "no \"token\"")
		s.problem(accept, s.send("POST", mintPath, body(s.token(map[string]any{"aud": "pypi"})), accept), 422,
			exchange.CodeToken, "audience")
		s.problem(accept, s.send("POST", mintPath, body(s.token(map[string]any{"repository": "acme/else"})), accept), 422,
			exchange.CodePublisher, "acme/else")
	}
	for _, accept := range [][]string{
		nil,
		{"*/*"},
		{"application/json"},
		{"application/*"},
		{"text/html"},
		{typeProblem + ";q=0"},
		{"application/json, " + typeProblem + ";q=0.5"},
		{"nonsense"},
	} {
		r := s.send("POST", mintPath, "{}", accept...)
		if r.status != 422 || r.body != plain.body || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("Accept %q = %d %s %s, want what it always was", accept, r.status, r.header.Get("Content-Type"), r.body)
		}
	}
	off := newSite(t, settings{audience: audience})
	off.problem("audience", off.send("GET", "/_/oidc/audience", "", typeDiscovery), 403, exchange.CodeNotEnabled, "issuer")
	off.problem("mint", off.send("POST", mintPath, "{}", typeProblem), 422, exchange.CodeNotEnabled, "not enabled")
	slow := newSite(t, settings{audience: audience, issuers: true, rate: 1})
	slow.mint("x")
	slow.problem("rate", slow.send("POST", mintPath, "{}", typeProblem), 429, "rate-limited", "too many")
}
