package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"pyindex/internal/fault"
)

// Complain writes an error as one line.
func Complain(w io.Writer, err error) {
	text := fault.Explain(err)
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	fmt.Fprintln(w, "index: "+
		strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}
