//go:build !linux

package app

// unmapProgram does nothing where the system does not say what is mapped.
func unmapProgram() error { return nil }
