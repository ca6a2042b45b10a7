package access_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// leaky is a database with a directory and keyrings of two processes, and an account.
type leaky struct {
	*testing.T
	rows    *db.DB
	dirs    [2]*access.Directory
	keyring [2]*access.Keyring
}

func onEachLeaky(t *testing.T, f func(l *leaky)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		l, url := &leaky{T: t}, fresh(t)
		for i := range l.dirs {
			l.rows = storagetest.OpenDB(t, url, db.Options{})
			l.dirs[i] = access.NewDirectory(l.rows.Access(), access.DirectoryOptions{})
			l.keyring[i] = access.NewKeyring(l.rows.Access(), access.KeyringOptions{})
		}
		if _, err := l.dirs[0].AddUser(t.Context(), access.Operator("test"), access.NewUser{Name: "ann"}); err != nil {
			t.Fatal(err)
		}
		f(l)
	})
}

func (l *leaky) token() access.Secret {
	l.Helper()
	_, secret, err := l.dirs[0].CreateToken(l.Context(), access.Operator("test"),
		access.NewAPIToken{User: "ann", Scope: access.ScopeUpload, Description: "laptop"})
	if err != nil {
		l.Fatal(err)
	}
	return secret
}

// minted makes a workload's token.
func (l *leaky) minted() access.Secret {
	l.Helper()
	secret := access.NewToken()
	err := l.rows.Access().Update(l.Context(), func(tx access.Tx) error {
		return tx.InsertToken(l.Context(), access.Token{
			ID: access.HashToken(secret)[:8], Kind: access.TokenMinted, Hash: access.HashToken(secret),
			Scope: access.ScopeUpload, Limited: true,
			CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour), Publisher: "workflow w",
		})
	})
	if err != nil {
		l.Fatal(err)
	}
	return secret
}

// works reports what both processes say of a token.
func (l *leaky) works(s access.Secret) bool {
	l.Helper()
	_, err := l.keyring[0].Identify(l.Context(), "__token__", s)
	_, err2 := l.keyring[1].Identify(l.Context(), "__token__", s)
	if (err == nil) != (err2 == nil) {
		l.Errorf("two processes disagree: %v and %v", err, err2)
	}
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		l.Errorf("Identify = %v, want unauthenticated", err)
	}
	return err == nil
}

func (l *leaky) entries() (out []audit.Entry) {
	l.Helper()
	all, err := l.rows.Audit(l.Context(), 1000)
	if err != nil {
		l.Fatal(err)
	}
	for _, e := range all {
		if e.Action == "token.leaked" {
			out = append(out, e)
		}
	}
	return out
}

func (l *leaky) serial() int64 {
	l.Helper()
	n, err := l.rows.Access().Serial(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	return n
}

// TestLeaked: each token that is ours ends at once in every process, and no other does.
func TestLeaked(t *testing.T) {
	onEachLeaky(t, func(l *leaky) {
		personal, minted, other := l.token(), l.minted(), l.token()
		if !l.works(personal) || !l.works(minted) {
			l.Fatal("fresh tokens do not work")
		}
		who := access.Guest(false).At("192.0.2.9", "r-7")
		url := "https://forge.example/a/b?token=" + other.Reveal() + "#" + strings.Repeat("x", 1000) + "\xff"
		err := l.dirs[0].Leaked(l.Context(), who, []access.Leak{
			{Token: personal, Type: "acme_index_token", URL: url, Source: "content\x00"},
			{Token: access.NewToken()},
			{Token: "no token"},
			{},
			{Token: personal},
			{Token: minted},
		})
		if err != nil {
			l.Fatal(err)
		}
		if l.works(personal) || l.works(minted) || !l.works(other) {
			l.Error("reported tokens work, or one that nobody reported does not")
		}
		all := l.entries()
		if len(all) != 2 {
			l.Fatalf("%d entries of two tokens: %+v", len(all), all)
		}
		text := fmt.Sprintf("%+v", all)
		for _, want := range []string{
			"acme_index_token", "https://forge.example/a/b?token=[secret]#xxx", "192.0.2.9", "r-7", "workflow w", "laptop",
		} {
			if !strings.Contains(text, want) {
				l.Errorf("the record lacks %q: %s", want, text)
			}
		}
		for _, s := range []access.Secret{personal, minted, other} {
			if strings.Contains(text, s.Reveal()[len(access.TokenPrefix):]) {
				l.Errorf("a token is in the record: %s", text)
			}
		}
	})
}

// TestLeakedNothing: what is not ours or has ended changes nothing at all.
func TestLeakedNothing(t *testing.T) {
	onEachLeaky(t, func(l *leaky) {
		s := l.token()
		report := []access.Leak{{Token: s, URL: "https://forge.example/"}}
		for range 2 {
			if err := l.dirs[0].Leaked(l.Context(), access.Caller{}, report); err != nil {
				l.Fatal(err)
			}
		}
		if n := len(l.entries()); n != 1 {
			l.Errorf("%d entries of one token that was reported twice", n)
		}
		before := l.serial()
		for name, leaks := range map[string][]access.Leak{
			"none": nil, "again": report, "unknown": {{Token: access.NewToken()}}, "garbage": {{Token: "x"}},
			"damaged": {{Token: s + "0"}}, "empty": {{}},
		} {
			if err := l.dirs[0].Leaked(l.Context(), access.Caller{}, leaks); err != nil {
				l.Errorf("%s: Leaked = %v, want nil", name, err)
			}
			if got := l.serial(); got != before || len(l.entries()) != 1 {
				l.Errorf("%s: the counter went from %d to %d, %d entries", name, before, got, len(l.entries()))
			}
		}
	})
}

// TestLeakedRace: one token in many reports at two processes is one revocation.
func TestLeakedRace(t *testing.T) {
	onEachLeaky(t, func(l *leaky) {
		s := l.token()
		before := l.serial()
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				if err := l.dirs[i%2].Leaked(l.Context(), access.Caller{}, []access.Leak{{Token: s}, {Token: s}}); err != nil {
					l.Errorf("Leaked = %v", err)
				}
			})
		}
		all.Wait()
		if n, moved := len(l.entries()), l.serial()-before; n != 1 || moved != 1 || l.works(s) {
			l.Errorf("%d entries, the counter moved by %d, the token works: %v; want 1, 1, false", n, moved, l.works(s))
		}
	})
}
