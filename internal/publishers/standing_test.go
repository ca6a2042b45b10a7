package publishers_test

import (
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// Each change of publishers and readers refuses a caller whose token was revoked or whose account was disabled
// after it was identified, and is made when nothing ended.
func TestEveryChangeReadsRightsAgain(t *testing.T) {
	changes := map[string]func(b *bench, who access.Caller, added, pending, reader string) error{
		"Add": func(b *bench, who access.Caller, _, _, _ string) error {
			_, err := b.registry.Add(b.Context(), who, b.request("widgets", "workflow", "other.yml"))
			return err
		},
		"Add pending": func(b *bench, who access.Caller, _, _, _ string) error {
			req := b.request("newer", "workflow", "other.yml")
			req.Pending = true
			_, err := b.registry.Add(b.Context(), who, req)
			return err
		},
		"Constrain": func(b *bench, who access.Caller, added, _, _ string) error {
			_, err := b.constrain(who, "widgets", added, map[string]string{"environment": "release"})
			return err
		},
		"Remove": func(b *bench, who access.Caller, added, _, _ string) error {
			return b.registry.Remove(b.Context(), who, added)
		},
		"RemoveFrom": func(b *bench, who access.Caller, added, _, _ string) error {
			return b.registry.RemoveFrom(b.Context(), who, added, "", "widgets")
		},
		"Add to a repository": func(b *bench, who access.Caller, _, _, _ string) error {
			_, err := b.registry.Add(b.Context(), who, b.wide("acme", true))
			return err
		},
		"RemoveFromRepository": func(b *bench, who access.Caller, added, _, _ string) error {
			return b.registry.RemoveFromRepository(b.Context(), who, added, "", "beta")
		},
		"Constrain in a repository": func(b *bench, who access.Caller, added, _, _ string) error {
			_, err := b.registry.Constrain(b.Context(), who, publishers.ConstrainRequest{
				ID: added, Names: "beta", Fields: map[string]string{"environment": "release"},
			})
			return err
		},
		"RemovePending": func(b *bench, who access.Caller, _, pending, _ string) error {
			return b.registry.RemovePending(b.Context(), who, pending)
		},
		"AddReader": func(b *bench, who access.Caller, _, _, _ string) error {
			_, err := b.registry.AddReader(b.Context(), who, publishers.ReaderRequest{
				Provider: "github", Issuer: b.issuer.URL, Projects: []string{"widgets"}, Fields: fields("workflow", "other.yml"),
			})
			return err
		},
		"RemoveReader": func(b *bench, who access.Caller, _, _, reader string) error {
			return b.registry.RemoveReader(b.Context(), who, reader)
		},
	}
	for what, change := range changes {
		t.Run(what, func(t *testing.T) {
			onEach(t, func(t *testing.T, b *bench) {
				alice := b.owner("alice", "widgets")
				added := b.add("widgets", "environment", "")
				b.addWide("beta", false, "environment", "")
				pending := b.addPending(alice, "later")
				reader, err := b.registry.AddReader(t.Context(), alice,
					publishers.ReaderRequest{
						Provider: "github", Issuer: b.issuer.URL, Projects: []string{"widgets"}, Fields: fields(),
					})
				if err != nil {
					t.Fatal(err)
				}
				d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
				if strings.Contains(strings.ToLower(what), "repository") {
					b.user("boss") // for alice is not to be the only one
					for _, name := range []string{"boss", "alice"} {
						if err := d.SetAdmin(t.Context(), b.operator, name, true); err != nil {
							t.Fatal(err)
						}
					}
					alice = b.again("alice")
				}
				for _, end := range []func(string) error{
					func(name string) error { return d.DisableUser(t.Context(), b.operator, name) },
					func(string) error { return d.RevokeToken(t.Context(), b.operator, alice.TokenID()) },
				} {
					if err := end("alice"); err != nil {
						t.Fatal(err)
					}
					if err := change(b, alice, added.ID, pending.ID, reader.ID); !fault.Is(err, fault.Unauthenticated) {
						t.Errorf("%s by an owner whose right ended = %v, want unauthenticated", what, err)
					}
					if err := d.EnableUser(t.Context(), b.operator, "alice"); err != nil {
						t.Fatal(err)
					}
				}
				_, secret, err := d.CreateToken(t.Context(), b.operator,
					access.NewAPIToken{User: "alice", Scope: access.ScopeAdmin, Description: "next"})
				if err != nil {
					t.Fatal(err)
				}
				who := b.identify(secret)
				if who.Admin() { // whose administration ends after they were identified
					if err := d.SetAdmin(t.Context(), b.operator, "alice", false); err != nil {
						t.Fatal(err)
					}
					if err := change(b, who, added.ID, pending.ID, reader.ID); !fault.Is(err, fault.Denied) {
						t.Errorf("%s by somebody who no longer administers = %v, want denied", what, err)
					}
					if err := d.SetAdmin(t.Context(), b.operator, "alice", true); err != nil {
						t.Fatal(err)
					}
				}
				if err := change(b, who, added.ID, pending.ID, reader.ID); err != nil {
					t.Errorf("%s by the owner = %v", what, err)
				}
			})
		})
	}
}
