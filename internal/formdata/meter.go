// Package formdata limits multipart/form-data as it is read. Every edge that accepts forms uses it.
//
// It guarantees that a reader never keeps more of a form than it announced, for each header, for each field and in
// total. It does not interpret the form.
package formdata

import (
	"io"
	"math"

	"pyindex/internal/fault"
)

// Lookahead is how many bytes a multipart.Reader may read ahead.
const Lookahead = 8 << 10

// Meter is a reader that limits everything in a body except the content of files. It belongs below the multipart
// reader, which by itself allows ten megabytes for a part's header and a preamble of any length.
type Meter struct {
	src  io.Reader
	form int64 // bytes left for headers and fields together
	step int64 // bytes left for the current header or field
	what string
	free bool  // file content is being read, which the stage limits
	err  error // why reading ended, nil at the end of the body
}

// NewMeter returns a meter for a form whose headers and fields have at most form bytes together.
func NewMeter(src io.Reader, form int64) *Meter {
	return &Meter{src: src, form: form + Lookahead}
}

// Next announces that an item of at most n bytes follows. Errors refer to the item as what.
func (m *Meter) Next(what string, n int64) {
	m.what, m.step, m.free = what, n+Lookahead, false
}

// Open lifts the limit for the content of a file, until the next call of Next.
func (m *Meter) Open() { m.free = true }

// Read reads from the body. It returns fault.Invalid if a limit is exceeded.
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

// Err returns the error that ended reading: fault.Invalid if a limit was exceeded, and otherwise the error of the body.
// It returns nil while reading continues and at the end of the body. The multipart reader may hide this error.
func (m *Meter) Err() error { return m.err }

func (m *Meter) room() int64 {
	if m.free {
		return math.MaxInt64
	}
	return min(m.form, m.step)
}

func (m *Meter) refusal() error {
	if m.form <= 0 {
		return fault.New(fault.Invalid, "the form is too large: its headers and fields together exceed the limit")
	}
	return fault.New(fault.Invalid, "the form is too large: %s exceeds the limit", m.what)
}

// Fill reads until b is full or p ends. Unlike io.ReadFull it distinguishes the end of a part from a truncated body.
func Fill(p io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = p.Read(b[n:])
		n += m
	}
	return n, err
}
