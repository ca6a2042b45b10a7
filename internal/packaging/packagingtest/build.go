// Package packagingtest builds small valid wheels and sdists for tests. The same arguments produce the same bytes.
package packagingtest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
)

// File is a distribution in memory.
type File struct {
	Name, Project, Version string
	Kind                   string // the form's filetype
	Bytes                  []byte
	Metadata               []byte // METADATA or PKG-INFO
}

// SHA256 returns the digest of the bytes in hex.
func (f File) SHA256() string {
	sum := sha256.Sum256(f.Bytes)
	return hex.EncodeToString(sum[:])
}

// Wheel builds a py3-none-any wheel with one module that contains content; extra are further lines of METADATA.
func Wheel(project, version, content string, extra ...string) File {
	return WheelWith(project, version, content, nil, extra...)
}

// WheelWith builds the same wheel as Wheel with more members, each a name with its content.
func WheelWith(project, version, content string, more [][2]string, extra ...string) File {
	under := strings.ReplaceAll(project, "-", "_")
	info := fmt.Sprintf("%s-%s.dist-info/", under, version)
	meta := metadata(project, version, extra)
	members := [][2]string{
		{under + ".py", content},
		{info + "METADATA", meta},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: packagingtest\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	members = append(members, more...)
	members = append(members, [2]string{info + "RECORD", record(members, info)})
	return File{
		Name: fmt.Sprintf("%s-%s-py3-none-any.whl", under, version), Project: project, Version: version,
		Kind: "bdist_wheel", Bytes: zipped(members), Metadata: []byte(meta),
	}
}

// SDist builds a .tar.gz source distribution with the same arguments as Wheel.
func SDist(project, version, content string, extra ...string) File {
	under := strings.ReplaceAll(project, "-", "_")
	top := under + "-" + version
	meta := metadata(project, version, extra)
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	tw := tar.NewWriter(gz)
	for _, m := range [][2]string{
		{top + "/PKG-INFO", meta},
		{top + "/pyproject.toml", "[build-system]\nrequires = [\"flit_core\"]\nbuild-backend = \"flit_core.buildapi\"\n"},
		{top + "/" + under + ".py", content},
	} {
		must(tw.WriteHeader(&tar.Header{Name: m[0], Mode: 0o644, Size: int64(len(m[1]))}))
		_, err := tw.Write([]byte(m[1]))
		must(err)
	}
	must(tw.Close())
	must(gz.Close())
	return File{
		Name:     top + ".tar.gz",
		Project:  project,
		Version:  version,
		Kind:     "sdist",
		Bytes:    out.Bytes(),
		Metadata: []byte(meta),
	}
}

// SDistWithout builds a .tar.gz source distribution without PKG-INFO, as people pack by hand.
func SDistWithout(project, version string) File {
	under := strings.ReplaceAll(project, "-", "_")
	top := under + "-" + version
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	tw := tar.NewWriter(gz)
	for _, m := range [][2]string{
		{top + "/setup.py", "from setuptools import setup\n"}, {top + "/" + under + ".py", "x = 1\n"},
	} {
		must(tw.WriteHeader(&tar.Header{Name: m[0], Mode: 0o644, Size: int64(len(m[1]))}))
		_, err := tw.Write([]byte(m[1]))
		must(err)
	}
	must(tw.Close())
	must(gz.Close())
	return File{Name: top + ".tar.gz", Project: project, Version: version, Kind: "sdist", Bytes: out.Bytes()}
}

func metadata(project, version string, extra []string) string {
	lines := append([]string{"Metadata-Version: 2.1", "Name: " + project, "Version: " + version}, extra...)
	return strings.Join(lines, "\n") + "\n"
}

func record(members [][2]string, info string) string {
	var b strings.Builder
	for _, m := range members {
		sum := sha256.Sum256([]byte(m[1]))
		fmt.Fprintf(&b, "%s,sha256=%s,%d\n", m[0], base64.RawURLEncoding.EncodeToString(sum[:]), len(m[1]))
	}
	b.WriteString(info + "RECORD,,\n")
	return b.String()
}

// zipped stores members with their sizes in the local headers, like build backends that can seek.
func zipped(members [][2]string) []byte {
	var out bytes.Buffer
	zw := zip.NewWriter(&out)
	for _, m := range members {
		h := &zip.FileHeader{
			Name:               m[0],
			Method:             zip.Store,
			CRC32:              crc32.ChecksumIEEE([]byte(m[1])),
			CompressedSize64:   uint64(len(m[1])),
			UncompressedSize64: uint64(len(m[1])),
		}
		w, err := zw.CreateRaw(h)
		must(err)
		_, err = w.Write([]byte(m[1]))
		must(err)
	}
	must(zw.Close())
	return out.Bytes()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
