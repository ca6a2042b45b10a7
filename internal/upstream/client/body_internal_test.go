package client

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"pyindex/internal/upstream"
)

// TestWrappedEnd: an error that wraps the end of a connection is a failure, and not the end of the body.
func TestWrappedEnd(t *testing.T) {
	q := &question{c: New(Options{}), u: upstream.Upstream{Name: "public"}}
	in := io.NopCloser(io.MultiReader(errorReader{fmt.Errorf("stream: %w", io.EOF)}))
	b := newBody(q, t.Context(), t.Context(), func(error) {}, func() {}, in, "http://upstream.test")
	defer b.Close()
	_, err := b.Read(make([]byte, 8))
	if _, failed := errors.AsType[*upstream.Failure](err); !failed {
		t.Errorf("Read() = %v, want a failure", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
