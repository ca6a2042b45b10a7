package legacyupload_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
)

// trust adds a publisher to project demo and returns a token minted for it.
func (s *site) trust(once bool) access.Secret {
	s.t.Helper()
	ctx, secret := s.t.Context(), access.NewToken()
	p, err := s.index.Project(ctx, operator, "", s.project("demo"))
	check(s.t, err)
	err = s.db.Publishers().Update(ctx, func(tx publishers.Tx) error {
		q, err := tx.PutPublisher(ctx,
			publishers.Publisher{
				ID:        "p",
				Issuer:    "https://issuer.example",
				Provider:  "github",
				Lookup:    "a/b",
				CreatedAt: time.Now(),
			})
		check(s.t, err)
		// the second time it exists
		_ = tx.Attach(ctx, publishers.Attached{Publisher: q, ProjectID: p.ID, AddedAt: time.Now()})
		t := access.Token{
			ID: access.HashToken(secret)[:16], Kind: access.TokenMinted, Hash: access.HashToken(secret),
			Scope:   access.ScopeUpload,
			Limited: true, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour), Publisher: "workflow w", SingleUse: once,
		}
		check(s.t, tx.InsertToken(ctx, t))
		return tx.InsertTokenProject(ctx, access.TokenProject{TokenID: t.ID, ProjectID: p.ID, PublisherID: q.ID})
	})
	check(s.t, err)
	return secret
}

// The second upload with a single-use token is 403, even of the same file.
func TestSingleUseToken(t *testing.T) {
	s := newSite(t, setting{})
	s.upload(demo)
	once := s.trust(true)
	first := wheel("demo", "2.0", "x")
	for _, c := range []struct {
		name   string
		d      distribution
		status int
		word   string
	}{
		{"an identical file", demo, 200, ""},
		{"another project", wheel("other", "1.0", "x"), 403, "may not upload to project other"},
		{"the first", first, 200, ""},
		{"the same again", first, 403, "for one upload"},
		{"a second", wheel("demo", "3.0", "x"), 403, "for one upload"},
		{"what was there before", demo, 403, "for one upload"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.send(request{token: once, parts: c.d.parts()})
			if a.status != c.status || !strings.Contains(a.body, c.word) {
				t.Errorf("%s: %v, want %d with %q", c.name, a, c.status, c.word)
			}
		})
	}
	s.intact(demo.filename, first.filename)
}

// Of many uploads with one single-use token one is 200; the others are 403 and leave nothing behind.
func TestRaceSingleUse(t *testing.T) {
	s := newSite(t, setting{})
	s.upload(demo)
	once := s.trust(true)
	var all []request
	for i := range 16 {
		all = append(all, request{token: once, parts: wheel("demo", fmt.Sprintf("2.%d", i), "x").parts()})
	}
	won := 0
	for i, a := range s.together(all) {
		switch {
		case a.status == 200:
			won++
		case a.status != 403 || !strings.Contains(a.body, "for one upload"):
			t.Errorf("request %d = %v, want 200 or 403", i, a)
		}
	}
	if files := s.stored(); won != 1 || len(files) != 2 {
		t.Errorf("%d won and %d files are there, want 1 and 2", won, len(files))
	}
}

// If a project has publishers, the 200 for an API token contains a warning. With trusted-only on, the token gets 403.
func TestBesidePublishers(t *testing.T) {
	s := newSite(t, setting{})
	s.upload(demo)
	minted := s.trust(false)
	const warning = "has trusted publishers, but this upload used an API token"
	if a := s.upload(wheel("demo", "2.0", "x")); a.status != 200 || !strings.Contains(a.body, warning) ||
		strings.Count(a.body, "\n") != 1 {
		t.Errorf("an API token = %v, want 200 and the warning on a line", a)
	}
	if a := s.send(request{token: minted, parts: wheel("demo", "3.0", "x").parts()}); a.status != 200 || a.body != "" {
		t.Errorf("a minted token = %v, want 200 and no word", a)
	}
	check(t, s.index.SetTrustedOnly(t.Context(), operator, catalog.MainRepository, s.project("demo"), true))
	for name, d := range map[string]distribution{"a new file": wheel("demo", "4.0", "x"), "a file that is there": demo} {
		t.Run(name, func(t *testing.T) {
			if a := s.upload(d); a.status != 403 || !strings.Contains(a.body, "trusted publishers alone") ||
				!strings.Contains(a.reason, "trusted publishers alone") {
				t.Errorf("%s by an API token = %v, want 403", name, a)
			}
		})
	}
	if a := s.send(request{token: minted, parts: wheel("demo", "5.0", "x").parts()}); a.status != 200 {
		t.Errorf("a minted token with the switch on = %v, want 200", a)
	}
}
