package clienttest

import (
	"os"
	"testing"
)

// AllVariable names the environment variable that ./test.sh --all sets to "yes": tests then do everything that they can
// do, however long it takes.
const AllVariable = "INDEX_TEST_ALL"

// All reports whether the tests run in depth, as ./test.sh --all does.
func All() bool { return os.Getenv(AllVariable) == "yes" }

// Rounds returns how often a test repeats what it does: many times in depth (see All), and few times otherwise. It logs
// the number, so that the output of a failed test says how much was tried.
func Rounds(t testing.TB, few, many int) int {
	t.Helper()
	n := few
	if All() {
		n = many
	}
	t.Logf("%d rounds (%s=yes: %d)", n, AllVariable, many)
	return n
}
