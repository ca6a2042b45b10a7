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

// Bounds of what login waits for and reads.
const (
	loginPatience = 30 * time.Second
	maxLoginBody  = 64 << 10
)

// newLoginHTTP returns a client that follows no redirect: a token must not go where nobody sent it.
func newLoginHTTP() *http.Client {
	return &http.Client{
		Timeout:       loginPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// indexClient asks an index for a token. The requests are at the host's root, whatever the path of the URL.
type indexClient struct {
	root *url.URL
	http *http.Client
}

func newIndexClient(site *url.URL) *indexClient {
	return &indexClient{root: &url.URL{Scheme: site.Scheme, Host: site.Host}, http: newLoginHTTP()}
}

func (c *indexClient) host() string { return c.root.Host }

// mintAnswer is what an index answers: a token, or why there is none.
type mintAnswer struct {
	Token   string
	Expires int64
	Message string
	Errors  []struct{ Code, Description string }
}

// audience asks what the identity token has to be made for.
func (c *indexClient) audience(ctx context.Context) (string, error) {
	var answer struct{ Audience string }
	status, err := c.ask(ctx, http.MethodGet, "/_/oidc/audience", nil, &answer)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusForbidden:
		return "", fmt.Errorf("%s trusts no issuer: its administrator has to add one to oidc.issuers", c.host())
	case status != http.StatusOK || answer.Audience == "":
		return "", fmt.Errorf("%s does not know trusted publishing (status %d): is the URL right?", c.host(), status)
	}
	return answer.Audience, nil
}

// mint exchanges an identity token.
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

// refusal is why an index gave no token, in its own words.
func (c *indexClient) refusal(status int, m mintAnswer) error {
	var why []string
	for _, e := range m.Errors {
		text := e.Code + ": " + e.Description
		if e.Code == "invalid-reuse-token" {
			text += "; a token that lies in a file or variable is good for one login"
		}
		why = append(why, terminal.Printable(text))
	}
	if len(why) == 0 {
		why = []string{fmt.Sprintf("status %d %s", status, terminal.Printable(m.Message))}
	}
	return fmt.Errorf("%s refused: %s", c.host(), strings.Join(why, "; "))
}

// ask sends a request and reads the answer's JSON.
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

// fetchJSON sends a request and decodes the answer, whatever its status. An answer that is no JSON leaves into alone.
func fetchJSON(client *http.Client, r *http.Request, into any) (int, error) {
	answer, err := client.Do(r)
	if err != nil {
		// Without the address, which may hold what the job is known by.
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return 0, fmt.Errorf("asking %s: %w", r.URL.Host, err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxLoginBody))
	if err != nil {
		return 0, fmt.Errorf("asking %s: %w", r.URL.Host, err)
	}
	_ = json.Unmarshal(b, into) // an answer of another form says nothing; the status does
	return answer.StatusCode, nil
}

// loopback reports whether a host is this machine, which may be asked by plain http.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
