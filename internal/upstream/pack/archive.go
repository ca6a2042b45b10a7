package pack

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/go-json-experiment/json"
)

// manifestName is the name of the first entry.
const manifestName = "index-pack.json"

// Write writes a pack. open returns the content of an entry, which must be what the manifest says.
func Write(w io.Writer, m Manifest, open func(Place) (io.ReadCloser, error)) error {
	m.Format = Format
	if err := m.check(); err != nil {
		return err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(b) > maxManifest {
		return errors.New("the pack would have too many files: make several")
	}
	t := tar.NewWriter(w)
	if err := t.WriteHeader(header(manifestName, int64(len(b)))); err != nil {
		return err
	}
	if _, err := t.Write(b); err != nil {
		return err
	}
	for _, it := range m.items() {
		if err := add(t, it, open); err != nil {
			return err
		}
	}
	return t.Close()
}

func add(t *tar.Writer, it item, open func(Place) (io.ReadCloser, error)) error {
	content, err := open(it.Place)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := t.WriteHeader(header(it.name(), it.Size)); err != nil {
		return err
	}
	_, err = io.Copy(t, verify(content, it))
	return err
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}
}

// Reader reads a pack that somebody else may have made.
type Reader struct {
	Manifest Manifest
	tar      *tar.Reader
	items    []item // that follow
}

// damaged returns an error for a file that is no pack, or not a whole one.
func damaged(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("not a whole pack of index upstream pack: %w", err)
}

// NewReader reads the manifest of a pack and checks it.
func NewReader(r io.Reader) (*Reader, error) {
	t := tar.NewReader(r)
	h, err := t.Next()
	switch {
	case err != nil:
		return nil, damaged(err)
	case !plain(h) || h.Name != manifestName || h.Size > maxManifest:
		return nil, damaged(errors.New("it does not begin with a manifest"))
	}
	b, err := io.ReadAll(t)
	if err != nil {
		return nil, damaged(err)
	}
	out := &Reader{tar: t}
	// The format comes first, so that a newer one is not reported as an unknown member.
	var of struct {
		Format int `json:"format"`
	}
	if err = json.Unmarshal(b, &of); err == nil && of.Format == Format {
		err = json.Unmarshal(b, &out.Manifest, json.RejectUnknownMembers(true))
	}
	if err != nil {
		return nil, damaged(errors.New("its manifest cannot be read"))
	}
	out.Manifest.Format = of.Format
	if err := out.Manifest.check(); err != nil {
		return nil, damaged(err)
	}
	out.items = out.Manifest.items()
	return out, nil
}

// Next returns the place and the content of the next entry. Reading the content to its end returns an error unless size
// and digest are right; it need not be read. After the last entry, Next returns io.EOF.
func (r *Reader) Next() (Place, io.Reader, error) {
	if len(r.items) == 0 {
		return Place{}, nil, io.EOF
	}
	it := r.items[0]
	r.items = r.items[1:]
	h, err := r.tar.Next()
	if err == nil && (!plain(h) || h.Name != it.name() || h.Size != it.Size) {
		err = fmt.Errorf("%s is missing or has another size", it.name())
	}
	if err != nil {
		return Place{}, nil, damaged(err)
	}
	return it.Place, verify(r.tar, it), nil
}

// plain reports whether an entry is a regular file whose content the archive has in full. Holes would let a small
// archive have huge files.
func plain(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if key != "size" {
			return false
		}
	}
	return h.Typeflag == tar.TypeReg
}

// verified returns an error instead of the end of content that is not as stated.
type verified struct {
	from io.Reader
	item item
	n    int64
	hash hash.Hash
}

func verify(r io.Reader, it item) *verified { return &verified{from: r, item: it, hash: sha256.New()} }

// Read implements io.Reader.
func (v *verified) Read(p []byte) (int, error) {
	n, err := v.from.Read(p)
	v.n += int64(n)
	v.hash.Write(p[:n])
	if err == io.EOF && (v.n != v.item.Size || hex.EncodeToString(v.hash.Sum(nil)) != v.item.SHA256) {
		err = fmt.Errorf("%s has other content than the manifest says", v.item.name())
	}
	if err != nil && err != io.EOF {
		err = damaged(err)
	}
	return n, err
}

// BlobOf returns the Blob of some bytes.
func BlobOf(b []byte) Blob {
	sum := sha256.Sum256(b)
	return Blob{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(b))}
}

// Bytes returns some bytes for Write.
func Bytes(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }
