package signon_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"pyindex/internal/fault"
	"pyindex/internal/signon"
)

// provider is an OpenID provider that really signs, and says what a test wants.
type provider struct {
	*httptest.Server
	key       *rsa.PrivateKey
	challenge string         // of the request for a code
	nonce     string         // of the same
	claims    map[string]any // beside those of every token
	down      bool
	asked     int
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, claims: map[string]any{}}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.asked++; p.down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	write := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		write(w, map[string]any{
			"issuer":                                p.URL,
			"authorization_endpoint":                p.URL + "/auth",
			"token_endpoint":                        p.URL + "/token",
			"jwks_uri":                              p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		write(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if r.FormValue("code") != "good" || base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge {
			w.WriteHeader(http.StatusBadRequest)
			write(w, map[string]any{"error": "invalid_grant"})
			return
		}
		write(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.sign(t, p.key)})
	})
	return p
}

func (p *provider) sign(t *testing.T, key *rsa.PrivateKey) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key},
		(&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{
		"iss":   p.URL,
		"aud":   "index",
		"sub":   "42",
		"exp":   time.Now().Add(time.Minute).Unix(),
		"iat":   time.Now().Unix(),
		"nonce": p.nonce,
	}
	for k, v := range p.claims {
		claims[k] = v
	}
	token, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// begin asks as a browser would and returns the state of the way back.
func (p *provider) begin(t *testing.T, s *signon.Provider) (kept []byte, state string) {
	t.Helper()
	to, kept, err := s.Begin(t.Context(), "/next/")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("client_id") != "index" ||
		q.Get("redirect_uri") != "https://h.example/login/sso/callback" {
		t.Fatalf("Begin leads to %s", to)
	}
	p.challenge, p.nonce = q.Get("code_challenge"), q.Get("nonce")
	return kept, q.Get("state")
}

func (p *provider) options() signon.Options {
	return signon.Options{Issuer: p.URL, ClientID: "index", Redirect: "https://h.example/login/sso/callback"}
}

func TestSignOn(t *testing.T) {
	p := newProvider(t)
	p.claims = map[string]any{
		"preferred_username": "alice",
		"name":               "Alice A",
		"email":              "a@example.com",
		"email_verified":     true,
		"groups":             []string{"devs", "ops", "staff"},
	}
	o := p.options()
	o.Groups, o.Admins, o.Required = map[string]string{"devs": "team", "ops": "team"}, "ops", []string{"staff"}
	s := signon.New(o)
	if p.asked != 0 {
		t.Error("the provider is asked before anybody signs in")
	}
	kept, state := p.begin(t, s)
	id, next, err := s.Finish(t.Context(), kept, state, "good")
	if err != nil {
		t.Fatal(err)
	}
	if id.Issuer != p.URL || id.Subject != "42" || id.Name != "alice" || id.Email != "a@example.com" ||
		len(id.Groups) != 1 || id.Groups[0] != "team" || id.Admin == nil || !*id.Admin || next != "/next/" {
		t.Errorf("Finish = %+v, %q", id, next)
	}
}

func TestSignOnRefusals(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(p *provider, kept *[]byte, state, code *string){
		"state":    func(_ *provider, _ *[]byte, state, _ *string) { *state = "other" },
		"no state": func(_ *provider, _ *[]byte, state, _ *string) { *state = "" },
		"nothing at all": func(p *provider, kept *[]byte, state, _ *string) {
			sum := sha256.Sum256(nil)
			p.challenge, p.nonce = base64.RawURLEncoding.EncodeToString(sum[:]), ""
			*kept, *state = []byte("{}"), ""
		},
		"an empty state": func(p *provider, kept *[]byte, state, _ *string) {
			*kept, *state = []byte(strings.Replace(string(*kept), *state, "", 1)), ""
		},
		"an empty nonce": func(p *provider, kept *[]byte, _, _ *string) {
			*kept = []byte(strings.Replace(string(*kept), p.nonce, "", 1))
			p.nonce = ""
		},
		"no code":  func(_ *provider, _ *[]byte, _, code *string) { *code = "" },
		"code":     func(_ *provider, _ *[]byte, _, code *string) { *code = "stolen" },
		"verifier": func(p *provider, _ *[]byte, _, _ *string) { p.challenge = "another browser's" },
		"nonce":    func(p *provider, _ *[]byte, _, _ *string) { p.nonce = "another" },
		"audience": func(p *provider, _ *[]byte, _, _ *string) { p.claims["aud"] = "another" },
		"issuer":   func(p *provider, _ *[]byte, _, _ *string) { p.claims["iss"] = "https://evil.example" },
		"expired": func(p *provider, _ *[]byte, _, _ *string) {
			p.claims["exp"] = time.Now().Add(-time.Hour).Unix()
		},
		"signature":        func(p *provider, _ *[]byte, _, _ *string) { p.key = other },
		"no subject":       func(p *provider, _ *[]byte, _, _ *string) { p.claims["sub"] = "" },
		"none of my group": func(p *provider, _ *[]byte, _, _ *string) { p.claims["groups"] = []string{"else"} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.claims["groups"] = []string{"staff"}
			o := p.options()
			o.Required = []string{"staff"}
			s := signon.New(o)
			kept, state := p.begin(t, s)
			code := "good"
			change(p, &kept, &state, &code)
			if id, _, err := s.Finish(t.Context(), kept, state, code); !fault.Is(err, fault.Denied) {
				t.Errorf("%s: Finish = %+v, %v, want denied", name, id, err)
			}
		})
	}
}

// A provider that is down says so, and is asked again later.
func TestProviderDown(t *testing.T) {
	p := newProvider(t)
	o, now := p.options(), time.Now()
	o.Now = func() time.Time { return now }
	s := signon.New(o)
	p.down = true
	for range 3 {
		if _, _, err := s.Begin(t.Context(), "/"); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Begin = %v, want unavailable", err)
		}
	}
	if p.asked != 1 {
		t.Errorf("a provider that failed just now was asked %d times", p.asked)
	}
	p.down, now = false, now.Add(5*time.Second)
	kept, state := p.begin(t, s)
	p.down = true
	if _, _, err := s.Finish(t.Context(), kept, state, "good"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Finish = %v, want unavailable", err)
	}
}

// An address that nobody verified is nobody's, and claims of another type are none; one group may be text.
func TestClaims(t *testing.T) {
	p := newProvider(t)
	p.claims = map[string]any{
		"preferred_username": 7, "email": "boss@example.com", "email_verified": false, "groups": "admins",
	}
	o := p.options()
	o.Admins = "admins"
	s := signon.New(o)
	kept, state := p.begin(t, s)
	id, _, err := s.Finish(t.Context(), kept, state, "good")
	if err != nil || id.Email != "" || id.Name != "" || len(id.Groups) != 0 || !*id.Admin {
		t.Errorf("Finish = %+v, %v", id, err)
	}
}
