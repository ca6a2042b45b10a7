package formdata_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/formdata"
)

func TestMeter(t *testing.T) {
	const long = 3 * formdata.Lookahead
	read := func(m *formdata.Meter) int64 {
		n, _ := io.Copy(io.Discard, m)
		return n
	}
	m := formdata.NewMeter(strings.NewReader(strings.Repeat("a", long)), long)
	m.Next("a field", 10)
	if n := read(m); n != 10+formdata.Lookahead || !fault.Is(m.Err(), fault.Invalid) ||
		!strings.Contains(m.Err().Error(), "a field exceeds") {
		t.Errorf("a field past its bound: %d bytes, %v", n, m.Err())
	}
	m = formdata.NewMeter(strings.NewReader(strings.Repeat("a", long)), 10)
	m.Next("a field", long)
	if n := read(m); n != 10+formdata.Lookahead || !strings.Contains(m.Err().Error(), "together") {
		t.Errorf("a form past its bound: %d bytes, %v", n, m.Err())
	}
	m = formdata.NewMeter(strings.NewReader(strings.Repeat("a", long)), 0)
	m.Open()
	if n := read(m); n != long || m.Err() != nil {
		t.Errorf("a file: %d bytes, %v, want all of it", n, m.Err())
	}
	if _, err := formdata.NewMeter(strings.NewReader("a"), 10).Read(make([]byte, 1)); !fault.Is(err, fault.Invalid) {
		t.Errorf("reading before anything is expected = %v, want a refusal", err)
	}
	broken := errors.New("gone")
	m = formdata.NewMeter(io.MultiReader(strings.NewReader("a"), failing{broken}), 10)
	m.Open()
	if n := read(m); n != 1 || !errors.Is(m.Err(), broken) {
		t.Errorf("a body that breaks: %d bytes, %v", n, m.Err())
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
