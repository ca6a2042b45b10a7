package access_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// TestRegenerateToken: the new token has the name, scope and projects of the old one and a new life; the old one ends
// at once, or after the overlap, never later than it would have.
func TestRegenerateToken(t *testing.T) {
	for name, c := range map[string]struct {
		overlap, life time.Duration // of the old token; 0 for no end
		works         time.Duration // how long the old token still works
	}{
		"at once":                 {0, 0, 0},
		"in an hour":              {time.Hour, 0, time.Hour},
		"in a day":                {day, 30 * day, day},
		"not later than before":   {day, 3 * time.Hour, 2 * time.Hour},
		"the longest overlap":     {access.MaxTokenOverlap, 0, access.MaxTokenOverlap},
		"expired before, at once": {0, time.Minute, 0},
		"expired before":          {day, time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, lives(365*day, 90*day))
			ctx := t.Context()
			o.project("demo")
			old, secret := o.token("alice", access.NewAPIToken{
				Scope: access.ScopeUpload, Projects: []string{"demo"}, Repository: "main", Expires: c.life, Description: "laptop",
			})
			_, s := o.signIn("alice")
			o.now = o.now.Add(time.Hour)
			got, next, err := o.RegenerateToken(ctx, o.session(s), access.Regeneration{ID: old.ID, Overlap: c.overlap})
			if err != nil {
				t.Fatal(err)
			}
			if got.ID == old.ID || got.Scope != old.Scope || got.Description != "laptop" || !got.Limited ||
				got.User != "alice" || len(got.Projects) != 1 || !got.ExpiresAt.Equal(o.now.Add(90*day)) {
				t.Errorf("RegenerateToken() = %+v", got)
			}
			who, refusal := o.identify(next)
			if refusal != "" || !who.Limited() || !who.Covers(access.Object{ProjectID: "project-demo"}) {
				t.Errorf("the new token: %+v, %q", who, refusal)
			}
			if _, refusal := o.identify(secret); (refusal == "") != (c.works > 0) {
				t.Errorf("the old token: %q, want it to work for %v", refusal, c.works)
			}
			o.now = o.now.Add(c.works - time.Second)
			if _, refusal := o.identify(secret); c.works > 0 && refusal != "" {
				t.Errorf("the old token a second before its end: %q", refusal)
			}
			o.now = o.now.Add(time.Second)
			if _, refusal := o.identify(secret); refusal == "" {
				t.Error("the old token works after its end")
			}
			if _, _, err := o.RegenerateToken(ctx, o.boss, access.Regeneration{ID: old.ID}); !fault.Is(err, fault.Conflict) {
				t.Errorf("RegenerateToken(the old one again) = %v, want conflict", err)
			}
		})
	}
}

// TestRegeneratedTokenHasPresentRights: a role that the holder lost is not in the new token.
func TestRegeneratedTokenHasPresentRights(t *testing.T) {
	o := newOffice(t)
	demo := o.project("demo")
	alice := o.grant("alice", demo, access.Owner)
	old, _ := o.token("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
	o.grant("alice", demo, access.NoRole)
	_, secret, err := o.RegenerateToken(t.Context(), alice, access.Regeneration{ID: old.ID})
	if err != nil {
		t.Fatal(err)
	}
	if who, _ := o.identify(secret); who.May(access.Uploader, object(demo)) {
		t.Error("the new token has a role that its holder lost")
	}
}

func TestRegenerateTokenRefusals(t *testing.T) {
	o := newOffice(t, lives(365*day, 90*day))
	ctx := t.Context()
	hers, _ := o.token("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
	revoked, _ := o.token("alice", access.NewAPIToken{Scope: access.ScopeRead})
	if err := o.RevokeToken(ctx, o.boss, revoked.ID); err != nil {
		t.Fatal(err)
	}
	gone, _ := o.token("carol", access.NewAPIToken{Scope: access.ScopeRead})
	if err := o.DisableUser(ctx, o.boss, "carol"); err != nil {
		t.Fatal(err)
	}
	err := o.write(func(tx access.Tx) error {
		minted := access.Token{ID: "minted", Kind: access.TokenMinted, Hash: "h", Scope: access.ScopeUpload}
		if err := tx.InsertToken(ctx, minted); err != nil {
			return err
		}
		return tx.InsertToken(ctx, access.Token{
			ID: "bare", Kind: access.TokenAPI, Hash: "i", Scope: access.ScopeRead, UserID: hers.UserID, Limited: true,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	_, s := o.signIn("alice")
	_, b := o.signIn("bob")
	_, narrow := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	alice, bob := o.session(s), o.session(b)
	upload, _ := o.identify(narrow)
	for name, c := range map[string]struct {
		who  access.Caller
		ask  access.Regeneration
		kind fault.Kind
	}{
		"nobody":               {access.Caller{}, access.Regeneration{ID: hers.ID}, fault.Denied},
		"a guest":              {access.Guest(true), access.Regeneration{ID: hers.ID}, fault.Denied},
		"her upload token":     {upload, access.Regeneration{ID: hers.ID}, fault.Denied},
		"bob":                  {bob, access.Regeneration{ID: hers.ID}, fault.NotFound},
		"an unknown token":     {alice, access.Regeneration{ID: "nothing"}, fault.NotFound},
		"a revoked token":      {alice, access.Regeneration{ID: revoked.ID}, fault.Conflict},
		"a minted token":       {o.boss, access.Regeneration{ID: "minted"}, fault.NotFound},
		"a disabled account's": {o.boss, access.Regeneration{ID: gone.ID}, fault.Conflict},
		"without projects":     {alice, access.Regeneration{ID: "bare"}, fault.Conflict},
		"a long overlap":       {alice, access.Regeneration{ID: hers.ID, Overlap: access.MaxTokenOverlap + 1}, fault.Invalid},
		"a negative overlap":   {alice, access.Regeneration{ID: hers.ID, Overlap: -1}, fault.Invalid},
		"a long life":          {alice, access.Regeneration{ID: hers.ID, Expires: 366 * day}, fault.Invalid},
		"no end":               {alice, access.Regeneration{ID: hers.ID, Endless: true}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, secret, err := o.RegenerateToken(ctx, c.who, c.ask); fault.KindOf(err) != c.kind || secret != "" {
				t.Errorf("RegenerateToken() = %v (%v), want %v", err, fault.KindOf(err), c.kind)
			}
		})
	}
	own, err := o.OwnTokens(ctx, alice)
	if err != nil || len(own) != 3 {
		t.Errorf("OwnTokens() = %d, %v, want 3: refusals left some behind", len(own), err)
	}
}

// TestRegenerationLimits: replacing tokens one after the other, with an overlap, does not pass the number of tokens of
// a service account, and a person has a bounded number of replaced tokens that work.
func TestRegenerationLimits(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	bot, err := o.AddService(ctx, o.boss, as(o.project("demo"), "deploy"))
	if err != nil {
		t.Fatal(err)
	}
	o.token("alice", access.NewAPIToken{Scope: access.ScopeRead, Expires: time.Second})
	o.now = o.now.Add(time.Minute)
	for user, most := range map[string]int{bot.Name: access.MaxServiceTokens, "alice": access.MaxReplacedTokens + 1} {
		n := access.NewAPIToken{User: user, Scope: access.ScopeRead, Expires: 24 * time.Hour}
		last, _, err := o.CreateToken(ctx, o.boss, n)
		if err != nil {
			t.Fatal(err)
		}
		ask := access.Regeneration{Overlap: 2 * time.Hour, Expires: 24 * time.Hour}
		regenerate := func(ask access.Regeneration) error {
			ask.ID = last.ID
			next, _, err := o.RegenerateToken(ctx, o.boss, ask)
			if err == nil {
				last = next.Token
			}
			return err
		}
		live := func() (n int) {
			all, err := o.Tokens(ctx, o.boss)
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range all {
				if token.User == user && token.RevokedAt.IsZero() && o.now.Before(token.ExpiresAt) {
					n++
				}
			}
			return n
		}
		for i := range most - 1 {
			if err := regenerate(ask); err != nil {
				t.Fatalf("%s: replacing token %d: %v", user, i+1, err)
			}
		}
		for range 2 {
			if err := regenerate(ask); !fault.Is(err, fault.Conflict) || live() != most {
				t.Errorf("%s: one more = %v with %d tokens, want conflict with %d", user, err, live(), most)
			}
		}
		if err := regenerate(access.Regeneration{Expires: 24 * time.Hour}); err != nil || live() != most {
			t.Errorf("%s: without an overlap = %v with %d tokens, want %d", user, err, live(), most)
		}
		o.now = o.now.Add(3 * time.Hour)
		if err := regenerate(ask); err != nil || live() != 2 {
			t.Errorf("%s: after the overlap = %v with %d tokens, want 2", user, err, live())
		}
	}
	// An expired token does not count, but its replacement does.
	n := access.NewAPIToken{User: bot.Name, Scope: access.ScopeRead, Expires: time.Hour}
	old, _, err := o.CreateToken(ctx, o.boss, n)
	if err != nil {
		t.Fatal(err)
	}
	o.now = o.now.Add(23 * time.Hour)
	for n.Expires = 24 * time.Hour; err == nil; {
		_, _, err = o.CreateToken(ctx, o.boss, n)
	}
	if _, _, err := o.RegenerateToken(ctx, o.boss, access.Regeneration{ID: old.ID}); !fault.Is(err, fault.Conflict) {
		t.Errorf("replacing an expired token of a full account = %v, want conflict", err)
	}
}

// TestRegenerationRace: of several that replace a token at once, one gets a new token.
func TestRegenerationRace(t *testing.T) {
	o := newOffice(t)
	old, _ := o.token("alice", access.NewAPIToken{Scope: access.ScopeRead})
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, _, err := o.RegenerateToken(t.Context(), o.boss,
				access.Regeneration{ID: old.ID, Overlap: time.Duration(i%2) * time.Hour})
			if err == nil {
				won.Add(1)
			} else if !fault.Is(err, fault.Conflict) {
				t.Errorf("RegenerateToken() = %v", err)
			}
		})
	}
	wg.Wait()
	all, err := o.Tokens(t.Context(), o.boss)
	if won.Load() != 1 || err != nil || len(all) != 2 {
		t.Errorf("%d won and there are %d tokens, %v; want 1 and 2", won.Load(), len(all), err)
	}
}

// TestRegenerationIsRecorded: the entry names both tokens, and no secret.
func TestRegenerationIsRecorded(t *testing.T) {
	o := newOffice(t)
	old, secret := o.token("alice", access.NewAPIToken{Scope: access.ScopeRead})
	got, next, err := o.RegenerateToken(t.Context(), o.boss, access.Regeneration{ID: old.ID, Overlap: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := o.rows.Audit(t.Context(), 1)
	if err != nil || entries[0].Action != "token.regenerate" || entries[0].Subject != old.ID ||
		entries[0].Detail["token"] != got.ID || entries[0].Detail["overlap"] != "1h0m0s" {
		t.Errorf("the entry: %+v, %v", entries, err)
	}
	for _, v := range entries[0].Detail {
		if text, ok := v.(string); ok && (strings.Contains(text, secret.Reveal()) || strings.Contains(text, next.Reveal())) {
			t.Error("the entry has a secret")
		}
	}
}
