package legacyupload

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"sync"

	"pyindex/internal/fault"
	"pyindex/internal/formdata"
	"pyindex/internal/ingest"
)

const (
	maxHeader   = 32 << 10 // bytes of a part's header
	maxBoundary = 200      // RFC 2046 allows 70
	readBuffer  = 64 << 10 // the multipart reader alone would ask the connection for 4 kB at a time
	copyBuffer  = 256 << 10
)

// bounds limit the form without its file.
type bounds struct {
	parts       int
	field, form int64 // bytes
}

// receipt contains the parsed parts of a request.
type receipt struct {
	form         form
	content      *partHeader // nil if there is no file
	attestations []string    // all values of the field, truncated to one byte more than the limit
}

// opener returns the writer for the file, given the fields that came before it. If it returns an error, reading stops.
type opener func(f form, h partHeader) (io.Writer, error)

// receive reads a whole multipart body, fields into memory and the file into the writer from open. All errors of the
// body itself are fault.Invalid.
func receive(body io.Reader, contentType string, b bounds, open opener) (receipt, error) {
	boundary, err := boundaryOf(contentType)
	if err != nil {
		return receipt{}, err
	}
	r := readers.Get().(*bufio.Reader)
	r.Reset(body)
	defer func() { r.Reset(nil); readers.Put(r) }()
	m := formdata.NewMeter(r, b.form)
	in := &receiver{meter: m, parts: multipart.NewReader(m, boundary), bounds: b, open: open, got: receipt{form: form{}}}
	for n := 0; ; n++ {
		if n > b.parts {
			return receipt{}, fault.New(fault.Invalid, "the form is too large: it has more than %d parts", b.parts)
		}
		if err := in.part(); err == io.EOF {
			return in.got, nil
		} else if err != nil {
			return receipt{}, err
		}
	}
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}

func boundaryOf(contentType string) (string, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return "", fault.New(fault.Invalid, "an upload is a multipart/form-data request, not %.100q", contentType)
	}
	if b := params["boundary"]; b != "" && len(b) <= maxBoundary {
		return b, nil
	}
	return "", fault.New(fault.Invalid, "the Content-Type of the request has no usable boundary")
}

type receiver struct {
	meter  *formdata.Meter
	parts  *multipart.Reader
	bounds bounds
	open   opener
	got    receipt
}

// part reads one part. It returns io.EOF, not wrapped, if none is left.
func (in *receiver) part() error {
	in.meter.Next("a part's header", maxHeader)
	p, err := in.parts.NextRawPart()
	if err == io.EOF {
		return io.EOF
	}
	if err != nil {
		return in.explain(err)
	}
	h, err := readPartHeader(p.Header)
	switch {
	case err != nil:
		return err
	case h.file && h.field == "content":
		return in.content(p, h)
	case h.file && h.field != "gpg_signature":
		return fault.New(fault.Invalid, "%.60s: Should not be a tuple. Send it as text, without a file name", h.field)
	}
	return in.field(p, h)
}

// field reads a text field, or discards a signature.
func (in *receiver) field(p io.Reader, h partHeader) error {
	in.meter.Next("a field", in.bounds.field)
	if h.file {
		_, err := io.Copy(io.Discard, p)
		return in.explain(err)
	}
	if h.field == "attestations" {
		return in.attestations(p)
	}
	if h.field == "content" {
		return fault.New(fault.Invalid, "content has no file name: send the distribution as a file")
	}
	var b bytes.Buffer // starts small; io.Copy would allocate 32 kB for each of some thirty fields
	n, err := b.ReadFrom(io.LimitReader(p, in.bounds.field+1))
	if err != nil {
		return in.explain(err)
	}
	if n > in.bounds.field {
		return fault.New(fault.Invalid, "%.60q is too long: a field may have %d bytes", h.field, in.bounds.field)
	}
	in.got.form.add(h.field, b.String())
	return nil
}

// attestations stores a value of the attestations field, truncated to one byte more than the limit. Package ingest
// handles a value that is too long, because the upload may succeed without it.
func (in *receiver) attestations(p io.Reader) error {
	var b strings.Builder
	_, err := io.Copy(&b, io.LimitReader(p, ingest.MaxAttestations+1))
	if err == nil {
		_, err = io.Copy(io.Discard, p)
	}
	if text := b.String(); strings.TrimSpace(text) != "" {
		in.got.attestations = append(in.got.attestations, text)
	}
	return in.explain(err)
}

func (in *receiver) content(p io.Reader, h partHeader) error {
	if in.got.content != nil {
		return fault.New(fault.Invalid, "content has invalid data: send one file in a request")
	}
	in.got.content = &h
	w, err := in.open(in.got.form, h)
	if err != nil {
		return err
	}
	in.meter.Open()
	return in.pour(w, p)
}

var buffers = sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}

// pour copies in large pieces: the multipart reader returns at most 4 kB, and the stage hashes and writes each piece.
func (in *receiver) pour(w io.Writer, p io.Reader) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		n, rerr := formdata.Fill(p, *buffer)
		if _, err := w.Write((*buffer)[:n]); err != nil {
			return err
		}
		if rerr == io.EOF {
			return nil
		}
		if rerr != nil {
			return in.explain(rerr)
		}
	}
}

// explain converts an error of the multipart reader into a message for the client. An error of the meter is more
// specific.
func (in *receiver) explain(err error) error {
	if err == nil {
		return nil
	}
	if fault.KindOf(in.meter.Err()) != fault.Internal {
		return in.meter.Err()
	}
	if in.meter.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(fault.Invalid, errors.Join(in.meter.Err(), err),
			"the upload ended before its form did: nothing was stored, try again")
	}
	return fault.Wrap(fault.Invalid, err, "the form cannot be read as multipart/form-data")
}
