// Package fault names the few kinds of failure that somebody must decide about.
//
// A fault carries a kind, from which an edge chooses its status, and a message that may be shown to the caller.
// Every other error is internal: edges answer with a request id and never with its text.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says who has to act on a failure. The zero Kind is Internal.
type Kind uint8

// The kinds. Internal is every error that nobody classified.
const (
	Internal        Kind = iota
	NotFound             // it does not exist, or the caller may not know that it does
	Conflict             // what exists already contradicts the change
	Invalid              // the caller sent something that is wrong in itself
	Denied               // the caller is known and may not do this
	Unauthenticated      // the caller is not known; a credential may help
	TooLarge             // a bound on size was passed
	TooMany              // a bound on rate was passed; later may work
	Unavailable          // something we need does not answer; later may work
)

var kindNames = [...]string{
	"internal", "not found", "conflict", "invalid", "denied", "unauthenticated", "too large", "too many", "unavailable",
}

// String returns the kind in lower-case words, for logs and tests.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Fault is a failure of a known kind. Message is written for the caller and holds no secret.
type Fault struct {
	Kind    Kind
	Message string
	Field   string        // the one field of a form that it is about, "" where it is about none or several
	Wait    time.Duration // after which the same may work, 0 where nobody knows
	cause   error
}

// Error returns the message alone; see Cause for the rest.
func (f *Fault) Error() string { return f.Message }

// Unwrap returns the error given to Wrap, or nil.
func (f *Fault) Unwrap() error { return f.cause }

// New returns a fault of the kind with a message formatted as by fmt.Sprintf.
func New(k Kind, format string, args ...any) error {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New that also keeps cause for errors.Is and for the log, see Cause; the caller sees the message alone.
func Wrap(k Kind, cause error, format string, args ...any) error {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...), cause: cause}
}

// Later is New for a failure that passes by itself after a known time.
func Later(k Kind, wait time.Duration, format string, args ...any) error {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...), Wait: wait}
}

// WaitOf returns the time after which the first fault in err's chain may have passed, 0 if it does not say.
func WaitOf(err error) time.Duration {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Wait
	}
	return 0
}

// InField returns a fault.Invalid about one field of what was sent, so that a page can put the message beside it.
func InField(field, format string, args ...any) error {
	return &Fault{Kind: Invalid, Message: fmt.Sprintf(format, args...), Field: field}
}

// FieldOf returns the name of the field that the first fault in err's chain is about, or "".
func FieldOf(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Field
	}
	return ""
}

// KindOf returns the kind of the first fault in err's chain, and Internal where there is none.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	return Internal
}

// Is reports whether err is a fault of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Message returns what the caller may read of err: the text of its first fault, and "" for an internal error.
func Message(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok && f.Kind != Internal {
		return f.Message
	}
	return ""
}
