package access

import (
	"context"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

type recorded interface {
	StandingRows
	audit.Rows
}

// Changes runs callers' changes to a store, and writes an audit entry for each refused one. T is the transaction type
// of the package.
type Changes[T recorded] struct {
	store interface {
		Update(context.Context, func(T) error) error
	}
	now   func() time.Time
	newID func() string
}

// NewChanges returns the changes of s. If now is nil, it uses time.Now; if newID is nil, it uses the function NewID.
func NewChanges[T recorded](s interface {
	Update(context.Context, func(T) error) error
}, now func() time.Time, newID func() string,
) Changes[T] {
	if now == nil {
		now = time.Now
	}
	if newID == nil {
		newID = NewID
	}
	return Changes[T]{store: s, now: now, newID: newID}
}

// Clock returns the current time in UTC, truncated to microseconds as rows store it.
func (c Changes[T]) Clock() time.Time { return c.now().UTC().Truncate(time.Microsecond) }

// NewID returns an identifier for a new row.
func (c Changes[T]) NewID() string { return c.newID() }

// Entry returns a new audit entry for a caller's change.
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

// Update calls the function Update, which rereads the caller's rights in the transaction. If f returns fault.Denied or
// fault.Unauthenticated, it records e as refused.
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
