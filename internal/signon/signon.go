// Package signon signs people in by an OpenID provider: authorization code with PKCE (RFC 7636), state and nonce.
//
// The provider is asked when somebody signs in and not before, with short timeouts, so that its outage stops nobody who
// signs in otherwise. An identity is the issuer and the subject that it signed; names and groups are taken from the same
// token. Nothing is kept here: what the way back needs is the caller's to keep, bound to the browser.
package signon

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
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
	Groups       map[string]string // the provider's groups to those of this index; nil takes their names as they are
	Admins       string            // the provider's group whose members administer the index; "" where it does not decide
	Required     []string          // somebody must be in one of these groups of the provider; empty for no such rule
	Client       *http.Client      // http.DefaultClient
}

// Provider is an OpenID provider. It is safe for concurrent use.
type Provider struct {
	o  Options
	mu sync.Mutex
	is *oidc.Provider // nil until it was asked
}

// budget is how long the provider may take to answer.
const budget = 10 * time.Second

// New returns a provider. It is not asked yet.
func New(o Options) *Provider {
	if o.NameClaim == "" {
		o.NameClaim = "preferred_username"
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	return &Provider{o: o}
}

// Issuer is the provider's name for itself.
func (p *Provider) Issuer() string { return p.o.Issuer }

// discovered returns the provider as its discovery document says. fault.Unavailable where it does not answer.
func (p *Provider) discovered(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.is == nil {
		// The provider outlives the request: its keys are fetched with this context later.
		is, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.o.Client), p.o.Issuer)
		if err != nil {
			return nil, nil, fault.Wrap(fault.Unavailable, err, "the provider of single sign-on does not answer: try again, or sign in another way")
		}
		p.is = is
	}
	return p.is, &oauth2.Config{
		ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: p.is.Endpoint(), RedirectURL: p.o.Redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, p.o.Scopes...),
	}, nil
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
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.o.Client), budget)
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
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response != nil && refused.Response.StatusCode < 500 {
		return fault.Wrap(fault.Denied, err, "%s", fault.Message(errFinish))
	}
	return fault.Wrap(fault.Unavailable, err, "the provider of single sign-on does not answer: try again, or sign in another way")
}

// identity reads the claims.
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
	if len(p.o.Required) > 0 && !slices.ContainsFunc(p.o.Required, func(g string) bool { return slices.Contains(groups, g) }) {
		return id, fault.New(fault.Denied, "you are in none of the groups whose members may use this index")
	}
	if p.o.Admins != "" {
		admin := slices.Contains(groups, p.o.Admins)
		id.Admin = &admin
	}
	for _, g := range groups {
		if p.o.Groups == nil {
			id.Groups = append(id.Groups, g)
		} else if to := p.o.Groups[g]; to != "" && !slices.Contains(id.Groups, to) {
			id.Groups = append(id.Groups, to)
		}
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
