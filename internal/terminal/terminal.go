// Package terminal handles the input and output of commands.
//
// It writes lists as tables or JSON, formats times and sizes, and makes text from other machines printable. It depends
// on neither settings nor the index, so that commands in CI jobs can use it.
package terminal

import (
	"context"
	"io"
)

// Session has the context, input and output of a command.
type Session struct {
	Ctx  context.Context // ends when the user interrupts the program
	In   io.Reader
	Out  io.Writer
	Errs io.Writer
}
