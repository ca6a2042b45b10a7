package remote

import (
	"io"
	"net/http"
)

// Writer is the driver.Writer of a function that stores everything a reader has. It sends what is written while it is
// written.
type Writer struct {
	send func(io.Reader) error
	sent bool
	pipe *io.PipeWriter
	done chan error
}

// NewWriter returns a writer that send stores. send returns an error if it stored nothing.
func NewWriter(send func(io.Reader) error) *Writer { return &Writer{send: send} }

// Upload implements driver.Uploader.
func (w *Writer) Upload(r io.Reader) error {
	w.sent = true
	return w.send(r)
}

// Write implements driver.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	if w.pipe == nil {
		r, pipe := io.Pipe()
		w.pipe, w.done = pipe, make(chan error, 1)
		go func() {
			err := w.send(r)
			r.CloseWithError(err)
			w.done <- err
		}()
	}
	return w.pipe.Write(p)
}

// Close implements driver.Writer. The object exists once it returns nil.
func (w *Writer) Close() error {
	switch {
	case w.sent:
		return nil
	case w.pipe == nil:
		return w.send(http.NoBody)
	}
	if err := w.pipe.Close(); err != nil {
		return err
	}
	return <-w.done
}

// Part reads at most most bytes. Fewer are the end of r.
func Part(r io.Reader, most int64) ([]byte, error) {
	if known, ok := r.(*io.SectionReader); ok {
		at, err := known.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		p := make([]byte, min(most, known.Size()-at))
		_, err = io.ReadFull(known, p)
		return p, err
	}
	return io.ReadAll(io.LimitReader(r, most))
}

// Size returns the number of bytes of r, or -1 if it is unknown.
func Size(r io.Reader) int64 {
	if known, ok := r.(*io.SectionReader); ok {
		return known.Size()
	}
	return -1
}
