// Package accountid looks up the numeric id of an account at an issuer's public API.
//
// Account names can change owners, but ids cannot, so publishers are pinned to ids. Lookups are limited in time and
// size. If the API is unreachable, callers continue without the id.
package accountid

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

const (
	timeout = 5 * time.Second
	maxBody = 64 << 10 // bytes
)

const api = "https://api.github.com"

// API is the API of another GitHub issuer: an Enterprise Server, or an enterprise with its own issuer.
type API struct {
	Issuer string       // exact "iss"
	URL    string       // without a trailing slash: https://HOST/api/v3 for an Enterprise Server
	Client *http.Client // nil for the finder's client
}

// Finder looks up account ids.
type Finder struct {
	client http.Client
	apis   map[string]API // by issuer
}

// New returns a finder that uses a copy of c. It never follows redirects. The API of github.com is built in; apis adds
// those of other issuers.
func New(c *http.Client, apis ...API) *Finder {
	f := &Finder{client: *c, apis: map[string]API{workload.GitHubIssuer: {URL: api}}}
	f.client.CheckRedirect = direct
	for _, a := range apis {
		f.apis[a.Issuer] = a
	}
	return f
}

func direct(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (f *Finder) clientOf(a API) *http.Client {
	if a.Client == nil {
		return &f.client
	}
	c := *a.Client
	c.CheckRedirect = direct
	return &c
}

// Of returns the id of an account, in decimal, for publishers.Options.OwnerID. It returns fault.NotFound if there is no
// such account, and fault.Unavailable with the reason if the API is unreachable, limits requests, or is unknown for the
// issuer.
func (f *Finder) Of(ctx context.Context, provider, issuer, owner string) (string, error) {
	at, ok := f.apis[issuer]
	if provider != "github" || !ok {
		return "", fault.New(fault.Unavailable, "the API of issuer %.200s is not known", issuer)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL+"/users/"+url.PathEscape(owner), nil)
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "GitHub's API cannot be asked")
	}
	r.Header.Set("Accept", "application/vnd.github+json")
	resp, err := f.clientOf(at).Do(r)
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "GitHub's API cannot be reached")
	}
	defer resp.Body.Close()
	if err := judge(resp.StatusCode, owner); err != nil {
		return "", err
	}
	return read(resp.Body, owner)
}

func judge(status int, owner string) error {
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "GitHub has no account %.100q", owner)
	case http.StatusForbidden, http.StatusTooManyRequests:
		return fault.New(fault.Unavailable, "GitHub's API limits our requests at the moment")
	}
	return fault.New(fault.Unavailable, "GitHub's API answered with status %d", status)
}

// read parses the response and checks that it describes the requested account.
func read(body io.Reader, owner string) (string, error) {
	var account struct {
		Login string `json:"login"`
		ID    uint64 `json:"id"`
	}
	err := json.NewDecoder(io.LimitReader(body, maxBody)).Decode(&account)
	if err != nil || account.ID == 0 || !strings.EqualFold(account.Login, owner) {
		return "", fault.New(fault.Unavailable, "GitHub's API answered with something that is not the account")
	}
	return fmt.Sprint(account.ID), nil
}
