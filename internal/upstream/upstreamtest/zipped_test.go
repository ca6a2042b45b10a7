package upstreamtest_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"pyindex/internal/upstream/upstreamtest"
)

// Generated files are wheels to those who look into them.
func TestGeneratedFilesAreArchives(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{})
	for _, size := range []int64{114, 115, 1000, 300_000} {
		f := s.AddGenerated("large", fmt.Sprint(size), size)
		r, err := http.Get(s.FileURL(f.Name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || int64(len(b)) != size {
			t.Fatalf("%d bytes, %v, want %d", len(b), err, size)
		}
		z, err := zip.NewReader(bytes.NewReader(b), size)
		if err != nil || len(z.File) != 1 {
			t.Fatalf("%d bytes are no archive: %v", size, err)
		}
		m, err := z.File[0].Open()
		if err == nil {
			_, err = io.Copy(io.Discard, m)
		}
		if err != nil {
			t.Errorf("the member of %d bytes: %v", size, err)
		}
	}
}
