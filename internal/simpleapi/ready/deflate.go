package ready

import (
	"bytes"
	"hash/crc32"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/flate"
)

// squeezer compresses pieces.
type squeezer struct {
	z   *flate.Writer
	out bytes.Buffer
}

var squeezers = sync.Pool{New: func() any {
	z, _ := flate.NewWriter(nil, flate.BestSpeed) // fails only for unknown levels
	return &squeezer{z: z}
}}

func takeSqueezer() *squeezer { return squeezers.Get().(*squeezer) }

func (s *squeezer) release() {
	if s.out.Cap() <= maxScratch {
		squeezers.Put(s)
	}
}

// squeeze returns b as deflate blocks (RFC 1951) that refer to nothing before them, are not the last and end at a byte
// boundary, and the CRC-32 of b.
func (s *squeezer) squeeze(b []byte) ([]byte, uint32) {
	s.out.Reset()
	s.z.Reset(&s.out)
	s.z.Write(b) // a bytes.Buffer never fails
	s.z.Flush()
	return bytes.Clone(s.out.Bytes()), crc32.ChecksumIEEE(b)
}

// combineCRC returns the CRC-32 of a text followed by another one, from the CRC-32 of each and the length of the second
// in bytes.
//
// A CRC is a polynomial modulo p over the field of two elements: appending n bytes multiplies that of what comes before
// by x to the power of 8n.
func combineCRC(first, second uint32, n int) uint32 {
	return multiply(first, powerOfX(8*uint64(n))) ^ second
}

// multiply returns the product of two polynomials modulo p. The highest bit is the coefficient of x⁰.
func multiply(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		if a&(1<<31) != 0 {
			product ^= b
		}
		b = b>>1 ^ crc32.IEEE&-(b&1)
	}
	return product
}

// powerOfX returns x to the power of n modulo p.
func powerOfX(n uint64) uint32 {
	power := uint32(1 << 31)
	for ; n != 0; n &= n - 1 {
		power = multiply(power, squares()[bits.TrailingZeros64(n)])
	}
	return power
}

// squares returns x to the powers of 1, 2, 4 and so on, modulo p.
var squares = sync.OnceValue(func() *[64]uint32 {
	var out [64]uint32
	out[0] = 1 << 30
	for i := range out[1:] {
		out[i+1] = multiply(out[i], out[i])
	}
	return &out
})
