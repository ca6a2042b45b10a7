// Package signon signs users in through an OpenID provider: authorization code with PKCE (RFC 7636), state and nonce.
//
// The provider is contacted only when a user signs in with it, with short timeouts, so that its outage does not affect
// other ways to sign in. An identity is the issuer and the subject of the ID token, which also provides names and
// groups. The package keeps no state of sign-ins: the caller stores it, bound to the browser.
package signon

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"pyindex/internal/account"
	"pyindex/internal/fault"
)

// Options configure a provider.
type Options struct {
	Issuer       string // exact "iss"
	ClientID     string
	ClientSecret string            // "" for a public client
	Redirect     string            // redirect URI
	Scopes       []string          // in addition to openid
	NameClaim    string            // default "preferred_username"
	GroupsClaim  string            // default "groups"
	Groups       map[string]string // groups of this index by the provider's group; others are ignored
	Admins       string            // the provider's group of administrators; "" if the provider does not decide
	Required     []string          // users must be in one of these groups of the provider; empty for no restriction
	Client       *http.Client      // its transport is used; nil for http.DefaultTransport
	Now          func() time.Time  // default time.Now
	Log          *slog.Logger      // default slog.Default
}

// Provider is an OpenID provider. It is safe for concurrent use.
type Provider struct {
	o        Options
	client   *http.Client
	unmapped sync.Once // for logging once that the provider's groups are not used

	mu       sync.Mutex
	found    *endpoints // nil until discovery has succeeded
	asking   *discovery // the running discovery, or nil
	failed   error      // error of the last discovery, or nil
	failedAt time.Time
}

// discovery is a request for the discovery document. All concurrent sign-ins wait for it.
type discovery struct {
	done  chan struct{} // closed when found and err are set
	found *endpoints
	err   error
}

// Timeouts for a provider.
const (
	budget   = 10 * time.Second // for each request, and for a whole sign-in step
	coolDown = 5 * time.Second  // time between a failed discovery and the next one
)

// New returns a provider without contacting it.
func New(o Options) *Provider {
	if o.NameClaim == "" {
		o.NameClaim = "preferred_username"
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Provider{o: o, client: newClient(o.Client)}
}

// Issuer returns the provider's issuer identifier.
func (p *Provider) Issuer() string { return p.o.Issuer }

// discovered returns the endpoints of the discovery document. It returns fault.Unavailable if the provider does not
// respond, if a discovery has just failed, or if ctx ends. Only one discovery runs at a time, and it continues if a
// sign-in that waits for it is canceled.
func (p *Provider) discovered(ctx context.Context) (*endpoints, error) {
	p.mu.Lock()
	found, d := p.found, p.asking
	if found == nil && d == nil {
		if p.failed != nil && p.o.Now().Sub(p.failedAt) < coolDown {
			err := p.failed
			p.mu.Unlock()
			return nil, errAway(err)
		}
		d = &discovery{done: make(chan struct{})}
		p.asking = d
		go p.discover(d)
	}
	p.mu.Unlock()
	if found != nil {
		return found, nil
	}
	select {
	case <-d.done:
		if d.err != nil {
			return nil, errAway(d.err)
		}
		return d.found, nil
	case <-ctx.Done():
		return nil, errAway(ctx.Err())
	}
}

// discover fetches the discovery document. It outlives the request that started it, because others wait for it too.
func (p *Provider) discover(d *discovery) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(context.Background(), p.client), budget)
	defer cancel()
	d.found, d.err = discover(ctx, p.o)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.found, p.asking, p.failed, p.failedAt = d.found, nil, d.err, p.o.Now()
	close(d.done)
}

func errAway(err error) error {
	return fault.Wrap(fault.Unavailable, err,
		"the single sign-on provider does not respond: try again, or sign in another way")
}

// way is the state of a sign-in that Finish needs.
type way struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
}

// Begin returns the URL to redirect the browser to, and the state to pass to Finish. Finish returns next to the caller.
func (p *Provider) Begin(ctx context.Context, next string) (url string, kept []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	at, err := p.discovered(ctx)
	if err != nil {
		return "", nil, err
	}
	w := way{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next}
	kept, err = json.Marshal(w)
	return at.config.AuthCodeURL(w.State, oidc.Nonce(w.Nonce), oauth2.S256ChallengeOption(w.Verifier)), kept, err
}

var errFinish = fault.New(fault.Denied, "the response of single sign-on does not match the request: sign in again")

// mismatch returns errFinish with a cause for the log.
func mismatch(cause error) error {
	return fault.Wrap(fault.Denied, cause, "%s", fault.Message(errFinish))
}

// Finish completes a sign-in with the state and code from the redirect. It returns the user's identity and next. It
// returns fault.Denied if the response does not match the request, and fault.Unavailable if the provider fails or does
// not accept this index as a client. The causes of both are for the log and contain no secret, code or token.
func (p *Provider) Finish(ctx context.Context, kept []byte, state, code string) (account.Identity, string, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), budget)
	defer cancel()
	var w way
	if err := json.Unmarshal(kept, &w); err != nil {
		return account.Identity{}, "", err
	}
	if w.State == "" || w.Nonce == "" || subtle.ConstantTimeCompare([]byte(state), []byte(w.State)) != 1 {
		return account.Identity{}, "", mismatch(errors.New("the state is not that of the request"))
	}
	if code == "" {
		return account.Identity{}, "", mismatch(errors.New("the redirect has no code"))
	}
	at, err := p.discovered(ctx)
	if err != nil {
		return account.Identity{}, "", err
	}
	tokens, err := at.config.Exchange(ctx, code, oauth2.VerifierOption(w.Verifier))
	if err != nil {
		return account.Identity{}, "", exchangeFailed(err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok || len(raw) > maxToken {
		return account.Identity{}, "", mismatch(errors.New("the token response has no id_token, or one of more than 64 KiB"))
	}
	token, err := at.verify(ctx, raw)
	if err != nil {
		return account.Identity{}, "", err
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(w.Nonce)) != 1 {
		return account.Identity{}, "", mismatch(errors.New("the nonce of the ID token is not that of the request"))
	}
	if token.Subject == "" {
		return account.Identity{}, "", mismatch(errors.New("the ID token has no subject"))
	}
	id, err := p.identity(token)
	return id, w.Next, err
}

// identity returns the identity in the claims. It also returns fault.Denied if the user is in none of the required
// groups.
func (p *Provider) identity(token *oidc.IDToken) (account.Identity, error) {
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return account.Identity{}, err
	}
	text := func(name string) string {
		s, _ := claims[name].(string)
		return s
	}
	id := account.Identity{Issuer: token.Issuer, Subject: token.Subject, Name: text(p.o.NameClaim), FullName: text("name")}
	if verified := claims["email_verified"]; verified == true || verified == "true" {
		id.Email = text("email")
	}
	groups := groupsOf(claims[p.o.GroupsClaim])
	if p.o.Admins != "" {
		admin := slices.Contains(groups, p.o.Admins)
		id.Admin = &admin
	}
	if len(groups) > 0 && len(p.o.Groups) == 0 {
		p.unmapped.Do(func() {
			p.o.Log.Info(
				"the single sign-on provider sends groups, but sso.groups maps none of them to a group of this index", "groups",
				len(groups),
			)
		})
	}
	for _, g := range groups {
		if to := p.o.Groups[g]; to != "" && !slices.Contains(id.Groups, to) {
			id.Groups = append(id.Groups, to)
		}
	}
	if len(p.o.Required) > 0 &&
		!slices.ContainsFunc(p.o.Required, func(g string) bool { return slices.Contains(groups, g) }) {
		return id, fault.New(fault.Denied, "you are not in any of the groups that may use this index")
	}
	return id, nil
}

// maxGroups is the maximum number of a token's groups that are used.
const maxGroups = 500

// groupsOf returns the groups in a claim. Some providers, among them AD FS, write a claim with one value as text.
func groupsOf(claim any) (out []string) {
	if one, ok := claim.(string); ok && one != "" {
		return []string{one}
	}
	all, _ := claim.([]any)
	for _, v := range all[:min(len(all), maxGroups)] {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
