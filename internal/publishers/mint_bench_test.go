package publishers_test

import (
	"crypto/rand"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/storage/db"
	"pyindex/internal/workload"
)

// BenchmarkExchange exchanges identity tokens for upload tokens, with a publisher of kind github, and with rules on the
// claims of a Kubernetes cluster at an issuer of kind generic. SQLite, one client.
func BenchmarkExchange(b *testing.B) {
	const sub = "system:serviceaccount:ci:publisher"
	for _, c := range []struct {
		kind   string
		fields map[string]string
		claims map[string]any
	}{
		{"github", map[string]string{
			"owner": "acme", "repository": "widgets", "workflow": "release.yml", "environment": "release", "owner_id": "4242",
		}, nil},
		{"generic", map[string]string{"claim:sub": sub}, map[string]any{"sub": sub}},
	} {
		b.Run(c.kind, func(b *testing.B) {
			issuer, clock := issuertest.New(b, issuertest.Options{Plain: true}), newClock()
			rows, err := db.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "index.db"), db.Options{Now: clock.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer rows.Close()
			v, err := idtoken.New([]idtoken.Issuer{{Kind: c.kind, URL: issuer.URL, Audiences: []string{audience}}},
				idtoken.Options{Now: clock.Now})
			if err != nil {
				b.Fatal(err)
			}
			t := newTrust(rows.Publishers(), v, workload.All, settings{
				publishers.Options{Now: clock.Now}, exchange.Options{Log: slog.New(slog.DiscardHandler)},
			})
			name, err := packaging.ParseProjectName("widgets")
			if err == nil {
				err = rows.Publishers().Update(b.Context(), func(tx publishers.Tx) error {
					repo, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
					if err != nil {
						return err
					}
					_, err = catalog.Create(b.Context(), tx, catalog.NewProject{
						ID: "p", Repository: repo, Name: name, Display: "widgets", EntryID: rand.Text(), At: clock.Now(),
					})
					return err
				})
			}
			if err != nil {
				b.Fatal(err)
			}
			if _, err := t.Add(b.Context(), access.Operator("tester"), publishers.AddRequest{
				Provider: c.kind, Issuer: issuer.URL, Project: "widgets", Fields: c.fields,
			}); err != nil {
				b.Fatal(err)
			}
			var tokens []access.Secret
			for range b.N {
				claims := issuer.Claims(audience, clock.Now(), nil)
				if c.claims != nil {
					maps.DeleteFunc(claims, func(k string, _ any) bool {
						return !strings.Contains(" iss aud exp iat nbf jti ", " "+k+" ")
					})
					maps.Copy(claims, c.claims)
				}
				tokens = append(tokens, access.Secret(issuer.Sign(claims)))
			}
			who := access.Guest(false).At("198.51.100.7", "r-1")
			b.ResetTimer()
			for _, raw := range tokens {
				if _, err := t.Exchange(b.Context(), who, raw, upload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
