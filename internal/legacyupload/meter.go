package legacyupload

import (
	"io"
	"math"

	"pyindex/internal/fault"
)

// lookahead is what a multipart.Reader may read beyond what it was asked for.
const lookahead = 8 << 10

// meter hands a body on and bounds all of it that is not a file's bytes, before anything is kept of it. It sits below
// the multipart reader, which itself lets a part's header grow to ten megabytes and skips any length before the first part.
type meter struct {
	src  io.Reader
	form int64 // bytes left for headers and fields together
	step int64 // bytes left for the header or field at hand
	what string
	free bool  // a file's bytes are passing, which the stage bounds
	err  error // why reading ended, nil at the end of the body
}

func newMeter(src io.Reader, form int64) *meter {
	return &meter{src: src, form: form + lookahead}
}

// next says that one thing of at most n bytes follows, and what a refusal calls it.
func (m *meter) next(what string, n int64) {
	m.what, m.step, m.free = what, n+lookahead, false
}

// open lets a file's bytes through.
func (m *meter) open() { m.free = true }

// Read reads from the body. Past a bound it is fault.Invalid.
func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	room := m.room()
	if room <= 0 {
		m.err = m.refusal()
		return 0, m.err
	}
	n, err := m.src.Read(p[:min(int64(len(p)), room)])
	if !m.free {
		m.form -= int64(n)
		m.step -= int64(n)
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

func (m *meter) room() int64 {
	if m.free {
		return math.MaxInt64
	}
	return min(m.form, m.step)
}

func (m *meter) refusal() error {
	if m.form <= 0 {
		return fault.New(fault.Invalid, "the form is too large: headers and fields together are over the bound")
	}
	return fault.New(fault.Invalid, "the form is too large: %s is over the bound", m.what)
}
