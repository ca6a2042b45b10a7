package main

import (
	"testing"

	"github.com/alecthomas/kong"

	"pyindex/internal/fault"
)

// TestUnsupported: on Windows, serve is refused with a sentence that names the alternatives, whatever its arguments.
func TestUnsupported(t *testing.T) {
	var c struct {
		Serve unsupported `cmd:"" passthrough:""`
	}
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse([]string{"serve", "--listen", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "serve is not supported on Windows: run it on Linux or macOS, or in a container"
	if err := parsed.Run(); !fault.Is(err, fault.Invalid) || fault.Message(err) != want {
		t.Errorf("Run() = %v, want fault.Invalid with %q", err, want)
	}
}
