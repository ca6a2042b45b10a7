package main

import (
	"github.com/alecthomas/kong"

	"pyindex/internal/fault"
)

// unsupported is a command that is not available on Windows. It accepts any arguments.
type unsupported struct {
	Args []string `arg:"" optional:""`
}

// Run returns fault.Invalid.
func (*unsupported) Run(parsed *kong.Context) error {
	return fault.New(fault.Invalid, "%s is not supported on Windows: run it on Linux or macOS, or in a container",
		parsed.Selected().Name)
}
