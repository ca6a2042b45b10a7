package mintapi_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/legacyupload"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/publishers/mintapi"
	"pyindex/internal/server"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/workload"
)

// uploading is trusting with uploads beside it, on a database of its own, for clients that begin with discovery.
func uploading(t *testing.T, database string) *site {
	t.Helper()
	s := &site{T: t, issuer: issuertest.New(t, issuertest.Options{Plain: true}), log: new(bytes.Buffer)}
	d := storagetest.OpenDB(t, database, db.Options{})
	b, err := blobs.Open(t.Context(), "file://"+t.TempDir(), blobs.Options{})
	s.must(err)
	t.Cleanup(func() { b.Close() })
	_, err = access.NewDirectory(d.Access(), access.DirectoryOptions{}).AddUser(t.Context(), access.Operator("tester"),
		access.NewUser{Name: "alice"})
	s.must(err)
	v, err := idtoken.New([]idtoken.Issuer{{Kind: "github", URL: s.issuer.URL, Audiences: []string{audience}}},
		idtoken.Options{})
	s.must(err)
	s.registry = publishers.New(d.Publishers(), []*workload.Kind{workload.GitHub}, publishers.Options{})
	s.keyring = access.NewKeyring(d.Access(), access.KeyringOptions{})
	s.addPending("release.yml")
	web := httptest.NewUnstartedServer(nil)
	base := &url.URL{Scheme: "http", Host: web.Listener.Addr().String(), Path: "/team"}
	log := slog.New(slog.DiscardHandler)
	x := assembly.New(d.Catalog(), b, assembly.Options{Log: log})
	h, err := server.New(server.Options{Keyring: s.keyring, Log: log, BasePath: base.Path},
		mintapi.New(exchange.New(s.registry, v, exchange.Options{}), audience, mintapi.Options{BaseURL: base}).Table(),
		legacyupload.New(x.Intake, legacyupload.Options{}).Table())
	s.must(err)
	web.Config.Handler = h
	web.Start()
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// upload sends a wheel of widgets and returns the status and what was said.
func (s *site) upload(token, version string) (int, string) {
	s.Helper()
	f := packagingtest.Wheel("widgets", version, "x")
	form, contentType := f.Form()
	r, err := http.NewRequestWithContext(s.Context(), "POST", s.url+"/team/legacy/", bytes.NewReader(form))
	s.must(err)
	r.Header.Set("Content-Type", contentType)
	r.SetBasicAuth("__token__", token)
	resp, err := http.DefaultTransport.RoundTrip(r)
	s.must(err)
	defer resp.Body.Close()
	var said bytes.Buffer
	_, err = said.ReadFrom(resp.Body)
	s.must(err)
	return resp.StatusCode, said.String()
}

// TestSingleUseFromDiscovery goes the way of a client of PEP 807, on each database: find the endpoints by the upload
// URL's path, ask for the audience, mint a token for one upload, upload, and be refused the second time.
func TestSingleUseFromDiscovery(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		s := uploading(t, fresh(t))
		found := s.send("GET", "/.well-known/pytp?discover=%2Fteam%2Flegacy%2F", "", typeDiscovery)
		follow := func(member string) string {
			t.Helper()
			path, ours := strings.CutPrefix(fmt.Sprint(found.json[member]), s.url)
			if !ours {
				t.Fatalf("%s is %v, which is not on the host of %s", member, found.json[member], s.url)
			}
			return path
		}
		if r := s.send("GET", follow("audience-endpoint"), "", typeDiscovery); r.json["audience"] != audience {
			t.Fatalf("audience = %d %s", r.status, r.body)
		}
		mint := func(features string) string {
			t.Helper()
			r := s.send("POST", follow("token-mint-endpoint"), `{"token": "`+s.token(nil)+`", "features": [`+features+`]}`,
				typeDiscovery)
			token, _ := r.json["token"].(string)
			if r.status != 200 || token == "" {
				t.Fatalf("mint = %d %s", r.status, r.body)
			}
			return token
		}
		once, many := mint(`"single-use-token"`), mint("")
		for _, c := range []struct {
			what, token, version string
			status               int
			word                 string
		}{
			{"the first upload", once, "1.0", 200, ""},
			{"the second", once, "2.0", 403, "for one upload"},
			{"the same again", once, "1.0", 403, "for one upload"},
			{"another token", many, "2.0", 200, ""},
			{"another token, again", many, "3.0", 200, ""},
		} {
			if status, said := s.upload(c.token, c.version); status != c.status || !strings.Contains(said, c.word) {
				t.Errorf("%s = %d %q, want %d with %q", c.what, status, said, c.status, c.word)
			}
		}
	})
}
