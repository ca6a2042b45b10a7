// Package fault defines the kinds of failure that callers distinguish.
//
// A fault has a kind, from which an edge chooses its status, and a message that may be shown to the caller. Every other
// error is internal: edges respond with a request id and never with the error's text.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind classifies a failure by the party that has to act on it. The zero Kind is Internal.
type Kind uint8

// These are the kinds. Internal covers every error that is not a Fault.
const (
	Internal        Kind = iota
	NotFound             // it does not exist, or the caller may not learn that it does
	Conflict             // the change conflicts with the current state
	Invalid              // the request is wrong in itself
	Denied               // the caller is known but not permitted to do this
	Unauthenticated      // the caller is unknown; a credential may help
	TooLarge             // a size limit was exceeded
	TooMany              // a rate limit was exceeded; retrying later may work
	Unavailable          // a dependency does not answer; retrying later may work
	BadGateway           // an upstream index answered wrongly; retrying later may work
)

var kindNames = [...]string{
	"internal", "not found", "conflict", "invalid", "denied", "unauthenticated", "too large", "too many", "unavailable",
	"bad gateway",
}

// String returns the kind in lower-case words, for logs and tests.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Fault is a failure of a known kind. Message is written for the caller and contains no secret.
type Fault struct {
	Kind    Kind
	Message string
	Field   string        // the form field that the fault concerns; "" if none or several
	Wait    time.Duration // time after which a retry may work; 0 if unknown
	cause   error
	literal bool // Message begins with a name or another value, not with a word of ours
}

// Error returns the message. Cause returns the rest.
func (f *Fault) Error() string { return f.Message }

// Unwrap returns the error given to Wrap, or nil.
func (f *Fault) Unwrap() error { return f.cause }

// New returns a fault of the kind with a message formatted as by fmt.Sprintf.
func New(k Kind, format string, args ...any) error {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...), literal: begins(format)}
}

// Wrap is New that also keeps cause, for errors.Is and for the log. The caller is shown only the message.
func Wrap(k Kind, cause error, format string, args ...any) error {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...), cause: cause, literal: begins(format)}
}

// Later is New for a temporary failure that ends after a known time.
func Later(k Kind, wait time.Duration, format string, args ...any) error {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...), Wait: wait, literal: begins(format)}
}

// WrapLater is Later that also keeps cause, as Wrap does.
func WrapLater(k Kind, cause error, wait time.Duration, format string, args ...any) error {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...), Wait: wait, cause: cause, literal: begins(format)}
}

// WaitOf returns the Wait of the first fault in err's chain, and 0 if there is none.
func WaitOf(err error) time.Duration {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Wait
	}
	return 0
}

// InField returns a fault.Invalid about one form field, so that a page can show the message beside the field.
func InField(field, format string, args ...any) error {
	return &Fault{Kind: Invalid, Message: fmt.Sprintf(format, args...), Field: field, literal: begins(format)}
}

// FieldOf returns the Field of the first fault in err's chain, and "" if there is none.
func FieldOf(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Field
	}
	return ""
}

// KindOf returns the kind of the first fault in err's chain, and Internal if there is none.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	return Internal
}

// Is reports whether err is a fault of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Message returns the part of err that the caller may see: the message of its first fault, and "" for an internal
// error.
func Message(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok && f.Kind != Internal {
		return f.Message
	}
	return ""
}
