package simpleapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestEncodings(t *testing.T) {
	d := newDemo(t)
	plain := call(d.open, "GET /simple/de-mo/", "Accept", jsonType).Body.Bytes()
	for _, tt := range []struct {
		accept, want string
		open         func(io.Reader) (io.Reader, error)
	}{
		{"gzip, deflate", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"gzip, deflate, zstd", "zstd", func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
		{"br", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
	} {
		w := call(d.open, "GET /simple/de-mo/", "Accept", jsonType, "Accept-Encoding", tt.accept)
		if got := w.Header().Get("Content-Encoding"); got != tt.want {
			t.Errorf("Accept-Encoding %s is answered in %q, want %q", tt.accept, got, tt.want)
		}
		r, err := tt.open(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s decodes to %d bytes, %v, want the %d of identity", tt.want, len(got), err, len(plain))
		}
	}
	if w := call(d.open, "GET "+path(d.sdist), "Accept-Encoding",
		"gzip, zstd"); w.Header().Get("Content-Encoding") != "" || w.Body.Len() != int(d.sdist.Size) {
		t.Errorf("a .tar.gz is answered in %q", w.Header().Get("Content-Encoding"))
	}
}
