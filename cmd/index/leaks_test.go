//go:build !windows

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pyindex/internal/access"
)

// A report signed by a configured key ends the token on the program's own routes; one that is not signed is 404.
func TestLeakReport(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	x := newFixture(t, "http://h.example", false)
	x.app.Config.Leaks.Keys = []string{write(t, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))}
	log := slog.New(slog.DiscardHandler)
	h, err := (&endpoints{
		App: x.app, base: &url.URL{Scheme: "http", Host: "h.example"}, log: log,
	}).handler(access.NewKeyring(x.app.DB.Access(), access.KeyringOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	body := `[{"token": "` + x.tokens["read"].Reveal() + `", "type": "index", "url": "https://forge.example/"}]`
	sum := sha256.Sum256([]byte(body))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string, change func(http.Header)) int {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		change(r.Header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	asReader := func(h http.Header) {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("__token__:"+x.tokens["read"].Reveal())))
	}
	sign := func(h http.Header) {
		h.Set("Github-Public-Key-Identifier", "k")
		h.Set("Github-Public-Key-Signature", base64.StdEncoding.EncodeToString(signature))
	}
	const path = "/_/secrets/disclose-token"
	for _, c := range []struct {
		what, method, path, body string
		change                   func(http.Header)
		want                     int
	}{
		{"not signed", "POST", path, body, func(http.Header) {}, 404},
		{"another body", "POST", path, body + " ", sign, 400},
		{"the token before", "GET", "/simple/", "", asReader, 200},
		{"signed", "POST", path, body, sign, 204},
		{"the token after", "GET", "/simple/", "", asReader, 401},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := ask(c.method, c.path, c.body, c.change); got != c.want {
				t.Errorf("%s: %s %s = %d, want %d", c.what, c.method, c.path, got, c.want)
			}
		})
	}
}

// A key file that went away after the check stops the program rather than believing nobody.
func TestLeakKeysGone(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.app.Config.Leaks.Keys = []string{"/nonexistent/key.pem"}
	if _, err := (&endpoints{
		App: x.app, base: &url.URL{}, log: slog.New(slog.DiscardHandler),
	}).handler(nil); err == nil || !strings.Contains(err.Error(), "leaks.keys") {
		t.Errorf("handler = %v, want an error that names leaks.keys", err)
	}
}
