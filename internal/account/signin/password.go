package signin

import (
	"context"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/fault"
)

// CheckPassword returns fault.Invalid, about the field password, if a password is too easy to guess. Length matters
// most (NIST SP 800-63B, 3.1.1.2); the other checks reject passwords that attackers try first.
func CheckPassword(p access.Secret, about ...string) error {
	text := p.Reveal()
	lower := strings.ToLower(text)
	weak := func(why string) error { return fault.InField("password", "%s", why) }
	if n := len([]rune(text)); n < 12 {
		return weak(
			"a password needs at least 12 characters: three or four unrelated words are easy to remember",
		)
	}
	if len(text) > 1024 {
		return weak("a password has at most 1,024 bytes")
	}
	rest := lower
	for _, word := range append(about, common...) {
		if len(word) >= 4 {
			rest = strings.ReplaceAll(rest, strings.ToLower(word), "")
		}
	}
	if distinct(lower) < 5 || repeats(lower) || sequential(lower) {
		return weak("this password is a repetition or a sequence: attackers try those first")
	}
	if len([]rune(strings.Trim(rest, "0123456789!?.,-_ "))) < 4 {
		return weak("this password consists of words that attackers try first, such as your name or “password”")
	}
	return nil
}

// common lists words that appear in most guessed passwords.
var common = []string{
	"password", "passwort", "motdepasse", "contraseña", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm",
	"qwerty", "letmein", "welcome", "administrator", "admin", "iloveyou", "monkey", "dragon", "sunshine", "princess",
	"football", "baseball", "trustno1", "changeme", "secret", "default", "index", "python", "pypi", "1q2w3e4r", "abc123",
	"test", "user",
}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, c := range s {
		seen[c] = true
	}
	return len(seen)
}

// repeats reports whether s is a shorter string repeated.
func repeats(s string) bool {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && strings.Repeat(s[:n], len(s)/n) == s {
			return true
		}
	}
	return false
}

// sequential reports whether nearly every character is equal or adjacent to the one before it.
func sequential(s string) bool {
	runes, steps := []rune(s), 0
	for i := 1; i < len(runes); i++ {
		if d := runes[i] - runes[i-1]; d == 1 || d == -1 || d == 0 {
			steps++
		}
	}
	return steps >= len(runes)-3
}

// waiters is how many people may wait for a hasher. Signed-in users, link bearers and known browsers have as many
// additional places.
const waiters = 16

// turn is a place in the queue for the hashers.
type turn struct{ m *Methods }

// queue takes a place, which leave returns. It returns fault.Unavailable if too many people wait already.
func (m *Methods) queue(known bool) (turn, error) {
	room := int64(cap(m.o.Hashers) + waiters)
	if known {
		room += waiters
	}
	if m.waiting.Add(1) > room {
		m.waiting.Add(-1)
		return turn{}, fault.Later(fault.Unavailable, 5*time.Second,
			"too many people are signing in just now: try again in a few seconds")
	}
	return turn{m}, nil
}

func (t turn) leave() { t.m.waiting.Add(-1) }

// work waits for a hasher, which idle releases.
func (t turn) work(ctx context.Context) error {
	select {
	case t.m.o.Hashers <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) idle() { <-t.m.o.Hashers }

// fits calls access.PasswordFits when it has a hasher. On an error, the password was not checked.
func (t turn) fits(ctx context.Context, phc string, p access.Secret) (bool, error) {
	if err := t.work(ctx); err != nil {
		return false, err
	}
	defer t.idle()
	return access.PasswordFits(phc, p), nil
}

// Hash returns the hash of a known person's password, by access.PasswordCost.Hash, when it has a hasher.
func (m *Methods) Hash(ctx context.Context, p access.Secret) (string, error) {
	t, err := m.queue(true)
	if err != nil {
		return "", err
	}
	defer t.leave()
	if err := t.work(ctx); err != nil {
		return "", err
	}
	defer t.idle()
	return m.o.PasswordCost.Hash(p)
}

// SetPassword sets the caller's password, and ends the caller's other sessions and open password links. If the caller
// has a password, current must match it: SetPassword returns fault.Invalid about the field current if it does not, and
// fault.TooMany after many wrong ones. It returns fault.Invalid about the field password if the new one is too easy to
// guess.
func (m *Methods) SetPassword(ctx context.Context, who access.Caller, current, password access.Secret) error {
	if err := CheckPassword(password, who.Name(), m.o.Name); err != nil {
		return err
	}
	var u access.User
	err := m.store.View(ctx, func(tx Tx) (err error) {
		u, err = Self(ctx, tx, who)
		return err
	})
	if err != nil {
		return err
	}
	if u.PasswordHash != "" {
		if u, err = m.confirmByPassword(ctx, who, current,
			fault.InField("current", "this is not your current password")); err != nil {
			return err
		}
	}
	phc, err := m.Hash(ctx, password)
	if err != nil {
		return err
	}
	return m.change(ctx, who, "account.password", func(tx Tx, now access.User) error {
		if now.PasswordHash != u.PasswordHash {
			return fault.New(fault.Conflict, "the password has just been changed, perhaps in another window")
		}
		now.PasswordHash = phc
		if err := tx.EndLinks(ctx, onetime.Reset, now.ID, m.o.Now()); err != nil {
			return err
		}
		if err := m.ForgiveCodes(ctx, tx, now.ID); err != nil {
			return err
		}
		if _, err := tx.EndSessionsOf(ctx, now.ID, who.SessionID(), m.o.Now()); err != nil {
			return err
		}
		return tx.UpdateUser(ctx, now)
	})
}
