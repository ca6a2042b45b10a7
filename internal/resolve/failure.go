package resolve

import (
	"errors"
	"fmt"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/upstream"
)

// retryAfter is how soon a client may ask again for a name that an upstream did not answer for. It does not depend on
// what the upstream says: the next request may find another state, and is cheap.
const retryAfter = 3 * time.Second

// Explained returns the fault for the error of an upstream: fault.BadGateway if it answered wrongly, fault.Unavailable
// if it did not answer. A project that may exist is never reported as missing. Other errors are returned as they are.
func Explained(err error) error {
	f, ok := errors.AsType[*upstream.Failure](err)
	if !ok {
		return err
	}
	kind, did := fault.Unavailable, "does not answer"
	next := fmt.Sprintf("try again later; if that does not help, an administrator can run \"index upstream check %s\"",
		f.Upstream)
	switch {
	case f.Kind == upstream.Refused:
		kind, did = fault.BadGateway, "refuses this index"
		next = "an administrator should check its credential with \"index upstream check " + f.Upstream + "\""
	case f.Kind == upstream.Forbidden:
		kind, did = fault.BadGateway, "has an address that this index must not connect to"
		next = "an administrator should run \"index upstream check " + f.Upstream + "\""
	case f.Answered():
		kind, did = fault.BadGateway, "does not answer correctly"
	case f.Kind == upstream.Busy:
		did = "has too many requests to answer"
	}
	return fault.WrapLater(kind, err, retryAfter, "the upstream %s %s, and this name may be one of its projects: %s",
		f.Upstream, did, next)
}
