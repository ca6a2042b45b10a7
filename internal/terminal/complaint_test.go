package terminal

import (
	"bytes"
	"context"
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

// TestComplaintAboutAnInterrupt: whoever interrupts a long command is told what running it again does.
func TestComplaintAboutAnInterrupt(t *testing.T) {
	cause := fmt.Errorf("reading rows: %w", context.Canceled)
	for _, test := range []struct {
		err  error
		want string
	}{
		{cause, "index: interrupted\n"},
		{errors.Join(Interrupted(cause, "run it again to continue")), "index: interrupted: run it again to continue\n"},
		{Interrupted(errors.New("disk full"), "run it again to continue"), "index: disk full\n"},
	} {
		var out bytes.Buffer
		Complain(&out, test.err)
		if out.String() != test.want {
			t.Errorf("Complain(%v) wrote %q, want %q", test.err, out.String(), test.want)
		}
	}
	if Interrupted(nil, "advice") != nil {
		t.Error("Interrupted(nil) is an error")
	}
}
