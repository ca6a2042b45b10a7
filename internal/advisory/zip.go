package advisory

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"

	"github.com/klauspost/compress/flate"
)

// Signatures and sizes of the parts of a zip file; see its specification, APPNOTE 6.3.10.
const (
	sigLocal   = 0x04034b50
	sigCentral = 0x02014b50
	sigEnd     = 0x06054b50
	sigEnd64   = 0x06064b50
	sigAt64    = 0x07064b50

	sizeLocal   = 30
	sizeCentral = 46
	sizeEnd     = 22
	sizeEnd64   = 56
	sizeAt64    = 20
)

var errZip = errors.New("the zip file is damaged or truncated")

// zipReader reads the members of a zip file one after another. Unlike archive/zip it keeps no list of them: that of
// 250,000 members takes more memory than an import may.
type zipReader struct {
	in      io.ReaderAt
	size    int64
	members uint64
	start   int64 // of the directory
	length  int64
	inflate io.ReadCloser
	buf     bytes.Buffer
	data    *bufio.Reader
}

func newZipReader(in io.ReaderAt, size int64) (*zipReader, error) {
	z := &zipReader{in: in, size: size, inflate: flate.NewReader(nil), data: bufio.NewReaderSize(nil, 16<<10)}
	tail := make([]byte, min(size, sizeEnd+math.MaxUint16))
	if _, err := in.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return nil, err
	}
	for i := len(tail) - sizeEnd; i >= 0; i-- {
		end := tail[i:]
		if binary.LittleEndian.Uint32(end) != sigEnd || int(binary.LittleEndian.Uint16(end[20:])) != len(end)-sizeEnd {
			continue
		}
		z.members = uint64(binary.LittleEndian.Uint16(end[10:]))
		z.length = int64(binary.LittleEndian.Uint32(end[12:]))
		z.start = int64(binary.LittleEndian.Uint32(end[16:]))
		at := size - int64(len(end))
		if z.members == math.MaxUint16 || z.length == math.MaxUint32 || z.start == math.MaxUint32 {
			if err := z.readEnd64(at); err != nil {
				return nil, err
			}
		}
		if z.start < 0 || z.length < 0 || z.start > size || z.length > size-z.start ||
			z.members > uint64(z.length/sizeCentral) {
			return nil, errZip
		}
		return z, nil
	}
	return nil, errZip
}

// readEnd64 reads the end of a file with many members or bytes, which a locator before the usual end points to.
func (z *zipReader) readEnd64(at int64) error {
	b := make([]byte, sizeEnd64)
	if at < sizeAt64 {
		return nil // a file with exactly the largest numbers
	}
	if _, err := z.in.ReadAt(b[:sizeAt64], at-sizeAt64); err != nil {
		return errZip
	}
	if binary.LittleEndian.Uint32(b) != sigAt64 {
		return nil
	}
	where := binary.LittleEndian.Uint64(b[8:])
	if where > uint64(at) {
		return errZip
	}
	if _, err := z.in.ReadAt(b, int64(where)); err != nil || binary.LittleEndian.Uint32(b) != sigEnd64 {
		return errZip
	}
	length, start := binary.LittleEndian.Uint64(b[40:]), binary.LittleEndian.Uint64(b[48:])
	if length > math.MaxInt64 || start > math.MaxInt64 {
		return errZip
	}
	z.members, z.length, z.start = binary.LittleEndian.Uint64(b[32:]), int64(length), int64(start)
	return nil
}

// member is one entry of the directory.
type member struct {
	name           string
	method, flags  uint16
	crc            uint32
	packed, length uint64
	offset         uint64
}

// each calls f for each member whose name ends in ".json", in the order of the directory.
func (z *zipReader) each(f func(m member) error) error {
	in := bufio.NewReaderSize(io.NewSectionReader(z.in, z.start, z.length), 256<<10)
	head := make([]byte, sizeCentral)
	var rest []byte
	for n := uint64(0); n < z.members; n++ {
		if _, err := io.ReadFull(in, head); err != nil || binary.LittleEndian.Uint32(head) != sigCentral {
			return errZip
		}
		le := binary.LittleEndian
		m := member{
			flags: le.Uint16(head[8:]), method: le.Uint16(head[10:]), crc: le.Uint32(head[16:]),
			packed: uint64(le.Uint32(head[20:])), length: uint64(le.Uint32(head[24:])), offset: uint64(le.Uint32(head[42:])),
		}
		names, extra, comment := int(le.Uint16(head[28:])), int(le.Uint16(head[30:])), int(le.Uint16(head[32:]))
		if total := names + extra + comment; cap(rest) < total {
			rest = make([]byte, total)
		}
		rest = rest[:names+extra+comment]
		if _, err := io.ReadFull(in, rest); err != nil {
			return errZip
		}
		if !bytes.HasSuffix(rest[:names], []byte(".json")) {
			continue
		}
		m.name = strings.ToValidUTF8(string(rest[:names]), "?")
		m.widen(rest[names : names+extra])
		if err := f(m); err != nil {
			return err
		}
	}
	return nil
}

// widen takes large numbers from the extra field of a member.
func (m *member) widen(extra []byte) {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return
		}
		if id == 1 {
			field := extra[:n]
			for _, at := range []*uint64{&m.length, &m.packed, &m.offset} {
				if *at == math.MaxUint32 && len(field) >= 8 {
					*at, field = binary.LittleEndian.Uint64(field), field[8:]
				}
			}
		}
		extra = extra[n:]
	}
}

// read returns the content of a member, which is valid until the next call. An error of type *broken concerns that
// member only.
func (z *zipReader) read(m member) ([]byte, error) {
	if m.length > MaxRecord {
		return nil, &broken{m.name, fmt.Errorf("it is larger than %d MiB", MaxRecord>>20)}
	}
	if m.flags&1 != 0 || m.method != 0 && m.method != 8 {
		return nil, &broken{m.name, errors.New("it is encrypted or compressed in an unknown way")}
	}
	head := make([]byte, sizeLocal)
	if m.offset > uint64(z.size) {
		return nil, &broken{m.name, errZip}
	}
	if _, err := z.in.ReadAt(head, int64(m.offset)); err != nil || binary.LittleEndian.Uint32(head) != sigLocal {
		return nil, z.failed(m, err)
	}
	start := int64(m.offset) + sizeLocal + int64(binary.LittleEndian.Uint16(head[26:])) +
		int64(binary.LittleEndian.Uint16(head[28:]))
	if start > z.size || m.packed > uint64(z.size-start) {
		return nil, &broken{m.name, errZip}
	}
	z.data.Reset(io.NewSectionReader(z.in, start, int64(m.packed)))
	var in io.Reader = z.data
	if m.method == 8 {
		if err := z.inflate.(flate.Resetter).Reset(z.data, nil); err != nil {
			return nil, err
		}
		in = z.inflate
	}
	z.buf.Reset()
	if _, err := z.buf.ReadFrom(io.LimitReader(in, int64(m.length)+1)); err != nil {
		return nil, z.failed(m, err)
	}
	if uint64(z.buf.Len()) != m.length || crc32.ChecksumIEEE(z.buf.Bytes()) != m.crc {
		return nil, &broken{m.name, errors.New("its content does not have the stated size or checksum")}
	}
	return z.buf.Bytes(), nil
}

// failed returns the error of a member. An error of the file itself ends the import.
func (z *zipReader) failed(m member, err error) error {
	var corrupt flate.CorruptInputError
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &corrupt) {
		return &broken{m.name, errZip}
	}
	return err
}
