// Package terminal is the input and output of a command.
//
// Lists are tables or JSON, times and sizes look the same everywhere, and text that may come from another machine is
// made printable. It knows neither settings nor the index, so that commands in CI jobs can use it.
package terminal

import (
	"context"
	"io"
)

// Session is what every command works with.
type Session struct {
	Ctx  context.Context // ends when the user interrupts the program
	In   io.Reader
	Out  io.Writer
	Errs io.Writer
}
