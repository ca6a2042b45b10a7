package account_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// at is somebody unknown at an address.
func at(address string) access.Caller { return access.Guest(true).At(address, "r") }

// try signs in and returns what became of it.
func (b *bureau) try(who access.Caller, name, password string, device access.Secret) error {
	_, err := b.SignIn(b.t.Context(), who, signin.Login{Name: name, Password: access.Secret(password), Device: device})
	return err
}

// device returns the cookie of a browser in which a user signed in.
func (b *bureau) device(name string) access.Secret {
	b.t.Helper()
	device, err := b.Remember(b.t.Context(), b.session(name).ID())
	b.must(err)
	return device
}

// entries returns the entries of an action, newest first.
func (b *bureau) entries(action string) (out []audit.Entry) {
	b.t.Helper()
	all, err := b.db.Audit(b.t.Context(), 10_000)
	b.must(err)
	for _, e := range all {
		if e.Action == action {
			out = append(out, e)
		}
	}
	return out
}

// A password is guessed five times before a pause, over processes. The owner is left alone who comes from elsewhere or
// uses a browser that is known.
func TestPasswordGuessesOfAnAccount(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	b.user("bob")
	device := b.device("alice")
	for range 5 {
		b.want("a wrong password", b.try(from, "alice", "wrong", ""), fault.Unauthenticated)
	}
	b.want("one too many", b.try(from, "alice", "wrong", ""), fault.TooMany)
	b.want("the right one too early", b.try(from, "alice", good, ""), fault.TooMany)
	_, err := b.beside.SignIn(t.Context(), from, signin.Login{Name: "alice", Password: good})
	b.want("at another process", err, fault.TooMany)
	if wait := fault.WaitOf(err); wait < time.Second || wait > 2*time.Second {
		t.Errorf("the sixth try waits %v, want a second or two", wait)
	}
	b.want("from the same network", b.try(at("192.0.2.77"), "alice", good, ""), fault.TooMany)
	b.must(b.try(at("203.0.113.9"), "alice", good, ""))
	b.must(b.try(from, "alice", good, device))
	b.want("a device that is made up", b.try(from, "alice", good, "made up"), fault.TooMany)
	b.want("another person's device", b.try(from, "alice", good, b.device("bob")), fault.TooMany)
	b.must(b.try(from, "bob", good, device)) // an account of its own in the same network
	b.pass(20 * time.Second)
	b.must(b.try(from, "alice", good, ""))
	b.must(b.try(from, "alice", good, ""))
}

// Tries that run at once count each other: as many are judged as are free, at most, over processes.
func TestPasswordGuessesAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		b.user("alice")
		var judged, refused atomic.Int32
		var group sync.WaitGroup
		for i := range 60 {
			group.Go(func() {
				a := b.process
				if i%2 == 1 {
					a = b.beside
				}
				_, err := a.SignIn(t.Context(), from, signin.Login{Name: "alice", Password: "wrong"})
				switch fault.KindOf(err) {
				case fault.Unauthenticated:
					judged.Add(1)
				case fault.TooMany, fault.Unavailable:
					refused.Add(1)
				default:
					t.Errorf("SignIn = %v", err)
				}
			})
		}
		group.Wait()
		if judged.Load() > 5 || judged.Load() == 0 || judged.Load()+refused.Load() != 60 {
			t.Errorf("of 60 tries at once %d were judged and %d refused, want 5 judged at most", judged.Load(), refused.Load())
		}
	})
}

// holdHashers keeps all hashers busy until release is called.
func (b *bureau) holdHashers() (release func()) {
	for range cap(b.hashers) {
		b.hashers <- struct{}{}
	}
	return func() {
		for range cap(b.hashers) {
			<-b.hashers
		}
	}
}

// awaitTry waits until a try is counted in a bucket.
func (b *bureau) awaitTry(bucket string) {
	for n := 0; n == 0; {
		_ = b.store.View(b.t.Context(), func(tx account.Tx) (err error) {
			n, _, err = tx.Attempts(b.t.Context(), bucket)
			return err
		})
	}
}

// A try is counted before it is judged, and taken back if nobody judged it because its client left.
func TestPasswordTryWithoutJudgement(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	release := b.holdHashers()
	for range 20 {
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := b.SignIn(ctx, from, signin.Login{Name: "alice", Password: good})
			done <- err
		}()
		b.awaitTry("account|" + access.HashToken("alice") + "|" + audit.Network(from.Address()))
		leave()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("SignIn of a client that left = %v, want %v", err, context.Canceled)
		}
	}
	release()
	b.must(b.try(from, "alice", good, ""))
}

// So many may wait for a hasher and no more: the rest is told to come back. A known browser still finds a place.
func TestPasswordQueueIsBounded(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	device := b.device("alice")
	release := b.holdHashers()
	var unavailable atomic.Int32
	var group sync.WaitGroup
	full := make(chan struct{}, 200)
	for i := range 200 {
		group.Go(func() {
			err := b.try(at(fmt.Sprintf("10.%d.0.1", i)), "alice", "wrong", "")
			if fault.Is(err, fault.Unavailable) {
				if fault.WaitOf(err) == 0 {
					t.Error("the refusal does not say when to come back")
				}
				unavailable.Add(1)
				full <- struct{}{}
			}
		})
	}
	for range 182 { // 200 less 2 at work and 16 who wait
		<-full
	}
	known := make(chan error, 1)
	go func() { known <- b.try(from, "alice", good, device) }()
	b.awaitTry("device|" + access.HashToken(device)) // once it is in the queue
	release()
	group.Wait()
	if n := unavailable.Load(); n != 182 {
		t.Errorf("%d of 200 were refused, want 182", n)
	}
	b.must(<-known)
}

// Failures of others behind the same address shut nobody out: not a browser that is known, and not the first try of a
// person who mistyped nothing. Trying many names gains one guess an account there, and then one a minute, two minutes
// and so on.
func TestPasswordGuessesOfANetwork(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	b.user("bob")
	b.user("carol")
	device := b.device("carol")
	b.failures("network|2001:db8::/56", 99)
	for i := range 12 {
		b.want("a wrong name", b.try(at("2001:db8::1"), fmt.Sprintf("name%d", i), "wrong", ""), fault.Unauthenticated)
	}
	neighbour := at("2001:db8:0:ff::2")
	b.must(b.try(neighbour, "alice", good, ""))
	b.must(b.try(neighbour, "alice", good, ""))
	b.want("a first wrong try", b.try(neighbour, "bob", "wrong", ""), fault.Unauthenticated)
	b.want("a second one at once", b.try(neighbour, "bob", good, ""), fault.TooMany)
	b.pass(50 * time.Second)
	b.want("a second one after 50 seconds", b.try(neighbour, "bob", good, ""), fault.TooMany)
	for range 4 {
		b.want("a known browser", b.try(neighbour, "carol", "wrong", device), fault.Unauthenticated)
	}
	b.must(b.try(neighbour, "carol", good, device))
	b.must(b.try(at("2001:db8:0:1ff::2"), "bob", good, ""))
	b.pass(11 * time.Second)
	b.must(b.try(neighbour, "bob", good, ""))
}

// Right passwords of many people do not add up to anything.
func TestRightPasswordsAreNotFailures(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	b.user("bob")
	b.failures("network|192.0.2.0/24", 95)
	for range 8 {
		b.must(b.try(from, "alice", good, ""))
	}
	for range 4 {
		b.want("a wrong password", b.try(from, "bob", "wrong", ""), fault.Unauthenticated)
	}
}

// failures has a bucket hold some.
func (b *bureau) failures(bucket string, n int) {
	b.t.Helper()
	b.must(b.db.Accounts().Update(b.t.Context(),
		func(tx account.Tx) error { return tx.PutAttempts(b.t.Context(), bucket, n, b.now) }))
}

// authenticator sets a user's authenticator up, and returns its key, a session of the user and recovery codes.
func (b *bureau) authenticator(name string) (key string, who access.Caller, codes []access.Secret) {
	b.t.Helper()
	who = b.session(name)
	e, err := b.BeginTOTP(b.t.Context(), who)
	b.must(err)
	codes, err = b.ConfirmTOTP(b.t.Context(), who, totp(b.t, e.Secret, b.now))
	b.must(err)
	b.pass(time.Minute)
	return e.Secret, who, codes
}

// step is a right password and the step that it leaves open.
func (b *bureau) step(who access.Caller, name string, device access.Secret) (access.Secret, error) {
	s, err := b.SignIn(b.t.Context(), who, signin.Login{Name: name, Password: good, Device: device})
	return s.Factor, err
}

// Whoever knows a password guesses five codes before a pause that doubles, however many steps and networks they take,
// at whichever process; recovery codes are in the same count.
func TestCodeGuessesAreCountedForTheAccount(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	key, _, codes := b.authenticator("alice")
	network, who, step := 0, from, access.Secret("")
	another := func() {
		network++
		var err error
		who = at(fmt.Sprintf("198.51.%d.1", network))
		step, err = b.step(who, "alice", "")
		b.must(err)
	}
	guess := func(typed string) error {
		a := b.process
		if network%2 == 1 {
			a = b.beside
		}
		_, err := a.SecondFactor(b.t.Context(), who, signin.Code{Step: step, Typed: typed})
		return err
	}
	for _, typed := range []string{"000000", "aaaa-bbbb-cccc-dddd", "000001", "", "000002"} {
		another()
		b.want("a wrong code", guess(typed), fault.Invalid)
	}
	pause := time.Second
	for range 12 {
		another()
		b.want("a code during the pause", guess("000000"), fault.TooMany)
		b.want("the right code during the pause", guess(totp(t, key, b.now)), fault.TooMany)
		b.want("a recovery code during the pause", guess(codes[0].Reveal()), fault.TooMany)
		b.pass(pause - 100*time.Millisecond)
		another()
		b.want("a code just before the end of the pause", guess("000000"), fault.TooMany)
		b.pass(200 * time.Millisecond)
		b.want("a code after the pause", guess("000000"), fault.Invalid)
		pause = min(2*pause, 15*time.Minute)
	}
	b.pass(15 * time.Minute)
	another()
	b.must(guess(totp(t, key, b.now)))
	b.pass(time.Minute)
	another()
	b.must(guess(totp(t, key, b.now)))
}

// A right password counts as a try of it until a code was right.
func TestPasswordCountsUntilACodeWasRight(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	key, _, _ := b.authenticator("alice")
	var last access.Secret
	for range 5 {
		step, err := b.step(from, "alice", "")
		b.must(err)
		last = step
	}
	_, err := b.step(from, "alice", "")
	b.want("a sixth step", err, fault.TooMany)
	_, err = b.SecondFactor(t.Context(), from, signin.Code{Step: last, Typed: totp(t, key, b.now)})
	b.must(err)
	for range 5 {
		_, err = b.step(from, "alice", "")
		b.must(err)
	}
}

// Codes that are tried at once count each other.
func TestCodeGuessesAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		b.user("alice")
		b.authenticator("alice")
		var steps []access.Secret
		for i := range 20 {
			step, err := b.step(at(fmt.Sprintf("198.51.%d.1", i)), "alice", "")
			b.must(err)
			steps = append(steps, step)
		}
		var judged atomic.Int32
		var group sync.WaitGroup
		for i, step := range steps {
			group.Go(func() {
				a := b.process
				if i%2 == 1 {
					a = b.beside
				}
				_, err := a.SecondFactor(t.Context(), from, signin.Code{Step: step, Typed: "000000"})
				if fault.Is(err, fault.Invalid) {
					judged.Add(1)
				} else if !fault.Is(err, fault.TooMany) {
					t.Errorf("SecondFactor = %v", err)
				}
			})
		}
		group.Wait()
		if judged.Load() != 5 {
			t.Errorf("of 20 codes at once %d were judged, want 5", judged.Load())
		}
	})
}

// A stranger who knows the password and keeps guessing codes does not lock the owner out of a browser that is known,
// and a new password, which the stranger does not know, opens the account for the owner everywhere.
func TestCodeGuessesLeaveTheOwnerAlone(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	b.user("bob")
	key, alice, _ := b.authenticator("alice")
	device := b.device("alice")
	shut := func() {
		t.Helper()
		for i := range 50 {
			who := at(fmt.Sprintf("198.51.%d.1", i))
			step, err := b.step(who, "alice", "")
			b.must(err)
			if _, err = b.SecondFactor(ctx, who, signin.Code{Step: step, Typed: "000000", Device: "made up"}); fault.Is(err,
				fault.TooMany) {
				return
			}
		}
		t.Fatal("fifty wrong codes and no pause")
	}
	shut()
	enter := func(who access.Caller, password string, device access.Secret) error {
		s, err := b.SignIn(ctx, who, signin.Login{Name: "alice", Password: access.Secret(password), Device: device})
		if err == nil {
			_, err = b.SecondFactor(ctx, who, signin.Code{Step: s.Factor, Typed: totp(t, key, b.now), Device: device})
		}
		return err
	}
	b.want("an unknown browser", enter(from, good, ""), fault.TooMany)
	b.want("another person's browser", enter(from, good, b.device("bob")), fault.TooMany)
	b.must(enter(from, good, device))
	b.pass(time.Minute)
	b.must(b.Confirm(ctx, alice, signin.Proof{Code: totp(t, key, b.now), Device: device}))
	shut()
	b.must(b.SetPassword(ctx, alice, good, "another set of words"))
	b.pass(time.Minute)
	b.must(enter(at("203.0.113.1"), "another set of words", ""))
	if _, err := b.step(at("203.0.113.2"), "alice", ""); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the old password still makes steps: %v", err)
	}
}

// Confirming by codes is in the same count as signing in by them, and setting a password up to be counted too.
func TestConfirmIsCounted(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	key, alice, _ := b.authenticator("alice")
	for i := range 5 {
		err := b.Confirm(ctx, alice, signin.Proof{Code: fmt.Sprintf("%06d", i)})
		b.want("a wrong code", err, fault.Invalid)
	}
	b.want("the right code too early", b.Confirm(ctx, alice, signin.Proof{Code: totp(t, key, b.now)}), fault.TooMany)
	b.want("by another session", b.Confirm(ctx, b.session("alice"), signin.Proof{Code: totp(t, key, b.now)}),
		fault.TooMany)
	step, err := b.step(from, "alice", "")
	b.must(err)
	_, err = b.SecondFactor(ctx, from, signin.Code{Step: step, Typed: totp(t, key, b.now)})
	b.want("signing in with the right code", err, fault.TooMany)
	_, err = b.ConfirmTOTP(ctx, alice, totp(t, key, b.now))
	b.want("setting up what is set up, with a right code", err, fault.NotFound)
	_, err = b.ConfirmTOTP(ctx, alice, "000000")
	b.want("setting up what is set up, with a wrong code", err, fault.NotFound)

	for range 5 {
		err := b.SetPassword(ctx, alice, "wrong", "another set of words")
		if !fault.Is(err, fault.Invalid) || fault.FieldOf(err) != "current" {
			t.Errorf("SetPassword(wrong) = %v about %q", err, fault.FieldOf(err))
		}
	}
	b.want("SetPassword with the right password too early", b.SetPassword(ctx, alice, good, "another set of words"),
		fault.TooMany)
	b.want("Confirm with the right password too early", b.Confirm(ctx, alice, signin.Proof{Password: good}), fault.TooMany)
}

// The owner of an account and the record learn of ten wrong codes in a row, once.
func TestTenWrongCodesAreRecorded(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	b.authenticator("alice")
	for i := range 14 {
		if got := len(b.entries("account.codes-guessed")); (i >= 10) != (got == 1) {
			t.Errorf("after %d wrong codes there are %d entries", i, got)
		}
		b.pass(20 * time.Minute)
		who := at(fmt.Sprintf("198.51.%d.1", i))
		step, err := b.step(who, "alice", "")
		b.must(err)
		_, err = b.SecondFactor(t.Context(), who, signin.Code{Step: step, Typed: "000000"})
		b.want("a wrong code", err, fault.Invalid)
	}
	all := b.entries("account.codes-guessed")
	if len(all) != 1 || all[0].Subject != "alice" || all[0].Outcome != audit.Refused ||
		all[0].Actor.Address != "198.51.9.1" {
		t.Errorf("the record has %+v", all)
	}
}

// Refusals of strangers are one entry for each network, kind and minute, which says how many they were and of which
// names. Those of unknown names are an entry of their own.
func TestRefusalsAreOneEntryAMinute(t *testing.T) {
	b := newBureau(t)
	b.user("alice")
	b.user("bob")
	b.now = b.now.Truncate(time.Minute)
	for i := range 40 {
		b.want("a wrong name", b.try(from, fmt.Sprintf("name%d", i%3), "wrong", b.device("alice")),
			map[bool]fault.Kind{true: fault.Unauthenticated, false: fault.TooMany}[i < 15])
	}
	b.want("a name that may be a password", b.try(from, "Not A Name", "wrong", ""), fault.Unauthenticated)
	b.want("a password that could be a name", b.try(from, "hunter2", "wrong", ""), fault.Unauthenticated)
	b.want("the name of an account", b.try(from, "bob", "wrong", ""), fault.Unauthenticated)
	b.want("another unknown name", b.try(from, "name4", "wrong", ""), fault.Unauthenticated)
	all := b.entries("session.refuse")
	if len(all) != 2 {
		t.Fatalf("the record has %d entries: %+v", len(all), all)
	}
	slices.SortFunc(all, func(a, b audit.Entry) int { return strings.Compare(a.Subject, b.Subject) })
	for i, want := range []struct {
		subject string
		more    int
	}{{"", 17}, {"bob", 0}} { // tries of unknown names do not count as tries of bob
		if e := all[i]; e.Subject != want.subject || e.More != want.more || e.Detail["wrong"] != "password" {
			t.Errorf("an entry is %+v, want %+v", e, want)
		}
	}
	b.want("another network", b.try(at("203.0.113.1"), "alice", "wrong", ""), fault.Unauthenticated)
	b.pass(time.Minute)
	b.want("another minute", b.try(from, "alice", "wrong", ""), fault.Unauthenticated)
	if all := b.entries("session.refuse"); len(all) != 4 || all[0].More != 0 {
		t.Errorf("the record has %d entries, want 4: %+v", len(all), all)
	}
}
