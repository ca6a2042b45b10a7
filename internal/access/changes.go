package access

import (
	"context"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// recorded is what Changes needs of a transaction.
type recorded interface {
	StandingRows
	audit.Rows
}

// Changes makes what callers change in a store, and records it and what they were refused. T is how a package sees a
// transaction.
type Changes[T recorded] struct {
	store interface {
		Update(context.Context, func(T) error) error
	}
	now   func() time.Time
	newID func() string
}

// NewChanges returns the changes of s. A nil now is time.Now, and a nil newID makes UUIDv7s.
func NewChanges[T recorded](s interface {
	Update(context.Context, func(T) error) error
}, now func() time.Time, newID func() string,
) Changes[T] {
	if now == nil {
		now = time.Now
	}
	if newID == nil {
		newID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	return Changes[T]{store: s, now: now, newID: newID}
}

// Clock returns the time as rows keep it: whole microseconds, UTC.
func (c Changes[T]) Clock() time.Time { return c.now().UTC().Truncate(time.Microsecond) }

// NewID returns an identifier for a new row.
func (c Changes[T]) NewID() string { return c.newID() }

// Entry begins the audit entry of a change by a caller.
func (c Changes[T]) Entry(who Caller, action string, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID:      c.NewID(),
		At:      c.Clock(),
		Action:  action,
		Outcome: audit.Granted,
		Actor:   who.Actor(),
		Detail:  detail,
	}
}

// Update runs f in an update, for the caller with the rights that they have in it, as the function Update does. It
// records e as refused if f returns fault.Denied or fault.Unauthenticated.
func (c Changes[T]) Update(ctx context.Context, who Caller, e audit.Entry, f func(T, Caller) error) error {
	err := Update(ctx, c.store, who, f)
	if fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated) {
		return c.Deny(ctx, e, err)
	}
	return err
}

// Deny records e as refused and returns why.
func (c Changes[T]) Deny(ctx context.Context, e audit.Entry, why error) error {
	e.Outcome = audit.Refused
	if err := c.store.Update(ctx, func(tx T) error { return tx.InsertAudit(ctx, e) }); err != nil {
		return err
	}
	return why
}
