package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
)

type wheel struct{ project, version string }

func (w wheel) stem() string { return strings.ReplaceAll(w.project, "-", "_") + "-" + w.version }

func (w wheel) filename() string { return w.stem() + "-py3-none-any.whl" }

func (w wheel) metadata() string {
	return "Metadata-Version: 2.1\nName: " + w.project + "\nVersion: " + w.version +
		"\nSummary: made to measure an index\n" +
		"Author-email: bench@corp.example\nLicense: Apache-2.0\nRequires-Python: >=3.10\nRequires-Dist: requests>=2\n" +
		"Classifier: Programming Language :: Python :: 3\nDescription-Content-Type: text/plain\n\nA package that holds noise.\n"
}

// noise returns n incompressible bytes that depend only on of.
func noise(of string, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8(sha256.Sum256([]byte(of)))
	_, _ = r.Read(b) // never fails
	return b
}

// bytes returns the wheel with a payload of n bytes.
func (w wheel) bytes(n int) []byte {
	var b bytes.Buffer
	payload := noise(w.stem(), n)
	if err := w.writeWith(&b, w.metadata(), payload); err != nil {
		panic(err) // writing to a buffer never fails
	}
	return b.Bytes()
}

// writeWith writes the wheel with other metadata and a payload.
func (w wheel) writeWith(to io.Writer, metadata string, payload []byte) error {
	return w.write(to, metadata, int64(len(payload)), crc32.ChecksumIEEE(payload), bytes.NewReader(payload))
}

// block is the size of the repeated block in large payloads.
const block = 1 << 20

// stream writes the wheel with a payload of repeated noise blocks, and returns its SHA-256.
func (w wheel) stream(to io.Writer, blocks int) (sum string, err error) {
	chunk, crc := noise(w.stem(), block), crc32.NewIEEE()
	for range blocks {
		_, _ = crc.Write(chunk) // never fails
	}
	h := sha256.New()
	payload := &again{chunk: chunk, left: blocks}
	err = w.write(io.MultiWriter(to, h), w.metadata(), int64(blocks)*block, crc.Sum32(), payload)
	return hex.EncodeToString(h.Sum(nil)), err
}

// again reads a chunk left times.
type again struct {
	chunk    []byte
	at, left int
}

func (a *again) Read(p []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, a.chunk[a.at:])
	if a.at += n; a.at == len(a.chunk) {
		a.at, a.left = 0, a.left-1
	}
	return n, nil
}

func (w wheel) write(to io.Writer, metadata string, size int64, crc uint32, payload io.Reader) error {
	z, info := zip.NewWriter(to), w.stem()+".dist-info/"
	package_ := strings.ReplaceAll(w.project, "-", "_") + "/"
	record := package_ + "payload.bin,,\n"
	h := &zip.FileHeader{
		Name:               package_ + "payload.bin",
		Method:             zip.Store,
		CRC32:              crc,
		CompressedSize64:   uint64(size),
		UncompressedSize64: uint64(size),
	}
	member, err := z.CreateRaw(h)
	if err == nil {
		_, err = io.Copy(member, payload)
	}
	for _, m := range [][2]string{
		{info + "METADATA", metadata},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	} {
		if err == nil {
			record += recorded(m[0], m[1])
			err = store(z, m[0], m[1])
		}
	}
	if err == nil {
		err = store(z, info+"RECORD", record+info+"RECORD,,\n")
	}
	if err != nil {
		return err
	}
	return z.Close()
}

// store adds a member whose sizes are in front of it, as in wheels of Python tools: uv reads wheels as a stream.
func store(z *zip.Writer, name, text string) error {
	size := uint64(len(text))
	m, err := z.CreateRaw(&zip.FileHeader{
		Name:               name,
		Method:             zip.Store,
		CRC32:              crc32.ChecksumIEEE([]byte(text)),
		CompressedSize64:   size,
		UncompressedSize64: size,
	})
	if err == nil {
		_, err = io.WriteString(m, text)
	}
	return err
}

func recorded(name, text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
}
