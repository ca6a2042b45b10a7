package disttest_test

import (
	"bytes"
	"testing"

	"pyindex/internal/dist"
	"pyindex/internal/dist/archive"
	"pyindex/internal/dist/disttest"
)

// TestGate: what this package makes goes through the gate, under PyPI's rules too.
func TestGate(t *testing.T) {
	for _, f := range []disttest.File{
		disttest.Wheel("a-b", "1.0", "x = 1\n", "Requires-Python: >=3.8"),
		disttest.SDist("a-b", "1.0", "x = 1\n"),
	} {
		name, err := dist.ParseProjectName(f.Project)
		if err != nil {
			t.Fatal(err)
		}
		filename, err := dist.ParseFilename(f.Name, name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := archive.Inspect(bytes.NewReader(f.Bytes), int64(len(f.Bytes)), filename, archive.DefaultLimits(), archive.PyPIRules())
		if err != nil {
			t.Errorf("Inspect(%s) = %v", f.Name, err)
		} else if !bytes.Equal(got.Metadata, f.Metadata) || len(got.Warnings) > 0 {
			t.Errorf("Inspect(%s) = %q with warnings %q, want %q and none", f.Name, got.Metadata, got.Warnings, f.Metadata)
		}
	}
}
