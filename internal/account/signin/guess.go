package signin

import (
	"context"
	"fmt"
	"math"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Limits on guessing: after the free attempts, each further one doubles the wait, up to a quarter of an hour.
// docs/decisions/0007-signing-in.md explains which attempts share a bucket, and why.
const (
	accountFree = 5
	networkFree = 100
	longest     = 15 * time.Minute
	forgetAfter = 24 * time.Hour

	// If a network failed too often, an account has this many free attempts from there, and then at least this pause.
	crowdedFree  = 1
	crowdedPause = time.Minute

	// alarmAfter is the number of consecutive wrong codes after which the account's owner gets a letter.
	alarmAfter = 10
)

// guess holds the buckets of one attempt: bucket limits it, and failures are also added to network.
type guess struct {
	bucket  string
	network string // "" for the owner's browser or session, which failures elsewhere never slow down
}

// knows reports whether the user signed in with this browser before.
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

// passwordGuess returns the buckets of a password attempt. The typed name may be a password by mistake, so only its
// hash is kept.
func passwordGuess(who access.Caller, name string, device access.Secret, known bool) guess {
	if known {
		return guess{bucket: "device|" + access.HashToken(device)}
	}
	n := network(who.Address())
	return guess{"account|" + access.HashToken(access.Secret(name)) + "|" + n, "network|" + n}
}

// codeGuess returns the buckets of a second-factor attempt. All networks share the account's bucket: six digits are too
// few to give each network its own attempts.
func codeGuess(who access.Caller, u access.User, device access.Secret, known bool) guess {
	if known {
		return guess{bucket: "code-device|" + access.HashToken(device)}
	}
	return guess{codeBucket(u.ID), "network|" + network(who.Address())}
}

func codeBucket(userID string) string { return "code|" + userID }

// reserve counts an attempt before it is checked, so that concurrent attempts see each other. It returns the new count.
// If the bucket is full, it returns fault.TooMany with the time to wait and does not count the attempt.
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
	return fault.Later(fault.TooMany, wait, "too many failed attempts: wait %s, then try again", waitWords(wait))
}

// waitWords describes a wait, rounded up: a shorter one would be refused again.
func waitWords(wait time.Duration) string {
	if seconds := int(wait.Seconds()); seconds == 1 {
		return "1 second"
	} else if seconds < 90 {
		return fmt.Sprintf("%d seconds", seconds)
	}
	return fmt.Sprintf("%d minutes", int(math.Ceil(wait.Minutes())))
}

// attempts returns the count of a bucket and the time of the last attempt. The count is 0 after a day without attempts.
func (m *Methods) attempts(ctx context.Context, tx Tx, bucket string) (int, time.Time, error) {
	n, last, err := tx.Attempts(ctx, bucket)
	if m.o.Now().Sub(last) > forgetAfter {
		n = 0
	}
	return n, last, err
}

// wait returns how long a bucket with n attempts, the latest at last, remains closed.
func (m *Methods) wait(n, free int, last time.Time, least time.Duration) time.Duration {
	if n < free {
		return 0
	}
	return last.Add(max(least, pause(n-free))).Sub(m.o.Now())
}

// pause returns the wait after n attempts beyond the free ones.
func pause(n int) time.Duration { return min(time.Second<<min(n, 20), longest) }

func (m *Methods) count(ctx context.Context, tx Tx, bucket string) error {
	n, _, err := m.attempts(ctx, tx, bucket)
	if err != nil {
		return err
	}
	return tx.PutAttempts(ctx, bucket, n+1, m.o.Now())
}

// Ask adds one to a bucket with the given number of free attempts. If the bucket is full, it returns fault.TooMany and
// adds nothing.
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

// right empties the bucket of a successful attempt.
func (m *Methods) right(ctx context.Context, tx Tx, g guess) error {
	return tx.PutAttempts(ctx, g.bucket, 0, m.o.Now())
}

// ForgiveCodes resets the count of wrong codes after a user's password was replaced. Guessing codes required the old
// password.
func (m *Methods) ForgiveCodes(ctx context.Context, tx Tx, userID string) error {
	return tx.PutAttempts(ctx, codeBucket(userID), 0, m.o.Now())
}

// unjudged uncounts an attempt that was not checked because its client disconnected, and returns err.
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

// wrong counts a failed attempt for the network and records it. One audit entry covers all failures of a network within
// a minute, so that strangers cannot fill the audit log.
func (m *Methods) wrong(ctx context.Context, tx Tx, who access.Caller, g guess, name, what string) error {
	if g.network != "" {
		if err := m.count(ctx, tx, g.network); err != nil {
			return err
		}
	}
	e, kind := m.Refusal(who, name, what), what
	if e.Subject == "" {
		kind += " of an unknown user" // the others are counted beside the names that were tried
	}
	return tx.CountAudit(ctx, e.OncePerMinute(network(who.Address()), kind))
}

// failed calls wrong in its own transaction and returns err.
func (m *Methods) failed(ctx context.Context, who access.Caller, g guess, name, what string, err error) error {
	e := m.store.Update(ctx, func(tx Tx) error { return m.wrong(ctx, tx, who, g, name, what) })
	if e != nil {
		return e
	}
	return err
}

// Refusal returns the audit entry of a failed sign-in. The name must be that of an account, or one that a provider
// supplied, or "". A typed name that no account has is never kept, because people type passwords into that field.
func (m *Methods) Refusal(who access.Caller, name, what string) audit.Entry {
	if _, err := access.ParseUserName(name); err != nil {
		name = ""
	}
	e := m.entry(who, "session.refuse", name, map[string]any{"wrong": what})
	e.Outcome = audit.Refused
	return e
}

// network returns the address range that one attacker can use at little cost.
func network(address string) string { return audit.Network(address) }
