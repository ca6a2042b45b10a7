package recovery_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// TestMirrorGoesOn: a real bandersnatch that saw higher serials than the backup has mirrors the restored index. It
// gets what is uploaded afterwards.
func TestMirrorGoesOn(t *testing.T) {
	clienttest.Bandersnatch(t)
	at := places["sqlite and a folder"](t)
	s := clienttest.Serve(t, clienttest.Options{Env: []string{"INDEX_ACCESS_ANONYMOUS_READ=true"}, OwnStores: true})
	s.User("alice", true)
	d := &drill{T: t, s: s, token: s.Token("alice")}
	d.publish(packagingtest.Wheel("demo", "1.0", "a"))
	dir := filepath.Join(t.TempDir(), "backup")
	s.Index("backup", dir).OK(t)
	d.publish(packagingtest.Wheel("demo", "2.0", "b"))
	mirror := filepath.Join(t.TempDir(), "mirror")
	clienttest.Mirror(t, s.URL, mirror)
	if got := mirrored(t, mirror); !slices.Equal(got, []string{"demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"}) {
		t.Fatalf("before the loss, the mirror has %q", got)
	}
	highest := d.serial()

	s.Stop()
	at.lose(s)
	s.Index("restore", dir, "--keep-tokens").OK(t)
	s.Start()
	s.Index("restore", "finish").OK(t)
	if n := d.serial(); n <= highest {
		t.Errorf("the serial is %d, but the mirror saw %d", n, highest)
	}
	d.publish(packagingtest.Wheel("demo", "3.0", "c"))
	clienttest.Mirror(t, s.URL, mirror)
	if got := mirrored(t, mirror); !slices.Contains(got, "demo-3.0-py3-none-any.whl") ||
		!slices.Contains(got, "demo-1.0-py3-none-any.whl") {
		t.Errorf("after the restore, the mirror has %q", got)
	}
	page, err := os.ReadFile(filepath.Join(mirror, "web", "simple", "demo", "index.html"))
	if err != nil || strings.Contains(string(page), "demo-2.0") {
		t.Errorf("the mirror's page lists a file that the index no longer has: %v\n%s", err, page)
	}
}

// mirrored returns the names of the wheels of a mirror.
func mirrored(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".whl") {
			names = append(names, e.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
