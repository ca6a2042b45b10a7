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
	}
	fmt.Fprintln(w, "index: "+
		strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}
