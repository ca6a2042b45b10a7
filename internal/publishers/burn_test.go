package publishers_test

import (
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
)

func TestLifetime(t *testing.T) {
	for _, c := range []struct{ set, want time.Duration }{
		{0, 900 * time.Second}, {-1, 900 * time.Second}, {time.Hour, time.Hour}, {48 * time.Hour, 6 * time.Hour},
	} {
		b := newBench(t, func(o *settings) { o.exchange.Lifetime = c.set })
		b.project("widgets", "")
		b.add("widgets")
		m := b.mint(nil)
		if got := m.Expires.Sub(b.clock.Now()); got != c.want {
			t.Errorf("Lifetime %v: expires after %v, want %v", c.set, got, c.want)
		}
		b.clock.Set(m.Expires.Add(-time.Second))
		b.identify(m.Token)
		b.clock.Set(m.Expires)
		if _, err := b.keyring().Identify(t.Context(), "__token__", m.Token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("Lifetime %v: at its end the token gives %v", c.set, err)
		}
	}
}

// TestMintedTokenEnds: by removal of its publisher, by burning, and not by attaching more.
func TestMintedTokenEnds(t *testing.T) {
	b := newBench(t)
	widgets, gadgets := b.project("widgets", ""), b.project("gadgets", "")
	a := b.add("widgets")
	m := b.mint(nil)
	keyring := b.keyring()
	may := func(id string) bool {
		who, err := keyring.Identify(t.Context(), "__token__", m.Token)
		if err != nil {
			t.Fatal(err)
		}
		return who.May(access.Uploader, b.object(id))
	}
	if !may(widgets) {
		t.Fatal("a fresh token may not upload")
	}
	b.add("gadgets")
	if may(gadgets) {
		t.Error("a project that was attached after minting is covered")
	}
	if err := b.registry.RemoveFrom(t.Context(), b.operator, a.ID, "", "widgets"); err != nil {
		t.Fatal(err)
	}
	if may(widgets) {
		t.Error("the token outlives its publisher")
	}
	b.add("widgets", "environment", "")
	if may(widgets) {
		t.Error("another publisher revives the token")
	}
}

// TestProjectDeleted: a token ends with its project, and a project of the same name made later gives it nothing.
func TestProjectDeleted(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	m, raw := b.mint(nil), b.token(nil)
	err := b.store.Update(t.Context(), func(tx publishers.Tx) error {
		if _, err := tx.NextSerial(t.Context()); err != nil {
			return err
		}
		return tx.DeleteProject(t.Context(), "project-widgets")
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.exchange(raw)
	refuse(t, err, exchange.CodePublisher, "no project here trusts")
	b.project("widgets", "")
	if b.identify(m.Token).May(access.Reader, b.object("project-widgets")) {
		t.Error("a token of a deleted project is good for its successor")
	}
	b.add("widgets")
	if _, err := b.exchange(raw); err != nil {
		t.Errorf("Exchange of a token that was refused before = %v", err)
	}
}

func TestBurn(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.add("widgets")
		m, other := b.mint(nil), b.mint(nil)
		d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
		b.user("alice")
		_, personal, err := d.CreateToken(t.Context(), b.operator,
			access.NewAPIToken{User: "alice", Scope: access.ScopeUpload, Description: "laptop"})
		if err != nil {
			t.Fatal(err)
		}
		keyring := b.keyring()
		if _, err := keyring.Identify(t.Context(), "__token__", m.Token); err != nil {
			t.Fatal(err)
		}
		for _, s := range []access.Secret{m.Token, m.Token, "", "garbage", access.NewToken(), personal, b.token(nil)} {
			if err := b.registry.Burn(t.Context(), b.guest, s); err != nil {
				t.Errorf("Burn = %v, want nil whatever came", err)
			}
		}
		if _, err := keyring.Identify(t.Context(), "__token__", m.Token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a burnt token gives %v", err)
		}
		for _, s := range []access.Secret{other.Token, personal} {
			if _, err := keyring.Identify(t.Context(), "__token__", s); err != nil {
				t.Errorf("a token that nobody burnt gives %v", err)
			}
		}
		if n := len(b.store.of("token.burn")); n != 1 {
			t.Errorf("%d entries, want 1", n)
		}
	})
}
