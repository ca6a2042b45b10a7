package leakapi_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/leakapi"
	"pyindex/internal/server"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// site takes reports on a real server under the path /team, over a real database. It has two keys to believe.
type site struct {
	*testing.T
	url       string
	folder    string
	log       *bytes.Buffer
	directory *access.Directory
	keyring   *access.Keyring
	keys      []*ecdsa.PrivateKey
}

const path = "/_/secrets/disclose-token"

func newKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newSite(t *testing.T, configured bool) *site {
	t.Helper()
	s := &site{
		T: t, log: new(bytes.Buffer), keys: []*ecdsa.PrivateKey{newKey(t, elliptic.P256()), newKey(t, elliptic.P256())},
	}
	d, err := db.Open(t.Context(), storagetest.SQLite(t), db.Options{})
	s.must(err)
	s.folder = filepath.Dir(d.Path())
	t.Cleanup(func() { d.Close() })
	s.directory = access.NewDirectory(d.Access(), access.DirectoryOptions{})
	s.keyring = access.NewKeyring(d.Access(), access.KeyringOptions{})
	_, err = s.directory.AddUser(t.Context(), access.Operator("test"), access.NewUser{Name: "ann"})
	s.must(err)
	var o leakapi.Options
	if configured {
		for _, k := range s.keys {
			o.Keys = append(o.Keys, &k.PublicKey)
		}
	}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h, err := server.New(server.Options{Keyring: s.keyring, Log: log, BasePath: "/team"},
		leakapi.New(s.directory, o).Table())
	s.must(err)
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) token() access.Secret {
	s.Helper()
	_, secret, err := s.directory.CreateToken(s.Context(), access.Operator("test"),
		access.NewAPIToken{User: "ann", Scope: access.ScopeUpload})
	s.must(err)
	return secret
}

func (s *site) works(secret access.Secret) bool {
	s.Helper()
	_, err := s.keyring.Identify(s.Context(), "__token__", secret)
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		s.Error(err)
	}
	return err == nil
}

// sign is the signature of the header, over a digest.
func sign(t *testing.T, k *ecdsa.PrivateKey, digest []byte) string {
	t.Helper()
	raw, err := ecdsa.SignASN1(rand.Reader, k, digest)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func signed(t *testing.T, k *ecdsa.PrivateKey, body string) http.Header {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	return http.Header{"Github-Public-Key-Identifier": {"key-1"}, "Github-Public-Key-Signature": {sign(t, k, sum[:])}}
}

// report is a report of one token.
func report(s access.Secret) string {
	b, err := json.Marshal([]map[string]string{{
		"token": s.Reveal(), "type": "acme_index", "url": "https://forge.example/a", "source": "content",
	}})
	if err != nil {
		panic(err) // strings are JSON
	}
	return string(b)
}

func (s *site) send(at, body string, h http.Header) (status int, text string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), "POST", s.url+at, strings.NewReader(body))
	s.must(err)
	r.Header = h.Clone()
	resp, err := http.DefaultTransport.RoundTrip(r)
	s.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	s.must(err)
	return resp.StatusCode, string(b)
}

// TestDisclose: a signed report ends its tokens, by either key, at both addresses, and always reads 204.
func TestDisclose(t *testing.T) {
	s := newSite(t, true)
	for i, at := range []string{path, "/team" + path} {
		token, other := s.token(), s.token()
		unknown := report(access.NewToken())
		blanks := `[{"token": "` + token.Reveal() + `\n", "type": "x", "url": "", "more": [1, null]}]`
		for name, body := range map[string]string{
			"unknown": unknown, "empty list": "[]", "not ours": `[{"token": "ghp_x", "type": "y", "url": "z"}]`,
		} {
			if status, text := s.send(at, body, signed(t, s.keys[i], body)); status != 204 || text != "" {
				t.Errorf("%s: %d %q, want 204 and nothing", name, status, text)
			}
		}
		if !s.works(token) {
			t.Fatal("a token that nobody reported does not work")
		}
		if status, text := s.send(at, blanks, signed(t, s.keys[i], blanks)); status != 204 || text != "" || s.works(token) {
			t.Errorf("POST %s = %d %q, token works: %v; want 204 and an end", at, status, text, s.works(token))
		}
		again := report(token)
		if status, text := s.send(at, again, signed(t, s.keys[i], again)); status != 204 || text != "" || !s.works(other) {
			t.Errorf("again: %d %q, the other works: %v", status, text, s.works(other))
		}
	}
}

// TestDiscloseRefuses: whatever is wrong with headers, signature or shape, the token goes on working.
func TestDiscloseRefuses(t *testing.T) {
	s := newSite(t, true)
	token := s.token()
	good := report(token)
	entry := good[1 : len(good)-1]
	headers := func(id, signature []string) func(string) http.Header {
		return func(string) http.Header {
			return http.Header{"Github-Public-Key-Identifier": id, "Github-Public-Key-Signature": signature}
		}
	}
	right := signed(t, s.keys[0], good)["Github-Public-Key-Signature"]
	by := func(k *ecdsa.PrivateKey) func(string) http.Header {
		return func(body string) http.Header { return signed(t, k, body) }
	}
	over := func(digest func(string) []byte) func(string) http.Header {
		return func(body string) http.Header {
			return headers([]string{"k"}, []string{sign(t, s.keys[0], digest(body))})(body)
		}
	}
	mine := by(s.keys[0])
	for _, c := range []struct {
		name, body string
		header     func(string) http.Header
		want       int
	}{
		{"no headers", good, headers(nil, nil), 404},
		{"no signature", good, headers([]string{"k"}, nil), 404},
		{"empty signature", good, headers([]string{"k"}, []string{""}), 404},
		{"no key", good, headers(nil, right), 404},
		{"empty key", good, headers([]string{""}, right), 404},
		{"two signatures", good, headers([]string{"k"}, []string{right[0], right[0]}), 404},
		{"two keys", good, headers([]string{"k", "l"}, right), 404},
		{"another's key", good, by(newKey(t, elliptic.P256())), 400},
		{"a key on another curve", good, by(newKey(t, elliptic.P384())), 400},
		{"signature of another body", good + " ", headers([]string{"k"}, right), 400},
		{"signature of nothing", good, func(string) http.Header { return signed(t, s.keys[0], "") }, 400},
		{"signature of the text itself", good, over(func(b string) []byte { return []byte(b)[:32] }), 400},
		{"signature of a SHA-512", good, over(func(b string) []byte { d := sha512.Sum512([]byte(b)); return d[:] }), 400},
		{"signature that is no base64", good, headers([]string{"k"}, []string{"%%%"}), 400},
		{
			"signature without padding bits", good, headers([]string{"k"}, []string{strings.TrimRight(right[0], "=") + "A"}),
			400,
		},
		{
			"signature of zeros", good,
			headers([]string{"k"}, []string{base64.StdEncoding.EncodeToString([]byte{0x30, 6, 2, 1, 0, 2, 1, 0})}), 400,
		},
		{"signature too long", good, headers([]string{"k"}, []string{strings.Repeat("A", 4000)}), 400},
		{"nothing", "", mine, 400},
		{"no JSON", "token", mine, 400},
		{"an object", entry, mine, 400},
		{"a string", `"x"`, mine, 400},
		{"null", "null", mine, 400},
		{"a list of strings", `["` + token.Reveal() + `"]`, mine, 400},
		{"a list in a list", "[" + good + "]", mine, 400},
		{"two lists", good + good, mine, 400},
		{"no type", `[{"token": "` + token.Reveal() + `", "url": "u"}]`, mine, 400},
		{"no url", `[{"token": "` + token.Reveal() + `", "type": "t"}]`, mine, 400},
		{"no token", `[{"type": "t", "url": "u"}]`, mine, 400},
		{"token a number", `[{"token": 1, "type": "t", "url": "u"}]`, mine, 400},
		{"url null", `[{"token": "` + token.Reveal() + `", "type": "t", "url": null}]`, mine, 400},
		{"source a list", `[{"token": "` + token.Reveal() + `", "type": "t", "url": "u", "source": []}]`, mine, 400},
		{"token twice", `[{"token": "x", "token": "` + token.Reveal() + `", "type": "t", "url": "u"}]`, mine, 400},
		{"one bad entry of two", "[" + entry + `, {"token": 1}]`, mine, 400},
		{"not UTF-8", "[" + entry + ", \"\xff\"]", mine, 400},
		{"deep", strings.Repeat("[", 5000), mine, 400},
		{"too large", "[" + strings.Repeat(entry+",", 3000) + entry + "]", mine, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, text := s.send(path, c.body, c.header(c.body))
			if status != c.want || text == "" || strings.Contains(text, token.Reveal()[len(access.TokenPrefix):]) {
				t.Errorf("%s: %d %q, want %d with a word, and no token", c.name, status, text, c.want)
			}
			if !s.works(token) {
				t.Fatalf("%s: the token was ended", c.name)
			}
		})
	}
}

// TestNotConfigured: without keys the address is like one where nothing is, signed or not.
func TestNotConfigured(t *testing.T) {
	s := newSite(t, false)
	token := s.token()
	body := report(token)
	for name, h := range map[string]http.Header{"signed": signed(t, s.keys[0], body), "not signed": {}} {
		t.Run(name, func(t *testing.T) {
			status, text := s.send(path, body, h)
			if status != 404 || !strings.Contains(text, "nothing is here") || !s.works(token) {
				t.Errorf("%s: %d %q, want 404", name, status, text)
			}
		})
	}
}

// TestNoTokenAnywhere: neither the log nor the database keeps a reported token, also where its own address holds it.
func TestNoTokenAnywhere(t *testing.T) {
	s := newSite(t, true)
	token, refused := s.token(), s.token()
	body := strings.Replace(report(token), "https://forge.example/a", "https://forge.example/?q="+token.Reveal(), 1)
	if status, _ := s.send(path, body, signed(t, s.keys[0], body)); status != 204 {
		t.Fatalf("status %d", status)
	}
	s.send(path, report(refused), signed(t, s.keys[0], ""))
	kept := s.log.String()
	for _, name := range []string{"index.db", "index.db-wal"} {
		b, err := os.ReadFile(filepath.Join(s.folder, name))
		s.must(err)
		kept += string(b)
	}
	if len(kept) < 10_000 || !strings.Contains(kept, "token.leaked") ||
		!strings.Contains(kept, "forge.example/?q=[secret]") {
		t.Fatal("the test looks at too little")
	}
	for _, secret := range []access.Secret{token, refused} {
		if strings.Contains(kept, secret.Reveal()[len(access.TokenPrefix):]) {
			t.Error("a token was kept")
		}
	}
}

func pemOf(t *testing.T, kind string, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestParseKeys(t *testing.T) {
	one, two := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	text := pemOf(t, "PUBLIC KEY", &one.PublicKey) + "\n" + pemOf(t, "PUBLIC KEY", &two.PublicKey) + "\n\n"
	keys, err := leakapi.ParseKeys([]byte(text))
	if err != nil || len(keys) != 2 || !keys[0].Equal(&one.PublicKey) || !keys[1].Equal(&two.PublicKey) {
		t.Errorf("ParseKeys(two keys) = %d keys, %v", len(keys), err)
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(one)
	if err != nil {
		t.Fatal(err)
	}
	good := pemOf(t, "PUBLIC KEY", &one.PublicKey)
	for name, bad := range map[string]string{
		"nothing": "", "text": "key", "another curve": pemOf(t, "PUBLIC KEY", &newKey(t, elliptic.P384()).PublicKey),
		"RSA": pemOf(t, "PUBLIC KEY", &large.PublicKey), "Ed25519": pemOf(t, "PUBLIC KEY", ed),
		"another kind of block": pemOf(t, "CERTIFICATE", &one.PublicKey),
		"private":               string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})),
		"no key in it":          "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"one good and one bad":  good + pemOf(t, "PUBLIC KEY", ed), "text after it": good + "more",
		"cut": good[:len(good)-30],
	} {
		t.Run(name, func(t *testing.T) {
			if keys, err := leakapi.ParseKeys([]byte(bad)); err == nil || len(keys) > 0 {
				t.Errorf("%s: ParseKeys = %s, want an error", name, fmt.Sprint(len(keys)))
			}
		})
	}
}
