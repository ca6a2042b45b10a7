package clienttest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var programs = map[bool]string{false: "index", true: "index-race"}

var builds = map[bool]func() (string, error){
	false: sync.OnceValues(func() (string, error) { return build(false) }),
	true:  sync.OnceValues(func() (string, error) { return build(true) }),
}

// BinariesVariable names the environment variable for a folder with the programs index and index-race of this tree.
// test.sh builds them once for all test processes.
const BinariesVariable = "INDEX_TEST_BINARIES"

// Binary returns the path of the index program: that of the folder in BinariesVariable, or one that it builds from this
// tree once per test process. If race is set, the program is built with the race detector: it is slower and larger, and
// exits with status 66 if it detects a race.
func Binary(t testing.TB, race bool) string {
	t.Helper()
	if dir := os.Getenv(BinariesVariable); dir != "" {
		return filepath.Join(dir, programs[race])
	}
	path, err := builds[race]()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// raceFlags are the same as in test.sh, so that both share one build. SQLite itself is built without the detector.
var raceFlags = []string{
	"-race",
	"-gcflags=modernc.org/sqlite/lib=-race=false",
	"-gcflags=modernc.org/libc/...=-race=false",
	"-gcflags=modernc.org/memory=-race=false",
}

// build puts the program into the cache folder rather than a temporary one: nothing would remove a temporary folder
// that outlives a test, and go build reuses its last result. The name depends on the tree, so that two clones do not
// share it.
func build(race bool) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("index-%x", sha256.Sum256([]byte(root)))[:14])
	args := []string{"build"}
	if race {
		path, args = path+"-race", append(args, raceFlags...)
	}
	// Two test processes may build at once. Each needs a complete file at the path, whichever finishes last.
	part := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", append(args, "-o", part, "./cmd/index")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return path, os.Rename(part, path)
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("finding the module's folder: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// cacheDir returns the folder in which test.sh keeps programs between runs.
func cacheDir() (string, error) {
	dir := os.Getenv("INDEX_TEST_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("finding a folder to build in: %w", err)
		}
		dir = filepath.Join(user, "index-test")
	}
	dir = filepath.Join(dir, "bin")
	return dir, os.MkdirAll(dir, 0o755)
}
