package imports

import (
	"path/filepath"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// TestBandersnatch: the files of a mirror go into the cache of the upstream that was mirrored, with their times and
// yanks, and are installed from there when the upstream is gone. They never become own files.
func TestBandersnatch(t *testing.T) {
	t.Parallel()
	up := serve(t, "--access-anonymous-read")
	wheel, next := packagingtest.Wheel("acme-tools", "1.0", "wheel"), packagingtest.Wheel("acme-tools", "1.1", "next")
	up.Index(append([]string{"upload"}, write(t, t.TempDir(), wheel, next)...)...).OK(t)
	up.Index("project", "yank", "acme-tools", "1.1", "--reason", "broken").OK(t)
	want := up.page("", "acme-tools")
	dir := filepath.Join(t.TempDir(), "mirror")
	config := clienttest.Mirror(t, up.URL, dir)

	x := serve(t, "--upstream-cache-size", "1GiB")
	x.Index("import", "bandersnatch", dir, "--to", "main", "--mirror-config", config).Refused(t,
		"cannot become own files", "index upstream add NAME --url "+up.URL)
	x.Index("upstream", "add", "public", "--url", up.URL+"/simple/", "--allow-private").OK(t)
	x.Index("repository", "set", "main", "--base", "upstream:public").OK(t)
	up.Stop()
	if got := x.imports("bandersnatch", dir, "--to", "main", "--mirror-config", config, "--origin",
		"upstream:public"); got.Added != 2 {
		t.Errorf("the import: %+v", got)
	}
	got := x.page("", "acme-tools")
	same(t, got, wheel, next)
	for name, f := range want {
		if at := got[name].UploadTime; !at.Equal(f.UploadTime.Truncate(time.Microsecond)) || got[name].Yanked != f.Yanked {
			t.Errorf("%s is %+v, want %+v", name, got[name], f)
		}
	}
	x.installs("", "acme-tools", "acme_tools.py", "wheel")
	x.verify("bandersnatch", dir, "--to", "main", "--mirror-config", config, "--origin", "upstream:public")
	x.Index("project", "show", "acme-tools").Refused(t)
}
