package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// issuer is an issuer of identity tokens on this machine, for exchanges for upload tokens.
type issuer struct {
	url, authority string // authority is the path of the certificate that signed its own
	key            *rsa.PrivateKey
	server         *http.Server
}

// newIssuer starts an issuer, whose certificate is written to dir.
func newIssuer(dir string) (*issuer, error) {
	cert, key, authority, err := certificate(dir)
	if err != nil {
		return nil, err
	}
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &issuer{url: "https://" + l.Addr().String(), authority: authority, key: k}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.answer(map[string]any{
		"issuer": i.url, "jwks_uri": i.url + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
	}))
	mux.HandleFunc("GET /keys", i.answer(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "bench", "n": encode(k.N.Bytes()),
		"e": encode(big.NewInt(int64(k.E)).Bytes()),
	}}}))
	i.server = &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = i.server.ServeTLS(l, cert, key) }()
	return i, nil
}

func (i *issuer) answer(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// trust makes a site trust the issuer and adds a publisher for a project that does not exist yet.
func (i *issuer) trust(ctx context.Context, s *site, project string) error {
	config := filepath.Join(s.dir, "index.toml")
	text := fmt.Sprintf("[[oidc.issuers]]\nkind = \"github\"\nissuer = %q\nca_file = %q\n", i.url, i.authority)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	s.env = append(s.env, "INDEX_CONFIG="+config)
	_, err := s.admin(ctx, "publisher", "add", "github", "--issuer", i.url, "--project", project, "--pending", "--owner",
		"acme", "--repository", "widgets", "--workflow", "release.yml", "--environment", "release", "--owner-id", "4242")
	return err
}

// identity returns a new identity token of a job that may publish the project.
func (i *issuer) identity(audience string) (string, error) {
	now := time.Now()
	workflow := "acme/widgets/.github/workflows/release.yml@refs/tags/v1.0"
	claims, err := json.Marshal(map[string]any{
		"iss": i.url, "aud": audience, "jti": rand.Text(), "iat": now.Unix(), "nbf": now.Unix(),
		"exp": now.Add(5 * time.Minute).Unix(), "sub": "repo:acme/widgets:environment:release",
		"repository": "acme/widgets", "repository_owner": "acme", "repository_owner_id": "4242", "repository_id": "777",
		"repository_visibility": "private", "job_workflow_ref": workflow, "workflow_ref": workflow, "workflow": "Release",
		"event_name": "push", "environment": "release", "ref": "refs/tags/v1.0", "ref_type": "tag",
		"sha": strings.Repeat("0a", 20), "actor": "octocat", "actor_id": "1", "run_id": "99", "run_number": "7",
		"run_attempt": "1", "runner_environment": "github-hosted",
	})
	if err != nil {
		return "", err
	}
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT","kid":"bench"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	return signed + "." + encode(signature), err
}

// mint exchanges a new identity token at a server, and returns how long the exchange took.
func (i *issuer) mint(ctx context.Context, p *process) (took time.Duration, err error) {
	var audience struct{ Audience string }
	if err := fetchJSON(ctx, target{URL: p.base + "/_/oidc/audience"}, &audience); err != nil {
		return 0, err
	}
	token, err := i.identity(audience.Audience)
	if err != nil {
		return 0, err
	}
	body := strings.NewReader(`{"token": "` + token + `"}`)
	r, err := http.NewRequestWithContext(ctx, "POST", p.base+"/_/oidc/mint-token", body)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	begun := time.Now()
	answer, err := bare.Do(r)
	if err != nil {
		return 0, err
	}
	said, err := io.ReadAll(answer.Body)
	took = time.Since(begun)
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("mint-token: %s: %s", answer.Status, said)
	}
	return took, errors.Join(err, answer.Body.Close())
}
