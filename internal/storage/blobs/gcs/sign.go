package gcs

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/compute/metadata"

	"pyindex/internal/storage/blobs/remote"
)

// signer signs URLs as a service account: with its key, or by asking Google to sign for it.
type signer struct {
	key    []byte // in PEM, nil if Google signs
	client *http.Client
	server string

	mu      sync.Mutex
	account string // "" until the machine was asked
}

func newSigner(file []byte, s *settings, universe string, client *http.Client) *signer {
	email, key := readAccount(file)
	g := &signer{account: email, key: []byte(key), client: client, server: "https://iamcredentials." + universe}
	if s.account != "" && s.account != g.account {
		g.account, g.key = s.account, nil
	}
	if s.key != nil || s.noKey {
		g.key = s.key
	}
	return g
}

// who returns the address of the account, which is the machine's if the credentials name none.
func (g *signer) who(ctx context.Context) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.account == "" {
		if !metadata.OnGCEWithContext(ctx) {
			return "", errors.New("the credentials are no service account")
		}
		email, err := metadata.NewClient(nil).EmailWithContext(ctx, "")
		if err != nil {
			return "", err
		}
		g.account = email
	}
	return g.account, nil
}

func (g *signer) sign(ctx context.Context, account string, text []byte) ([]byte, error) {
	if len(g.key) == 0 {
		return g.ask(ctx, account, text)
	}
	key, err := parseKey(g.key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
}

func parseKey(key []byte) (*rsa.PrivateKey, error) {
	if block, _ := pem.Decode(key); block != nil {
		key = block.Bytes
	}
	parsed, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		if parsed, err := x509.ParsePKCS1PrivateKey(key); err == nil {
			return parsed, nil
		}
		return nil, errors.New("the private key of the service account cannot be read")
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the private key of the service account is no RSA key")
	}
	return private, nil
}

// ask lets Google sign, for which the account needs the role of a token creator for itself.
func (g *signer) ask(ctx context.Context, account string, text []byte) ([]byte, error) {
	body, err := json.Marshal(map[string][]byte{"payload": text})
	if err != nil {
		return nil, err
	}
	return remote.Try(ctx, policy{}, func() ([]byte, error) {
		q, err := http.NewRequestWithContext(ctx, http.MethodPost,
			g.server+"/v1/projects/-/serviceAccounts/"+url.PathEscape(account)+":signBlob", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		q.Header.Set("Content-Type", "application/json")
		var signed struct {
			SignedBlob []byte `json:"signedBlob"`
		}
		if err := call(g.client, q, &signed); err != nil {
			return nil, err
		}
		return signed.SignedBlob, nil
	})
}

// Sign returns a URL for reading an object until a time. The signature contains only the end, so the start is ignored.
func (b *Bucket) Sign(ctx context.Context, key string, _, until time.Time) (string, error) {
	if b.signer == nil {
		return "", errors.New("there are no credentials to sign with")
	}
	account, err := b.signer.who(ctx)
	if err != nil {
		return "", err
	}
	expires := strconv.FormatInt(until.Unix(), 10)
	u := b.object(key)
	text := fmt.Appendf(nil, "%s\n\n\n%s\n%s", http.MethodGet, expires, u.EscapedPath())
	signature, err := b.signer.sign(ctx, account, text)
	if err != nil {
		return "", err
	}
	u.RawQuery = url.Values{
		"GoogleAccessId": {account}, "Expires": {expires}, "Signature": {base64.StdEncoding.EncodeToString(signature)},
	}.Encode()
	return u.String(), nil
}
