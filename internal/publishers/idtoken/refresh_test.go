package idtoken_test

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// landed waits until the issuer answered n requests for its keys. What follows may still wait for the fetch itself.
func (b *bench) landed(n int) {
	b.Helper()
	for b.issuer.Counts().Keys < n {
		select {
		case <-b.Context().Done():
			b.Fatal("the keys were never asked for")
		case <-time.After(time.Millisecond):
		}
	}
}

// TestWarm: keys are fetched before the first token, which finds them with the issuer gone.
func TestWarm(t *testing.T) {
	b := newBench(t)
	b.verifier.Warm()
	b.landed(1)
	b.accept("warm")
	b.verifier.Warm()
	b.accept("warm twice")
	if n := b.issuer.Counts().Keys; n != 1 {
		t.Errorf("%d fetches, want one", n)
	}
}

// TestWarmFailure: an issuer that was down at the start is asked again for the first token, without a cool-down.
func TestWarmFailure(t *testing.T) {
	b := newBench(t)
	b.issuer.Fail(issuertest.Keys, issuertest.Down)
	b.verifier.Warm()
	b.landed(1)
	b.verifier.Refresh() // has nothing to keep fresh
	b.issuer.Fail(issuertest.Keys, nil)
	b.accept("alive at the first token")
}

// TestRefresh: keys that were had once stay fresh although no token comes, so that a withdrawn one goes and a new one
// is there, with the issuer gone afterwards.
func TestRefresh(t *testing.T) {
	b := newBench(t)
	b.accept("at first")
	id, k := b.issuer.Key()
	b.verifier.Refresh()
	if n := b.issuer.Counts().Keys; n != 1 {
		t.Fatalf("fresh keys were fetched again: %d times", n)
	}
	b.issuer.Rotate(false)
	b.pass(10 * time.Minute)
	b.verifier.Refresh()
	b.landed(2)
	b.accept("the new key")
	refuse(t, "the withdrawn key", b.verify(signedBy(b, id, k)), exchange.CodeToken, "not among")
	b.issuer.Fail(issuertest.Keys, issuertest.Down)
	b.pass(20 * time.Minute)
	b.verifier.Refresh()
	b.landed(3)
	b.accept("refresh failed, last good keys")
}

// TestSlowIssuer: a token does not wait for an issuer that takes its time; the fetch goes on and serves the next one.
func TestSlowIssuer(t *testing.T) {
	b := newBench(t)
	open := make(chan struct{})
	b.issuer.Fail(issuertest.Discovery, func(w http.ResponseWriter, r *http.Request) {
		<-open
		http.Redirect(w, r, r.URL.Path+"?again", http.StatusFound)
	})
	if err := b.verify(b.token()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Verify while the keys are being fetched = %v, want %v", err, fault.Unavailable)
	}
	b.issuer.Fail(issuertest.Discovery, nil)
	close(open)
	b.landed(1)
	b.accept("the fetch went on")
	if n := b.issuer.Counts().Keys; n != 1 {
		t.Errorf("%d fetches, want one", n)
	}
}

// TestSlowRotation: while an issuer hangs, a new key is not called unknown and an old one serves.
func TestSlowRotation(t *testing.T) {
	b := newBench(t)
	b.accept("at first")
	old := b.token()
	b.issuer.Rotate(true)
	b.issuer.Fail(issuertest.Discovery, issuertest.Hang)
	if err := b.verify(b.token()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Verify(token of a new key, issuer hangs) = %v, want %v", err, fault.Unavailable)
	}
	if err := b.verify(old); err != nil {
		t.Errorf("Verify(token of the old key, issuer hangs) = %v", err)
	}
}

// TestAudienceList: a list of one audience is a text to kind generic alone, and a list of more to none.
func TestAudienceList(t *testing.T) {
	i := issuertest.New(t, issuertest.Options{Plain: true})
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		kind string
		aud  any
		good bool
	}{
		{"generic", []string{audience}, true},
		{"generic", audience, true},
		{"generic", []string{audience, audience}, false},
		{"generic", []string{"pypi", audience}, false},
		{"generic", []string{}, false},
		{"generic", []any{[]string{audience}}, false},
		{"generic", []any{1}, false},
		{"generic", []string{"pypi"}, false},
		{"github", []string{audience}, false},
		{"gitlab", []string{audience}, false},
		{"google", []string{audience}, false},
	} {
		v, err := idtoken.New([]idtoken.Issuer{{Kind: c.kind, URL: i.URL, Audiences: []string{audience}}},
			idtoken.Options{Now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		raw := i.Sign(i.Claims(audience, at, map[string]any{"aud": c.aud, "jti": rand.Text()}))
		_, _, _, err = v.Verify(t.Context(), access.Secret(raw))
		if c.good && err != nil {
			t.Errorf("%s, aud %v: Verify = %v", c.kind, c.aud, err)
		}
		if !c.good {
			refuse(t, c.kind, err, exchange.CodeToken, "audience (aud)")
		}
	}
}
