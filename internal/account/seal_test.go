package account_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
)

// device answers challenges: its answer is the state that it was given, and names its credential.
type device struct{}

type deviceAnswer struct{ State, Credential string }

func (device) begin() ([]byte, []byte, error) {
	state := access.NewToken().Reveal()
	return []byte(state), []byte(state), nil
}

func (d device) BeginRegister(signin.Owner) (options, state []byte, err error) { return d.begin() }

func (d device) BeginSignIn() (options, state []byte, err error) { return d.begin() }

func (d device) finish(state, response []byte) (string, error) {
	var a deviceAnswer
	if err := json.Unmarshal(response, &a); err != nil || a.State != string(state) {
		return "", fault.New(fault.Invalid, "the answer does not fit")
	}
	return a.Credential, nil
}

func (d device) FinishRegister(_ signin.Owner, state, response []byte) (string, string, error) {
	id, err := d.finish(state, response)
	return id, "{}", err
}

func (d device) FinishSignIn(state, response []byte,
	find func(string) (signin.Owner, error),
) (string, string, bool, error) {
	id, err := d.finish(state, response)
	if err == nil {
		_, err = find(id)
	}
	return id, "{}", false, err
}

func answered(options []byte, credential string) []byte {
	b, _ := json.Marshal(deviceAnswer{string(options), credential})
	return b
}

// withDevices makes both processes of a bureau speak with devices, and gives a user a passkey.
func withDevices(t *testing.T) (b *bureau, alice access.Caller) {
	t.Helper()
	b = newBureau(t)
	return b, b.devices()
}

// devices is withDevices for a bureau that is there.
func (b *bureau) devices() (alice access.Caller) {
	t := b.t
	t.Helper()
	b.serve(settings{signin: signin.Options{Authenticators: device{}}})
	b.user("alice")
	alice = b.session("alice")
	options, cookie, err := b.BeginPasskey(t.Context(), alice)
	b.must(err)
	b.must(b.beside.AddPasskey(t.Context(), alice, cookie, "laptop", answered(options, "laptop")))
	return alice
}

// watchChanges returns what tells apart states of a database that others wrote to.
func watchChanges(t *testing.T, path string) func() (n int64) {
	t.Helper()
	h, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	h.SetMaxOpenConns(1) // the number is each connection's own
	return func() (n int64) {
		t.Helper()
		if err := h.QueryRow(`PRAGMA data_version`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// Beginning to sign in, however often, writes nothing, at a process that never saw the answer coming either.
func TestBeginningWritesNoRow(t *testing.T) {
	b, _ := withDevices(t)
	ctx := t.Context()
	changes := watchChanges(t, b.db.Path())
	before := changes()
	var options []byte
	var cookie access.Secret
	for range 50 {
		var err error
		options, cookie, err = b.BeginPasskeySignIn(ctx, from)
		b.must(err)
		_, err = b.BeginSignOn(ctx, from, []byte(`{"state":"x"}`))
		b.must(err)
	}
	if after := changes(); after != before {
		t.Errorf("50 beginnings committed %d changes", after-before)
	}
	s, err := b.beside.SignInByPasskey(ctx, from, cookie, answered(options, "laptop"))
	if err != nil || s.UserID == "" || s.Method != "passkey" {
		t.Errorf("SignInByPasskey at another process = %+v, %v", s, err)
	}
}

// Of many who send the same right answer, one signs in, whichever process they ask.
func TestChallengeIsAnsweredOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		b.devices()
		ctx := t.Context()
		options, cookie, err := b.BeginPasskeySignIn(ctx, from)
		b.must(err)
		var won atomic.Int32
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				a := b.process
				if i%2 == 1 {
					a = b.beside
				}
				if _, err := a.SignInByPasskey(ctx, from, cookie, answered(options, "laptop")); err == nil {
					won.Add(1)
				} else if !fault.Is(err, fault.Invalid) {
					t.Errorf("SignInByPasskey = %v, want invalid", err)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 {
			t.Errorf("one challenge was answered %d times", won.Load())
		}
		kept, err := b.BeginSignOn(ctx, from, []byte("way"))
		b.must(err)
		won.Store(0)
		for range 16 {
			group.Go(func() {
				if state, err := b.beside.TakeSignOn(ctx, from, kept); err == nil && string(state) == "way" {
					won.Add(1)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 {
			t.Errorf("one way back was gone %d times", won.Load())
		}
		b.pass(4 * time.Minute)
		b.must(b.Sweep(ctx))
		_, err = b.SignInByPasskey(ctx, from, cookie, answered(options, "laptop"))
		b.want("an answer after the sweep", err, fault.Invalid)
	})
}

// A challenge is for one thing, one person and five minutes, and nobody but the index makes one.
func TestChallengeRefusals(t *testing.T) {
	b, alice := withDevices(t)
	ctx := t.Context()
	b.user("bob")
	bob := b.session("bob")
	link, invited, err := b.Invite(ctx, b.boss, account.NewInvitation{})
	b.must(err)
	begin := map[string]func() ([]byte, access.Secret){
		"signing in": func() ([]byte, access.Secret) {
			o, c, err := b.BeginPasskeySignIn(ctx, from)
			b.must(err)
			return o, c
		},
		"confirming": func() ([]byte, access.Secret) {
			o, c, err := b.BeginPasskeySignIn(ctx, alice)
			b.must(err)
			return o, c
		},
		"a new passkey": func() ([]byte, access.Secret) { o, c, err := b.BeginPasskey(ctx, alice); b.must(err); return o, c },
		"a newcomer": func() ([]byte, access.Secret) {
			o, c, err := b.BeginAccept(ctx, onetime.Invite, invited, "carol")
			b.must(err)
			return o, c
		},
		"single sign-on": func() ([]byte, access.Secret) {
			c, err := b.BeginSignOn(ctx, from, []byte("way"))
			b.must(err)
			return []byte("way"), c
		},
		"linking": func() ([]byte, access.Secret) {
			c, err := b.BeginSignOn(ctx, alice, []byte("way"))
			b.must(err)
			return []byte("way"), c
		},
	}
	finish := map[string]func(access.Secret, []byte) error{
		"signing in": func(c access.Secret, r []byte) error { _, err := b.SignInByPasskey(ctx, from, c, r); return err },
		"confirming": func(c access.Secret, r []byte) error { _, err := b.SignInByPasskey(ctx, alice, c, r); return err },
		"another who confirms": func(c access.Secret, r []byte) error {
			_, err := b.SignInByPasskey(ctx, bob, c, r)
			return err
		},
		"a new passkey":            func(c access.Secret, r []byte) error { return b.AddPasskey(ctx, alice, c, "x", r) },
		"a new passkey of another": func(c access.Secret, r []byte) error { return b.AddPasskey(ctx, bob, c, "x", r) },
		"a newcomer": func(c access.Secret, r []byte) error {
			_, err := b.AcceptByPasskey(ctx, from, onetime.Invite, invited, c, "x", r)
			return err
		},
		"single sign-on": func(c access.Secret, _ []byte) error {
			_, err := b.TakeSignOn(ctx, from, c)
			return err
		},
		"linking": func(c access.Secret, _ []byte) error {
			_, err := b.TakeSignOn(ctx, alice, c)
			return err
		},
		"linking another's account": func(c access.Secret, _ []byte) error {
			_, err := b.TakeSignOn(ctx, bob, c)
			return err
		},
	}
	for what, begun := range begin {
		t.Run(what, func(t *testing.T) {
			for other, end := range finish {
				if other == what {
					continue
				}
				options, cookie := begun()
				b.want(fmt.Sprintf("a challenge of %s for %s", what, other), end(cookie, answered(options, "laptop")),
					fault.Invalid)
			}
		})
	}
	for what, end := range finish {
		t.Run(what, func(t *testing.T) {
			if begin[what] == nil {
				return
			}
			options, cookie := begin[what]()
			text := cookie.Reveal()
			for name, c := range map[string]string{
				"nothing": "", "rubbish": "AAAA", "no base 64": "!", "a token": access.NewToken().Reveal(),
				"a shorter one": text[:len(text)-1], "a longer one": text + "A",
				"a changed one": flip(text, len(text)/2), "its first byte changed": flip(text, 0),
				"very long": strings.Repeat("A", 100_000),
			} {
				b.want(name+" for "+what, end(access.Secret(c), answered(options, "laptop")), fault.Invalid)
			}
			b.pass(5 * time.Minute)
			b.want(what+" after five minutes", end(cookie, answered(options, "laptop")), fault.Invalid)
		})
	}
	if open, err := b.Look(ctx, onetime.Invite, invited); err != nil || open.Kind != link.Kind {
		t.Errorf("the invitation was used up: %v", err)
	}
	_, err = b.BeginSignOn(ctx, from, make([]byte, 10_000))
	b.want("a way too long for a cookie", err, fault.Invalid)
	for what, end := range finish {
		t.Run(what, func(t *testing.T) {
			if begin[what] != nil {
				options, cookie := begin[what]()
				if err := end(cookie,
					answered(options,
						map[bool]string{true: "laptop", false: what}[what == "signing in" || what == "confirming"])); err != nil {
					t.Errorf("%s = %v", what, err)
				}
			}
		})
	}
}

// flip changes the character at a place.
func flip(s string, i int) string {
	c := byte('A')
	if s[i] == 'A' {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

// A process that has another key in memory, because the database was restored under it, reads it again.
func TestKeyIsReadAgain(t *testing.T) {
	b, _ := withDevices(t)
	ctx := t.Context()
	raw, err := sql.Open("sqlite", b.db.Path())
	b.must(err)
	defer raw.Close()
	_, err = raw.Exec(
		`UPDATE keys SET secret = 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' WHERE name = 'challenges'`,
	)
	b.must(err)
	fresh := newProcess(b.db, settings{signin: signin.Options{Now: b.clock, Authenticators: device{}}})
	options, cookie, err := fresh.BeginPasskeySignIn(ctx, from)
	b.must(err)
	if _, err := b.SignInByPasskey(ctx, from, cookie, answered(options, "laptop")); err != nil {
		t.Errorf("SignInByPasskey at a process of before = %v", err)
	}
}

// Deleting the row of the key changes the key of all processes within a minute: what was sealed by the one before opens
// nothing.
func TestDeletedKeyOpensNothing(t *testing.T) {
	b, _ := withDevices(t)
	ctx := t.Context()
	raw, err := sql.Open("sqlite", b.db.Path())
	b.must(err)
	defer raw.Close()
	key := func() (text string) {
		_ = raw.QueryRow(`SELECT secret FROM keys WHERE name = 'challenges'`).Scan(&text)
		return text
	}
	old := key()
	_, err = raw.Exec(`DELETE FROM keys`)
	b.must(err)
	options, cookie, err := b.BeginPasskeySignIn(ctx, from) // by the key in memory
	b.must(err)
	b.pass(time.Minute)
	for _, accounts := range []process{b.process, b.beside} {
		_, err = accounts.SignInByPasskey(ctx, from, cookie, answered(options, "laptop"))
		b.want("an answer to what the deleted key sealed", err, fault.Invalid)
	}
	if now := key(); now == "" || now == old {
		t.Errorf("the key is %.8q, and was %.8q", now, old)
	}
	for i, begin := range []process{b.process, b.beside} {
		options, cookie, err := begin.BeginPasskeySignIn(ctx, from)
		b.must(err)
		if _, err := []process{b.beside, b.process}[i].SignInByPasskey(ctx, from, cookie,
			answered(options, "laptop")); err != nil {
			t.Errorf("SignInByPasskey by the new key = %v", err)
		}
	}
}
