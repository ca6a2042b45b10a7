package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"pyindex/internal/fault"
)

// TestLogSaysTheCause: a line with an error, of whichever package, has what the error's message leaves out, without
// secrets.
func TestLogSaysTheCause(t *testing.T) {
	full := fault.Wrap(fault.Unavailable, errors.New("write /data/index.db: no space left on device"),
		"the database is not available")
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log := logConfig{Level: "info", Format: format}.Logger(&out)
		for _, l := range []*slog.Logger{log, log.With("a", 1), log.WithGroup("g")} {
			out.Reset()
			l.Error("dropping bytes", "key", "files/ab", "error", fmt.Errorf("the row: %w", full))
			if got := out.String(); strings.Count(got, "no space left on device") != 1 || !strings.Contains(got, "cause") {
				t.Errorf("%s: the line is %q, want the cause once", format, got)
			}
		}
		out.Reset()
		log.Error("stopped", "error", io.EOF)
		if got := out.String(); strings.Contains(got, "cause") {
			t.Errorf("%s: the line of an error that says all is %q", format, got)
		}
	}
}
