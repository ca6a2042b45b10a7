package manage

import (
	"errors"

	"pyindex/internal/custody"
)

// leftover returns a sentence about blobs that a deletion could not remove from storage, or "". A *custody.Leftover is
// not an error here, because the deletion itself succeeded.
func leftover(err error) (string, error) {
	if l, ok := errors.AsType[*custody.Leftover](err); ok {
		return " " + l.Rest() + ".", nil
	}
	return "", err
}
