package archive

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"io"

	"pyindex/internal/fault"
)

// tarStream is the decompressed tar, which ends with an error at the limits.
func (g *gate) tarStream() (io.Reader, error) {
	packed := bufio.NewReader(g.src.section(0, g.src.size))
	m := &meter{max: g.lim.unpacked(g.src.size, g.lim.Expanded)}
	if g.name.Ext() == ".tar.bz2" {
		m.r, m.max = bzip2.NewReader(packed), min(m.max, g.lim.Bzip2)
		return m, nil
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, refuse("this is no gzip file")
	}
	z.Multistream(false)
	m.r = &gzipStream{z: z, packed: packed}
	return m, nil
}

// gzipStream is one gzip member after which only zeros may come. Python would go on into a second member, readers that
// stream stop before it, so the two would see different archives.
type gzipStream struct {
	z      *gzip.Reader
	packed *bufio.Reader
}

func (s *gzipStream) Read(p []byte) (int, error) {
	n, err := s.z.Read(p)
	if err != io.EOF {
		return n, err
	}
	for {
		c, err := s.packed.ReadByte()
		if err != nil {
			return n, err
		}
		if c != 0 {
			return n, refuse("bytes follow the end of the gzip data")
		}
	}
}

// meter counts what comes out of decompression and stops at max.
type meter struct {
	r      io.Reader
	n, max int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.n += int64(n); m.n > m.max {
		return 0, refuse("it unpacks to more than %d bytes, which is too much for its size", m.max)
	}
	if err != nil && err != io.EOF && !fault.Is(err, fault.Invalid) {
		return n, refuse("its compressed data is damaged")
	}
	return n, err
}
