package mintapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/publishers/mintapi"
	"pyindex/internal/route"
	"pyindex/internal/server"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/workload"
)

const audience = "pypi.acme.example"

// site is the requests on a real server, under the path /team, over a real database and issuer. Everything that it
// logged or recorded can be searched.
type site struct {
	*testing.T
	issuer   *issuertest.Issuer
	registry *publishers.Registry
	keyring  *access.Keyring
	url      string // without a slash at the end
	log      *bytes.Buffer
	database string // folder of the database
}

type settings struct {
	audience string
	issuers  bool
	rate     int // exchanges a minute, 0 for no limit
}

func newSite(t *testing.T, o settings) *site {
	t.Helper()
	s := &site{T: t, issuer: issuertest.New(t, issuertest.Options{Plain: true}), log: new(bytes.Buffer)}
	d, err := db.Open(t.Context(), storagetest.SQLite(t), db.Options{})
	s.must(err)
	s.database = filepath.Dir(d.Path())
	t.Cleanup(func() { d.Close() })
	_, err = access.NewDirectory(d.Access(), access.DirectoryOptions{}).AddUser(t.Context(), access.Operator("tester"),
		access.NewUser{Name: "alice"})
	s.must(err)
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var issuers []idtoken.Issuer
	if o.issuers {
		issuers = append(issuers, idtoken.Issuer{Kind: "github", URL: s.issuer.URL, Audiences: []string{audience}})
	}
	v, err := idtoken.New(issuers, idtoken.Options{Log: log})
	s.must(err)
	s.registry = publishers.New(d.Publishers(), []*workload.Kind{workload.GitHub}, publishers.Options{})
	s.keyring = access.NewKeyring(d.Access(), access.KeyringOptions{})
	h, err := server.New(server.Options{
		Keyring: s.keyring, Log: log, BasePath: "/team", Rates: map[route.Limit]int{route.LimitMint: o.rate},
	}, mintapi.New(exchange.New(s.registry, v, exchange.Options{}), o.audience,
		mintapi.Options{BaseURL: &url.URL{Scheme: "https", Host: audience, Path: "/team"}}).Table())
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

// trusting is a site with a publisher that fits the issuer's ordinary claims and makes project widgets.
func trusting(t *testing.T) *site {
	t.Helper()
	s := newSite(t, settings{audience: audience, issuers: true})
	s.addPending("release.yml")
	return s
}

// addPending registers a workflow, in alice's name, that makes project widgets.
func (s *site) addPending(workflow string) {
	s.Helper()
	_, err := s.registry.Add(s.Context(), access.Operator("tester"), publishers.AddRequest{
		Provider: "github", Issuer: s.issuer.URL, Project: "widgets", Pending: true, User: "alice",
		Fields: map[string]string{"owner": "acme", "repository": "widgets", "workflow": workflow, "owner_id": "4242"},
	})
	s.must(err)
}

func (s *site) token(over map[string]any) string {
	return s.issuer.Sign(s.issuer.Claims(audience, time.Now(), over))
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

// ask sends a request and wants JSON back.
func (s *site) ask(method, path, contentType, body string) reply {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	s.must(err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultTransport.RoundTrip(r) // a redirect would be a failure
	s.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	s.must(err)
	out := reply{status: resp.StatusCode, header: resp.Header, body: string(b)}
	if err := json.Unmarshal(b, &out.json); err != nil {
		s.Errorf("%s %s = %d %q, want JSON", method, path, out.status, b)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		s.Errorf("%s %s: Content-Type %q, want application/json", method, path, got)
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		s.Errorf("%s %s: Cache-Control %q, want no-store", method, path, got)
	}
	return out
}

const mintPath = "/_/oidc/mint-token"

func (s *site) mint(token string) reply {
	s.Helper()
	return s.ask("POST", mintPath, "application/json", body(token))
}

func body(token string) string {
	b, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		panic(err) // a string is JSON
	}
	return string(b)
}

// refused wants a failure in the shape that clients index without looking.
func (s *site) refused(what string, r reply, status int, code, word string) {
	s.Helper()
	list, _ := r.json["errors"].([]any)
	if len(list) == 0 {
		s.Errorf("%s: %d %s has no errors", what, r.status, r.body)
		return
	}
	first, _ := list[0].(map[string]any)
	description, _ := first["description"].(string)
	if r.status != status || first["code"] != code || description == "" || !strings.Contains(description, word) {
		s.Errorf("%s: %d %s, want %d with code %s and %q", what, r.status, r.body, status, code, word)
	}
	if message, _ := r.json["message"].(string); message == "" {
		s.Errorf("%s: %s has no message", what, r.body)
	}
}
