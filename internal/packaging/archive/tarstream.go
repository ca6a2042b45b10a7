package archive

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"io"

	"pyindex/internal/fault"
)

// tarStream returns the decompressed tar. Reading past the limits returns an error.
func (g *gate) tarStream() (io.Reader, error) {
	packed := bufio.NewReader(g.src.section(0, g.src.size))
	m := &meter{max: g.lim.unpacked(g.src.size, g.lim.Expanded)}
	if g.name.Ext() == ".tar.bz2" {
		m.r, m.max = bzip2.NewReader(packed), min(m.max, g.lim.Bzip2)
		return m, nil
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, refuse("this is not a gzip file")
	}
	z.Multistream(false)
	m.r = &gzipStream{z: z, packed: packed}
	return m, nil
}

// gzipStream reads one gzip member, after which only zeros may follow. Python would continue with a second member,
// other readers would stop before it, so they would see different archives.
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
			return n, refuse("data follows the end of the gzip stream")
		}
	}
}

// meter counts the decompressed bytes and fails above max.
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
