package account_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// equip gives the bureau devices that hold passkeys, and a keyring with a policy about second factors.
func (b *bureau) equip(policy access.FactorPolicy) {
	b.serve(settings{signin: signin.Options{Authenticators: device{}, SecondFactor: policy}})
	b.keys = access.NewKeyring(b.rows.Access(), access.KeyringOptions{Now: b.clock, SecondFactor: policy})
}

// register adds a passkey to the caller's account.
func (b *bureau) register(who access.Caller, name string) error {
	options, cookie, err := b.BeginPasskey(b.t.Context(), who)
	if err != nil {
		return err
	}
	return b.AddPasskey(b.t.Context(), who, cookie, name, answered(options, name))
}

// enrol sets an authenticator up, and returns its key and the recovery codes.
func (b *bureau) enrol(who access.Caller) (string, []access.Secret) {
	b.t.Helper()
	e, err := b.BeginTOTP(b.t.Context(), who)
	b.must(err)
	codes, err := b.ConfirmTOTP(b.t.Context(), who, totp(b.t, e.Secret, b.now))
	b.must(err)
	b.pass(time.Minute) // so that the next code is another one
	return e.Secret, codes
}

// live reports whether a session may be used.
func (b *bureau) live(secret access.Secret) bool {
	_, err := b.keys.Session(b.t.Context(), secret)
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		b.t.Error(err)
	}
	return err == nil
}

func (b *bureau) signIn(name string) signin.Signed {
	b.t.Helper()
	s, err := b.SignIn(b.t.Context(), from, signin.Login{Name: name, Password: good})
	b.must(err)
	return s
}

// Recovery codes stand in for a second factor, so nobody makes any who shows only a password, and setting up an
// authenticator replaces what there is and shows it.
func TestRecoveryCodesComeWithASecondFactor(t *testing.T) {
	for _, policy := range []access.FactorPolicy{access.FactorNone, access.FactorAll} {
		b := newBureau(t)
		b.equip(policy)
		ctx := t.Context()
		b.user("root")
		thief := b.session("root")
		codes, err := b.NewRecovery(ctx, thief)
		b.want("NewRecovery without a second factor", err, fault.Conflict)
		_, err = b.BeginTOTP(ctx, thief)
		b.must(err)
		more, err := b.NewRecovery(ctx, thief)
		b.want("NewRecovery while one is set up", err, fault.Conflict)
		if s, err := b.SecurityOf(ctx, thief); err != nil || s.RecoveryLeft != 0 {
			t.Errorf("SecurityOf = %+v, %v", s, err)
		}
		codes = append(codes, more...)
		planted := strings.Repeat("abcd", 4)
		b.must(b.store.Update(ctx, func(tx account.Tx) error { // a program of before let them
			return tx.PutRecovery(ctx, thief.ID(), []string{access.HashToken(access.Secret(planted))})
		}))
		owner := b.session("root")
		_, shown := b.enrol(owner)
		if len(shown) != 10 {
			t.Errorf("%s: the owner was shown %d recovery codes, want 10", policy, len(shown))
		}
		for _, c := range append(codes, access.Secret(planted)) {
			_, err := b.SecondFactor(ctx, from, signin.Code{Step: b.signIn("root").Factor, Typed: c.Reveal()})
			b.want("a planted recovery code", err, fault.Invalid)
		}
		if s, err := b.SecondFactor(ctx, from,
			signin.Code{Step: b.signIn("root").Factor, Typed: shown[3].Reveal()}); err != nil ||
			s.Method != "password+recovery" {
			t.Errorf("%s: a shown recovery code = %+v, %v", policy, s, err)
		}
		if codes, err := b.NewRecovery(ctx, owner); err != nil || len(codes) != 10 {
			t.Errorf("%s: NewRecovery with an authenticator = %d, %v", policy, len(codes), err)
		}
	}
}

// The same with a passkey: codes of before go with the first one, and codes go with the last one.
func TestRecoveryCodesComeAndGoWithPasskeys(t *testing.T) {
	b := newBureau(t)
	b.equip(access.FactorAll)
	ctx := t.Context()
	b.user("root")
	owner := b.session("root")
	b.must(b.store.Update(ctx, func(tx account.Tx) error { return tx.PutRecovery(ctx, owner.ID(), []string{"planted"}) }))
	left := func(want int) {
		t.Helper()
		if s, err := b.SecurityOf(ctx, owner); err != nil || s.RecoveryLeft != want {
			t.Errorf("%d recovery codes are left, %v, want %d", s.RecoveryLeft, err, want)
		}
	}
	b.must(b.register(owner, "laptop"))
	left(0)
	_, err := b.NewRecovery(ctx, owner)
	b.must(err)
	b.must(b.register(owner, "phone"))
	left(10)
	keys, err := b.Passkeys(ctx, owner)
	b.must(err)
	b.must(b.RemovePasskey(ctx, owner, keys[0].ID))
	left(10)
	b.must(b.RemovePasskey(ctx, owner, keys[1].ID))
	left(0)
}

// The key of an authenticator that is being set up is seen and confirmed by the session that began, and by no other
// one.
func TestPendingKeyBelongsToItsSession(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("root")
	owner, thief := b.session("root"), b.session("root")
	e, err := b.BeginTOTP(ctx, owner)
	b.must(err)
	_, err = b.PendingTOTP(ctx, thief)
	b.want("PendingTOTP in another session", err, fault.NotFound)
	_, err = b.ConfirmTOTP(ctx, thief, totp(t, e.Secret, b.now))
	b.want("ConfirmTOTP in another session", err, fault.NotFound)
	if p, err := b.PendingTOTP(ctx, owner); err != nil || p != e {
		t.Errorf("PendingTOTP = %+v, %v, want %+v", p, err, e)
	}
	theirs, err := b.BeginTOTP(ctx, thief)
	b.must(err)
	_, err = b.PendingTOTP(ctx, owner)
	b.want("PendingTOTP after another session began", err, fault.NotFound)
	_, err = b.ConfirmTOTP(ctx, owner, totp(t, theirs.Secret, b.now))
	b.want("ConfirmTOTP of what another session began", err, fault.NotFound)
}

// Of sessions that set up an authenticator at once, one has it in the end, and is the only one left.
func TestOneOfManyEnrolmentsStays(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		b.user("root")
		ctx := t.Context()
		var secrets []access.Secret
		var callers []access.Caller // all before the first of them wins, which ends the others
		for i := range 12 {
			secrets = append(secrets, b.begin("root", "password"))
			who, err := b.keys.Session(ctx, secrets[i])
			b.must(err)
			callers = append(callers, who)
		}
		var won atomic.Int32
		var group sync.WaitGroup
		for i, who := range callers {
			accounts := []process{b.process, b.beside}[i%2]
			group.Go(func() {
				for won.Load() == 0 {
					e, err := accounts.BeginTOTP(ctx, who)
					if err != nil {
						return
					}
					if _, err := accounts.ConfirmTOTP(ctx, who, totp(t, e.Secret, b.now)); err == nil {
						won.Add(1)
					}
				}
			})
		}
		group.Wait()
		left := 0
		for _, s := range secrets {
			if b.live(s) {
				left++
			}
		}
		if won.Load() != 1 || left != 1 {
			t.Errorf("%d sessions set up an authenticator, and %d are left, want 1 and 1", won.Load(), left)
		}
	})
}

// The first second factor ends the other sessions and whatever began to sign in without it, whether or not it is
// demanded. The session in which it was set up stays.
func TestFirstSecondFactorEndsWhatBeganWithoutIt(t *testing.T) {
	for _, policy := range []access.FactorPolicy{access.FactorNone, access.FactorAll} {
		for what, set := range map[string]func(*bureau, access.Caller){
			"an authenticator": func(b *bureau, who access.Caller) { b.enrol(who) },
			"a passkey":        func(b *bureau, who access.Caller) { b.must(b.register(who, "laptop")) },
		} {
			b := newBureau(t)
			b.equip(policy)
			b.user("root")
			mine, thief := b.begin("root", "password"), b.begin("root", "password")
			judged := b.signIn("root")
			who, err := b.keys.Session(t.Context(), mine)
			b.must(err)
			set(b, who)
			if !b.live(mine) {
				t.Errorf("%q: the session that set up %s ended", policy, what)
			}
			if b.live(thief) {
				t.Errorf("%q: another session outlives %s", policy, what)
			}
			_, err = b.enter(judged)
			b.want("a session for a password judged before "+what, err, fault.Unauthenticated)
		}
	}
	b := newBureau(t)
	b.equip(access.FactorNone)
	b.user("root")
	mine, other := b.begin("root", "password"), b.begin("root", "passkey")
	who, err := b.keys.Session(t.Context(), mine)
	b.must(err)
	b.passkey("root")
	b.must(b.register(who, "phone"))
	if !b.live(mine) || !b.live(other) {
		t.Error("a second passkey ended sessions")
	}
}

// A change that was under way when the second factor was set up is refused, as a new request would be: its session
// never showed the factor. Whoever comes to need one meanwhile has no rights beyond setting one up.
func TestChangesUnderWayAreHeldAgainstThePolicy(t *testing.T) {
	b := guarded(t, access.FactorAll, access.Uploader, true)
	ctx := t.Context()
	b.equip(access.FactorAll)
	thief, err := b.keys.Session(ctx, b.begin("plain", "password"))
	b.must(err)
	options, cookie, err := b.BeginPasskey(ctx, thief)
	b.must(err)
	b.passkey("plain") // and no session ended
	for what, err := range map[string]error{
		"SetPassword":    b.SetPassword(ctx, thief, good, good+" and more"),
		"AddPasskey":     b.AddPasskey(ctx, thief, cookie, "mine", answered(options, "mine")),
		"SetProfile":     b.SetProfile(ctx, thief, access.Profile{Email: "thief@acme.example"}),
		"NewRecovery":    func() error { _, err := b.NewRecovery(ctx, thief); return err }(),
		"BeginTOTP":      func() error { _, err := b.BeginTOTP(ctx, thief); return err }(),
		"Confirm":        b.Confirm(ctx, thief, signin.Proof{Password: good}),
		"ConfirmSession": b.dir.ConfirmSession(ctx, thief),
	} {
		t.Run(what, func(t *testing.T) {
			b.want(what+" under way", err, fault.Unauthenticated)
		})
	}

	b = guarded(t, access.FactorAdministrators, access.Reader, false)
	secret := b.begin("plain", "password")
	who, err := b.keys.Session(ctx, secret)
	b.must(err)
	again := func() access.Caller {
		var now access.Caller
		b.must(b.store.View(ctx, func(tx account.Tx) (err error) { now, err = who.Recheck(ctx, tx); return err }))
		return now
	}
	if now := again(); now.MustEnrol() || !now.Manages() {
		t.Error("whom the policy leaves alone lost rights")
	}
	b.must(b.dir.SetAdmin(ctx, b.boss, "plain", true))
	if now := again(); !now.MustEnrol() || now.Admin() || now.Manages() {
		t.Errorf("who became an administrator meanwhile has rights without a second factor: %+v", now)
	}
	b.must(b.dir.SetAdmin(ctx, b.boss, "plain", false))
	if now := again(); now.MustEnrol() || !now.Manages() {
		t.Error("whom the policy leaves alone again lost rights")
	}
}

// A password that waits for its turn to be judged signs nobody in once it was replaced, or the account disabled.
func TestPasswordReplacedWhileItWaits(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		ctx := t.Context()
		for name, change := range map[string]func(*access.User){
			"replaced": func(u *access.User) { u.PasswordHash = strings.Replace(u.PasswordHash, "p=1", "p=2", 1) },
			"removed":  func(u *access.User) { u.PasswordHash = "" },
			"disabled": func(u *access.User) { u.DisabledAt = b.now },
		} {
			b.user(name)
			release := b.holdHashers()
			done := make(chan error, 1)
			go func() {
				s, err := b.SignIn(ctx, from, signin.Login{Name: name, Password: good})
				if err == nil {
					_, err = b.enter(s)
				}
				done <- err
			}()
			b.awaitTry("account|" + access.HashToken(access.Secret(name)) + "|" + audit.Network(from.Address()))
			b.must(b.store.Update(ctx, func(tx account.Tx) error {
				u, err := tx.UserByName(ctx, name)
				if err != nil {
					return err
				}
				change(&u)
				return tx.UpdateUser(ctx, u)
			}))
			release()
			b.want("a password that was "+name, <-done, fault.Unauthenticated)
		}
	})
}

// No session that the old password began outlives a reset, however the two run beside each other.
func TestNoSessionOfTheOldPasswordOutlivesAReset(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		ctx := t.Context()
		b.user("root")
		link, err := b.ResetLink(ctx, b.boss, "root")
		b.must(err)
		var group sync.WaitGroup
		var secrets [12]access.Secret
		for i := range secrets {
			accounts := []process{b.process, b.beside}[i%2]
			group.Go(func() {
				who := access.Guest(true).At("198.51."+string(rune('0'+i%10))+".1", "r")
				s, err := accounts.SignIn(ctx, who, signin.Login{Name: "root", Password: good})
				if err == nil {
					secrets[i], _ = b.enter(s)
				}
			})
		}
		group.Go(func() {
			if _, _, err := b.Reset(ctx, from, link, good+" anew", false); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		for _, s := range secrets {
			if s != "" && b.live(s) {
				t.Error("a session of the old password is live after the reset")
			}
		}
	})
}

// Whatever changes or removes a way to sign in ends the sign-ins that began before: those that were judged and have no
// session yet, and those between two factors.
func TestSignInsEndWithTheWayThatTheyTook(t *testing.T) {
	id := account.Identity{Issuer: "https://sso", Subject: "1", Name: "root"}
	changes := map[string]func(*bureau, context.Context, access.Caller) error{
		"Reset": func(b *bureau, ctx context.Context, _ access.Caller) error {
			link, err := b.ResetLink(ctx, b.boss, "root")
			b.must(err)
			_, _, err = b.Reset(ctx, from, link, good+" anew", false)
			return err
		},
		"SetPassword": func(b *bureau, ctx context.Context, who access.Caller) error {
			return b.SetPassword(ctx, who, good, good+" anew")
		},
		"RemoveFactors": func(b *bureau, ctx context.Context, _ access.Caller) error {
			return b.RemoveFactors(ctx, b.boss, "root")
		},
		"RemoveTOTP": func(b *bureau, ctx context.Context, who access.Caller) error { return b.RemoveTOTP(ctx, who) },
		"RemovePasskey": func(b *bureau, ctx context.Context, who access.Caller) error {
			keys, err := b.Passkeys(ctx, who)
			b.must(err)
			return b.RemovePasskey(ctx, who, keys[0].ID)
		},
		"Unlink": func(b *bureau, ctx context.Context, who access.Caller) error {
			return b.Unlink(ctx, who, id.Issuer, id.Subject)
		},
		"UnlinkOf": func(b *bureau, ctx context.Context, _ access.Caller) error {
			return b.UnlinkOf(ctx, b.boss, "root", id.Issuer, id.Subject)
		},
		"disabling and enabling": func(b *bureau, ctx context.Context, _ access.Caller) error {
			b.must(b.dir.DisableUser(ctx, b.boss, "root"))
			return b.dir.EnableUser(ctx, b.boss, "root")
		},
		"ending all sessions": func(b *bureau, ctx context.Context, _ access.Caller) error {
			return b.dir.EndSessionsOf(ctx, b.boss, "root")
		},
		"ending the other sessions": func(b *bureau, ctx context.Context, who access.Caller) error {
			return b.dir.EndOtherSessions(ctx, who)
		},
	}
	for what, change := range changes {
		t.Run(what, func(t *testing.T) {
			b := newBureau(t)
			b.equip(access.FactorNone)
			ctx := t.Context()
			b.user("root")
			who := b.session("root")
			_, err := b.SignInByIdentity(ctx, who, id, false)
			b.must(err)
			b.must(b.register(who, "laptop"))
			judged := map[string]signin.Signed{"password": b.signIn("root")}
			if judged["single sign-on"], err = b.SignInByIdentity(ctx, from, id, false); err != nil {
				t.Fatal(err)
			}
			options, cookie, err := b.BeginPasskeySignIn(ctx, from)
			b.must(err)
			if judged["passkey"], err = b.SignInByPasskey(ctx, from, cookie, answered(options, "laptop")); err != nil {
				t.Fatal(err)
			}
			key := ""
			if what != "RemoveTOTP" { // otherwise setting it up would be what ends them
				b.must(change(b, ctx, who))
				for how, s := range judged {
					_, err := b.enter(s)
					b.want("a session by "+how+" from before "+what, err, fault.Unauthenticated)
				}
			}

			b = newBureau(t)
			b.equip(access.FactorNone)
			b.user("root")
			who = b.session("root")
			_, err = b.SignInByIdentity(ctx, who, id, false)
			b.must(err)
			b.must(b.register(who, "laptop"))
			key, _ = b.enrol(who)
			steps := map[string]signin.Signed{"password": b.signIn("root")}
			if steps["single sign-on"], err = b.SignInByIdentity(ctx, from, id, false); err != nil {
				t.Fatal(err)
			}
			passed, err := b.SecondFactor(ctx, from, signin.Code{Step: b.signIn("root").Factor, Typed: totp(t, key, b.now)})
			b.must(err)
			b.pass(time.Minute)
			b.must(change(b, ctx, who))
			_, err = b.enter(passed)
			b.want("a session by a code from before "+what, err, fault.Unauthenticated)
			for how, s := range steps {
				_, err := b.SecondFactor(ctx, from, signin.Code{Step: s.Factor, Typed: totp(t, key, b.now)})
				b.want("the step after "+how+" from before "+what, err, fault.NotFound)
			}
		})
	}
	b := newBureau(t)
	b.user("root")
	b.must(b.SetProfile(t.Context(), b.session("root"), access.Profile{FullName: "Root"}))
	if secret, err := b.enter(b.signIn("root")); err != nil || !b.live(secret) {
		t.Errorf("signing in = %v", err)
	}
}
