package advisory_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"pyindex/internal/advisory"
)

// readAll returns the texts of a zip file, and the names of members that cannot be read.
func readAll(content []byte) (texts, bad []string, err error) {
	err = advisory.ReadZip(content, func(name string, text []byte, err error) error {
		if err != nil {
			bad = append(bad, name)
		} else {
			texts = append(texts, string(text))
		}
		return nil
	})
	return texts, bad, err
}

// TestZip checks that members are read like archive/zip reads them, and which are left out.
func TestZip(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"a.json": "{1}", "dir/b.json": "{2}", "../../c.json": "{3}", "README.md": "x", "d.json/": "", "e.JSON": "x",
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, text)
	}
	stored, err := z.CreateHeader(&zip.FileHeader{Name: "f.json", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(stored, "{4}")
	if err := z.SetComment(strings.Repeat("PK\x05\x06", 1000)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	texts, bad, err := readAll(b.Bytes())
	if err != nil || len(texts) != 4 || len(bad) != 0 {
		t.Errorf("read %q, not %q: %v", texts, bad, err)
	}
}

// TestZipOfManyMembers checks a file with more members than the usual end can count.
func TestZipOfManyMembers(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	const n = 70_000
	for i := range n {
		w, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i, ".json"), Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "{}")
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if texts, bad, err := readAll(b.Bytes()); err != nil || len(texts) != n || len(bad) != 0 {
		t.Errorf("read %d of %d, not %d: %v", len(texts), n, len(bad), err)
	}
}

// TestHostileZip has files that must not be read whole, or whose bad members must not spoil the others.
func TestHostileZip(t *testing.T) {
	good := zipped(t, "{1}", "{2}", "{3}")
	for n := range good {
		if n < len(good)-1 {
			if _, _, err := readAll(good[:n]); n > 4 && err == nil {
				t.Errorf("a file that was cut after %d of %d bytes was read", n, len(good))
			}
		}
		changed := bytes.Clone(good) // must neither panic nor return other content
		changed[n] ^= 0x55
		texts, _, err := readAll(changed)
		for _, text := range texts {
			if text != "{1}" && text != "{2}" && text != "{3}" {
				t.Errorf("with byte %d changed, a member is %q (%v)", n, text, err)
			}
		}
	}
	texts, bad, err := readAll(bomb(t))
	if err != nil || len(texts) != 0 || len(bad) != 1 {
		t.Errorf("a member that expands beyond its stated size: read %d, not %q: %v", len(texts), bad, err)
	}
	large := zipped(t, strings.Repeat(" ", advisory.MaxRecord+1), "{2}")
	if texts, bad, err := readAll(large); err != nil || len(texts) != 1 || len(bad) != 1 {
		t.Errorf("a member that is too large: read %d, not %q: %v", len(texts), bad, err)
	}
}

// bomb returns a zip file with a member that states 10 bytes and expands to a gigabyte.
func bomb(t *testing.T) []byte {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	zero := make([]byte, 1<<20)
	for range 64 {
		_, _ = w.Write(zero)
	}
	_ = w.Close()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	raw, err := z.CreateRaw(&zip.FileHeader{
		Name: "a.json", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(zero[:10]),
		CompressedSize64: uint64(packed.Len()), UncompressedSize64: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = raw.Write(packed.Bytes())
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzZip(f *testing.F) {
	good := zipped(f, `{"id":"A"}`, `[{},{}]`)
	f.Add(good)
	wide := bytes.Clone(good)
	binary.LittleEndian.PutUint32(wide[len(wide)-6:], 0xffffffff)
	f.Add(wide)
	f.Fuzz(func(t *testing.T, content []byte) {
		total := 0
		_ = advisory.ReadZip(content, func(_ string, text []byte, _ error) error {
			if total += len(text); total > 64<<20 {
				return io.ErrShortBuffer
			}
			return nil
		})
	})
}
