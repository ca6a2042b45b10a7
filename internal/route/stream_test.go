package route_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/route"
)

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// TestStream: only the end itself ends a response. Whatever else stops the body, also an error that wraps the end of a
// connection, aborts it.
func TestStream(t *testing.T) {
	for name, c := range map[string]struct {
		from    io.Reader
		aborted bool
	}{
		"whole":          {strings.NewReader("content"), false},
		"failed":         {io.MultiReader(strings.NewReader("con"), broken{io.ErrClosedPipe}), true},
		"wrapped end":    {io.MultiReader(strings.NewReader("con"), broken{fmt.Errorf("upstream: %w", io.EOF)}), true},
		"unexpected end": {io.MultiReader(strings.NewReader("con"), broken{io.ErrUnexpectedEOF}), true},
	} {
		out := httptest.NewRecorder()
		aborted := func() (aborted bool) {
			defer func() { aborted = recover() == http.ErrAbortHandler }() //nolint:errorlint // a recovered value
			route.Stream(out, c.from)
			return false
		}()
		if aborted != c.aborted || !strings.HasPrefix("content", out.Body.String()) {
			t.Errorf("%s: aborted %v, sent %q", name, aborted, out.Body)
		}
	}
}
