package signon_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pyindex/internal/fault"
	"pyindex/internal/signon"
)

// strict wraps a provider that checks how the client authenticates and can fail at each endpoint. It counts requests.
type strict struct {
	*provider
	mu       sync.Mutex
	counts   map[string]int    // requests by path
	fails    map[string]int    // status by path
	refusal  map[string]string // error code of the token endpoint by code
	methods  []string          // announced; nil for none
	accepted string            // method that the token endpoint accepts
	kid      string            // of the published key
	used     map[string]bool   // codes that came, with whatever success
}

func newStrict(t *testing.T, accepted string, methods ...string) *strict {
	t.Helper()
	p := &strict{
		provider: newProvider(t), counts: map[string]int{}, fails: map[string]int{}, refusal: map[string]string{},
		methods: methods, accepted: accepted, kid: "k", used: map[string]bool{},
	}
	inner := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.counts[r.URL.Path]++
		if status := p.fails[r.URL.Path]; status != 0 {
			http.Error(w, "out of order", status)
			return
		}
		switch r.URL.Path {
		case discoveryPath:
			p.discovery(w)
		case "/keys":
			json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
				{Key: p.key.Public(), KeyID: p.kid, Algorithm: "RS256", Use: "sig"},
			}})
		case "/token":
			if code := p.refuses(r); code != "" {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(map[bool]int{true: 401, false: 400}[code == "invalid_client"])
				fmt.Fprintf(w, `{"error":%q,"error_description":"because of %s"}`, code, code)
				return
			}
			inner.ServeHTTP(w, r)
		default:
			inner.ServeHTTP(w, r)
		}
	})
	return p
}

func (p *strict) discovery(w http.ResponseWriter) {
	document := map[string]any{
		"issuer":                                p.URL,
		"authorization_endpoint":                p.URL + "/auth",
		"token_endpoint":                        p.URL + "/token",
		"jwks_uri":                              p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
	}
	if p.methods != nil {
		document["token_endpoint_auth_methods_supported"] = p.methods
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(document)
}

// refuses returns the error code for a token request, "" to grant it. A code ends at its first use.
func (p *strict) refuses(r *http.Request) string {
	_, _, basic := r.BasicAuth()
	method := "none"
	switch {
	case basic:
		method = "client_secret_basic"
	case r.PostFormValue("client_secret") != "":
		method = "client_secret_post"
	}
	code := r.PostFormValue("code")
	again := p.used[code]
	p.used[code] = true
	switch {
	case method != p.accepted:
		return "invalid_client"
	case again:
		return "invalid_grant"
	}
	return p.refusal[code]
}

// signs runs one sign-in with a code that was never used.
func (p *strict) signs(t *testing.T, s *signon.Provider) error {
	t.Helper()
	kept, state := p.begin(t, s)
	p.mu.Lock()
	p.used["good"] = false
	p.mu.Unlock()
	_, _, err := s.Finish(t.Context(), kept, state, "good")
	return err
}

// Each sign-in sends its code once, in the way that the provider announced.
func TestCodeIsSentOnce(t *testing.T) {
	for name, c := range map[string]struct {
		secret, accepted string
		methods          []string
	}{
		"nothing announced":    {"hush", "client_secret_basic", nil},
		"basic":                {"hush", "client_secret_basic", []string{"client_secret_basic"}},
		"post alone":           {"hush", "client_secret_post", []string{"client_secret_post"}},
		"post and a key":       {"hush", "client_secret_post", []string{"private_key_jwt", "client_secret_post"}},
		"both":                 {"hush", "client_secret_basic", []string{"client_secret_post", "client_secret_basic"}},
		"a public client":      {"", "none", []string{"none"}},
		"a public client too":  {"", "none", []string{"client_secret_basic", "none"}},
		"secret, but for none": {"hush", "client_secret_post", []string{"none"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newStrict(t, c.accepted, c.methods...)
			o := p.options()
			o.ClientSecret = c.secret
			s := signon.New(o)
			for range 3 {
				if err := p.signs(t, s); err != nil {
					t.Errorf("Finish = %v: %s", err, fault.Cause(err))
				}
			}
			if p.counts["/token"] != 3 || p.counts["/keys"] != 1 || p.counts[discoveryPath] != 1 {
				t.Errorf("3 sign-ins made the requests %v, want 3 for tokens and one each for keys and discovery", p.counts)
			}
		})
	}
}

// A provider that accepts no secret is said to be set up wrongly before any code is sent.
func TestProviderWithoutOurMethods(t *testing.T) {
	p := newStrict(t, "private_key_jwt", "private_key_jwt")
	o := p.options()
	o.ClientSecret = "hush"
	_, _, err := signon.New(o).Begin(t.Context(), "/")
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Cause(err), "client_secret_basic") {
		t.Errorf("Begin = %v, %s; want unavailable because of the methods", err, fault.Cause(err))
	}
}

// A refusal of the token endpoint is the person's if it is about the code and the operator's if it is about the client.
// The code is not sent again, and the cause names what the provider said, without the code or the secret.
func TestTokenRefusals(t *testing.T) {
	for code, want := range map[string]fault.Kind{
		"invalid_grant": fault.Denied, "invalid_request": fault.Denied, "access_denied": fault.Denied,
		"invalid_client": fault.Unavailable, "unauthorized_client": fault.Unavailable,
	} {
		t.Run(code, func(t *testing.T) {
			p := newStrict(t, "client_secret_basic")
			p.refusal["good"] = code
			o := p.options()
			o.ClientSecret = "hush-hush"
			err := p.signs(t, signon.New(o))
			cause := fault.Cause(err)
			if fault.KindOf(err) != want || !strings.Contains(cause, code) || !strings.Contains(cause, "because of") {
				t.Errorf("Finish = %v with the cause %q, want %v that names %s", err, cause, want, code)
			}
			if strings.Contains(cause+fault.Message(err), "hush") || strings.Contains(cause, "good") {
				t.Errorf("the cause has a secret: %q", cause)
			}
			if p.counts["/token"] != 1 {
				t.Errorf("the code was sent %d times", p.counts["/token"])
			}
		})
	}
}

// A provider whose endpoints fail is unavailable; that is not the person's fault. It is asked again at the next
// sign-in.
func TestEndpointsThatFail(t *testing.T) {
	for _, path := range []string{"/keys", "/token"} {
		for _, status := range []int{500, 502, 503} {
			p := newStrict(t, "none")
			s := signon.New(p.options())
			p.fails[path] = status
			err := p.signs(t, s)
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Cause(err), fmt.Sprint(status)) {
				t.Errorf("%s with %d: Finish = %v, %q, want unavailable with the status", path, status, err, fault.Cause(err))
			}
			if n := p.counts[path]; n != 1 {
				t.Errorf("%s with %d: %d requests", path, status, n)
			}
			delete(p.fails, path)
			if err := p.signs(t, s); err != nil {
				t.Errorf("%s works again: Finish = %v", path, err)
			}
		}
	}
}

// A rotated key is fetched once and used from then on; a token of a key that the provider does not publish is refused.
func TestKeyRotation(t *testing.T) {
	p := newStrict(t, "none")
	s := signon.New(p.options())
	if err := p.signs(t, s); err != nil {
		t.Fatal(err)
	}
	old := p.key
	fresh, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.key = fresh
	p.mu.Unlock()
	for range 3 {
		if err := p.signs(t, s); err != nil {
			t.Errorf("with a rotated key Finish = %v", err)
		}
	}
	if n := p.counts["/keys"]; n != 2 {
		t.Errorf("keys were fetched %d times, want 2", n)
	}
	published := fresh
	p.Config.Handler = swapKeys(p.Config.Handler, published)
	p.key = old
	if err := p.signs(t, s); !fault.Is(err, fault.Denied) {
		t.Errorf("a token of a withdrawn key: Finish = %v, want denied", err)
	}
}

// swapKeys publishes another key than the one that signs.
func swapKeys(h http.Handler, key *rsa.PrivateKey) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/keys" {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
			Key: key.Public(), KeyID: "k", Algorithm: "RS256",
		}}})
	})
}

// A claim of one value may be text, as some providers write it. Other types are no group and no verification.
func TestOneGroupAsText(t *testing.T) {
	for _, c := range []struct {
		groups any
		want   []string
		admits bool
	}{
		{"staff", []string{"team"}, true},
		{[]string{"staff"}, []string{"team"}, true},
		{[]any{"else", "staff", 7, nil}, []string{"team"}, true},
		{"staff,else", nil, false},
		{" staff", nil, false},
		{"", nil, false},
		{[]string{}, nil, false},
		{map[string]any{"staff": true}, nil, false},
		{7, nil, false},
		{true, nil, false},
		{nil, nil, false},
	} {
		p := newProvider(t)
		p.claims["groups"] = c.groups
		o := p.options()
		o.Groups, o.Required = map[string]string{"staff": "team", "": "nobody"}, []string{"staff"}
		s := signon.New(o)
		kept, state := p.begin(t, s)
		id, _, err := s.Finish(t.Context(), kept, state, "good")
		if (err == nil) != c.admits || !slices.Equal(id.Groups, c.want) {
			t.Errorf("groups %#v: Finish = %v, %v, want %v, admitted %v", c.groups, id.Groups, err, c.want, c.admits)
		}
	}
}

// Only true, and "true" as some providers write it, verify an address.
func TestVerifiedAddress(t *testing.T) {
	for _, c := range []struct {
		verified any
		want     string
	}{
		{true, "a@example.com"},
		{"true", "a@example.com"},
		{false, ""},
		{"false", ""},
		{nil, ""},
		{1, ""},
		{"True ", ""},
		{"yes", ""},
		{[]any{true}, ""},
		{"", ""},
	} {
		p := newProvider(t)
		p.claims["email"], p.claims["email_verified"] = "a@example.com", c.verified
		s := signon.New(p.options())
		kept, state := p.begin(t, s)
		id, _, err := s.Finish(t.Context(), kept, state, "good")
		if err != nil || id.Email != c.want {
			t.Errorf("email_verified %#v: Finish = %q, %v, want %q", c.verified, id.Email, err, c.want)
		}
	}
}
