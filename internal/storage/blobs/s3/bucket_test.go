package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"

	"pyindex/internal/storage/blobs/remote"
)

// on returns a bucket on a server.
func on(t *testing.T, h http.HandlerFunc) *blob.Bucket {
	t.Helper()
	clean(t)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	b, err := Open(t.Context(), "bucket", url.Values{"region": {"r-1"}, "endpoint": {server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	bucket := blob.NewBucket(b)
	t.Cleanup(func() { bucket.Close() })
	return bucket
}

// TestClock checks that a request is repeated by the clock of a store that refuses ours.
func TestClock(t *testing.T) {
	theirs := time.Now().Add(time.Hour).UTC()
	b := on(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", theirs.Format(http.TimeFormat))
		signed, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if d := theirs.Sub(signed); d > time.Minute || d < -time.Minute {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Code>RequestTimeTooSkewed</Code></Error>")
			return
		}
		fmt.Fprint(w, "content")
	})
	if got, err := b.ReadAll(t.Context(), "key"); err != nil || string(got) != "content" {
		t.Errorf("ReadAll() = %q, %v, want the content", got, err)
	}
}

// TestRetries checks that errors that pass are tried again, three times in all, and others are not.
func TestRetries(t *testing.T) {
	for status, want := range map[int]int{500: 3, 503: 3, 404: 1, 403: 1, 501: 1} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			asked := 0
			b := on(t, func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.WriteHeader(status)
			})
			if _, err := b.ReadAll(t.Context(), "key"); err == nil {
				t.Error("ReadAll() = nil, want an error")
			}
			if asked != want {
				t.Errorf("%d requests, want %d", asked, want)
			}
		})
	}
}

// TestDamagedRead checks that bytes which do not match the store's checksum are an error, and that the checksum of
// parts, which is not one of the bytes, is not compared.
func TestDamagedRead(t *testing.T) {
	for sum, damaged := range map[string]bool{"AAAAAA==": true, "AAAAAA==-2": false, "": false} {
		b := on(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Checksum-Crc32", sum)
			fmt.Fprint(w, "other bytes")
		})
		if p, err := b.ReadAll(t.Context(), "key"); errors.Is(err, remote.ErrDamaged) != damaged {
			t.Errorf("ReadAll(with %q) = %q, %v, want damaged %v", sum, p, err, damaged)
		}
	}
}

// TestFailedParts checks that an upload in parts that fails leaves nothing: its parts are removed, also if the store
// reports the failure with status 200.
func TestFailedParts(t *testing.T) {
	for name, fails := range map[string]string{"a part": "partNumber=2", "the end": "uploadId=1"} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			removed := 0
			b := on(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				mu.Lock()
				defer mu.Unlock()
				switch q := r.URL.RawQuery; {
				case r.Method == http.MethodDelete:
					removed++
					w.WriteHeader(http.StatusNoContent)
				case r.Method == http.MethodPost && strings.HasPrefix(q, "uploads"):
					fmt.Fprint(w, "<R><UploadId>1</UploadId></R>")
				case r.Method == http.MethodPut && strings.HasPrefix(q, fails):
					w.WriteHeader(http.StatusForbidden)
				case r.Method == http.MethodPost:
					fmt.Fprint(w, "<Error><Code>AccessDenied</Code></Error>")
				default:
					w.Header().Set("ETag", `"1"`)
				}
			})
			err := b.Upload(t.Context(), "key", bytes.NewReader(make([]byte, 2*smallestPart+1)),
				&blob.WriterOptions{ContentType: "text/plain", BufferSize: smallestPart, MaxConcurrency: 2})
			if err == nil || removed != 1 {
				t.Errorf("Upload() = %v, and the parts were removed %d times, want an error and once", err, removed)
			}
		})
	}
}
