package cijob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/terminal"
)

// Bounds for a request of login: its duration, and the size of its response in bytes.
const (
	loginPatience = 30 * time.Second
	maxLoginBody  = 64 << 10
)

// newLoginHTTP returns a client that does not follow redirects, so that a token is only sent to the intended host.
func newLoginHTTP() *http.Client {
	return &http.Client{
		Timeout:       loginPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// indexClient requests a token from an index. Its requests go to the root of the host, regardless of the URL's path.
type indexClient struct {
	root *url.URL
	http *http.Client
}

func newIndexClient(site *url.URL) *indexClient {
	return &indexClient{root: &url.URL{Scheme: site.Scheme, Host: site.Host}, http: newLoginHTTP()}
}

func (c *indexClient) host() string { return c.root.Host }

// mintAnswer is the response of an index: a token, or the reasons for a refusal.
type mintAnswer struct {
	Token   string
	Expires int64
	Message string
	Errors  []struct{ Code, Description string }
}

// audience returns the audience that the identity token must have.
func (c *indexClient) audience(ctx context.Context) (string, error) {
	var answer struct{ Audience string }
	status, err := c.ask(ctx, http.MethodGet, "/_/oidc/audience", nil, &answer)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusForbidden:
		return "", fmt.Errorf("%s trusts no issuer: its administrator must add one to oidc.issuers", c.host())
	case status != http.StatusOK || answer.Audience == "":
		return "", fmt.Errorf("%s does not support trusted publishing (status %d): check the URL", c.host(), status)
	}
	return answer.Audience, nil
}

// mint exchanges an identity token for a token of the index.
func (c *indexClient) mint(ctx context.Context, raw access.Secret, scope string) (mintAnswer, error) {
	body, err := json.Marshal(map[string]string{"token": raw.Reveal(), "scope": scope})
	if err != nil {
		return mintAnswer{}, err
	}
	var m mintAnswer
	status, err := c.ask(ctx, http.MethodPost, "/_/oidc/mint-token", body, &m)
	if err != nil {
		return mintAnswer{}, err
	}
	if status != http.StatusOK || len(m.Errors) > 0 {
		return mintAnswer{}, c.refusal(status, m)
	}
	return m, nil
}

// refusal is an error with the reasons that an index gave.
type refusal struct {
	codes []string
	text  string
}

// Error returns the reasons.
func (r *refusal) Error() string { return r.text }

func (c *indexClient) refusal(status int, m mintAnswer) error {
	var why, codes []string
	for _, e := range m.Errors {
		text := e.Code + ": " + e.Description
		if e.Code == "invalid-reuse-token" {
			text += "; a token from a file or variable can be used for only one login"
		}
		why, codes = append(why, terminal.Printable(text)), append(codes, e.Code)
	}
	if len(why) == 0 {
		why = []string{fmt.Sprintf("status %d %s", status, terminal.Printable(m.Message))}
	}
	return &refusal{codes, fmt.Sprintf("%s refused: %s", c.host(), strings.Join(why, "; "))}
}

// ask sends a request and decodes the JSON response.
func (c *indexClient) ask(ctx context.Context, method, path string, body []byte, into any) (int, error) {
	u := c.root.JoinPath(path)
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "index-login")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return fetchJSON(c.http, r, into)
}

// fetchJSON sends a request, decodes the JSON response and returns its status. If the response is not JSON, into is not
// changed.
func fetchJSON(client *http.Client, r *http.Request, into any) (int, error) {
	answer, err := client.Do(r)
	if err != nil {
		// Omit the URL, which may contain a secret of the job.
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return 0, fmt.Errorf("request to %s: %w", r.URL.Host, err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxLoginBody))
	if err != nil {
		return 0, fmt.Errorf("request to %s: %w", r.URL.Host, err)
	}
	_ = json.Unmarshal(b, into) // the status suffices if the body is not JSON
	return answer.StatusCode, nil
}

// loopback reports whether host is this machine, for which plain http is allowed.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
