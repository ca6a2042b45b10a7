package blobs_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
)

// TestStoreThatDoesNotKeep checks that a PUT that succeeds without storing the whole file is an error, and that the
// next attempt succeeds when the store works again.
func TestStoreThatDoesNotKeep(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	var mu sync.Mutex
	size, keeps := int64(-1), func(n int64) int64 { return n }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Method == http.MethodPut:
			_, _ = io.Copy(io.Discard, r.Body)
			n := r.ContentLength
			if decoded := r.Header.Get("X-Amz-Decoded-Content-Length"); decoded != "" {
				fmt.Sscan(decoded, &n)
			}
			size = keeps(n)
			w.Header().Set("Etag", `"0123456789abcdef0123456789abcdef"`)
		case r.Method == http.MethodHead && size >= 0:
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 12:00:00 GMT")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	b, err := blobs.Open(t.Context(), "s3://index?endpoint="+server.URL+"&region=us-east-1&use_path_style=true",
		blobs.Options{StageDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for name, c := range map[string]func(int64) int64{
		"none": func(int64) int64 { return -1 }, "half": func(n int64) int64 { return n / 2 },
		"empty": func(int64) int64 { return 0 }, "more": func(n int64) int64 { return n + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			keeps = c
			if err := b.Put(t.Context(), key, []byte("the bytes")); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: Put() = %v, want unavailable", name, err)
			}
			keeps = func(n int64) int64 { return n }
			if err := b.Put(t.Context(), key, []byte("the bytes")); err != nil {
				t.Errorf("%s, kept: Put() = %v, want nil", name, err)
			}
		})
	}
}
