// Package formdata bounds multipart/form-data on its way in, for every edge that reads it.
//
// It promises that no more of a form is kept than its reader said may come: header by header, field by field and in
// all. It knows nothing of what the form means.
package formdata

import (
	"io"
	"math"

	"pyindex/internal/fault"
)

// Lookahead is what a multipart.Reader may read beyond what it was asked for.
const Lookahead = 8 << 10

// Meter hands a body on and bounds all of it that is not a file's bytes, before anything is kept of it. It sits below
// the multipart reader, which itself lets a part's header grow to ten megabytes and skips any length before the first
// part.
type Meter struct {
	src  io.Reader
	form int64 // bytes left for headers and fields together
	step int64 // bytes left for the header or field at hand
	what string
	free bool  // a file's bytes are passing, which the stage bounds
	err  error // why reading ended, nil at the end of the body
}

// NewMeter returns a meter for a form whose headers and fields have at most that many bytes together.
func NewMeter(src io.Reader, form int64) *Meter {
	return &Meter{src: src, form: form + Lookahead}
}

// Next says that one thing of at most n bytes follows, and what a refusal calls it.
func (m *Meter) Next(what string, n int64) {
	m.what, m.step, m.free = what, n+Lookahead, false
}

// Open lets a file's bytes through, up to the next call of Next.
func (m *Meter) Open() { m.free = true }

// Read reads from the body. Past a bound it is fault.Invalid.
func (m *Meter) Read(p []byte) (int, error) {
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

// Err returns why reading ended, nil while it continues and at the end of the body. It is fault.Invalid for what was
// over a bound, and the error of the body otherwise. The multipart reader may hide it.
func (m *Meter) Err() error { return m.err }

func (m *Meter) room() int64 {
	if m.free {
		return math.MaxInt64
	}
	return min(m.form, m.step)
}

func (m *Meter) refusal() error {
	if m.form <= 0 {
		return fault.New(fault.Invalid, "the form is too large: headers and fields together are over the bound")
	}
	return fault.New(fault.Invalid, "the form is too large: %s is over the bound", m.what)
}

// Fill reads until b is full or p ends. Unlike io.ReadFull it does not confuse the end of a part with that of a body
// which broke off.
func Fill(p io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = p.Read(b[n:])
		n += m
	}
	return n, err
}
