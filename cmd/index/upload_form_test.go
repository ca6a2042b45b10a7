//go:build !windows

package main

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"pyindex/internal/packaging"
)

// The browser's form tells that the session or the account ended while the file was on its way, and adds nothing.
func TestUploadFormEndsWithItsRights(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(x *fixture) error
		says string
	}{
		"session": {func(x *fixture) error {
			return x.app.Directory.EndSessionsOf(t.Context(), x.app.Operator, "uploader")
		}, "our session ended during the request"},
		"account": {
			func(x *fixture) error { return x.app.Directory.DisableUser(t.Context(), x.app.Operator, "uploader") },
			"was disabled during the request",
		},
		"untouched": {func(*fixture) error { return nil }, "Uploaded."},
	} {
		t.Run(what, func(t *testing.T) {
			x := newFixture(t, "http://h.example", true)
			x.people(t)
			dir := t.TempDir()
			path, err := makeWheel(dir, demo, "3.0", "")
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var form bytes.Buffer
			m := multipart.NewWriter(&form)
			part, _ := m.CreateFormFile("content", "demo_pkg-3.0-py3-none-any.whl")
			_, _ = part.Write(content)
			m.Close()
			half := form.Len() / 2
			body := io.MultiReader(bytes.NewReader(form.Bytes()[:half]), hook(func() error { return c.end(x) }),
				bytes.NewReader(form.Bytes()[half:]))
			r := httptest.NewRequest(http.MethodPost, "http://h.example/manage/upload/", body)
			r.Header.Set("Content-Type", m.FormDataContentType())
			r.Header.Set("Origin", "http://h.example")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.AddCookie(x.cookie(t, "uploader"))
			w := httptest.NewRecorder()
			x.server.ServeHTTP(w, r)
			if !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%s: the answer %d does not say %q", what, w.Code, c.says)
			}
			name, err := packaging.ParseProjectName(demo)
			if err != nil {
				t.Fatal(err)
			}
			all, err := x.app.Index.Contents(t.Context(), x.app.Operator, "", name)
			if want := map[bool]int{true: 2, false: 1}[what == "untouched"]; err != nil || len(all.Files) != want {
				t.Errorf("%s: %d files are listed, %v, want %d", what, len(all.Files), err, want)
			}
		})
	}
}

// hook is an empty reader that does something when it is reached.
type hook func() error

func (h hook) Read([]byte) (int, error) {
	if err := h(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}
