// Package signon signs people in by an OpenID provider: authorization code with PKCE (RFC 7636), state and nonce.
//
// The provider is asked when somebody signs in and not before, with short timeouts, so that its outage stops nobody who
// signs in otherwise. An identity is the issuer and the subject that it signed; names and groups are taken from the
// same token. Nothing is kept here: what the way back needs is the caller's to keep, bound to the browser.
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

// Options are how a provider is spoken with.
type Options struct {
	Issuer       string // exact "iss"
	ClientID     string
	ClientSecret string            // "" for a public client
	Redirect     string            // URL of the way back
	Scopes       []string          // beside openid
	NameClaim    string            // "preferred_username" where empty
	GroupsClaim  string            // "groups" where empty
	Groups       map[string]string // the provider's groups to those of this index; others are left out
	Admins       string            // the provider's group whose members administer the index; "" where it does not decide
	Required     []string          // somebody must be in one of these groups of the provider; empty for no such rule
	Client       *http.Client      // whose transport is used; nil for one like http.DefaultTransport
	Now          func() time.Time  // time.Now
	Log          *slog.Logger      // slog.Default
}

// Provider is an OpenID provider. It is safe for concurrent use.
type Provider struct {
	o        Options
	client   *http.Client
	unmapped sync.Once // that the provider's groups are not used is said once

	mu       sync.Mutex
	is       *oidc.Provider // nil until it answered
	asking   *discovery     // under way, nil for none
	failed   error          // of the last discovery, nil after one that succeeded
	failedAt time.Time
}

// discovery is one request for the discovery document, which all sign-ons of the time wait for.
type discovery struct {
	done chan struct{} // closed when is and err are set
	is   *oidc.Provider
	err  error
}

// Bounds of how a provider is spoken with.
const (
	budget   = 10 * time.Second // for each request to it, and for all of a sign-in
	coolDown = 5 * time.Second  // after a discovery that failed, until the next
)

// New returns a provider. It is not asked yet.
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

// Issuer is the provider's name for itself.
func (p *Provider) Issuer() string { return p.o.Issuer }

// discovered returns the provider as its discovery document says. It returns fault.Unavailable if the provider does not
// answer or failed to a moment ago, and when ctx ends. One request is under way at a time, which no sign-on that gives
// up ends.
func (p *Provider) discovered(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	p.mu.Lock()
	is, d := p.is, p.asking
	if is == nil && d == nil {
		if p.failed != nil && p.o.Now().Sub(p.failedAt) < coolDown {
			err := p.failed
			p.mu.Unlock()
			return nil, nil, errAway(err)
		}
		d = &discovery{done: make(chan struct{})}
		p.asking = d
		go p.discover(d)
	}
	p.mu.Unlock()
	if is == nil {
		select {
		case <-d.done:
			if d.err != nil {
				return nil, nil, errAway(d.err)
			}
			is = d.is
		case <-ctx.Done():
			return nil, nil, errAway(ctx.Err())
		}
	}
	return is, &oauth2.Config{
		ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: is.Endpoint(), RedirectURL: p.o.Redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, p.o.Scopes...),
	}, nil
}

// discover asks for the discovery document. It outlives the request that began it: others wait for it too.
func (p *Provider) discover(d *discovery) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(context.Background(), p.client), budget)
	defer cancel()
	d.is, d.err = oidc.NewProvider(ctx, p.o.Issuer)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.is, p.asking, p.failed, p.failedAt = d.is, nil, d.err, p.o.Now()
	close(d.done)
}

func errAway(err error) error {
	return fault.Wrap(fault.Unavailable, err,
		"the provider of single sign-on does not answer: try again, or sign in another way")
}

// way is what the way back needs.
type way struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
}

// Begin returns where to send the browser, and what Finish needs to know; next is kept for the caller.
func (p *Provider) Begin(ctx context.Context, next string) (url string, kept []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	_, config, err := p.discovered(ctx)
	if err != nil {
		return "", nil, err
	}
	w := way{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next}
	kept, err = json.Marshal(w)
	return config.AuthCodeURL(w.State, oidc.Nonce(w.Nonce), oauth2.S256ChallengeOption(w.Verifier)), kept, err
}

var errFinish = fault.New(fault.Denied, "the answer of single sign-on does not fit what was asked: begin again")

// Finish takes what the provider sent back and returns who it is, and next. fault.Denied where it does not fit.
func (p *Provider) Finish(ctx context.Context, kept []byte, state, code string) (account.Identity, string, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), budget)
	defer cancel()
	var w way
	if err := json.Unmarshal(kept, &w); err != nil {
		return account.Identity{}, "", err
	}
	if w.State == "" || w.Nonce == "" || subtle.ConstantTimeCompare([]byte(state), []byte(w.State)) != 1 || code == "" {
		return account.Identity{}, "", errFinish
	}
	is, config, err := p.discovered(ctx)
	if err != nil {
		return account.Identity{}, "", err
	}
	tokens, err := config.Exchange(ctx, code, oauth2.VerifierOption(w.Verifier))
	if err != nil {
		return account.Identity{}, "", exchangeFailed(err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok || len(raw) > 64<<10 {
		return account.Identity{}, "", errFinish
	}
	token, err := is.VerifierContext(ctx, &oidc.Config{ClientID: p.o.ClientID}).Verify(ctx, raw)
	if err != nil {
		return account.Identity{}, "", fault.Wrap(fault.Denied, err, "%s", fault.Message(errFinish))
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(w.Nonce)) != 1 || token.Subject == "" {
		return account.Identity{}, "", errFinish
	}
	id, err := p.identity(token)
	return id, w.Next, err
}

// exchangeFailed tells a provider that refused from one that does not answer.
func exchangeFailed(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response != nil &&
		refused.Response.StatusCode < 500 {
		return fault.Wrap(fault.Denied, err, "%s", fault.Message(errFinish))
	}
	return errAway(err)
}

// identity reads the claims. It returns the identity beside fault.Denied if that is in none of the groups that are
// required.
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
	if verified, _ := claims["email_verified"].(bool); verified {
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
				"the provider of single sign-on sends groups, and sso.groups maps none of them to a group of this index", "groups",
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
		return id, fault.New(fault.Denied, "you are in none of the groups whose members may use this index")
	}
	return id, nil
}

// maxGroups bounds how many groups of a token count.
const maxGroups = 500

func groupsOf(claim any) (out []string) {
	all, _ := claim.([]any)
	for _, v := range all[:min(len(all), maxGroups)] {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
