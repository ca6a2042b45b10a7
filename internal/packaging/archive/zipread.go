package archive

import (
	"bufio"
	"bytes"
	"compress/flate"
	"hash/crc32"
	"io"
)

// readMember returns the body of m, at most limit bytes, after it has checked size and checksum.
func (g *gate) readMember(m *zipMember, limit int64) ([]byte, error) {
	if m.size > limit {
		return nil, inMember(m.name, refuse("it unpacks to %d bytes; %d are allowed", m.size, limit))
	}
	var b bytes.Buffer
	if err := g.unpack(m, &b); err != nil {
		return nil, inMember(m.name, err)
	}
	return b.Bytes(), nil
}

// unpack decompresses m into w, which may be nil. It requires that exactly m.packed bytes decompress to exactly m.size
// bytes with m's checksum. It decompresses at most m.size+1 bytes, and no more than the limit for the whole inspection.
func (g *gate) unpack(m *zipMember, w io.Writer) error {
	if g.inflated += m.size; g.inflated > g.lim.Expanded {
		return refuse("more than %d bytes would have to be decompressed to check this archive", g.lim.Expanded)
	}
	packed := bufio.NewReader(g.src.section(m.data, m.packed))
	var body io.Reader = packed
	if m.method == deflated {
		body = flate.NewReader(packed)
	}
	sum := crc32.NewIEEE()
	n, err := io.Copy(tee(sum, w), io.LimitReader(body, m.size+1))
	if err != nil {
		return refuse("its compressed data is damaged")
	}
	if n != m.size || sum.Sum32() != m.crc {
		return refuse("it does not unpack to the size and checksum it claims")
	}
	if m.method == deflated && !closed(body, packed) {
		return refuse("its compressed data does not end at the position given in the directory")
	}
	return nil
}

func tee(sum, w io.Writer) io.Writer {
	if w == nil {
		return sum
	}
	return io.MultiWriter(sum, w)
}

func closed(body io.Reader, packed *bufio.Reader) bool {
	if n, err := io.ReadFull(body, make([]byte, 1)); n != 0 || err != io.EOF {
		return false
	}
	_, err := packed.ReadByte()
	return err == io.EOF
}
