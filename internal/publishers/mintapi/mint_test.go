package mintapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// TestAudience: exactly one member, below the prefix and at the host's root, for everybody, without a redirect.
func TestAudience(t *testing.T) {
	s := newSite(t, settings{audience: audience, issuers: true})
	for _, path := range []string{"/_/oidc/audience", "/team/_/oidc/audience"} {
		r := s.ask("GET", path, "", "")
		if r.status != 200 || len(r.json) != 1 || r.json["audience"] != audience {
			t.Errorf("GET %s = %d %s, want the audience alone", path, r.status, r.body)
		}
	}
}

func TestNotEnabled(t *testing.T) {
	for name, o := range map[string]settings{"no issuer": {audience: audience}, "no audience": {issuers: true}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, o)
			s.refused(name+": audience", s.ask("GET", "/_/oidc/audience", "", ""), 403, exchange.CodeNotEnabled, "issuer")
			for _, sent := range []string{body(s.token(nil)), "rubbish"} {
				s.refused(name+": mint", s.ask("POST", mintPath, "", sent), 422, exchange.CodeNotEnabled, "not enabled")
			}
		})
	}
}

// TestMint: both paths, at both places, and whatever type the body claims to be.
func TestMint(t *testing.T) {
	s := trusting(t)
	for _, path := range []string{
		mintPath, "/_/oidc/github/mint-token", "/team" + mintPath, "/team/_/oidc/github/mint-token",
	} {
		for _, contentType := range []string{
			"application/json", "application/x-www-form-urlencoded", "text/plain; charset=x", "",
		} {
			r := s.ask("POST", path, contentType, `{"other": [1, {"token": null}], "token": "`+s.token(nil)+`"}`)
			token, _ := r.json["token"].(string)
			expires, _ := r.json["expires"].(float64)
			left := time.Until(time.Unix(int64(expires), 0))
			if r.status != 200 || r.json["success"] != true || !strings.HasPrefix(token, "pypi-") || left < 890*time.Second ||
				left > 900*time.Second {
				t.Fatalf("POST %s as %q = %d %s", path, contentType, r.status, r.body)
			}
			who, err := s.keyring.Identify(t.Context(), "__token__", access.Secret(token))
			if err != nil || who.Kind() != access.KindPublisher || !who.Uploads() {
				t.Errorf("Identify(minted token) = %v, %v", who.Kind(), err)
			}
		}
	}
}

func TestMintRefuses(t *testing.T) {
	s := trusting(t)
	used := s.token(nil)
	if r := s.mint(used); r.status != 200 {
		t.Fatalf("mint = %d %s", r.status, r.body)
	}
	for _, c := range []struct{ name, sent, code, word string }{
		{"nothing", "", exchange.CodePayload, "not valid JSON"},
		{"a form", "token=" + used, exchange.CodePayload, "not valid JSON"},
		{"a string", `"token"`, exchange.CodePayload, "not a JSON object"},
		{"no token", `{}`, exchange.CodePayload, `no "token"`},
		{"token a number", `{"token": 7}`, exchange.CodePayload, `no "token"`},
		{"token null", `{"token": null}`, exchange.CodePayload, `no "token"`},
		{"token blank", `{"token": "  "}`, exchange.CodePayload, `no "token"`},
		{"token a list", `{"token": ["x"]}`, exchange.CodePayload, `no "token"`},
		{"token twice", `{"token": "a", "token": "b"}`, exchange.CodePayload, "there twice"},
		{"not UTF-8", "{\"token\": \"\xff\"}", exchange.CodePayload, "UTF-8"},
		{"too large", `{"token": "` + strings.Repeat("a", 70_000) + `"}`, exchange.CodePayload, "64 KiB"},
		{"deep", strings.Repeat(`{"token":`, 5000), exchange.CodePayload, "nested"},
		{"no JWT", body("hello"), exchange.CodePayload, "malformed JWT"},
		{
			"unknown issuer", body(s.token(map[string]any{"iss": "https://evil.example"})), exchange.CodePayload,
			"unknown trusted publishing issuer",
		},
		{"other audience", body(s.token(map[string]any{"aud": "pypi"})), exchange.CodeToken, "audience"},
		{"expired", body(s.token(map[string]any{"exp": time.Now().Unix() - 60})), exchange.CodeToken, "expired"},
		{"other repository", body(s.token(map[string]any{"repository": "acme/else"})), exchange.CodePublisher, "acme/else"},
		{
			"other workflow",
			body(s.token(map[string]any{"job_workflow_ref": "acme/widgets/.github/workflows/x.yml@refs/tags/v1.0"})),
			exchange.CodePublisher, "job_workflow_ref",
		},
		{"a second time", body(used), exchange.CodeReuse, "used before"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, path := range []string{mintPath, "/_/oidc/github/mint-token"} {
				s.refused(c.name, s.ask("POST", path, "", c.sent), 422, c.code, c.word)
			}
		})
	}
}

// TestNameTaken: a pending publisher whose project came to exist has a code of its own, once.
func TestNameTaken(t *testing.T) {
	s := trusting(t)
	s.addPending("second.yml")
	if r := s.mint(s.token(nil)); r.status != 200 {
		t.Fatalf("mint = %d %s", r.status, r.body)
	}
	second := map[string]any{"job_workflow_ref": "acme/widgets/.github/workflows/second.yml@refs/tags/v1.0"}
	s.refused("name taken", s.mint(s.token(second)), 422, exchange.CodePendingPublisher, "exists already")
	s.refused("pending publisher gone", s.mint(s.token(second)), 422, exchange.CodePublisher, "job_workflow_ref")
}

// TestDeadIssuer: the answer is 503 with errors, before clients give up.
func TestDeadIssuer(t *testing.T) {
	s := trusting(t)
	s.issuer.Fail(issuertest.Keys, issuertest.Hang)
	start := time.Now()
	s.refused("hanging issuer", s.mint(s.token(nil)), 503, "unavailable", "try again")
	if took := time.Since(start); took > 4500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestRateLimit(t *testing.T) {
	s := newSite(t, settings{audience: audience, issuers: true, rate: 2})
	var last reply
	for range 20 {
		if last = s.mint("x"); last.status == 429 {
			break
		}
	}
	s.refused("many", last, 429, "rate-limited", "too many")
	if last.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
}

// TestBurn: whatever is burnt, the answer is the same; a minted token ends, another's does not.
func TestBurn(t *testing.T) {
	s := trusting(t)
	var minted []access.Secret
	for range 2 {
		token, _ := s.mint(s.token(nil)).json["token"].(string)
		minted = append(minted, access.Secret(token))
	}
	want := s.ask("POST", "/_/oidc/burn-token", "", body(minted[0].Reveal()))
	if want.status != 200 {
		t.Fatalf("burn = %d %s", want.status, want.body)
	}
	for name, sent := range map[string]string{
		"again": body(minted[0].Reveal()), "unknown": body(access.NewToken().Reveal()), "garbage": body("x"),
		"no token": "{}",
		"no JSON":  "x", "nothing": "", "large": strings.Repeat("x", 100_000), "an identity token": body(s.token(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.ask("POST", "/_/oidc/burn-token", "", sent); got.status != want.status || got.body != want.body {
				t.Errorf("burn(%s) = %d %s, want %d %s", name, got.status, got.body, want.status, want.body)
			}
		})
	}
	if _, err := s.keyring.Identify(t.Context(), "__token__", minted[0]); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a burnt token gives %v", err)
	}
	if _, err := s.keyring.Identify(t.Context(), "__token__", minted[1]); err != nil {
		t.Errorf("the other token gives %v", err)
	}
}

// TestNoTokenAnywhere: neither the log nor the database holds a token, whether it was taken, refused or in the wrong
// place.
func TestNoTokenAnywhere(t *testing.T) {
	s := trusting(t)
	good, bad, query := s.token(nil), s.token(map[string]any{"aud": "pypi"}), s.token(nil)
	m, _ := s.mint(good).json["token"].(string)
	s.mint(bad)
	s.mint(good)
	s.ask("POST", mintPath+"?token="+query, "", "{}")
	s.ask("POST", "/_/oidc/burn-token", "", body(m))
	kept := s.log.String()
	for _, name := range []string{"index.db", "index.db-wal"} {
		b, err := os.ReadFile(filepath.Join(s.database, name))
		s.must(err)
		kept += string(b)
	}
	if len(kept) < 10_000 || !strings.Contains(s.log.String(), mintPath) {
		t.Fatalf("the test looks at too little: %d bytes", len(kept))
	}
	for name, secret := range map[string]string{"identity": good, "refused": bad, "in the query": query} {
		t.Run(name, func(t *testing.T) {
			for _, part := range strings.Split(secret, ".")[1:] {
				if strings.Contains(kept, part) {
					t.Errorf("the %s token was kept", name)
				}
			}
		})
	}
	if strings.Contains(kept, m[len(access.TokenPrefix):]) {
		t.Error("the minted token was kept")
	}
}
