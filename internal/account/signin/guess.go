package signin

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// How guessing is slowed down: after the free tries, each doubles the time until the next one, up to a quarter of an
// hour. docs/decisions/0007-signing-in.md says which tries share a bucket, and why.
const (
	accountFree = 5
	networkFree = 100
	longest     = 15 * time.Minute
	forgetAfter = 24 * time.Hour

	// While a network has failed too often, an account has this many free tries from there, and then at least this pause.
	crowdedFree  = 1
	crowdedPause = time.Minute

	// alarmAfter is how many wrong codes in a row make a letter to the account's owner.
	alarmAfter = 10
)

// guess is the buckets of one try: the one that must have room for it, and the one of the network that failures add to.
type guess struct {
	bucket  string
	network string // "" for a browser or a session of the owner's, which other failures never slow down
}

// knows reports whether somebody signed in to the account of a user with this browser before.
func (m *Methods) knows(ctx context.Context, tx Tx, device access.Secret, u access.User) (bool, error) {
	if device == "" || u.ID == "" {
		return false, nil
	}
	userID, err := tx.DeviceOf(ctx, access.HashToken(device))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return userID == u.ID, err
}

// passwordGuess is a try of the password of the account that was typed. What was typed may be a password: only its hash
// is kept.
func passwordGuess(who access.Caller, name string, device access.Secret, known bool) guess {
	if known {
		return guess{bucket: "device|" + access.HashToken(device)}
	}
	n := network(who.Address())
	return guess{"account|" + access.HashToken(access.Secret(name)) + "|" + n, "network|" + n}
}

// codeGuess is a try of a code of a user's second factor. Its bucket is the account's for all networks at once: six
// digits are too few to let each network try some.
func codeGuess(who access.Caller, u access.User, device access.Secret, known bool) guess {
	if known {
		return guess{bucket: "code-device|" + access.HashToken(device)}
	}
	return guess{codeBucket(u.ID), "network|" + network(who.Address())}
}

func codeBucket(userID string) string { return "code|" + userID }

// reserve counts a try before it is judged, so that tries that run at once count each other, and returns how many the
// bucket holds with it. It returns fault.TooMany, with the time to wait, and counts nothing if the bucket is full.
func (m *Methods) reserve(ctx context.Context, tx Tx, g guess) (int, error) {
	free, least := accountFree, time.Duration(0)
	if g.network != "" {
		n, last, err := m.attempts(ctx, tx, g.network)
		if err != nil {
			return 0, err
		}
		if m.wait(n, networkFree, last, 0) > 0 {
			free, least = crowdedFree, crowdedPause
		}
	}
	n, last, err := m.attempts(ctx, tx, g.bucket)
	if err != nil {
		return 0, err
	}
	if wait := m.wait(n, free, last, least); wait > 0 {
		return 0, tooMany(wait)
	}
	return n + 1, tx.PutAttempts(ctx, g.bucket, n+1, m.o.Now())
}

func tooMany(wait time.Duration) error {
	wait = wait.Round(time.Second) + time.Second
	return fault.Later(fault.TooMany, wait, "too many wrong tries: wait %v, then try again", wait)
}

// attempts returns what a bucket holds. It forgets after a day without any try.
func (m *Methods) attempts(ctx context.Context, tx Tx, bucket string) (int, time.Time, error) {
	n, last, err := tx.Attempts(ctx, bucket)
	if m.o.Now().Sub(last) > forgetAfter {
		n = 0
	}
	return n, last, err
}

// wait returns how long a bucket that holds n tries, the newest at last, is still closed.
func (m *Methods) wait(n, free int, last time.Time, least time.Duration) time.Duration {
	if n < free {
		return 0
	}
	return last.Add(max(least, pause(n-free))).Sub(m.o.Now())
}

// pause is how long to wait after n failures too many.
func pause(n int) time.Duration { return min(time.Second<<min(n, 20), longest) }

// count adds one to a bucket.
func (m *Methods) count(ctx context.Context, tx Tx, bucket string) error {
	n, _, err := m.attempts(ctx, tx, bucket)
	if err != nil {
		return err
	}
	return tx.PutAttempts(ctx, bucket, n+1, m.o.Now())
}

// Ask counts in a bucket with so many free tries, or returns fault.TooMany and counts nothing.
func (m *Methods) Ask(ctx context.Context, tx Tx, bucket string, free int) error {
	n, last, err := m.attempts(ctx, tx, bucket)
	if err != nil {
		return err
	}
	if wait := m.wait(n, free, last, 0); wait > 0 {
		return tooMany(wait)
	}
	return tx.PutAttempts(ctx, bucket, n+1, m.o.Now())
}

// right empties the bucket of a try that turned out right.
func (m *Methods) right(ctx context.Context, tx Tx, g guess) error {
	return tx.PutAttempts(ctx, g.bucket, 0, m.o.Now())
}

// ForgiveCodes forgets wrong codes of a user whose password was replaced: guessing them took the old one.
func (m *Methods) ForgiveCodes(ctx context.Context, tx Tx, userID string) error {
	return tx.PutAttempts(ctx, codeBucket(userID), 0, m.o.Now())
}

// unjudged takes a try back that nobody judged, because its client left meanwhile, and returns err.
func (m *Methods) unjudged(ctx context.Context, g guess, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	e := m.store.Update(ctx, func(tx Tx) error {
		n, last, err := tx.Attempts(ctx, g.bucket)
		if err != nil {
			return err
		}
		return tx.PutAttempts(ctx, g.bucket, max(0, n-1), last)
	})
	if e != nil {
		return e
	}
	return err
}

// wrong counts a wrong try for the network and records it. One entry stands for all that a network gets wrong within a
// minute, so that strangers cannot fill the record.
func (m *Methods) wrong(ctx context.Context, tx Tx, who access.Caller, g guess, name, what string) error {
	if g.network != "" {
		if err := m.count(ctx, tx, g.network); err != nil {
			return err
		}
	}
	return tx.CountAudit(ctx, m.Refusal(who, name, what).OncePerMinute(network(who.Address()), what))
}

// failed is wrong in a transaction of its own. It returns err.
func (m *Methods) failed(ctx context.Context, who access.Caller, g guess, name, what string, err error) error {
	e := m.store.Update(ctx, func(tx Tx) error { return m.wrong(ctx, tx, who, g, name, what) })
	if e != nil {
		return e
	}
	return err
}

// Refusal is the entry about somebody who failed to sign in. A name is what was typed: it may be a password, so only
// one that could be a name is kept.
func (m *Methods) Refusal(who access.Caller, name, what string) audit.Entry {
	if _, err := access.ParseUserName(name); err != nil {
		name = ""
	}
	e := m.entry(who, "session.refuse", name, map[string]any{"wrong": what})
	e.Outcome = audit.Refused
	return e
}

// network is what one attacker has for little money.
func network(address string) string { return audit.Network(address) }
