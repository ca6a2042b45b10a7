package blobs_test

import (
	"os"
	"testing"

	"pyindex/internal/storage/blobs"
)

// TestProbeOfBucket: a probe of a bucket that may be used finds nothing.
func TestProbeOfBucket(t *testing.T) {
	at := os.Getenv("INDEX_TEST_S3")
	if at == "" {
		t.Skip("INDEX_TEST_S3 names no bucket")
	}
	b, err := blobs.Open(t.Context(), at, blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if step, err := b.Probe(t.Context()); step != "" || err != nil {
		t.Errorf("Probe() = %q, %v", step, err)
	}
}
