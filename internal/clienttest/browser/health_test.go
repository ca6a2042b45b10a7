package browser_test

import (
	"os"
	"testing"
)

// The page of checks is accessible and fits, with failed checks, warnings, commands to copy and checks that passed. So
// does the chapter of the manual, which has wide tables.
func TestHealthPageFits(t *testing.T) {
	x := newBusy(t)
	if err := os.Chmod(x.DataDir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := x.open()
	for _, page := range [][2]string{{"health", "/admin/health/"}, {"watch", "/help/watch/"}} {
		look(b, page[1], page[0])
	}
}
