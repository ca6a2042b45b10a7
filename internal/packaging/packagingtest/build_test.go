package packagingtest_test

import (
	"bytes"
	"testing"

	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
	"pyindex/internal/packaging/packagingtest"
)

// TestGate: what this package makes goes through the gate, under PyPI's rules too.
func TestGate(t *testing.T) {
	for _, f := range []packagingtest.File{
		packagingtest.Wheel("a-b", "1.0", "x = 1\n", "Requires-Python: >=3.8"),
		packagingtest.SDist("a-b", "1.0", "x = 1\n"),
	} {
		name, err := packaging.ParseProjectName(f.Project)
		if err != nil {
			t.Fatal(err)
		}
		filename, err := packaging.ParseFilename(f.Name, name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := archive.Inspect(bytes.NewReader(f.Bytes), int64(len(f.Bytes)), filename, archive.DefaultLimits(),
			archive.PyPIRules())
		if err != nil {
			t.Errorf("Inspect(%s) = %v", f.Name, err)
		} else if !bytes.Equal(got.Metadata, f.Metadata) || len(got.Warnings) > 0 {
			t.Errorf("Inspect(%s) = %q with warnings %q, want %q and none", f.Name, got.Metadata, got.Warnings, f.Metadata)
		}
	}
}
