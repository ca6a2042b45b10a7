package idtoken

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"pyindex/internal/fetch"
)

// Limits on the responses of an issuer.
const (
	maxBody      = 256 << 10 // bytes of a document
	maxHeader    = 64 << 10  // bytes of its header
	maxKeys      = 100
	minBits      = 2048 // of an RSA modulus (RFC 7518, section 3.3)
	maxBits      = 8192 // larger keys make verification slow
	maxRedirects = 3
)

// newClient returns a client for one issuer. It limits response sizes, disables compression, and follows redirects only
// on the same host.
func newClient(t *tls.Config) *http.Client {
	return &http.Client{
		CheckRedirect: fetch.SameHost(maxRedirects),
		Transport: fetch.Bounded(&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        t,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConns:           2,
			IdleConnTimeout:        30 * time.Second,
		}, maxBody),
	}
}

// fetchKeys fetches an issuer's discovery document and then its keys, by key id. It returns an error if there are no
// keys, so that an empty response does not replace good keys.
func fetchKeys(ctx context.Context, client *http.Client, issuer string) (map[string][]crypto.PublicKey, error) {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, client), issuer)
	if err != nil {
		return nil, fmt.Errorf("cannot fetch the discovery document: %w", err)
	}
	var doc struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&doc); err != nil {
		return nil, fmt.Errorf("reading the discovery document: %w", err)
	}
	if err := checkKeysURL(issuer, doc.Keys); err != nil {
		return nil, fmt.Errorf("the discovery document's jwks_uri %.200q: %w", doc.Keys, err)
	}
	b, err := get(ctx, client, doc.Keys)
	if err != nil {
		return nil, fmt.Errorf("asking for the keys: %w", err)
	}
	return parseKeys(b)
}

// checkKeysURL allows keys on another host, as Google has them, but not over plain http for an https issuer.
func checkKeysURL(issuer, keys string) error {
	u, err := parseURL(keys)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && strings.HasPrefix(issuer, "https:") {
		return errors.New("keys of an https issuer are fetched by https")
	}
	return nil
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}

// parseKeys parses a JWK Set (RFC 7517). It ignores unusable keys, as section 5 requires.
func parseKeys(b []byte) (map[string][]crypto.PublicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys; at most %d are read", len(set.Keys), maxKeys)
	}
	keys := map[string][]crypto.PublicKey{}
	for _, raw := range set.Keys {
		if kid, key := parseKey(raw); key != nil {
			keys[kid] = append(keys[kid], key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no usable RSA key among the keys")
	}
	return keys, nil
}

// parseKey returns a public RSA key for RS256 signatures, or nil. It ignores private and symmetric keys: if one was
// published by mistake, everyone has it.
func parseKey(raw json.RawMessage) (string, crypto.PublicKey) {
	var k jose.JSONWebKey
	if err := json.Unmarshal(raw, &k); err != nil {
		return "", nil
	}
	key, ok := k.Key.(*rsa.PublicKey)
	if !ok || k.KeyID == "" || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != algorithm {
		return "", nil
	}
	if bits := key.N.BitLen(); bits < minBits || bits > maxBits {
		return "", nil
	}
	return k.KeyID, key
}
