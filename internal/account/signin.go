package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// errPassword is the one answer to a name that is not known, an account that is disabled or has no password, and a wrong
// password.
var errPassword = fault.New(fault.Unauthenticated, "the user name or the password is wrong")

// unknown is a hash that no password fits, so that a name which is not known costs as much time as one which is.
var unknown = sync.OnceValue(func() string {
	phc, _ := access.HashPassword(access.NewToken())
	return phc
})

// SignIn is what somebody types to sign in.
type SignIn struct {
	Name     string
	Password access.Secret
	Device   access.Secret // the cookie of a browser in which somebody signed in before, "" for none
}

// Signed is who proved to be whom.
type Signed struct {
	UserID string
	Method string        // for the session: "password", "password+totp", "password+recovery"
	Factor access.Secret // a second factor is needed first, and this is the secret of the step in between; "" where none is
}

// SignIn checks a name and a password. Every refusal of them is the same fault.Unauthenticated after the same work; who
// failed too often is fault.TooMany before any. Where the account has an authenticator, what is returned is the step in
// between and no proof of anything.
func (a *Accounts) SignIn(ctx context.Context, who access.Caller, in SignIn) (Signed, error) {
	buckets, err := a.buckets(ctx, who, in)
	if err != nil {
		return Signed{}, err
	}
	var u access.User
	asks := false
	err = a.store.View(ctx, func(tx Tx) (err error) {
		if err = a.limited(ctx, tx, buckets); err != nil {
			return err
		}
		u, err = tx.UserByName(ctx, in.Name)
		if fault.Is(err, fault.NotFound) {
			return nil
		} else if err != nil {
			return err
		}
		asks, err = a.asks(ctx, tx, u)
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	fits, err := a.fits(ctx, cmp.Or(u.PasswordHash, unknown()), in.Password)
	if err != nil {
		return Signed{}, err
	}
	if !fits || u.PasswordHash == "" || !u.Active() {
		return Signed{}, a.failed(ctx, who, buckets, in.Name, errPassword)
	}
	if !asks {
		return Signed{UserID: u.ID, Method: "password"}, a.store.Update(ctx, func(tx Tx) error { return tx.PutAttempts(ctx, buckets[0].key, 0, a.o.Now()) })
	}
	l, secret := a.newLink(LinkFactor, factorLife)
	l.UserID, l.Origin = u.ID, "password"
	return Signed{Factor: secret}, a.store.Update(ctx, func(tx Tx) error { return tx.InsertLink(ctx, l) })
}

// factorTries is how many wrong codes one password is good for.
const factorTries = 5

// asks reports whether a person who passed a first step needs a second one: with an authenticator always, and with a passkey
// alone if the settings demand a second factor of them. Signing in with the passkey is then both steps.
func (a *Accounts) asks(ctx context.Context, tx Tx, u access.User) (bool, error) {
	t, err := tx.TOTPOf(ctx, u.ID)
	if err == nil && !t.ConfirmedAt.IsZero() {
		return true, nil
	} else if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	demanded, err := a.o.SecondFactor.Demands(ctx, tx, u.ID, u.Admin)
	if err != nil || !demanded {
		return false, err
	}
	return tx.HasSecondFactor(ctx, u.ID)
}

// SecondFactor takes a code of the authenticator, or a recovery code, for the step that SignIn left open. fault.NotFound
// where that ended: the password is asked for again. fault.Invalid about the field code for a wrong one.
func (a *Accounts) SecondFactor(ctx context.Context, who access.Caller, step access.Secret, typed string) (Signed, error) {
	var s Signed
	var wrong error
	err := a.store.Update(ctx, func(tx Tx) error {
		o, err := a.look(ctx, tx, LinkFactor, step)
		if err != nil {
			return err
		}
		s, wrong = Signed{UserID: o.link.UserID, Method: cmp.Or(o.link.Origin, "password") + "+totp"}, nil
		err = a.factor(ctx, tx, &s, typed)
		if !fault.Is(err, fault.Invalid) {
			if err == nil {
				_, err = tx.UseLink(ctx, o.link.ID, a.o.Now())
			}
			return err
		}
		wrong = err // what was tried must be counted, so the transaction commits
		n, err := tx.TryLink(ctx, o.link.ID)
		if err == nil && n >= factorTries {
			_, err = tx.UseLink(ctx, o.link.ID, a.o.Now())
		}
		if err != nil {
			return err
		}
		return tx.InsertAudit(ctx, a.refusal(who, o.User, "second factor"))
	})
	if err == nil {
		err = wrong
	}
	if err != nil {
		return Signed{}, err
	}
	return s, nil
}

func (a *Accounts) factor(ctx context.Context, tx Tx, s *Signed, typed string) error {
	if len(recoveryForm(typed)) == 16 {
		did, err := tx.UseRecovery(ctx, s.UserID, recoveryHash(typed), a.o.Now())
		if err == nil && !did {
			return fault.InField("code", "this recovery code is not right, or was used already")
		}
		first, _, _ := strings.Cut(s.Method, "+")
		s.Method = first + "+recovery"
		return err
	}
	return a.useTOTP(ctx, tx, s.UserID, typed)
}

// recoveryForm is what is left of a text that may be a recovery code.
func recoveryForm(typed string) string {
	var out []rune
	for _, c := range typed {
		if c != '-' && c != ' ' {
			out = append(out, c)
		}
	}
	return string(out)
}

// Confirm checks that who is signed in is still the person that signed in: by the password, or, where the account has
// none, by a code of the authenticator. fault.Invalid about the field for a wrong one, fault.TooMany after many.
func (a *Accounts) Confirm(ctx context.Context, who access.Caller, password access.Secret, code string) error {
	var u access.User
	err := a.store.View(ctx, func(tx Tx) (err error) {
		u, err = self(ctx, tx, who)
		return err
	})
	if err != nil {
		return err
	}
	buckets := []bucket{{"confirm|" + who.SessionID(), accountFree}}
	if err := a.store.View(ctx, func(tx Tx) error { return a.limited(ctx, tx, buckets) }); err != nil {
		return err
	}
	if code != "" {
		err = a.store.Update(ctx, func(tx Tx) error { return a.useTOTP(ctx, tx, u.ID, code) })
	} else if fits, e := a.fits(ctx, cmp.Or(u.PasswordHash, unknown()), password); e != nil {
		return e
	} else if !fits || u.PasswordHash == "" {
		err = fault.InField("password", "this is not your password")
	}
	if fault.Is(err, fault.Invalid) {
		return a.failed(ctx, who, buckets, u.Name, err)
	}
	return err
}

// Remember notes that a person signed in with a browser, and returns the cookie by which it is known again.
func (a *Accounts) Remember(ctx context.Context, userID string) (access.Secret, error) {
	var b [32]byte
	rand.Read(b[:])
	secret := access.Secret(base64.RawURLEncoding.EncodeToString(b[:]))
	return secret, a.store.Update(ctx, func(tx Tx) error {
		return tx.InsertDevice(ctx, access.HashToken(secret), userID, a.o.Now())
	})
}

// bucket is what failures are counted for, and how many are free.
type bucket struct {
	key  string
	free int
}

// How guessing is slowed down: after the free failures, each doubles the time until the next try, up to a quarter of an
// hour. An account's bucket is of one network, so strangers elsewhere do not slow its owner down; a browser in which the
// owner signed in before has a bucket of its own, so that strangers in the same network do not either.
const (
	accountFree = 5
	networkFree = 100
	longest     = 15 * time.Minute
	forgetAfter = 24 * time.Hour
)

func (a *Accounts) buckets(ctx context.Context, who access.Caller, in SignIn) ([]bucket, error) {
	if in.Device != "" {
		hash, owned := access.HashToken(in.Device), false
		err := a.store.View(ctx, func(tx Tx) error {
			userID, err := tx.DeviceOf(ctx, hash)
			if err != nil {
				return err
			}
			u, err := tx.UserByID(ctx, userID)
			owned = err == nil && u.Name == in.Name
			return err
		})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		if owned {
			return []bucket{{"device|" + hash, accountFree}}, nil
		}
	}
	n := network(who.Address())
	return []bucket{{"account|" + access.HashToken(access.Secret(in.Name)) + "|" + n, accountFree}, {"network|" + n, networkFree}}, nil
}

// network is an IPv4 address's /24, or an IPv6 address's /56: what one attacker has for little money.
func network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	bits := 24
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		bits = 56
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return address
	}
	return p.String()
}

// limited returns fault.TooMany while a bucket has to wait.
func (a *Accounts) limited(ctx context.Context, tx Tx, buckets []bucket) error {
	for _, b := range buckets {
		n, last, err := tx.Attempts(ctx, b.key)
		if err != nil {
			return err
		}
		if wait := last.Add(pause(n - b.free)).Sub(a.o.Now()); wait > 0 {
			return fault.New(fault.TooMany, "too many wrong tries: wait %v, then try again", wait.Round(time.Second)+time.Second)
		}
	}
	return nil
}

// pause is how long to wait after n failures too many.
func pause(n int) time.Duration {
	if n < 0 {
		return 0
	}
	return min(time.Second<<min(n, 20), longest)
}

// count adds one to a bucket, which forgets after a day without any.
func (a *Accounts) count(ctx context.Context, tx Tx, b bucket) error {
	n, last, err := tx.Attempts(ctx, b.key)
	if err != nil {
		return err
	}
	if a.o.Now().Sub(last) > forgetAfter {
		n = 0
	}
	return tx.PutAttempts(ctx, b.key, n+1, a.o.Now())
}

// failed counts and records a wrong try and returns err.
func (a *Accounts) failed(ctx context.Context, who access.Caller, buckets []bucket, name string, err error) error {
	e := a.store.Update(ctx, func(tx Tx) error {
		for _, b := range buckets {
			if err := a.count(ctx, tx, b); err != nil {
				return err
			}
		}
		return tx.InsertAudit(ctx, a.refusal(who, name, "password"))
	})
	if e != nil {
		return e
	}
	return err
}

// refusal records that somebody failed to sign in. A name is what was typed: it may be a password, so only one that could
// be a name is kept.
func (a *Accounts) refusal(who access.Caller, name, what string) audit.Entry {
	if _, err := access.ParseUserName(name); err != nil {
		name = ""
	}
	e := a.entry(who, "session.refuse", name, map[string]any{"wrong": what})
	e.Outcome = audit.Refused
	return e
}
