package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
)

// form is an upload in the legacy protocol.
type form struct {
	head, tail []byte
	kind       string // content type with the boundary
}

// newForm returns the form for a wheel with the given digest.
func newForm(w wheel, sum string) (form, error) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	fields := [][2]string{
		{":action", "file_upload"},
		{"protocol_version", "1"},
		{"metadata_version", "2.1"},
		{"name", w.project},
		{"version", w.version},
		{"filetype", "bdist_wheel"},
		{"pyversion", "py3"},
		{"requires_python", ">=3.10"},
		{"sha256_digest", sum},
	}
	for _, f := range fields {
		if err := m.WriteField(f[0], f[1]); err != nil {
			return form{}, err
		}
	}
	if _, err := m.CreateFormFile("content", w.filename()); err != nil {
		return form{}, err
	}
	head := bytes.Clone(b.Bytes())
	b.Reset()
	err := m.Close()
	return form{head, b.Bytes(), m.FormDataContentType()}, err
}

// send posts the form with size bytes of content.
func (f form) send(ctx context.Context, c *http.Client, to target, content io.Reader, size int64) error {
	r, err := http.NewRequestWithContext(ctx, "POST", to.URL,
		io.MultiReader(bytes.NewReader(f.head), content, bytes.NewReader(f.tail)))
	if err != nil {
		return err
	}
	r.ContentLength = int64(len(f.head)) + size + int64(len(f.tail))
	r.Header.Set("Content-Type", f.kind)
	to.authorize(r)
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if err == nil && answer.StatusCode >= 300 {
		return fmt.Errorf("POST %s: %s: %s", to.URL, answer.Status, strings.TrimSpace(string(said)))
	}
	return err
}

func upload(ctx context.Context, c *http.Client, to target, w wheel, n int) error {
	content := w.bytes(n)
	f, err := newForm(w, digest(content))
	if err != nil {
		return err
	}
	return f.send(ctx, c, to, bytes.NewReader(content), int64(len(content)))
}

func uploadFile(ctx context.Context, c *http.Client, to target, w wheel, path, sum string) error {
	content, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	info, err := content.Stat()
	if err != nil {
		return err
	}
	form, err := newForm(w, sum)
	if err != nil {
		return err
	}
	return form.send(ctx, c, to, content, info.Size())
}
