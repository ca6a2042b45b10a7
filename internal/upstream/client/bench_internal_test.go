package client

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"pyindex/internal/upstream"
)

// BenchmarkPage reads a page of 10,000 files, as it is and compressed.
func BenchmarkPage(b *testing.B) {
	var text bytes.Buffer
	text.WriteString(`{"files":[`)
	for i := range 10_000 {
		fmt.Fprintf(&text,
			`{"filename":"foo-1.%d-cp313-cp313-manylinux_2_28_x86_64.whl","url":"https://files.example/%064x/foo-1.%d-cp313-cp313-manylinux_2_28_x86_64.whl","hashes":{"sha256":"%064x"},"size":%d,"upload-time":"2026-01-01T00:00:00.%06dZ","requires-python":">=3.9","yanked":false,"core-metadata":{"sha256":"%064x"}},`,
			i, i*7919, i, i*104729, i*1000, i, i*1299709)
	}
	text.WriteString(`{}]}`)
	zipped := gzipped(b, text.Bytes())
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", typeJSON)
				w.Header().Set("Content-Encoding", encoding)
				if encoding == "gzip" {
					_, _ = w.Write(zipped)
				} else {
					_, _ = w.Write(text.Bytes())
				}
			}))
			defer s.Close()
			c, u := New(quick(Options{})), local(s.URL)
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Page(b.Context(), u, name(b, "foo"), upstream.Validators{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFile reads a file of 64 MiB.
func BenchmarkFile(b *testing.B) {
	content := make([]byte, 64<<20)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }))
	defer s.Close()
	c, u := New(quick(Options{})), local(s.URL)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		f, err := c.Open(b.Context(), u, s.URL+"/foo-1.tar.gz", 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, f); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}
