package account_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/fault"
)

// letters collects reminders as "user: description, description".
type letters struct {
	mu   sync.Mutex
	sent []string
	err  error
}

func (l *letters) send(_ context.Context, r outbox.Reminder) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	var words []string
	for _, t := range r.Tokens {
		words = append(words, t.Description)
	}
	l.sent = append(l.sent, r.User+" <"+r.Email+">: "+strings.Join(words, ", "))
	return nil
}

func (b *bureau) token(user, description string, life time.Duration) access.Token {
	b.t.Helper()
	t, _, err := b.dir.CreateToken(b.t.Context(), b.boss,
		access.NewAPIToken{User: user, Scope: access.ScopeRead, Expires: life, Description: description})
	b.must(err)
	return t
}

// Each person is written once about each token, thirty days before its end, and again only if the letter was not taken.
func TestTokensThatEndAreRemindedOfOnce(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	for _, name := range []string{"alice", "bob", "silent", "gone"} {
		b.user(name)
		if name != "silent" {
			b.must(b.SetProfile(ctx, b.session(name), access.Profile{Email: name + "@example.com"}))
		}
	}
	b.token("alice", "laptop", 365*day)
	b.token("alice", "phone", 364*day)
	b.token("alice", "endless", 0)
	b.token("bob", "build", 400*day)
	b.token("silent", "x", 365*day)
	b.token("gone", "y", 365*day)
	revoked := b.token("alice", "revoked", 365*day)
	b.must(b.dir.RevokeToken(ctx, b.boss, revoked.ID))
	b.must(b.dir.DisableUser(ctx, b.boss, "gone"))
	var l letters
	remind := func(what string, want ...string) {
		t.Helper()
		l.sent = nil
		if err := b.RemindOfTokens(ctx, l.send); (err != nil) != (l.err != nil) {
			t.Errorf("%s: RemindOfTokens = %v", what, err)
		}
		if strings.Join(l.sent, "; ") != strings.Join(want, "; ") {
			t.Errorf("%s: sent %q, want %q", what, l.sent, want)
		}
	}
	remind("on the first day")
	b.pass(334*day - time.Second)
	remind("a second too early")
	b.pass(day + time.Second)
	l.err = errors.New("the mail server is away")
	remind("without a mail server")
	l.err = nil
	remind("thirty days before", "alice <alice@example.com>: phone, laptop")
	remind("again")
	b.must(b.SetProfile(ctx, b.session("silent"), access.Profile{Email: "s@example.com"}))
	remind("once there is an address", "silent <s@example.com>: x")
	b.pass(36 * day)
	remind("for the other, whose first ones ended", "bob <bob@example.com>: build")
}

// However many processes look at once, a token is in one letter.
func TestRemindersOfManyProcesses(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	b.must(b.SetProfile(t.Context(), b.session("alice"), access.Profile{Email: "alice@example.com"}))
	b.token("alice", "laptop", 365*day)
	b.pass(340 * day)
	var l letters
	var all sync.WaitGroup
	for i := range 16 {
		a := b.process
		if i%2 == 1 {
			a = b.beside
		}
		all.Go(func() {
			if err := a.RemindOfTokens(t.Context(), l.send); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(l.sent) != 1 {
		t.Errorf("%d letters were sent about one token", len(l.sent))
	}
}

// A reset revokes the tokens of the account if it is wanted, and always if the password was forgotten; others' stay.
func TestResetRevokesTokens(t *testing.T) {
	for name, c := range map[string]struct {
		forgotten, ask bool
		want           int64
	}{
		"an administrator's link":             {},
		"an administrator's link, and wanted": {ask: true, want: 2},
		"forgotten":                           {forgotten: true, want: 2},
		"forgotten, and wanted":               {forgotten: true, ask: true, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBureau(t)
			ctx := t.Context()
			b.user("alice")
			b.user("bob")
			b.must(b.SetProfile(ctx, b.session("alice"), access.Profile{Email: "alice@example.com"}))
			b.token("alice", "laptop", 0)
			b.token("alice", "phone", 90*day)
			b.token("bob", "his", 0)
			secret, err := b.ResetLink(ctx, b.boss, "alice")
			b.must(err)
			if c.forgotten {
				_, secret, err = b.ForgottenLink(ctx, from, "alice")
				b.must(err)
			}
			if o, err := b.Look(ctx, onetime.Reset, secret); err != nil || o.Forgotten != c.forgotten {
				t.Errorf("Look = %+v, %v", o, err)
			}
			_, n, err := b.Reset(ctx, from, secret, "another set of words", c.ask)
			if err != nil || n != c.want {
				t.Errorf("Reset revoked %d, %v, want %d", n, err, c.want)
			}
			for user, want := range map[string]int{"alice": 2 - int(c.want), "bob": 1} {
				if left, err := b.dir.TokensOf(ctx, b.boss, user); err != nil || len(left) != want {
					t.Errorf("%s has %d tokens, %v, want %d", user, len(left), err, want)
				}
			}
		})
	}
}

// A browser is known for a year, and forgotten then.
func TestDevicesAreSwept(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	device, err := b.Remember(ctx, b.session("alice").ID())
	b.must(err)
	of := func() (err error) {
		return b.store.View(ctx, func(tx account.Tx) error {
			_, err = tx.DeviceOf(ctx, access.HashToken(device))
			return err
		})
	}
	b.pass(365 * day)
	b.must(b.Sweep(ctx))
	b.must(of())
	b.pass(time.Second)
	b.must(b.Sweep(ctx))
	b.want("DeviceOf after a year", of(), fault.NotFound)
}
