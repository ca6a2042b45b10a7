package app

import (
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pyindex/internal/journal"
)

// TestPanicLosesNoLine: the process of a background task that panics has written its log before it ends.
func TestPanicLosesNoLine(t *testing.T) {
	const child = "INDEX_TEST_PANICS"
	if os.Getenv(child) != "" {
		text := func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }
		lines := slog.New(journal.New(os.Stderr, false, text))
		g := group{log: lines}
		g.Go(func() {
			for i := range 50 {
				lines.Info("before the panic", "i", i)
			}
			panic("a fault of the program")
		})
		g.Wait()
		t.Fatal("the panic was swallowed")
	}
	self := exec.Command(os.Args[0], "-test.run=^TestPanicLosesNoLine$")
	self.Env = append(os.Environ(), child+"=1")
	out, err := self.CombinedOutput()
	text := string(out)
	if err == nil || !strings.Contains(text, "a fault of the program") {
		t.Fatalf("the process ended with %v: %s", err, text)
	}
	if n := strings.Count(text, "before the panic"); n != 50 {
		t.Errorf("%d of 50 lines were written:\n%s", n, text)
	}
}
