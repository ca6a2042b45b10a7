package publishers_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// TestRefusalIsDiscreet: who sent the token reads which claim failed and what it said, the owner also what was expected.
func TestRefusalIsDiscreet(t *testing.T) {
	b := newBench(t)
	widgets := b.project("widgets", "")
	b.project("gadgets", "")
	b.add("widgets", "environment", "quiet-harbour")
	b.add("gadgets", "workflow", "secret-name.yml")
	_, err := b.exchange(b.token(nil))
	refuse(t, err, publishers.CodePublisher, `claim environment is "release"`)
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

func TestDeadIssuerIsRecorded(t *testing.T) {
	b := newBench(t)
	b.issuer.Fail(issuertest.Keys, issuertest.Down)
	_, err := b.exchange(b.token(nil))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("Exchange = %v, want %v", err, fault.Unavailable)
	}
	if e := b.store.of("publisher.exchange"); len(e) != 1 || e[0].Detail["code"] != "unavailable" {
		t.Errorf("entries %+v", e)
	}
}

// TestEquallyNear: two publishers of two teams differ in the same claim, and each history shows its own expectation alone.
func TestEquallyNear(t *testing.T) {
	b := newBench(t)
	want := map[string]string{"widgets": `"quiet-harbour"`, "gadgets": `"loud-beach"`}
	for project, environment := range want {
		b.project(project, "")
		b.add(project, "environment", strings.Trim(environment, `"`))
	}
	_, err := b.exchange(b.token(nil))
	refuse(t, err, publishers.CodePublisher, "environment")
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
	refuse(t, err, publishers.CodePublisher, "environment")
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
	r := publishers.New(&faulty{b.store}, b.verifier, []publishers.Provider{publishers.GitHub{}}, publishers.Options{Now: b.clock.Now})
	_, err := r.Exchange(t.Context(), b.guest, b.token(nil))
	if e := b.store.of("publisher.exchange"); !fault.Is(err, fault.Invalid) || len(e) != 1 || e[0].Detail["code"] != publishers.CodePayload {
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
		r := publishers.New(&failing{b.store, left}, b.verifier, []publishers.Provider{publishers.GitHub{}}, publishers.Options{Now: b.clock.Now})
		_, err := r.Exchange(t.Context(), b.guest, b.token(map[string]any{"environment": "no"}))
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
		over := map[string]any{"long": strings.Repeat("é", 1000), "deep": []any{map[string]any{"a": strings.Repeat("x", 900)}}, "1e400": 1}
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
