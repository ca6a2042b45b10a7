package manage

import (
	"errors"

	"pyindex/internal/custody"
)

// leftover returns a sentence about bytes that a deletion could not remove from the store yet, "" if there are none.
// The deletion itself is done then, so that this is no error.
func leftover(err error) (string, error) {
	if l, ok := errors.AsType[*custody.Leftover](err); ok {
		return " " + l.Rest() + ".", nil
	}
	return "", err
}
