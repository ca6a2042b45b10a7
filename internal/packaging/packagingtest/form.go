package packagingtest

import (
	"bytes"
	"mime/multipart"
)

// Form returns the upload form of a file as twine sends it, and its Content-Type. Fields in extra come last, so that
// they repeat fields of the same name.
func (f File) Form(extra ...[2]string) (body []byte, contentType string) {
	python := "py3"
	if f.Kind == "sdist" {
		python = "source"
	}
	fields := append([][2]string{
		{":action", "file_upload"},
		{"protocol_version", "1"},
		{"metadata_version", "2.1"},
		{"name", f.Project},
		{"version", f.Version},
		{"filetype", f.Kind},
		{"pyversion", python},
		{"sha256_digest", f.SHA256()},
	}, extra...)
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, kv := range fields {
		must(w.WriteField(kv[0], kv[1]))
	}
	part, err := w.CreateFormFile("content", f.Name)
	must(err)
	_, err = part.Write(f.Bytes)
	must(err)
	must(w.Close())
	return out.Bytes(), w.FormDataContentType()
}
