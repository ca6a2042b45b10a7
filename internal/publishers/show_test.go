package publishers_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/insight"
)

func (b *bench) show(who access.Caller, project string) insight.Publishing {
	b.Helper()
	p, err := b.registry.ForProject(b.Context(), who, "", project)
	if err != nil {
		b.Fatalf("ForProject(%s) = %v", project, err)
	}
	return p
}

// TestForProject: publishers with their last exchange, newest exchanges, and nothing of other projects.
func TestForProject(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice, bob := b.owner("alice", "widgets"), b.owner("bob", "gadgets")
		first := b.addRequest(alice, b.request("widgets", "environment", "", "owner_id", ""))
		second := b.addRequest(alice, b.request("widgets", "environment", "other"))
		b.add("gadgets", "workflow", "secret.yml")
		b.clock.Pass(time.Minute)
		b.mint(map[string]any{"repository_id": "31337"})
		b.clock.Pass(time.Minute)
		b.exchange(b.token(map[string]any{"repository_owner_id": "666"}))
		p := b.show(alice, "Widgets")
		if len(p.Publishers) != 2 || p.Publishers[0].ID != first.ID || p.Publishers[1].ID != second.ID {
			t.Fatalf("publishers %+v", p.Publishers)
		}
		one := p.Publishers[0]
		if one.AddedBy != "alice" || !one.Pinned || one.Last == nil || one.Last.Granted || len(p.Exchanges) != 2 ||
			!p.Exchanges[1].Granted || p.Exchanges[1].PublisherID != first.ID {
			t.Errorf("first %+v, exchanges %+v", one, p.Exchanges)
		}
		for _, x := range p.Exchanges {
			for _, n := range x.Nearest {
				if strings.Contains(n.Publisher, "secret.yml") {
					t.Errorf("another project's publisher is shown: %+v", n)
				}
			}
		}
		for who, kind := range map[*access.Caller]fault.Kind{&bob: fault.NotFound, &b.guest: fault.Unauthenticated} {
			if _, err := b.registry.ForProject(t.Context(), *who, "", "widgets"); !fault.Is(err, kind) {
				t.Errorf("ForProject by %q = %v, want %v", who.Name(), err, kind)
			}
		}
		hidden, missing := b.fault(bob, "widgets"), b.fault(bob, "nothing")
		if strings.ReplaceAll(hidden, "widgets", "X") != strings.ReplaceAll(missing, "nothing", "X") {
			t.Errorf("hidden is %q, missing %q", hidden, missing)
		}
	})
}

func (b *bench) fault(who access.Caller, project string) string {
	_, err := b.registry.ForProject(b.Context(), who, "", project)
	return fault.Message(err)
}

// TestTighteningKeepsTheLastJob: the values that a warning offers are those of the job that was accepted last.
func TestTighteningKeepsTheLastJob(t *testing.T) {
	b := newBench(t)
	alice := b.owner("alice", "widgets")
	b.add("widgets", "environment", "")
	b.publish(b.mint(map[string]any{"environment": "Production", "repository_id": "31337"}), "widgets", "1.0")
	got := map[string]string{}
	for _, w := range b.show(alice, "widgets").Publishers[0].Warnings {
		got[w.Field] = w.Value
	}
	b.add("widgets", "workflow", "main.yml")
	main := map[string]any{
		"job_workflow_ref": "acme/widgets/.github/workflows/main.yml@refs/heads/main", "ref": "refs/heads/main",
	}
	b.publish(b.mint(main), "widgets", "2.0")
	for _, w := range b.show(alice, "widgets").Publishers[1].Warnings {
		if w.Field == "ref" && w.Value != "refs/heads/main" {
			t.Errorf("offered ref %q", w.Value)
		}
	}
	if got["environment"] != "Production" || got["repository_id"] != "31337" {
		t.Errorf("offered %v", got)
	}
}

// TestUploadTokens: every API token that can upload is listed, no other is, and what is private of it is left out.
func TestUploadTokens(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.owner("alice", "widgets")
		b.owner("bob", "gadgets")
		d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
		if _, err := d.AddUser(t.Context(), b.operator, access.NewUser{Name: "root", Admin: true}); err != nil {
			t.Fatal(err)
		}
		token := func(user, description string, scope access.Scope, expires time.Duration, projects ...string) access.Token {
			got, _, err := d.CreateToken(t.Context(), b.operator,
				access.NewAPIToken{
					User:        user,
					Repository:  "main",
					Projects:    projects,
					Scope:       scope,
					Expires:     expires,
					Description: description,
				})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		token("alice", "bound", access.ScopeUpload, 0, "widgets")
		token("alice", "elsewhere", access.ScopeUpload, 0, "gadgets")
		token("alice", "reads", access.ScopeRead, 0)
		token("alice", "short", access.ScopeUpload, time.Minute)
		token("root", "root's secret plans", access.ScopeUpload, 0)
		token("bob", "bob's, bound to what he may not upload to", access.ScopeUpload, 0, "widgets")
		token("bob", "bob's", access.ScopeUpload, 0)
		revoked := token("alice", "revoked", access.ScopeUpload, 0)
		if err := d.RevokeToken(t.Context(), b.operator, revoked.ID); err != nil {
			t.Fatal(err)
		}
		b.clock.Pass(time.Minute)
		var got []string
		for _, u := range b.show(alice, "widgets").Tokens {
			got = append(got,
				u.User+":"+u.Description+map[bool]string{true: ":mine"}[u.Mine]+map[bool]string{true: ":whole"}[u.Whole])
			if u.Hash != "" {
				t.Error("a hash is shown")
			}
		}
		if want := "alice:test:mine:whole|alice:again:mine:whole|alice:bound:mine|root::whole"; strings.Join(got,
			"|") != want {
			t.Errorf("tokens %q, want %q", strings.Join(got, "|"), want)
		}
		if err := d.DisableUser(t.Context(), b.operator, "root"); err != nil {
			t.Fatal(err)
		}
		if n := len(b.show(alice, "widgets").Tokens); n != 3 {
			t.Errorf("%d tokens after an account was disabled, want 3", n)
		}
	})
}

// TestPendingOf: one's own, with what came near it.
func TestPendingOf(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.addPending(alice, "planned")
	b.addPending(bob, "Other.One", "environment", "bobs")
	b.exchange(b.token(map[string]any{"environment": "wrong"}))
	got, err := b.registry.PendingOf(t.Context(), alice)
	if err != nil || len(got) != 1 || got[0].Project != "planned" || got[0].AddedBy != "alice" || got[0].Last == nil ||
		got[0].Last.Nearest[0].Differences[0].Claim != "environment" {
		t.Errorf("PendingOf = %+v, %v", got, err)
	}
	if all, err := b.registry.PendingOf(t.Context(), b.operator); err != nil || len(all) != 2 {
		t.Errorf("PendingOf(operator) = %+v, %v", all, err)
	}
	if _, err := b.registry.PendingOf(t.Context(), b.guest); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("PendingOf(nobody) = %v", err)
	}
}
