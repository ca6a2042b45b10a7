// Package clienttest runs the built server and real packaging clients against each other.
//
// Each server has its own data directory and port and stops when its test ends. Clients see nothing of the user running
// the tests: no configuration, cache, keyring or proxy, and a separate home directory. If a tool is missing, the test
// is skipped, or fails if CI=true; nothing is omitted silently.
//
// Package clienttest does not install clients: test.sh does, into the folder named by INDEX_TEST_CLIENTS. It imports
// none of the packages under test, and uses only the server's command line and HTTP, as a user would.
package clienttest

import (
	"os"
	"testing"
)

// Missing ends t because the machine lacks a tool or file: it fails t if CI=true, and skips t otherwise.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
