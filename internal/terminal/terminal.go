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
