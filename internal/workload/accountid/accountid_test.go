package accountid_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
	"pyindex/internal/workload/accountid"
)

// api answers every request with a status and a body, and remembers the address.
type api struct {
	status int
	body   string
	err    error
	asked  []string
	header http.Header
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r.URL.String())
	if _, ok := r.Context().Deadline(); !ok {
		return nil, errors.New("the request has no deadline")
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

func (a *api) of(provider, issuer, owner string) (string, error) {
	return accountid.New(&http.Client{Transport: a}).Of(context.Background(), provider, issuer, owner)
}

func TestOf(t *testing.T) {
	a := &api{status: 200, body: `{"login": "Acme", "id": 9007199254740993, "type": "Organization"}`}
	id, err := a.of("github", workload.GitHubIssuer, "acme")
	if err != nil || id != "9007199254740993" {
		t.Errorf("Of(acme) = %q, %v; want 9007199254740993", id, err)
	}
	if len(a.asked) != 1 || a.asked[0] != "https://api.github.com/users/acme" {
		t.Errorf("asked %v", a.asked)
	}
}

func TestOfRefuses(t *testing.T) {
	const issuer = workload.GitHubIssuer
	for _, c := range []struct {
		name             string
		provider, issuer string
		api              api
		kind             fault.Kind
		word             string
		asked            int
	}{
		{"no such account", "github", issuer, api{status: 404}, fault.NotFound, `no account "acme"`, 1},
		{"rate limited", "github", issuer, api{status: 403}, fault.Unavailable, "limits", 1},
		{"too many", "github", issuer, api{status: 429}, fault.Unavailable, "limits", 1},
		{"broken", "github", issuer, api{status: 502}, fault.Unavailable, "502", 1},
		{
			"unreachable", "github", issuer, api{err: errors.New("no route to host")}, fault.Unavailable, "cannot be reached", 1,
		},
		{
			"a redirect", "github", issuer,
			api{status: 302, header: http.Header{"Location": {"http://169.254.169.254/"}}},
			fault.Unavailable, "302", 1,
		},
		{"HTML", "github", issuer, api{status: 200, body: "<html>"}, fault.Unavailable, "not the account", 1},
		{
			"another account", "github", issuer,
			api{status: 200, body: `{"login": "evil", "id": 1}`},
			fault.Unavailable,
			"not the account", 1,
		},
		{"no id", "github", issuer, api{status: 200, body: `{"login": "acme"}`}, fault.Unavailable, "not the account", 1},
		{
			"a negative id", "github", issuer,
			api{status: 200, body: `{"login": "acme", "id": -1}`},
			fault.Unavailable,
			"not the account", 1,
		},
		{
			"an endless answer", "github", issuer,
			api{status: 200, body: strings.Repeat(" ", 1<<20) + `{"login": "acme", "id": 1}`},
			fault.Unavailable,
			"not the account", 1,
		},
		{
			"another issuer", "github", "https://ghes.acme.example",
			api{status: 200, body: `{"login": "acme", "id": 1}`},
			fault.Unavailable, "not known", 0,
		},
		{
			"another provider", "gitlab", issuer,
			api{status: 200, body: `{"login": "acme", "id": 1}`},
			fault.Unavailable,
			"not known", 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := c.api.of(c.provider, c.issuer, "acme")
			if id != "" || !fault.Is(err, c.kind) || !strings.Contains(fault.Message(err), c.word) ||
				len(c.api.asked) != c.asked {
				t.Errorf("%s: Of = %q, %v (%v) after %d requests; want %v with %q after %d", c.name, id, err, fault.KindOf(err),
					len(c.api.asked), c.kind, c.word, c.asked)
			}
		})
	}
}

// TestAPIs: each issuer is asked about at its own address and by its own client, and no other.
func TestAPIs(t *testing.T) {
	const ghes = "https://ghes.acme.example/_services/token"
	own, public := &api{status: 200, body: `{"login": "acme", "id": 7}`}, &api{status: 404}
	f := accountid.New(&http.Client{Transport: public},
		accountid.API{Issuer: ghes, URL: "https://ghes.acme.example/api/v3", Client: &http.Client{Transport: own}})
	if id, err := f.Of(t.Context(), "github", ghes, "acme"); err != nil || id != "7" ||
		own.asked[0] != "https://ghes.acme.example/api/v3/users/acme" {
		t.Errorf("Of(GHES) = %q, %v; asked %v", id, err, own.asked)
	}
	if _, err := f.Of(t.Context(), "github", workload.GitHubIssuer, "acme"); !fault.Is(err, fault.NotFound) ||
		len(own.asked) != 1 || len(public.asked) != 1 {
		t.Errorf("Of(github.com) = %v; asked %v and %v", err, own.asked, public.asked)
	}
	if _, err := f.Of(t.Context(), "github", ghes+"/", "acme"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Of(another issuer) = %v", err)
	}
	own.status, own.header = 302, http.Header{"Location": {"http://169.254.169.254/"}}
	if _, err := f.Of(t.Context(), "github", ghes, "acme"); !fault.Is(err, fault.Unavailable) || len(own.asked) != 2 {
		t.Errorf("Of(GHES that redirects) = %v; asked %v", err, own.asked)
	}
}
