package publishers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/workload"
)

// TestRefusalIsDiscreet: who sent the token reads which claim failed and what it said, the owner also what was
// expected.
func TestRefusalIsDiscreet(t *testing.T) {
	b := newBench(t)
	widgets := b.project("widgets", "")
	b.project("gadgets", "")
	b.add("widgets", "environment", "quiet-harbour")
	b.add("gadgets", "workflow", "secret-name.yml")
	_, err := b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, `claim environment is "release"`)
	for _, secret := range []string{"quiet-harbour", "secret-name", "widgets,", "gadgets"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the refusal tells a stranger %q: %v", secret, err)
		}
	}
	entries := b.store.of("publisher.exchange")
	if len(entries) != 1 {
		t.Fatalf("%d entries, want one", len(entries))
	}
	e := entries[0]
	if e.Project != "widgets" || e.Repository == "" || widgets == "" {
		t.Errorf("the entry is in the history of %q, want that of the nearest publisher's project", e.Project)
	}
	if e.Detail["claim"] != "environment" || e.Detail["expected"] != `"quiet-harbour"` || e.Detail["got"] != `"release"` {
		t.Errorf("the entry says %v", e.Detail)
	}
}

// TestUnverifiedTokensLeaveNoRow: what anybody can send, however often, is counted and leaves the record alone; the log
// says how much there was in a line a minute.
func TestUnverifiedTokensLeaveNoRow(t *testing.T) {
	b := newBench(t)
	var log bytes.Buffer
	b.registry = newTrust(b.store, b.verifier, []*workload.Kind{workload.GitHub},
		settings{
			rules:    publishers.Options{Now: b.clock.Now},
			exchange: exchange.Options{Log: slog.New(slog.NewTextHandler(&log, nil))},
		})
	other := issuertest.New(t, issuertest.Options{Plain: true})
	for range 100 {
		for _, raw := range []string{"rubbish", "e30.e30.e30", other.Sign(other.Claims(audience, b.clock.Now(), nil))} {
			if _, err := b.exchange(access.Secret(raw)); !fault.Is(err, fault.Invalid) {
				t.Fatalf("Exchange = %v, want invalid", err)
			}
			if _, err := b.exchangeRead(access.Secret(raw)); !fault.Is(err, fault.Invalid) {
				t.Fatalf("Exchange(read) = %v, want invalid", err)
			}
		}
	}
	b.issuer.Fail(issuertest.Keys, issuertest.Down)
	if _, err := b.exchange(b.token(nil)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Exchange = %v, want %v", err, fault.Unavailable)
	}
	if e := b.store.of("publisher.exchange"); len(e) != 0 || b.registry.Unverified() != 601 {
		t.Errorf("%d were counted, want 601, and the record has %+v", b.registry.Unverified(), e)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines of the log within a minute, want 1:\n%s", n, log.String())
	}
	b.registry.LogUnverified()
	if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "count=600 ") ||
		!strings.Contains(text, "since_start=601") || strings.Contains(text, "rubbish") {
		t.Errorf("the log says\n%s", text)
	}
}

// TestStrangersRefusalsAreCounted: alike refusals that are no project's are one entry a minute, which counts them.
// Those of a project stay apart, with their own claims.
func TestStrangersRefusalsAreCounted(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	for range 5 {
		_, err := b.exchange(b.token(map[string]any{"repository": "evil/gears"}))
		refuse(t, err, exchange.CodePublisher, "evil/gears")
		_, err = b.exchange(b.token(map[string]any{"environment": "staging"}))
		refuse(t, err, exchange.CodePublisher, "environment")
	}
	_, err := b.exchange(b.token(map[string]any{"repository": "evil/other"}))
	refuse(t, err, exchange.CodePublisher, "evil/other")
	all, err := b.db.Audit(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range all {
		if e.Action == "publisher.exchange" {
			got[fmt.Sprintf("%q %d", e.Project, e.More)]++
		}
	}
	if want := map[string]int{`"" 4`: 1, `"" 0`: 1, `"widgets" 0`: 5}; !maps.Equal(got, want) {
		t.Errorf("entries by project and count: %v, want %v", got, want)
	}
}

// TestEquallyNear: two publishers of two teams differ in the same claim, and each history shows its own expectation
// alone.
func TestEquallyNear(t *testing.T) {
	b := newBench(t)
	want := map[string]string{"widgets": `"quiet-harbour"`, "gadgets": `"loud-beach"`}
	for project, environment := range want {
		b.project(project, "")
		b.add(project, "environment", strings.Trim(environment, `"`))
	}
	_, err := b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "environment")
	got := map[string]string{}
	for _, e := range b.store.of("publisher.exchange") {
		got[e.Project] = e.Detail["expected"].(string)
		for other, secret := range want {
			if other != e.Project && strings.Contains(asJSON(e), strings.Trim(secret, `"`)) {
				t.Errorf("the history of %s shows what %s expects: %+v", e.Project, other, e)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("expectations in the histories differ: %s", diff)
	}
}

// TestOneEntryForAProject: two of its publishers may be equally near, or both fit; its history shows the exchange once.
func TestOneEntryForAProject(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets", "environment", "one")
	b.add("widgets", "environment", "two")
	_, err := b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "environment")
	if n := len(b.store.of("publisher.exchange")); n != 1 {
		t.Errorf("%d entries of one refusal", n)
	}
	b.add("widgets")
	b.add("widgets", "environment", "")
	b.mint(nil)
	e := b.store.of("publisher.exchange")
	if len(e) != 2 || e[1].Detail["fields"].(map[string]string)["environment"] != "release" {
		t.Errorf("entries %+v, want one more, of the narrower publisher", e)
	}
}

// TestFaultIsRecorded: what is a fault and no refusal leaves an entry too.
func TestFaultIsRecorded(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	r := newTrust(&faulty{b.store}, b.verifier, []*workload.Kind{workload.GitHub},
		settings{rules: publishers.Options{Now: b.clock.Now}})
	_, err := r.Exchange(t.Context(), b.guest, b.token(nil), upload)
	if e := b.store.of("publisher.exchange"); !fault.Is(err, fault.Invalid) || len(e) != 1 ||
		e[0].Detail["code"] != exchange.CodePayload {
		t.Errorf("Exchange = %v; entries %+v", err, e)
	}
}

// faulty is a store in which no token can be kept.
type faulty struct{ publishers.Store }

type faultyTx struct{ publishers.Tx }

func (faultyTx) InsertToken(context.Context, access.Token) error {
	return fault.New(fault.Invalid, "a text is not valid UTF-8")
}

func (f *faulty) Update(ctx context.Context, g func(publishers.Tx) error) error {
	return f.Store.Update(ctx, func(tx publishers.Tx) error { return g(faultyTx{tx}) })
}

// failing is a store whose updates fail from the nth on.
type failing struct {
	publishers.Store
	left int
}

func (f *failing) Update(ctx context.Context, g func(publishers.Tx) error) error {
	if f.left--; f.left < 0 {
		return errors.New("disk full")
	}
	return f.Store.Update(ctx, g)
}

// TestRecordMustBeKept: a refusal that cannot be recorded is an internal error, not a refusal.
func TestRecordMustBeKept(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	for left := range 2 {
		r := newTrust(&failing{b.store, left}, b.verifier, []*workload.Kind{workload.GitHub},
			settings{rules: publishers.Options{Now: b.clock.Now}})
		_, err := r.Exchange(t.Context(), b.guest, b.token(map[string]any{"environment": "no"}), upload)
		if err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("Exchange with %d updates = %v (%v), want an internal error", left, err, fault.KindOf(err))
		}
	}
	for _, e := range b.store.of("publisher.exchange") {
		if e.Outcome == audit.Refused {
			t.Errorf("entry %+v", e)
		}
	}
}

// TestClaimsAreBounded: what is kept of claims stays small whatever an issuer signs.
func TestClaimsAreBounded(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.add("widgets")
		over := map[string]any{
			"long": strings.Repeat("é", 1000), "deep": []any{map[string]any{"a": strings.Repeat("x", 900)}}, "1e400": 1,
		}
		for i := range 80 {
			over["claim"+strings.Repeat("n", i)] = i
		}
		b.mint(over)
		kept := b.store.of("publisher.exchange")[0].Detail["claims"].(map[string]any)
		if n := len(asJSON(kept)); len(kept) > 65 || n > 20_000 {
			t.Errorf("%d claims of %d bytes were kept", len(kept), n)
		}
	})
}
