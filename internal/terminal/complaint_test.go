package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pyindex/internal/fault"
)

// TestComplaintSaysTheCause: an operator at a terminal learns why, on one line.
func TestComplaintSaysTheCause(t *testing.T) {
	var out bytes.Buffer
	err := fault.Wrap(fault.Unavailable,
		errors.New("failed to connect to postgres://index:hunter2@db:\nconnection refused"), "the database is not available")
	Complain(&out, fmt.Errorf("database.url: %w", err))
	want := "index: database.url: the database is not available: failed to connect to postgres://index:[secret]@db: connection refused\n"
	if out.String() != want {
		t.Errorf("complain() wrote %q, want %q", out.String(), want)
	}
}
