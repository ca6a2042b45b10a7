package e2e

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// send posts a distribution as a plain form, chunked, with no more fields than an upload must have: for those that no
// client of today is willing to send.
func (s *site) send(t *testing.T, file string) (status int, body string) {
	t.Helper()
	return s.sendWith(t, s.upload, file)
}

// sendWith is send with another token, or without credentials when it is empty.
func (s *site) sendWith(t *testing.T, token, file string) (status int, body string) {
	t.Helper()
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() { pw.CloseWithError(fill(form, fields(t, file), file)) }()
	r, err := http.NewRequest("POST", s.legacy(), pr)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.SetBasicAuth("__token__", token)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	answer, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

func fill(form *multipart.Writer, fields map[string]string, file string) error {
	for k, v := range fields {
		if err := form.WriteField(k, v); err != nil {
			return err
		}
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	part, err := form.CreateFormFile("content", filepath.Base(file))
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, f); err != nil {
		return err
	}
	return form.Close()
}

// fields says of a file what its own metadata says.
func fields(t *testing.T, file string) map[string]string {
	t.Helper()
	h, err := header(file)
	if err != nil {
		t.Fatalf("metadata of %s: %v", file, err)
	}
	form := map[string]string{
		":action": "file_upload", "protocol_version": "1", "sha256_digest": sum(t, file),
		"metadata_version": h.Get("Metadata-Version"), "name": h.Get("Name"), "version": h.Get("Version"),
		"filetype": "sdist", "pyversion": "source",
	}
	if filepath.Ext(file) == ".whl" {
		form["filetype"], form["pyversion"] = "bdist_wheel", "py3"
	}
	return form
}

// header reads the first block of a distribution's METADATA or PKG-INFO.
func header(file string) (textproto.MIMEHeader, error) {
	text, err := metadata(file)
	if err != nil {
		return nil, err
	}
	head, _, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\n")
	h := textproto.MIMEHeader{}
	for line := range strings.Lines(head) {
		if k, v, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(k, " ") {
			h.Add(k, strings.TrimSpace(v))
		}
	}
	return h, nil
}

// metadata is the bytes of a distribution's own METADATA or PKG-INFO.
func metadata(file string) ([]byte, error) {
	if strings.HasSuffix(file, ".tar.gz") {
		return tarMetadata(file)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = z.Close() }()
	for _, f := range z.File {
		if isMetadata(f.Name) {
			m, err := f.Open()
			if err != nil {
				return nil, err
			}
			return io.ReadAll(m)
		}
	}
	return nil, errors.New("there is none")
}

func tarMetadata(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("looking for PKG-INFO: %w", err)
		}
		if isMetadata(h.Name) {
			return io.ReadAll(r)
		}
	}
}

func isMetadata(name string) bool {
	dir, base := path.Split(name)
	if strings.Count(name, "/") != 1 {
		return false
	}
	return base == "PKG-INFO" || base == "METADATA" && strings.HasSuffix(dir, ".dist-info/")
}
