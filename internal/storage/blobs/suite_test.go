package blobs_test

import (
	"path/filepath"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/storagetest"
)

// open opens a store for the length of a test.
func open(t *testing.T, location string) *blobs.Blobs {
	t.Helper()
	b, err := blobs.Open(t.Context(), location, blobs.Options{})
	if err != nil {
		t.Fatalf("Open(%s) = %v", location, err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestFolder(t *testing.T) {
	storagetest.Blobs(t, func(t *testing.T) (catalog.Blobs, catalog.Blobs) {
		dir := filepath.Join(t.TempDir(), "a", "blobs")
		return open(t, "file://"+dir), open(t, dir)
	})
}

func TestMemory(t *testing.T) {
	storagetest.Blobs(t, func(t *testing.T) (catalog.Blobs, catalog.Blobs) {
		b := open(t, "mem://")
		return b, b
	})
}
