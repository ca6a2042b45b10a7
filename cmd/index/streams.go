package main

import (
	"context"
	"io"
)

// terminal is what every command works with.
type terminal struct {
	ctx  context.Context // ends when the user interrupts the program
	in   io.Reader
	out  io.Writer
	errs io.Writer
}
