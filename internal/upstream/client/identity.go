package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/upstream"
)

const (
	mintPath    = "/_/oidc/mint-token" // on the host of the other Index, whatever the path of its tree
	maxMintBody = 64 << 10             // bytes
	mintTime    = 30 * time.Second
	reuse       = "invalid-reuse-token"
	tokenUser   = "__token__"

	renewBefore = 3 * time.Minute  // the end of a token, a new one is asked for if there is an identity token for it
	spentBefore = 15 * time.Second // the end of a token, it is no longer used
	mintRest    = 10 * time.Second // after an exchange that failed, for the same identity token
)

// identity exchanges the identity tokens that the platform writes into a file for read tokens of another Index, as
// `index login` does. An Index exchanges an identity token once, so the same one is not sent again, also if it was
// refused for that reason: then another process has used it, and the platform's next one is waited for.
type identity struct {
	turn chan struct{} // of the one exchange at a time

	mu      sync.Mutex
	current access.Secret
	until   time.Time
	sent    [sha256.Size]byte // digest of the identity token that was exchanged or is used up
	tried   [sha256.Size]byte // digest of the one whose exchange failed
	again   time.Time         // when it may be sent again
	failure *upstream.Failure
}

func newIdentity() *identity { return &identity{turn: make(chan struct{}, 1)} }

// token returns a read token of the other Index.
func (i *identity) token(ctx context.Context, q *question, file *watchedFile) (access.Secret, error) {
	token, left := i.held(q.c.o.Now())
	if left > renewBefore {
		return token, nil
	}
	if token != "" { // still good: one request renews it, the others use it
		select {
		case i.turn <- struct{}{}:
		default:
			return token, nil
		}
	} else {
		select {
		case i.turn <- struct{}{}:
		case <-ctx.Done():
			return "", q.failed(ctx, nil, "", ctx.Err())
		}
	}
	defer func() { <-i.turn }()
	if token, left = i.held(q.c.o.Now()); left > renewBefore {
		return token, nil
	}
	fresh, err := i.renew(ctx, q, file)
	if err != nil && token != "" {
		return token, nil
	}
	return fresh, err
}

// held returns the token and how long it lasts, or "" if there is none.
func (i *identity) held(now time.Time) (access.Secret, time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if left := i.until.Sub(now); i.current != "" && left > spentBefore {
		return i.current, left
	}
	return "", 0
}

// replace exchanges the identity token in the file because the other Index refused an Authorization. It reports whether
// there is another token than that one. The refused token is kept if there is no new identity token: the refusal may be
// about one page.
func (i *identity) replace(ctx context.Context, q *question, file *watchedFile, refused string) bool {
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return false
	}
	if token, _ := i.held(q.c.o.Now()); token != "" && q.basic(tokenUser, token) != refused {
		return true
	}
	_, err := i.renew(ctx, q, file)
	return err == nil
}

// renew exchanges the identity token in the file.
func (i *identity) renew(ctx context.Context, q *question, file *watchedFile) (access.Secret, error) {
	raw, err := file.read(q.u.IdentityTokenFile)
	if err != nil {
		return "", q.fail(upstream.Refused, 0, "identity_token_file: %v", err)
	}
	q.hide(raw)
	digest := sha256.Sum256([]byte(raw))
	i.mu.Lock()
	used, rest, failure := digest == i.sent, digest == i.tried && q.c.o.Now().Before(i.again), i.failure
	i.mu.Unlock()
	switch {
	case used:
		return "", q.spent()
	case rest:
		return "", failure
	}
	if err := q.checkAudience(raw.Reveal()); err != nil {
		return "", err
	}
	// A caller that goes away does not end the exchange: the identity token would be used up, and the answer lost.
	exchange, stop := context.WithTimeout(context.WithoutCancel(ctx), mintTime)
	defer stop()
	token, until, err := q.mint(exchange, raw)
	i.mu.Lock()
	defer i.mu.Unlock()
	if f, ok := errors.AsType[*upstream.Failure](err); ok {
		i.tried, i.again, i.failure = digest, q.c.o.Now().Add(mintRest), f
		if errors.Is(err, errReuse) {
			i.sent = digest
		}
	}
	if err == nil {
		i.current, i.until, i.sent = token, until, digest
	}
	return token, err
}

// errReuse is the cause of a refusal of an identity token that was exchanged before.
var errReuse = errors.New("the identity token was exchanged before")

// spent is the failure while the file still has an identity token that was exchanged.
func (q *question) spent() *upstream.Failure {
	return q.failAs(errReuse, upstream.Refused, 0,
		"the token in identity_token_file was exchanged before, and each can be exchanged once: the platform must replace it at least every 10 minutes")
}

// checkAudience returns a failure if an identity token is not for the other Index. Such a token could be used
// elsewhere, so it is not sent.
func (q *question) checkAudience(raw string) error {
	want := q.u.IdentityAudience
	if want == "" {
		at, _ := url.Parse(q.u.URL)
		want = at.Host
	}
	parts := strings.Split(raw, ".")
	var claims struct {
		Aud any `json:"aud"`
	}
	if len(parts) != 3 || json.Unmarshal(decoded(parts[1]), &claims) != nil {
		return q.fail(upstream.Refused, 0, "identity_token_file does not contain an identity token (JWT)")
	}
	if list, ok := claims.Aud.([]any); ok && slices.Contains(list, any(want)) || claims.Aud == want {
		return nil
	}
	return q.fail(upstream.Refused, 0,
		"the token in identity_token_file is not for the audience %q: set identity_audience to the one that the platform writes and that the other index expects", want)
}

func decoded(s string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(s)
	return b
}

// minted is the response of an Index to an exchange.
type minted struct {
	Token   string
	Expires int64
	Errors  []struct{ Code, Description string }
}

// mint exchanges an identity token. It does not follow redirects.
func (q *question) mint(ctx context.Context, raw access.Secret) (access.Secret, time.Time, error) {
	root, _ := url.Parse(q.u.URL)
	at := &url.URL{Scheme: root.Scheme, Host: root.Host, Path: mintPath}
	body, err := json.Marshal(map[string]string{"token": raw.Reveal(), "scope": "read"})
	if err != nil {
		return "", time.Time{}, err
	}
	header := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}}
	r, err := q.send(ctx, request{method: http.MethodPost, at: at, header: header, body: body, trusted: true})
	if err != nil {
		return "", time.Time{}, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r.body, maxMintBody))
	if err != nil {
		return "", time.Time{}, err
	}
	var m minted
	if err := json.Unmarshal(b, &m); err != nil && r.StatusCode == http.StatusOK {
		return "", time.Time{}, q.fail(upstream.Wrong, r.StatusCode,
			"%s did not return a token: is it an Index?", hostOf(at))
	}
	token, until := access.Secret(m.Token), time.Unix(m.Expires, 0)
	q.hide(token)
	if r.StatusCode != http.StatusOK || len(m.Errors) > 0 {
		return "", time.Time{}, q.notMinted(r, m)
	}
	if !access.WellFormed(token) || !until.After(q.c.o.Now().Add(spentBefore)) {
		return "", time.Time{}, q.fail(upstream.Wrong, r.StatusCode,
			"%s did not return a token that is valid now: is it an Index, and is the clock right?", hostOf(at))
	}
	return token, until, nil
}

// notMinted returns the failure for an exchange that the other Index refused.
func (q *question) notMinted(r *response, m minted) *upstream.Failure {
	if f := q.judge(r); f != nil && f.Kind == upstream.Busy || r.StatusCode >= 500 {
		return f
	}
	why := statusText(r.StatusCode)
	for _, e := range m.Errors {
		if e.Code == reuse {
			return q.spent()
		}
		why += "; " + e.Code + ": " + e.Description
	}
	if r.StatusCode >= 300 && r.StatusCode < 400 || r.StatusCode == http.StatusNotFound {
		return q.fail(upstream.Wrong, r.StatusCode, "%s does not exchange identity tokens (status %s)", hostOf(r.at), why)
	}
	return q.fail(upstream.Refused, r.StatusCode, "%s refused the identity token: %s", hostOf(r.at), why)
}
