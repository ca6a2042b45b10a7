package legacyupload

import "pyindex/internal/fault"

// refusal is a fault whose status the kind does not tell.
type refusal struct {
	status int
	fault  error
}

func refuse(status int, why string) error {
	return &refusal{status: status, fault: fault.New(fault.Invalid, "%s", why)}
}

// Error returns the fault's message.
func (r *refusal) Error() string { return r.fault.Error() }

// Unwrap returns the fault, so that the server logs a refusal and no failure of ours.
func (r *refusal) Unwrap() error { return r.fault }
