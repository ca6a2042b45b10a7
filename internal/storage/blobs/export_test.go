package blobs

import (
	"os"
	"testing"

	"pyindex/internal/custody"
)

// BreakStage makes a stage unreadable from an offset: its file is shorter than what was written.
func BreakStage(t *testing.T, s custody.Stage, offset int64) {
	t.Helper()
	if err := os.Truncate(s.(*stage).file.Name(), offset); err != nil {
		t.Fatal(err)
	}
}
