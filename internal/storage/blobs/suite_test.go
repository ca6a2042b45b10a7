package blobs_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/custody"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/storagetest"
)

// open opens a store for the length of a test.
func open(t *testing.T, location string) *blobs.Blobs {
	t.Helper()
	return openWith(t, location, blobs.Options{})
}

func openWith(t *testing.T, location string, o blobs.Options) *blobs.Blobs {
	t.Helper()
	b, err := blobs.Open(t.Context(), location, o)
	if err != nil {
		t.Fatalf("Open(%s) = %v", location, err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestFolder(t *testing.T) {
	storagetest.Blobs(t, func(t *testing.T) (custody.Blobs, custody.Blobs) {
		dir := filepath.Join(t.TempDir(), "a", "blobs")
		return open(t, "file://"+dir), open(t, dir)
	})
}

func TestMemory(t *testing.T) {
	storagetest.Blobs(t, func(t *testing.T) (custody.Blobs, custody.Blobs) {
		b := open(t, "mem://")
		return b, b
	})
}

// TestS3 runs on the store of INDEX_TEST_S3, which CI must have.
func TestS3(t *testing.T) {
	checkBucket(t, func(t *testing.T) string { return storagetest.Bucket(t) })
}

// TestOtherBuckets runs on those of INDEX_TEST_BUCKETS, URLs with space between: for the vendors' emulators.
func TestOtherBuckets(t *testing.T) {
	for _, location := range strings.Fields(os.Getenv("INDEX_TEST_BUCKETS")) {
		t.Run(location, func(t *testing.T) {
			checkBucket(t, func(t *testing.T) string { return storagetest.Prefixed(t, location) })
		})
	}
}

func checkBucket(t *testing.T, fresh func(*testing.T) string) {
	t.Run("parts", func(t *testing.T) { checkParts(t, open(t, fresh(t))) })
	storagetest.Blobs(t, func(t *testing.T) (custody.Blobs, custody.Blobs) {
		location := fresh(t)
		return open(t, location), open(t, location)
	})
}

// checkParts checks that files around the limit of one request, and of several, come back as they were.
func checkParts(t *testing.T, b *blobs.Blobs) {
	for _, size := range []int{5<<20 - 1, 5 << 20, 5<<20 + 1, 10 << 20, 17<<20 + 3} {
		p := make([]byte, size)
		for i := range p {
			p[i] = byte(i * 7 >> 3)
		}
		if err := b.Put(t.Context(), key, p); err != nil {
			t.Fatalf("Put(%d bytes) = %v", size, err)
		}
		r, n, err := b.Open(t.Context(), key)
		if err != nil {
			t.Fatalf("Open(%d bytes) = %v", size, err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || n != int64(size) || !bytes.Equal(got, p) {
			t.Errorf("Open(%d bytes) = %d bytes, read %d, %v, want what was written", size, n, len(got), err)
		}
	}
}
