package legacyupload_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// distribution is a file to upload, and the form fields about it.
type distribution struct {
	name, version, filename, filetype, pyversion string
	bytes                                        []byte
	requires                                     []string
}

// wheel creates a small valid wheel. The payload determines its content.
func wheel(name, version, payload string, requires ...string) distribution {
	d := distribution{name: name, version: version, filetype: "bdist_wheel", pyversion: "py3", requires: requires}
	stem := strings.ReplaceAll(strings.ToLower(name), "-", "_") + "-" + version
	d.filename = stem + "-py3-none-any.whl"
	info := stem + ".dist-info/"
	files := [][2]string{
		{"payload.txt", payload},
		{info + "METADATA", d.metadata()},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	var record strings.Builder
	for _, f := range files {
		fmt.Fprintf(&record, "%s,,\n", f[0])
	}
	files = append(files, [2]string{info + "RECORD", record.String() + info + "RECORD,,\n"})
	d.bytes = zipped(files)
	return d
}

// zipped writes a zip file with sizes before the members, like Python's zipfile.
func zipped(files [][2]string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		sum := crc32.ChecksumIEEE([]byte(f[1]))
		size := uint64(len(f[1]))
		p, err := w.CreateRaw(&zip.FileHeader{
			Name:               f[0],
			Method:             zip.Store,
			CRC32:              sum,
			CompressedSize64:   size,
			UncompressedSize64: size,
		})
		must(err)
		_, err = io.WriteString(p, f[1])
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

// sdist creates a small valid source distribution.
func sdist(name, version, payload string) distribution {
	d := distribution{name: name, version: version, filetype: "sdist", pyversion: "source"}
	stem := strings.ReplaceAll(strings.ToLower(name), "-", "_") + "-" + version
	d.filename = stem + ".tar.gz"
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range [][2]string{{stem + "/PKG-INFO", d.metadata()}, {stem + "/payload.txt", payload}} {
		must(w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1])), Typeflag: tar.TypeReg}))
		_, err := io.WriteString(w, f[1])
		must(err)
	}
	must(w.Close())
	must(z.Close())
	d.bytes = b.Bytes()
	return d
}

func (d distribution) metadata() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", d.name, d.version)
	for _, r := range d.requires {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
	}
	return b.String()
}

func (d distribution) sha256() string {
	sum := sha256.Sum256(d.bytes)
	return hex.EncodeToString(sum[:])
}

func (d distribution) blake2() string {
	sum := blake2b.Sum256(d.bytes)
	return hex.EncodeToString(sum[:])
}

func (d distribution) md5() string {
	sum := md5.Sum(d.bytes)
	return hex.EncodeToString(sum[:])
}

// must panics on an error of a writer into memory.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
