// Package clienttest runs the built server and real packaging clients against each other.
//
// It guarantees that a server started here has its own data directory and port and is gone when its test is, and that a
// client sees nothing of the person running the tests: no configuration, no cache, no keyring, no proxy, its own home.
// A tool that is not there skips the test, or fails it with CI=true; nothing is left out in silence.
//
// It does not install clients (test.sh does, and says where in INDEX_TEST_CLIENTS), and it imports none of the
// packages under test: what it knows of the server is its command line and HTTP, as a user would.
package clienttest

import (
	"os"
	"testing"
)

// Missing ends t because something the machine should bring is not there: a failure with CI=true, else a skip.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
