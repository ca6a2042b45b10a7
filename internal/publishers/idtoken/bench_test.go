package idtoken_test

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
)

const audience = "pypi.acme.example"

// bench is a verifier of one issuer, with a clock that the test moves.
type bench struct {
	testing.TB
	issuer   *issuertest.Issuer
	verifier *idtoken.Verifier

	mu sync.Mutex
	at time.Time
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, issuer: issuertest.New(t, issuertest.Options{}), at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	var err error
	b.verifier, err = idtoken.New([]idtoken.Issuer{
		{Kind: "github", URL: b.issuer.URL, Audiences: []string{audience}, CAFile: b.issuer.CAFile(t)},
	}, idtoken.Options{Now: b.now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func (b *bench) token() string { return b.issuer.Sign(b.issuer.Claims(audience, b.now(), nil)) }

func (b *bench) verify(raw string) error {
	_, _, _, err := b.verifier.Verify(b.Context(), access.Secret(raw))
	return err
}

// accept wants the verifier to take a fresh token.
func (b *bench) accept(when string) {
	b.Helper()
	if err := b.verify(b.token()); err != nil {
		b.Errorf("%s: Verify(good token) = %v", when, err)
	}
}

// unknownKid is a token under a key id that the issuer does not publish.
func (b *bench) unknownKid(kid string) string {
	return b.issuer.SignAs(b.issuer.Header(map[string]any{"kid": kid}), b.issuer.Claims(audience, b.now(), nil))
}

// refuse wants a refusal with a code and a word.
func refuse(t testing.TB, when string, err error, code, word string) {
	t.Helper()
	f, ok := errors.AsType[*exchange.Refusal](err)
	if !ok || f.Code != code || !strings.Contains(f.Description, word) {
		t.Errorf("%s: Verify = %v, want a refusal %s with %q", when, err, code, word)
	}
}

// unavailable wants an answer that says to come back, well before clients give up.
func (b *bench) unavailable(when string) {
	b.Helper()
	start := time.Now()
	err := b.verify(b.token())
	if took := time.Since(start); took > 4500*time.Millisecond {
		b.Errorf("%s: Verify took %v", when, took)
	}
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "eyJ") {
		b.Errorf("%s: Verify = %v, want %v", when, err, fault.Unavailable)
	}
}

// recover wants the verifier to take a fresh token as soon as a fetch that hangs has ended.
func (b *bench) recover() {
	b.Helper()
	for {
		err := b.verify(b.token())
		if err == nil {
			return
		}
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "still being fetched") {
			b.pass(time.Minute)
		}
		if b.Context().Err() != nil || b.now().Year() > 2026 {
			b.Fatalf("the issuer is right again: Verify(good token) = %v", err)
		}
	}
}
