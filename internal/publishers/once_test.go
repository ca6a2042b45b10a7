package publishers_test

import (
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
)

// TestExchangeOnce: the token is the same in all but its use, and the record says so.
func TestExchangeOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		widgets := b.project("widgets", "")
		b.add("widgets")
		raw := b.token(nil)
		m, err := b.registry.Exchange(t.Context(), b.guest, raw, once)
		if err != nil {
			t.Fatal(err)
		}
		if who := b.identify(m.Token); !who.SingleUse() || !who.May(access.Uploader, b.object(widgets)) ||
			who.May(access.Uploader, b.object("else")) {
			t.Errorf("the caller is %+v", who)
		}
		if life := m.Expires.Sub(b.clock.Now()); life > 5*time.Minute || life < 3*time.Minute {
			t.Errorf("the token lasts %v: a client would not renew it before its next upload", life)
		}
		if who := b.identify(b.mint(nil).Token); who.SingleUse() {
			t.Error("Exchange made a single-use token")
		}
		all := b.store.of("publisher.exchange")
		if len(all) != 2 || all[0].Detail["single_use"] != true || all[1].Detail["single_use"] != nil {
			t.Errorf("the entries are %+v", all)
		}
		for what, again := range map[string]func() (exchange.Minted, error){
			"again":        func() (exchange.Minted, error) { return b.registry.Exchange(t.Context(), b.guest, raw, once) },
			"for many use": func() (exchange.Minted, error) { return b.exchange(raw) },
		} {
			_, err := again()
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
			refuse(t, err, exchange.CodeReuse, "used before")
		}
		_, err = b.registry.Exchange(t.Context(), b.guest, b.token(map[string]any{"repository": "acme/else"}), once)
		refuse(t, err, exchange.CodePublisher, "acme/else")
	})
}

// TestSpentTokenBurns: a spent token can still be burnt, and reads until then.
func TestSpentTokenBurns(t *testing.T) {
	b := newBench(t)
	widgets := b.project("widgets", "")
	b.add("widgets")
	m, err := b.registry.Exchange(t.Context(), b.guest, b.token(nil), once)
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.Update(t.Context(), func(tx publishers.Tx) error {
		_, err := tx.(*recordTx).Tx.(ingest.Tx).SpendToken(t.Context(), b.identify(m.Token).TokenID(), b.clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !b.identify(m.Token).May(access.Reader, b.object(widgets)) {
		t.Error("a spent token does not read, for --check-url")
	}
	if err := b.registry.Burn(t.Context(), b.guest, m.Token); err != nil {
		t.Fatal(err)
	}
	if _, err := b.keyring().Identify(t.Context(), "__token__", m.Token); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a burnt token gives %v", err)
	}
}
