package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"pyindex/internal/fault"
)

// Complain writes an error as one line. If the error has a method Problems, it writes each of them as one line.
func Complain(w io.Writer, err error) {
	var several interface {
		error
		Problems() []error
	}
	if errors.As(err, &several) {
		for _, one := range several.Problems() {
			Complain(w, one)
		}
		return
	}
	text := fault.Explain(err)
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
		if i, ok := errors.AsType[*interrupted](err); ok {
			text += ": " + i.advice
		}
	}
	fmt.Fprintln(w, "index: "+
		strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}

// interrupted is an error of a command that can be run again.
type interrupted struct {
	error
	advice string
}

func (e *interrupted) Unwrap() error { return e.error }

// Interrupted returns err so that Complain adds the advice, such as "run it again to continue", if the cause is that
// the user interrupted the command. Other errors are returned as they are.
func Interrupted(err error, advice string) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return &interrupted{err, advice}
}
