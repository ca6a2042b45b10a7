package legacyupload

import "pyindex/internal/fault"

// refusal is a fault with a status that does not follow from its kind.
type refusal struct {
	status int
	fault  error
}

func refuse(status int, why string) error {
	return &refusal{status: status, fault: fault.New(fault.Invalid, "%s", why)}
}

// Error returns the fault's message.
func (r *refusal) Error() string { return r.fault.Error() }

// Unwrap returns the fault, so that the server logs a refusal and not an internal error.
func (r *refusal) Unwrap() error { return r.fault }
