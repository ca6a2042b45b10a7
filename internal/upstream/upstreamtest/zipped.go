package upstreamtest

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"sync"
)

// The sizes of the records of a zip, without the name of its member.
const (
	localSize   = 30
	entrySize   = 46
	zipEndSize  = 22
	zipOverhead = localSize + entrySize + zipEndSize
)

// zipped is generated content as a zip of some size with one member, so that it is a wheel to those who examine it.
type zipped struct {
	head, tail []byte
	body       content
	size       int64 // of the whole
}

// sums remembers the checksums of large members.
var sums sync.Map

// archived returns the content of a file as a zip of exactly this size, or as it is if that is too small for a zip.
func archived(name string, size int64) io.ReaderAt {
	const member = "data.bin"
	n := size - zipOverhead - 2*int64(len(member))
	if n < 0 || size >= math.MaxUint32 { // sizes and offsets have 32 bits
		return content(name)
	}
	sum := crcOf(name, n)
	z := zipped{body: content(name), size: size}
	fields := func(b []byte) []byte { // from the version to the length of the name
		b = binary.LittleEndian.AppendUint16(b, 20)
		b = append(b, 0, 0, 0, 0, 0, 0, 0x21, 0) // no flags, stored, the first of January 1980
		b = binary.LittleEndian.AppendUint32(b, sum)
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
		return binary.LittleEndian.AppendUint16(b, uint16(len(member)))
	}
	z.head = append(fields([]byte("PK\x03\x04")), 0, 0)
	z.head = append(z.head, member...)
	z.tail = append(fields([]byte("PK\x01\x02\x14\x00")), make([]byte, 2+2+2+2+4+4)...)
	z.tail = append(z.tail, member...)
	directory := len(z.tail)
	z.tail = append(z.tail, "PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"...)
	z.tail = binary.LittleEndian.AppendUint32(z.tail, uint32(directory))
	z.tail = binary.LittleEndian.AppendUint32(z.tail, uint32(int64(len(z.head))+n))
	z.tail = append(z.tail, 0, 0)
	return z
}

func crcOf(name string, n int64) uint32 {
	type key struct {
		name string
		n    int64
	}
	if sum, ok := sums.Load(key{name, n}); ok {
		return sum.(uint32)
	}
	h := crc32.NewIEEE()
	if _, err := io.Copy(h, io.NewSectionReader(content(name), 0, n)); err != nil {
		panic(err)
	}
	if n > 64<<10 {
		sums.Store(key{name, n}, h.Sum32())
	}
	return h.Sum32()
}

// ReadAt implements io.ReaderAt.
func (z zipped) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	for n < len(p) {
		at := off + int64(n)
		end := z.size - int64(len(z.tail))
		switch {
		case at >= z.size:
			return n, io.EOF
		case at < int64(len(z.head)):
			n += copy(p[n:], z.head[at:])
		case at < end:
			part := p[n : n+int(min(int64(len(p)-n), end-at))]
			m, err := z.body.ReadAt(part, at-int64(len(z.head)))
			if n += m; err != nil {
				return n, err
			}
		default:
			n += copy(p[n:], z.tail[at-end:])
		}
	}
	return n, nil
}
