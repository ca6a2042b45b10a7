package archive

import (
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"

	"pyindex/internal/fault"
)

// source is the uploaded file. It records read errors of the file itself, so that a disk fault is not reported as a bad
// upload.
type source struct {
	r      io.ReaderAt
	size   int64
	failed error
}

// ReadAt reads within the file. It returns io.ErrUnexpectedEOF if at is past the end, because only a malformed archive
// causes that.
func (s *source) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at > s.size {
		return 0, io.ErrUnexpectedEOF
	}
	short := int64(len(p)) > s.size-at
	if short {
		p = p[:s.size-at]
	}
	n, err := s.r.ReadAt(p, at)
	if n < len(p) {
		s.failed = errors.Join(err, io.ErrUnexpectedEOF)
		return n, s.failed
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}

func (s *source) record(at, n int64) (record, error) {
	if at < 0 || n < 0 || at > s.size-n {
		return nil, refuse("the archive ends in the middle of a record")
	}
	b := make(record, n)
	_, err := s.ReadAt(b, at)
	return b, err
}

func (s *source) section(at, n int64) *io.SectionReader { return io.NewSectionReader(s, at, n) }

// record is part of a zip structure. All its numbers are little-endian.
type record []byte

func (r record) u16(at int) uint16 { return binary.LittleEndian.Uint16(r[at:]) }
func (r record) u32(at int) uint32 { return binary.LittleEndian.Uint32(r[at:]) }
func (r record) u64(at int) uint64 { return binary.LittleEndian.Uint64(r[at:]) }

func refuse(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// quote formats a member's name for a message: escaped and truncated.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return strconv.Quote(s)
}
