package terminal

// Misuse is an error of a command that was used wrongly, so that nothing was done: the exit status is 2.
type Misuse struct{ error }

// Misused returns err as a *Misuse, or nil if err is nil.
func Misused(err error) error {
	if err == nil {
		return nil
	}
	return &Misuse{err}
}

// Unwrap returns the error itself.
func (m *Misuse) Unwrap() error { return m.error }
