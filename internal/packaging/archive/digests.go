package archive

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Digests maps the names of an archive's members, without folders, to a text that is equal for equal content.
type Digests map[string]string

// DigestLimits bounds the cost of reading all members of an archive. Sizes are in bytes.
type DigestLimits struct {
	Size     int64 // of the archive
	Unpacked int64 // of all members together
	Members  int
	Record   int64 // of the RECORD that ClaimedDigests reads
}

// DefaultDigestLimits bounds ReadDigests to about two seconds.
func DefaultDigestLimits() DigestLimits {
	return DigestLimits{Size: 64 * mib, Unpacked: 256 * mib, Members: 20_000, Record: 8 * mib}
}

// errLarge makes a caller fall back on a cheaper comparison.
func errLarge(what string) error {
	return fault.New(fault.TooLarge, "the archive is too large to %s", what)
}

// ReadDigests hashes each member of an archive of size bytes that Inspect accepted under name. It returns
// fault.TooLarge if the archive exceeds lim, fault.Invalid if it is damaged, and an error of ctx or r unchanged.
func ReadDigests(ctx context.Context, r io.ReadSeeker, size int64, name packaging.Filename,
	lim DigestLimits,
) (Digests, error) {
	if size > lim.Size {
		return nil, errLarge("read")
	}
	src := &blobReader{ctx: ctx, r: r}
	d := &digester{lim: lim, left: lim.Unpacked, out: Digests{}}
	var err error
	switch name.Ext() {
	case ".whl", ".zip":
		err = d.zip(src, size)
	case ".tar.bz2":
		err = d.tar(bzip2.NewReader(src))
	default:
		var packed *gzip.Reader
		if packed, err = gzip.NewReader(src); err == nil {
			err = d.tar(packed)
		}
	}
	return d.out, src.blame(err)
}

type digester struct {
	lim     DigestLimits
	left    int64 // bytes that may still be unpacked
	members int
	out     Digests
}

// next counts a member.
func (d *digester) next() error {
	if d.members++; d.members > d.lim.Members {
		return errLarge("list")
	}
	return nil
}

func (d *digester) zip(r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return err
	}
	for _, f := range z.File {
		if err := d.next(); err != nil {
			return err
		}
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		body, err := f.Open()
		if err != nil {
			return err
		}
		if err = errors.Join(d.hash(f.Name, body), body.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (d *digester) tar(r io.Reader) error {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err = cmp.Or(err, d.next()); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader:
		case tar.TypeSymlink, tar.TypeLink:
			d.out[h.Name] = "link to " + h.Linkname
		default:
			if err := d.hash(h.Name, t); err != nil {
				return err
			}
		}
	}
}

// hash adds a member. If a name occurs twice, the last one counts, as for installers.
func (d *digester) hash(name string, body io.Reader) error {
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(body, d.left+1))
	if d.left -= n; d.left < 0 {
		return errLarge("unpack")
	}
	d.out[name] = hex.EncodeToString(sum.Sum(nil))
	return err
}

// ClaimedDigests returns the sizes and checksums in a wheel's directory, with the hashes that its RECORD declares. It
// reads only the directory and RECORD. The build back end wrote them, and Inspect does not verify them. It returns
// errors as ReadDigests does, and fault.TooLarge for a source distribution, which declares nothing.
func ClaimedDigests(ctx context.Context, r io.ReadSeeker, size int64, name packaging.Filename,
	lim DigestLimits,
) (Digests, error) {
	if name.Ext() != ".whl" {
		return nil, errLarge("read")
	}
	src := &blobReader{ctx: ctx, r: r}
	out, err := claimed(src, size, lim)
	return out, src.blame(err)
}

func claimed(src *blobReader, size int64, lim DigestLimits) (Digests, error) {
	z, err := zip.NewReader(src, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > lim.Members {
		return nil, errLarge("list")
	}
	out, hashes := Digests{}, map[string]string{}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, ".dist-info/RECORD") && strings.Count(f.Name, "/") == 1 {
			if hashes, err = recordHashes(f, lim.Record); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, "/") {
			out[f.Name] = fmt.Sprintf("%d bytes, crc32 %08x, %s", f.UncompressedSize64, f.CRC32, hashes[f.Name])
		}
	}
	return out, nil
}

func recordHashes(f *zip.File, most int64) (map[string]string, error) {
	if f.UncompressedSize64 > uint64(most) {
		return nil, errLarge("compare")
	}
	body, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	out := map[string]string{}
	rows := csv.NewReader(io.LimitReader(body, most))
	rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = -1, true, true
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if len(row) > 1 {
			out[strings.Clone(row[0])] = strings.Clone(row[1])
		}
	}
}

// blobReader reads an archive for one goroutine, until ctx ends. It seeks only if the next offset is not the current
// one, because seeking in a bucket starts a request.
type blobReader struct {
	ctx    context.Context
	r      io.ReadSeeker
	at     int64
	failed error // of r or ctx
}

func (s *blobReader) Read(p []byte) (int, error) {
	if s.failed == nil {
		s.failed = s.ctx.Err()
	}
	if s.failed != nil {
		return 0, s.failed
	}
	n, err := s.r.Read(p)
	s.at += int64(n)
	if err != nil && err != io.EOF {
		s.failed = err
	}
	return n, err
}

func (s *blobReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 { // of a damaged directory
		return 0, io.ErrUnexpectedEOF
	}
	if off != s.at && s.failed == nil {
		if s.at, s.failed = s.r.Seek(off, io.SeekStart); s.failed != nil {
			return 0, s.failed
		}
	}
	n, err := io.ReadFull(s, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

// blame returns the error of the reader if it failed, and otherwise err as a fault of the archive.
func (s *blobReader) blame(err error) error {
	switch {
	case err == nil || s.failed != nil:
		return cmp.Or(s.failed, err)
	case fault.KindOf(err) == fault.Internal:
		return fault.Wrap(fault.Invalid, err, "the archive is damaged")
	}
	return err
}
